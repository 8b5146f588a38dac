"""Who calls: the operator, users with a session, and API keys; found by one look into a dict.

Sessions, failed logins and calls per minute are of the real world, so they are counted in wall
time and live in memory: after a restart users log in again (docs/adr/0019).
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from reference_impl.kernel import audit
from reference_impl.kernel.access import OPERATOR, Group, Principal
from reference_impl.kernel.errors import (
    Forbidden,
    Invalid,
    Problem,
    TooMany,
    Unauthenticated,
)
from reference_impl.kernel.store import Connection, Store, UnitOfWork
from reference_impl.registry.areas import Offer, switched_off
from reference_impl.registry.keys import UsedKeys, is_over
from reference_impl.registry.roles import PERMISSIONS, ROLES, Role
from reference_impl.registry.scope import Scope, Trees, scope_of
from reference_impl.registry.secrets import is_password, kept_secret, new_session

Row = dict[str, Any]
SESSION_S = 12 * 3600.0
"""A working day: then the password is asked for again."""
FAILURES_MAX = 5
FAILURES_WITHIN_S = 900.0
"""So many wrong passwords for one name within so long lock it for so long (ours)."""
BEARER = b"Bearer "


class CallerStore(Protocol):
    """What is kept of the registry."""

    def get(self, conn: Connection, kind: str, *key: str | int) -> Row | None:
        """One row, or None."""
        ...

    def items(self, conn: Connection, kind: str, **equals: object) -> list[Row]:
        """All rows of a kind."""
        ...

    def put(self, uow: UnitOfWork, kind: str, row: Row) -> bool:
        """Write a row; False if nothing changed."""
        ...

    def trees(self, conn: Connection) -> Trees:
        """Who belongs where."""
        ...

    def on_change(self, act: Callable[[], None]) -> None:
        """Call ``act`` after each transaction that changed anything."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """A caller who was found before."""

    who: Principal
    until_s: float
    per_minute: int | None
    key: str = ""
    until_ms: int | None = None
    """An API key and until when (simulated) this secret of it is valid; None: for good."""


@dataclass(frozen=True, slots=True)
class _Session:
    user: str
    until_s: float


class KnownCallers:
    """The callers of one DPS.

    Args:
        store: Where the registry is.
        rows: Reads it.
        operator_key: What the operator brings; None: who brings nothing is the operator.
        wall_s: A clock of the real world that never goes back, seconds.
        now_ms: The DPS's time, by which keys expire.
    """

    def __init__(
        self,
        *,
        store: Store,
        rows: CallerStore,
        operator_key: str | None,
        wall_s: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._store, self._rows, self._wall_s, self._now_ms = store, rows, wall_s, now_ms
        self.keys = UsedKeys(rows)
        self._operator = None if operator_key is None else _digest(BEARER + operator_key.encode())
        self._known: dict[tuple[bytes, bytes], _Known] = {}
        self._sessions: dict[bytes, _Session] = {}
        self._failures: dict[str, list[float]] = {}
        self._calls: dict[str, list[int]] = {}
        rows.on_change(self._known.clear)

    @property
    def open(self) -> bool:
        """Whether who brings no key is the operator."""
        return self._operator is None

    def who(self, authorization: bytes, tenant: bytes) -> Principal:
        """See reference_impl.kernel.http.auth.Callers."""
        token = _digest(authorization) if authorization else _NO_TOKEN
        known = self._known.get((token, tenant))
        if known is None:
            known = self._known[token, tenant] = self._found(authorization, token, tenant)
        if known.until_s != math.inf and self._wall_s() >= known.until_s:
            del self._known[token, tenant]
            raise _nobody("the session has ended; log in again")
        if known.key:
            now_ms = self._now_ms()
            if known.until_ms is not None and now_ms >= known.until_ms:
                del self._known[token, tenant]
                raise _nobody("the key has expired")
            self.keys.use(known.key, now_ms)
        if known.per_minute is not None:
            self._count(known)
        return known.who

    def of_session(self, token: str) -> Principal | None:
        """Whose session it is; None if it is none, or has ended.

        Pages ask so at each refresh; that is no call of the API and is not counted as one.
        """
        session = self._sessions.get(_digest(BEARER + token.encode()))
        if session is None or self._wall_s() >= session.until_s:
            return None
        try:
            with self._store.read() as conn:
                return self._principal_of_user(conn, session.user)
        except Unauthenticated:
            return None

    def forget_sessions(self, users: frozenset[str]) -> None:
        """End the sessions of some users."""
        self._sessions = {k: s for k, s in self._sessions.items() if s.user not in users}
        self._known.clear()

    def principal(self, conn: Connection, name: str) -> Principal | None:
        """A caller by the name that :class:`Principal` has (of a tenant's operator: ``@tenant``).

        None if it is gone.
        """
        user, _, tenant = name.partition("@")
        if user == OPERATOR.user:
            return self._operator_of(tenant)
        try:
            if not name.startswith("key:"):
                return self._principal_of_user(conn, name)
        except Unauthenticated:
            return None
        row = self._rows.get(conn, "api_key", name.removeprefix("key:"))
        if row is None or is_over(row["expires_at_ms"], self._now_ms()):
            return None
        return self._principal_of_row(conn, row)

    # ----- login

    async def login(
        self, user: str, password: str, accept: Mapping[str, str], *, at_ms: int
    ) -> tuple[str, Principal]:
        """Open a session; gives its token. Agreements named in ``accept`` are accepted with it.

        Raises:
            TooMany: After too many wrong passwords for this name.
            Unauthenticated: If name or password is wrong; it does not say which.
            Forbidden: Until the agreements are accepted.
        """
        now_s = self._wall_s()
        recent = [s for s in self._failures.get(user, []) if now_s - s < FAILURES_WITHIN_S]
        if len(recent) >= FAILURES_MAX:
            wait_s = math.ceil(FAILURES_WITHIN_S - (now_s - recent[0]))
            raise TooMany("too many wrong passwords", retry_after_s=wait_s)
        self._failures[user] = [*recent, now_s]  # counted before the check: no race to try more
        with self._store.read() as conn:
            row = self._rows.get(conn, "user", user)
        kept = "" if row is None else row["password"]
        if not await asyncio.to_thread(is_password, password, kept):
            raise _nobody("user or password is wrong")
        self._failures.pop(user, None)
        async with self._store.writing:
            with self._store.begin() as uow:
                who = self._principal_of_user(uow.conn, user)
                for row in self.unaccepted(uow.conn, who):
                    if accept.get(row["id"]) == row["version"]:
                        accepted = {"user": user, "agreement": row["id"], "at_ms": at_ms}
                        self._rows.put(uow, "acceptance", {**accepted, "version": row["version"]})
                missing = self.unaccepted(uow.conn, who)
                if not missing:
                    audit.note(
                        uow, at_ms=at_ms, method="POST", path="/v1/login", status=200, who=who
                    )
        if missing:
            raise Forbidden(
                "agreements changed: accept them to log in",
                [
                    Problem(
                        where=f"accept.{row['id']}",
                        what=f"version {row['version']} is not accepted",
                        allowed=row["version"],
                    )
                    for row in missing
                ],
            )
        token = new_session()
        bearer = _digest(BEARER + token.encode())
        self._sessions[bearer] = _Session(user, now_s + SESSION_S)
        return token, who

    def logout(self, authorization: bytes) -> None:
        """End a session, if it is one."""
        self._sessions.pop(_digest(authorization), None)
        self._known.clear()

    def unaccepted(self, conn: Connection, who: Principal) -> list[Row]:
        """The agreements that a user has not accepted in their newest version."""
        accepted = {
            (row["agreement"], row["version"])
            for row in self._rows.items(conn, "acceptance", user=who.user)
        }
        return [
            row
            for row in self._rows.items(conn, "agreement", tenant=who.tenant)
            if who.group.value in row["groups"] and (row["id"], row["version"]) not in accepted
        ]

    # ----- finding out

    def _found(self, authorization: bytes, token: bytes, tenant: bytes) -> _Known:
        if (not authorization and self._operator is None) or token == self._operator:
            return _Known(self._operator_of(tenant.decode("latin-1")), math.inf, None)
        session = self._sessions.get(token)
        until_s, key, until_ms = math.inf, "", None
        with self._store.read() as conn:
            if session is not None:
                who, until_s = self._principal_of_user(conn, session.user), session.until_s
            else:
                row, until_ms = self._key(conn, authorization)
                who, key = self._principal_of_row(conn, row), str(row["id"])
            if tenant and tenant.decode("latin-1") != who.tenant:
                raise Forbidden(
                    f"{who.user!r} is no caller of this tenant",
                    [Problem(where="X-Tenant", what="another tenant", allowed=who.tenant)],
                )
            limits = _limits(self._rows.get(conn, "tenant", who.tenant))
        return _Known(who, until_s, limits.get("api_calls_per_minute"), key, until_ms)

    def _operator_of(self, tenant: str) -> Principal:
        if not tenant:
            return OPERATOR
        with self._store.read() as conn:
            trees = self._rows.trees(conn)
            row = trees.organisations.get(tenant)
            if row is None or row["parent"]:
                raise Forbidden(
                    f"there is no tenant {tenant!r}",
                    [Problem(where="X-Tenant", what=tenant, allowed="a root organisation")],
                )
            scope = scope_of(trees, Group.OPERATOR, tenant)
            off = self._off(conn, scope, "")
        return _scoped(OPERATOR, scope, off)

    def _principal_of_user(self, conn: Connection, name: str) -> Principal:
        row = self._rows.get(conn, "user", name)
        if row is None:
            raise _nobody("the user is gone")
        role = self.role(conn, row["role"])
        return self._principal(conn, name, role, _bare(row["party"]), role.permissions)

    def _key(self, conn: Connection, authorization: bytes) -> tuple[Row, int | None]:
        """An API key by one of its secrets, and until when that is valid."""
        if not authorization.startswith(BEARER):
            raise _nobody("no key and no session was sent")
        secret = kept_secret(authorization.removeprefix(BEARER).decode("latin-1"))
        for row in self._rows.items(conn, "api_key", secret=secret):
            return row, row["expires_at_ms"]
        for row in self._rows.items(conn, "api_key", old_secret=secret):
            ends = [ms for ms in (row["expires_at_ms"], row["old_until_ms"]) if ms is not None]
            return row, min(ends)
        raise _nobody("the key or session is not known")

    def _principal_of_row(self, conn: Connection, row: Row) -> Principal:
        role = self.role(conn, row["role"])
        permissions = role.permissions
        if row["permissions"] is not None:
            permissions &= frozenset(row["permissions"])
        who = self._principal(conn, f"key:{row['id']}", role, _bare(row["party"]), permissions)
        return replace(who, purposes=frozenset(row["purposes"]))

    def _principal(
        self, conn: Connection, user: str, role: Role, party: str, permissions: frozenset[str]
    ) -> Principal:
        scope = scope_of(self._rows.trees(conn), role.group, party)
        who = Principal(
            user=user,
            group=role.group,
            party=party,
            permissions=permissions,
            customers=frozenset(),
            role=role.id,
        )
        customer = party if role.group is Group.CUSTOMER else ""
        return _scoped(who, scope, self._off(conn, scope, customer))

    def role(self, conn: Connection, name: str) -> Role:
        """A role of the catalogue, or one that was added.

        Raises:
            Invalid: If there is none.
        """
        if name in ROLES:
            return ROLES[name]
        row = self._rows.get(conn, "role", name)
        if row is None:
            raise Invalid(
                f"there is no role {name!r}",
                [Problem(where="role", what=name, allowed=", ".join(sorted(ROLES)))],
            )
        return Role(
            id=name,
            title=row["title"],
            group=Group(row["group"]),
            view=row["view"],
            permissions=frozenset(row["permissions"]),
        )

    def _off(self, conn: Connection, scope: Scope, customer: str) -> Mapping[str, str]:
        offer = Offer.of_tenant(self._rows.get(conn, "tenant", scope.tenant), scope.tenant)
        if customer:
            offer = offer.of_contracts(self._rows.items(conn, "entitlement", customer=customer))
        return switched_off(offer, PERMISSIONS)

    def _count(self, known: _Known) -> None:
        minute, second = divmod(self._wall_s(), 60.0)
        counted = self._calls.setdefault(known.who.user, [0, 0])
        if counted[0] != int(minute):
            counted[:] = [int(minute), 0]
        counted[1] += 1
        assert known.per_minute is not None, "only who has a limit is counted"
        if counted[1] > known.per_minute:
            raise TooMany(
                "too many calls in this minute",
                [
                    Problem(
                        where="calls",
                        what=f"more than {known.per_minute}",
                        allowed=f"{known.per_minute} per minute",
                    )
                ],
                retry_after_s=math.ceil(60.0 - second),
            )


def _scoped(who: Principal, scope: Scope, off: Mapping[str, str]) -> Principal:
    return replace(
        who,
        tenant=scope.tenant,
        customers=scope.customers,
        parties=scope.parties,
        things=scope.things,
        off=off,
    )


def _limits(row: Row | None) -> Mapping[str, int]:
    return {} if row is None else row["limits"]


def _bare(party: str) -> str:
    return party.partition(":")[2]


def _digest(authorization: bytes) -> bytes:
    return hashlib.sha256(authorization).digest()


_NO_TOKEN = _digest(b"")


def _nobody(why: str) -> Unauthenticated:
    allowed = "Authorization: Bearer <key or session>"
    return Unauthenticated(why, [Problem(where="Authorization", what=why, allowed=allowed)])
