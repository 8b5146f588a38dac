"""Webhooks: who wants to hear what, and a durable row for each event that somebody is to hear.

The rows are written in the transaction that publishes the event, so neither a crash nor a receiver
that is away loses one; :mod:`reference_impl.integration.courier` carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from reference_impl.integration.domain import (
    DELIVERIES,
    HOOKS,
    AlreadyThere,
    Delivery,
    DeliveryStep,
    Hook,
    HookStep,
    is_refusal,
    step_after_failure,
    wants,
)
from reference_impl.integration.ports import Audience, Deliveries, Document, Documents, Reply
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
    whole: bool
    """Whether it is sent the whole document beside what happened."""


class Told(NamedTuple):
    """Something that happened, as a delivery carries it."""

    at_ms: int
    kind: str
    subject: str
    data: Mapping[str, Any]
    customer: str
    thing: str


class Webhooks:
    """The use cases."""

    def __init__(
        self,
        *,
        rows: Rows,
        deliveries: Deliveries,
        targets: Targets,
        audience: Audience,
        documents: Documents,
        new_secret: Callable[[], str],
        now_ms: Callable[[], int],
    ) -> None:
        self._rows, self._deliveries, self._targets = rows, deliveries, targets
        self._audience, self._documents, self._new_secret = audience, documents, new_secret
        self._wanted: Cached[str, Wanted] = Cached(self._load)
        self._recorded: Callable[[], None] = lambda: None
        self._muted = ""
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
        self,
        uow: UnitOfWork,
        *,
        now_ms: int,
        url: str,
        kinds: Sequence[str],
        title: str,
        role: str = "",
        words: Mapping[str, str] | None = None,
    ) -> Row:
        """Make a webhook of the caller; the row has its secrets, which are told only now.

        ``role`` is what the receiver is to the DPS, if it is a connector: then it has a secret to
        sign with what it tells back, and ``words`` of its own for states.

        Raises:
            Invalid: The URL may not be called.
            AlreadyThere: The caller has one for the same URL and kinds.
        """
        self._may_call(url)
        who, sorted_kinds = access.current(), sorted(set(kinds))
        ident = f"{role or 'wh'}-{digest(_owner(), url, sorted_kinds)}"
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
            "role": role,
            "back_secret": self._new_secret() if role else "",
            "words": dict(words or {}),
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
        """Give it new secrets; from now on everything is signed with those."""
        row = {**self.one(uow.conn, ident), "secret": self._new_secret(), "changed_ms": now_ms}
        row["back_secret"] = self._new_secret() if row["role"] else ""
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
        told = Told(shown.at_ms, kind, shown.subject, dict(shown.data), *whose(shown))
        for ident, want in wanted.items():
            if ident == self._muted or not wants(want.kinds, kind):
                continue
            found = self._documents.one(uow.conn, kind, shown.subject) if want.whole else None
            self._add(uow, ident, told if found is None else _with(told, found))

    def tell(self, uow: UnitOfWork, found: Document, what: str, *, at_ms: int) -> None:
        """Send a document to the connectors that keep such, though no event of the feed says so."""
        for ident in self._wanted.of(uow):
            self.tell_one(uow, ident, found, what, at_ms=at_ms)

    def tell_one(
        self, uow: UnitOfWork, ident: str, found: Document, what: str, *, at_ms: int
    ) -> None:
        """Send it to one, if that keeps such."""
        want = self._wanted.of(uow)[ident]
        if want.whole and any(one.partition(".")[0] == found.kind for one in want.kinds):
            told = Told(at_ms, f"{found.kind}.{what}", found.subject, {}, "", "")
            self._add(uow, ident, _with(told, found))

    def _add(self, uow: UnitOfWork, ident: str, told: Told) -> None:
        owner = self._wanted.of(uow)[ident].owner
        if self._audience.sees(
            uow.conn, owner, kind=told.kind, customer=told.customer, thing=told.thing,
            at_ms=told.at_ms,
        ):  # fmt: skip
            self._deliveries.insert(uow, {**_delivery(ident, told), "due_ms": self.now_ms()})
            uow.after_commit(self._recorded)

    @contextmanager
    def muted(self, ident: str) -> Iterator[None]:
        """What happens meanwhile was told by this one: it does not hear it again."""
        self._muted = ident
        try:
            yield
        finally:
            self._muted = ""

    def has_connectors(self, uow: UnitOfWork) -> bool:
        """Whether anybody is sent documents."""
        return any(want.whole for want in self._wanted.of(uow).values())

    def linked(self, conn: Connection, ident: str) -> Row | None:
        """A connector, whoever asks; None if there is none."""
        row = self._rows.get(conn, ident)
        return row if row is not None and row["role"] else None

    def queued(self, conn: Connection, ident: str) -> dict[str, tuple[int, int]]:
        """How many deliveries of one are in each state, and when the oldest of them happened."""
        return self._deliveries.queued(conn, ident)

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
            Unknown: If there is none with this id, or it is somebody else's.
            IllegalStep: If it is not dead.
        """
        values = {"attempts": 0, "due_ms": self.now_ms()}
        return self._by_hand(uow, ident, DeliveryStep.REDELIVER, now_ms=now_ms, values=values)

    def discard(self, uow: UnitOfWork, ident: str, *, now_ms: int) -> Row:
        """Give a dead delivery up for good: what waits behind it goes on. Raises as redeliver."""
        return self._by_hand(uow, ident, DeliveryStep.DISCARD, now_ms=now_ms, values={})

    def _by_hand(
        self, uow: UnitOfWork, ident: str, step: DeliveryStep, *, now_ms: int, values: Row
    ) -> Row:
        row = self._deliveries.by_id(uow.conn, ident)
        if row is None:
            raise Unknown(f"there is no delivery {ident!r}", [Problem(where="id", what=ident)])
        self.one(uow.conn, row["webhook"])
        self._move(uow, row, step, now_ms=now_ms, values=values)
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
        patient = hook is not None and bool(hook["role"]) and not is_refusal(reply.status)
        step, wait_ms = step_after_failure(attempts, patient=patient)
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
    return Wanted(tuple(row["kinds"]), row["owner"], bool(row["role"]))


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


def _with(told: Told, found: Document) -> Told:
    """What happened, with what it is about."""
    data = {**told.data, "document": found.data}
    return told._replace(data=data, customer=found.customer, thing=found.thing)


def _delivery(webhook: str, event: Told) -> Row:
    """A row for an event, its body the CloudEvent that the feed shows (and the document)."""
    known_by = event_id(event.at_ms, event.kind, event.subject, event.data)
    body = {
        "specversion": "1.0",
        "id": known_by,
        "source": SOURCE,
        "type": event.kind,
        "subject": event.subject,
        "time": rfc3339(event.at_ms),
        "at_ms": event.at_ms,
        "data": event.data,
    }
    return {
        "id": f"msg-{digest(webhook, known_by)}",
        "webhook": webhook,
        "state": Delivery.PENDING.value,
        "event_id": known_by,
        "kind": event.kind,
        "subject": event.subject,
        "at_ms": event.at_ms,
        "customer": event.customer,
        "thing": event.thing,
        "payload": canonical(body),
        "attempts": 0,
        "changed_ms": event.at_ms,
        "status": None,
        "error": "",
    }
