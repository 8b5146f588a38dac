"""Who is calling, what they may do and whose data they see: deny by default.

A request runs as one :class:`Principal`, set before its handler. Handlers ask for a permission with
:func:`reference_impl.kernel.http.guard.needs`; what they list goes through :func:`seen`, and one
object through :func:`must_see`: what may not be seen is unknown, not forbidden, so that an id says
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from reference_impl.kernel.errors import Forbidden, Problem, Unknown

R = TypeVar("R", bound=Mapping[str, Any])


class Group(StrEnum):
    """The kind of party that a user belongs to."""

    OPERATOR = "operator"
    ORGANISATION = "organisation"
    PARTNER = "partner"
    CUSTOMER = "customer"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One caller.

    ``permissions`` are ``<what>:read``, ``:write``, ``:delete`` or ``:import``; None grants all.
    ``customers`` are those whose data the caller sees; None means all of the tenant.
    """

    user: str
    group: Group
    party: str
    permissions: frozenset[str] | None
    customers: frozenset[str] | None

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission."""
        return self.permissions is None or permission in self.permissions

    def sees(self, customer: str) -> bool:
        """Whether the caller sees what belongs to a customer."""
        return self.customers is None or customer in self.customers


OPERATOR = Principal(
    user="operator", group=Group.OPERATOR, party="", permissions=None, customers=None
)
"""Who runs the DPS: the rig while it installs and drives, and the DPS's own timers."""
_current: ContextVar[Principal] = ContextVar("principal", default=OPERATOR)


def current() -> Principal:
    """The caller of the request that is being served; the operator outside of requests."""
    return _current.get()


@contextmanager
def acting_as(principal: Principal) -> Iterator[None]:
    """Run as ``principal``."""
    token = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(token)


def must(permission: str) -> None:
    """Raise Forbidden unless the caller has ``permission``."""
    if not current().may(permission):
        raise Forbidden(
            f"{current().user!r} may not do this",
            [Problem(where="permission", what=f"{permission!r} is missing", allowed=permission)],
        )


def seen(rows: Iterable[R], *, of: str = "customer") -> list[R]:
    """The rows whose customer, named in field ``of``, the caller sees."""
    who = current()
    if who.customers is None:
        return list(rows)
    return [row for row in rows if row[of] in who.customers]


def must_see(customer: str, *, what: str) -> None:
    """Raise Unknown, as if it did not exist, unless the caller sees the customer's data."""
    if not current().sees(customer):
        raise Unknown(f"there is no {what}")
