"""Webhooks: who wants to hear what, and a durable row for each event that somebody is to hear.

The rows are written in the transaction that publishes the event, so neither a crash nor a receiver
that is away loses one; :mod:`reference_impl.integration.courier` carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from reference_impl.integration.domain import (
    DELIVERIES,
    HOOKS,
    AlreadyThere,
    Delivery,
    DeliveryStep,
    Hook,
    HookStep,
    step_after_failure,
    wants,
)
from reference_impl.integration.ports import Audience, Deliveries, Reply
from reference_impl.integration.targets import Targets
from reference_impl.kernel import access
from reference_impl.kernel.bus import Bus, DomainEvent
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.feed import SOURCE, rfc3339, whose
from reference_impl.kernel.ids import canonical, digest, event_id
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import Connection, UnitOfWork

GONE = 410
"""The status by which a receiver says that it wants to hear no more."""
BATCH = 200


class Wanted(NamedTuple):
    """What a webhook asks for."""

    kinds: tuple[str, ...]
    owner: str


class Webhooks:
    """The use cases."""

    def __init__(
        self,
        *,
        rows: Rows,
        deliveries: Deliveries,
        targets: Targets,
        audience: Audience,
        new_secret: Callable[[], str],
        now_ms: Callable[[], int],
    ) -> None:
        self._rows, self._deliveries, self._targets = rows, deliveries, targets
        self._audience, self._new_secret = audience, new_secret
        self._wanted: Cached[str, Wanted] = Cached(self._load)
        self._recorded: Callable[[], None] = lambda: None
        self.now_ms = now_ms
        """The clock of attempts: simulated time, or the wall's if the DPS is live."""

    def subscribe(self, bus: Bus) -> None:
        """Listen to everything; what has no ``kind`` stays inside."""
        bus.subscribe_all(self._record)

    def on_recorded(self, act: Callable[[], None]) -> None:
        """Call ``act`` after a commit that left something to deliver."""
        self._recorded = act

    # Webhooks

    def create(
        self, uow: UnitOfWork, *, now_ms: int, url: str, kinds: Sequence[str], title: str
    ) -> Row:
        """Make a webhook of the caller; the row has its secret, which is told only now.

        Raises:
            Invalid: The URL may not be called.
            AlreadyThere: The caller has one for the same URL and kinds.
        """
        self._may_call(url)
        who, sorted_kinds = access.current(), sorted(set(kinds))
        ident = f"wh-{digest(_owner(), url, sorted_kinds)}"
        if self._rows.get(uow.conn, ident) is not None:
            raise AlreadyThere(f"webhook {ident!r} is there already; rotate gives a new secret")
        row: Row = {
            "id": ident,
            "state": Hook.ACTIVE.value,
            "title": title,
            "url": url,
            "kinds": sorted_kinds,
            "secret": self._new_secret(),
            "owner": _owner(),
            "party": who.party,
            "created_ms": now_ms,
            "changed_ms": now_ms,
            "detail": "",
        }
        self._rows.insert(uow, row)
        self._wanted.of(uow)[ident] = _wanted(row)
        return row

    def listed(self, conn: Connection, *, after: str = "", limit: int = 1000) -> list[Row]:
        """The caller's webhooks by id, behind ``after``."""
        mine = [row for row in self._rows.items(conn) if _is_mine(row) and row["id"] > after]
        return mine[:limit]

    def one(self, conn: Connection, ident: str) -> Row:
        """A webhook of the caller.

        Raises:
            Unknown: There is none with this id, or it is somebody else's.
        """
        row = self._rows.get(conn, ident)
        if row is None or not _is_mine(row):
            raise Unknown(f"there is no webhook {ident!r}", [Problem(where="webhook", what=ident)])
        return row

    def step(
        self, uow: UnitOfWork, ident: str, step: HookStep, *, now_ms: int, detail: str = ""
    ) -> Row:
        """Pause or resume it."""
        row = self.one(uow.conn, ident)
        self._step(uow, row, step, now_ms=now_ms, detail=detail)
        return self.one(uow.conn, ident)

    def rotate(self, uow: UnitOfWork, ident: str, *, now_ms: int) -> Row:
        """Give it a new secret; from now on everything is signed with that."""
        row = {**self.one(uow.conn, ident), "secret": self._new_secret(), "changed_ms": now_ms}
        self._rows.put(uow, row)
        return row

    def delete(self, uow: UnitOfWork, ident: str) -> None:
        """Forget it, and what waits for it."""
        self.one(uow.conn, ident)
        self._rows.delete(uow, ident)
        self._deliveries.forget_pending(uow, ident)
        self._wanted.of(uow).pop(ident, None)

    def _step(self, uow: UnitOfWork, row: Row, step: HookStep, *, now_ms: int, detail: str) -> None:
        state = after(HOOKS, subject=row["id"], state=Hook(row["state"]), step=step)
        values = {"state": state.value, "changed_ms": now_ms, "detail": detail}
        self._rows.swap(uow, row["id"], expected=row["state"], values=values)
        uow.after_commit(self._recorded)

    def _may_call(self, url: str) -> None:
        problem = self._targets.problem_of(url)
        if problem is not None:
            allowed = self._targets.allowed
            raise Invalid(
                "this URL may not be called", [Problem(where="url", what=problem, allowed=allowed)]
            )

    def _load(self, conn: Connection) -> dict[str, Wanted]:
        return {row["id"]: _wanted(row) for row in self._rows.items(conn)}

    # Deliveries

    def _record(self, uow: UnitOfWork, event: DomainEvent) -> None:
        wanted = self._wanted.of(uow)
        kind: str | None = getattr(event, "kind", None)
        if not wanted or kind is None:
            return
        shown: Any = event
        data = dict(shown.data)
        customer, thing = whose(shown)
        for ident, want in wanted.items():
            if wants(want.kinds, kind) and self._audience.sees(
                uow.conn, want.owner, kind=kind, customer=customer, thing=thing, at_ms=shown.at_ms
            ):
                row = _delivery(ident, shown, data, customer, thing)
                self._deliveries.insert(uow, {**row, "due_ms": self.now_ms()})
                uow.after_commit(self._recorded)

    def deliveries(
        self, conn: Connection, *, webhook: str | None, state: Delivery | None, after: str = "",
        limit: int = 1000,
    ) -> list[Row]:  # fmt: skip
        """Deliveries of the caller's webhooks, oldest first, behind the id ``after``."""
        mine = [self.one(conn, webhook)] if webhook else self.listed(conn, limit=10**6)
        return self._deliveries.page(
            conn,
            webhooks=[row["id"] for row in mine],
            state=None if state is None else state.value,
            after=after,
            limit=limit,
        )

    def redeliver(self, uow: UnitOfWork, ident: str, *, now_ms: int) -> Row:
        """Try a dead delivery again, from the first attempt on.

        Raises:
            Unknown: There is none with this id, or it is somebody else's.
            IllegalStep: It is not dead.
        """
        row = self._deliveries.by_id(uow.conn, ident)
        if row is None:
            raise Unknown(f"there is no delivery {ident!r}", [Problem(where="id", what=ident)])
        self.one(uow.conn, row["webhook"])
        values = {"attempts": 0, "due_ms": self.now_ms()}
        self._move(uow, row, DeliveryStep.REDELIVER, now_ms=now_ms, values=values)
        uow.after_commit(self._recorded)
        return self._deliveries.by_id(uow.conn, ident) or row

    def due(self, conn: Connection) -> list[tuple[Row, Row]]:
        """Some of what is to be sent now, oldest first, each with its webhook."""
        rows = self._deliveries.due(conn, now_ms=self.now_ms(), limit=BATCH)
        hooks = {row["webhook"]: self._rows.get(conn, row["webhook"]) for row in rows}
        return [(row, hook) for row in rows if (hook := hooks[row["webhook"]]) is not None]

    def next_due_ms(self, conn: Connection) -> int | None:
        """When something is to be sent next, by the clock of attempts."""
        return self._deliveries.next_due_ms(conn)

    def may_go(self, conn: Connection, row: Row, hook: Row) -> bool:
        """Whether the one who asked for an event may still see it."""
        of_event = {name: row[name] for name in ("kind", "customer", "thing", "at_ms")}
        return self._audience.sees(conn, hook["owner"], **of_event)

    def withhold(self, uow: UnitOfWork, row: Row) -> None:
        """Do not send it: it is no longer the receiver's to see."""
        values = {"payload": b"", "error": "its owner may no longer see this"}
        self._move(uow, row, DeliveryStep.WITHHOLD, now_ms=self.now_ms(), values=values)

    def note(self, uow: UnitOfWork, row: Row, reply: Reply) -> None:
        """What came of an attempt. The row may have changed meanwhile: then nothing happens."""
        now_ms, attempts = self.now_ms(), row["attempts"] + 1
        values: Row = {"attempts": attempts, "status": reply.status, "error": reply.error}
        if reply.status is not None and 200 <= reply.status < 300:
            self._move(uow, row, DeliveryStep.SUCCEED, now_ms=now_ms, values=values)
            return
        hook = self._rows.get(uow.conn, row["webhook"])
        if reply.status == GONE and hook is not None and hook["state"] == Hook.ACTIVE.value:
            detail = "the receiver answered 410 Gone"
            self._step(uow, hook, HookStep.REFUSE, now_ms=now_ms, detail=detail)
        step, wait_ms = step_after_failure(attempts)
        values["due_ms"] = now_ms + wait_ms
        self._move(uow, row, step, now_ms=now_ms, values=values)

    def _move(
        self, uow: UnitOfWork, row: Row, step: DeliveryStep, *, now_ms: int, values: Row
    ) -> None:
        state = after(
            DELIVERIES, subject=f"delivery {row['id']}", state=Delivery(row["state"]), step=step
        )
        values = {**values, "state": state.value, "changed_ms": now_ms}
        self._deliveries.swap(uow, row["id"], expected=row["state"], values=values)


def _wanted(row: Row) -> Wanted:
    return Wanted(tuple(row["kinds"]), row["owner"])


def _owner() -> str:
    """The caller's name; one operator serves several tenants."""
    who = access.current()
    tenant = who.group is access.Group.OPERATOR and who.tenant
    return f"{who.user}@{who.tenant}" if tenant else who.user


def _is_mine(row: Row) -> bool:
    """What is the caller's own, or its party's; the operator of all tenants sees all."""
    who = access.current()
    whole = who.group is access.Group.OPERATOR and not who.tenant
    return whole or row["owner"] == _owner() or bool(who.party and row["party"] == who.party)


def _delivery(
    webhook: str, event: Any, data: Mapping[str, Any], customer: str, thing: str  # noqa: ANN401
) -> Row:  # fmt: skip
    """A row for a FeedEvent, its body the CloudEvent that the feed shows."""
    known_by = event_id(event.at_ms, event.kind, event.subject, data)
    body = {
        "specversion": "1.0",
        "id": known_by,
        "source": SOURCE,
        "type": event.kind,
        "subject": event.subject,
        "time": rfc3339(event.at_ms),
        "at_ms": event.at_ms,
        "data": data,
    }
    return {
        "id": f"msg-{digest(webhook, known_by)}",
        "webhook": webhook,
        "state": Delivery.PENDING.value,
        "event_id": known_by,
        "kind": event.kind,
        "subject": event.subject,
        "at_ms": event.at_ms,
        "customer": customer,
        "thing": thing,
        "payload": canonical(body),
        "attempts": 0,
        "changed_ms": event.at_ms,
        "status": None,
        "error": "",
    }
