"""Who is calling, what they may do and whose data they see: deny by default.

A request runs as one :class:`Principal`, set before its handler. Handlers ask for a permission with
:func:`reference_impl.kernel.http.guard.needs`. What they answer is filtered, and what may not be
seen is unknown, not forbidden, so that an id says nothing:

* a row that names its customer (an order, a contract) belongs to that customer: :func:`seen`,
  :func:`must_see`;
* a row that names only its thing (an alert, a reading) belongs to who owns the thing now, from the
  moment at which that ownership began: :func:`seen_of_things`, :func:`must_see_thing`;
* a row that names an organisation or a partner (a user, a supplier) belongs to that party:
  :func:`seen_of_parties`, :func:`must_see_party`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
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
    ``customers`` are those whose data the caller sees; ``parties`` the organisations and partners
    whose own users, suppliers and invoices; None means all.
    ``things`` are the things that the caller sees, each with the time (ms) from which; None: all.
    ``off`` says of permissions that are switched off for this tenant, why.
    ``purposes`` are what the caller may read data for.
    """

    user: str
    group: Group
    party: str
    permissions: frozenset[str] | None
    customers: frozenset[str] | None
    parties: frozenset[str] | None = frozenset()
    things: Mapping[str, int] | None = field(default_factory=dict)
    tenant: str = ""
    role: str = ""
    off: Mapping[str, str] = field(default_factory=dict)
    purposes: frozenset[str] = frozenset({"service"})

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission, and it is not switched off."""
        granted = self.permissions is None or permission in self.permissions
        return granted and permission not in self.off

    def sees(self, customer: str) -> bool:
        """Whether the caller sees what belongs to a customer."""
        return self.customers is None or customer in self.customers


OPERATOR = Principal(
    user="operator",
    group=Group.OPERATOR,
    party="",
    permissions=None,
    customers=None,
    parties=None,
    things=None,
)
"""Who runs the DPS: the rig while it installs and drives, and the DPS's own timers."""
NOBODY = Principal(
    user="", group=Group.CUSTOMER, party="", permissions=frozenset(), customers=frozenset()
)
"""Who has not said who they are, on the few routes that are open to everybody."""
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
    """Raise Forbidden unless the caller has ``permission``; it says if that is switched off."""
    who = current()
    if who.may(permission):
        return
    reason = who.off.get(permission, f"{permission!r} is missing")
    raise Forbidden(
        f"{who.user!r} may not do this",
        [Problem(where="permission", what=reason, allowed=permission)],
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


def seen_of_things(rows: Iterable[R], *, at: str, of: str = "thing") -> list[R]:
    """The rows whose thing, named in ``of``, the caller sees, as of the time (ms) in ``at``."""
    things = current().things
    if things is None:
        return list(rows)
    return [row for row in rows if row[of] in things and row[at] >= things[row[of]]]


def must_see_thing(thing: str, *, what: str = "", at_ms: int | None = None) -> None:
    """Raise Unknown, as if it did not exist, unless the caller sees the thing (at ``at_ms``)."""
    since_ms = seen_from_ms(thing)
    if since_ms is None or (at_ms is not None and at_ms < since_ms):
        raise Unknown(
            f"there is no {what or f'thing {thing!r}'}",
            [] if what else [Problem(where="thing", what=thing)],
        )


def seen_from_ms(thing: str) -> int | None:
    """From when on the caller sees what a thing says; 0: from the beginning, None: nothing."""
    things = current().things
    return 0 if things is None else things.get(thing)


def seen_of_parties(rows: Iterable[R], *, of: str = "party") -> list[R]:
    """The rows whose organisation or partner, named in field ``of``, the caller sees."""
    parties = current().parties
    return list(rows) if parties is None else [row for row in rows if row[of] in parties]


def must_see_party(party: str, *, what: str) -> None:
    """Raise Unknown, as if it did not exist, unless the caller sees the party's own affairs."""
    parties = current().parties
    if parties is not None and party not in parties:
        raise Unknown(f"there is no {what}")
