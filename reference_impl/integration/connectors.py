"""Connectors: webhooks to a field service or customer system that may tell something back (FS11).

A connector is a webhook with a role. It is sent the documents that events are about, it is never
given up while it is out of order, and nothing overtakes what it refused. What it tells back is
signed with a secret of its own; each message counts once, and an older one never undoes a newer.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from standardwebhooks import Webhook

from reference_impl.integration.domain import Delivery
from reference_impl.integration.ports import Documents, FieldWork
from reference_impl.integration.service import Webhooks
from reference_impl.kernel import access
from reference_impl.kernel.access import Principal, acting_as
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import IllegalStep, Invalid, Problem, Unauthenticated
from reference_impl.kernel.rows import Row, Rows
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import ContractKept, CustomerKept

TOLERANCE_S = 300
"""How far a signed time may be from ours: what Standard Webhooks recommends against replay."""


class Role(StrEnum):
    """What the other system is."""

    FSM = "fsm"
    CRM = "crm"


KINDS: Mapping[Role, tuple[str, ...]] = {
    Role.FSM: ("ticket.*", "work_order.*"),
    Role.CRM: (
        "contract.*", "customer.*",
        "invoice.cancelled", "invoice.credited", "invoice.issued", "invoice.paid",
    ),
}  # fmt: skip
"""What each is sent: field service gets work, customer management whom it is for and what he pays.
Drafts of invoices go nowhere."""
FAMILIES = {
    role: tuple(sorted({kind.partition(".")[0] for kind in kinds})) for role, kinds in KINDS.items()
}
NEEDS = {"work_order": "work-orders:write", "ticket": "tickets:write"}
"""Whoever made a connector must be allowed what it does in his name."""


class Said(NamedTuple):
    """A status that a connector reports of something that it was sent.

    ``number`` counts the reports about one subject; what comes after a higher one is old.
    """

    connector: str
    kind: str
    subject: str
    status: str
    number: int
    at_ms: int
    external_id: str
    details: Mapping[str, Any]


class Signed(NamedTuple):
    """A message with the headers of Standard Webhooks."""

    message: str
    timestamp: str
    signature: str
    body: bytes


def is_genuine(signed: Signed, secret: str, *, now_s: float) -> bool:
    """Whether a message is signed with a secret, not longer ago than is believed."""
    try:
        sent_s = int(signed.timestamp)
        sent_at = datetime.fromtimestamp(sent_s, UTC)
    except (ValueError, OverflowError, OSError):
        return False
    if abs(now_s - sent_s) > TOLERANCE_S:
        return False
    right = Webhook(secret).sign(signed.message, sent_at, signed.body.decode())
    given = [one.encode() for one in signed.signature.split()]
    return any(hmac.compare_digest(right.encode(), one) for one in given)


class Connectors:
    """The use cases.

    Args:
        webhooks: Those who carry what is told.
        inbox: Messages that were taken already.
        jobs: How the other system sees what it was sent.
        documents: What is sent whole.
        field: What may be done to work.
        principal: The caller of a name, as it is now.
        wall_s: The wall's clock, seconds since the Unix epoch: the signed time is by that.
    """

    def __init__(
        self,
        *,
        webhooks: Webhooks,
        inbox: Rows,
        jobs: Rows,
        documents: Documents,
        field: FieldWork,
        principal: Callable[[Connection, str], Principal | None],
        wall_s: Callable[[], float],
    ) -> None:
        self._webhooks, self._inbox, self._jobs = webhooks, inbox, jobs
        self._documents, self._field = documents, field
        self._principal, self._wall_s = principal, wall_s

    def subscribe(self, bus: Bus) -> None:
        """Listen for what customer management keeps and the feed does not tell."""
        bus.subscribe(CustomerKept, lambda uow, e: self._keep(uow, "customer", e.customer))
        bus.subscribe(ContractKept, lambda uow, e: self._keep(uow, "contract", e.contract))

    def _keep(self, uow: UnitOfWork, family: str, subject: str) -> None:
        if not self._webhooks.has_connectors(uow):
            return
        found = self._documents.one(uow.conn, f"{family}.kept", subject)
        if found is not None:
            self._webhooks.tell(uow, found, "kept", at_ms=self._webhooks.now_ms())

    def create(
        self,
        uow: UnitOfWork,
        *,
        role: Role,
        url: str,
        title: str,
        words: Mapping[str, str],
        now_ms: int,
    ) -> Row:
        """Link a system, and send it everything that it has to know from the start.

        Args:
            uow: The unit of work.
            role: What it is.
            url: Where it listens.
            title: For people.
            words: What it calls states, each with the state that is meant.
            now_ms: The time of the DPS.

        Raises:
            Invalid: The URL may not be called, or a word means no state.
            AlreadyThere: The caller linked it before.
        """
        known = {one for kind in NEEDS for one in self._field.statuses(kind)}
        problems = [
            Problem(where=f"words.{word}", what=f"{state!r} is no state that may be reported",
                    allowed=", ".join(sorted(known)))
            for word, state in words.items() if state not in known
        ]  # fmt: skip
        if problems:
            raise Invalid("the connector is refused", problems)
        row = self._webhooks.create(
            uow, now_ms=now_ms, url=url, kinds=KINDS[role], title=title, role=role.value,
            words=words,
        )  # fmt: skip
        for found in self._documents.all(uow.conn, FAMILIES[role]):
            self._webhooks.tell_one(uow, row["id"], found, "kept", at_ms=now_ms)
        return row

    def listed(self, conn: Connection, *, after: str = "", limit: int = 1000) -> list[Row]:
        """The caller's connectors by id, each with what waits for it and what it refused."""
        mine = [row for row in self._webhooks.listed(conn, limit=10**6) if row["role"]]
        return [{**row, **self._queue(conn, row["id"])} for row in mine if row["id"] > after][
            :limit
        ]

    def _queue(self, conn: Connection, ident: str) -> Row:
        states = self._webhooks.queued(conn, ident)
        waiting, first_ms = states.get(Delivery.PENDING.value, (0, None))
        return {
            "waiting": waiting,
            "waiting_since_ms": first_ms,
            "refused": states.get(Delivery.DEAD.value, (0, None))[0],
            "delivered": states.get(Delivery.DELIVERED.value, (0, None))[0],
        }

    def jobs(
        self, conn: Connection, ident: str, *, after: str = "", limit: int = 1000
    ) -> list[Row]:
        """How a connector of the caller sees what it was sent; Unknown if it is none of his."""
        self._webhooks.one(conn, ident)
        rows = self._jobs.items(conn, connector=ident)
        return [
            {"id": f"{row['kind']}/{row['subject']}", **row}
            for row in rows if f"{row['kind']}/{row['subject']}" > after
        ][:limit]  # fmt: skip

    # What is told back

    def take(self, uow: UnitOfWork, said: Said, signed: Signed, *, now_ms: int) -> Row:
        """Take a report: once, in the order of their numbers, as whoever made the connector.

        A report that is old or that the state of the work does not allow changes nothing; that
        is the answer, and no error: to send it again would not help.

        Raises:
            Unauthenticated: It is not signed by the connector, or was long ago.
            Unknown: There is no such work, or it is not the connector's to see.
            Forbidden: Whoever made the connector may not do this.
            Invalid: It says something that cannot be.
        """
        hook = self._webhooks.linked(uow.conn, said.connector)
        owner = None if hook is None else self._principal(uow.conn, hook["owner"])
        genuine = hook is not None and is_genuine(signed, hook["back_secret"], now_s=self._wall_s())
        if hook is None or owner is None or not genuine:
            raise Unauthenticated("nobody who is linked signed this, or it was too long ago")
        known = self._inbox.get(uow.conn, said.connector, signed.message)
        if known is not None:
            return {**known["answer"], "outcome": "duplicate"}
        with acting_as(owner):
            access.must(NEEDS[said.kind])
            answer = self._apply(uow, hook, said, now_ms)
        row = {"connector": said.connector, "message": signed.message, "at_ms": now_ms}
        self._inbox.insert(uow, {**row, "answer": answer})
        return answer

    def _apply(self, uow: UnitOfWork, hook: Row, said: Said, now_ms: int) -> Row:
        status = hook["words"].get(said.status, said.status)
        allowed = self._field.statuses(said.kind)
        if status not in allowed:
            what = f"{said.status!r} is no state of a {said.kind}"
            words = ", ".join([*allowed, *hook["words"]])
            raise Invalid(
                "the report is refused", [Problem(where="status", what=what, allowed=words)]
            )
        job = self._jobs.get(uow.conn, said.connector, said.kind, said.subject)
        answer = {"connector": said.connector, "subject": said.subject, "status": status}
        if job is not None and job["number"] >= said.number:
            return {**answer, "outcome": "old", "problem": ""}
        problem = ""
        with self._webhooks.muted(said.connector):
            try:
                self._field.advance(
                    uow, said.kind, said.subject, status, by=said.connector, at_ms=now_ms,
                    details=said.details,
                )  # fmt: skip
            except IllegalStep as error:
                problem = error.title
        self._jobs.put(
            uow,
            {
                "connector": said.connector, "kind": said.kind, "subject": said.subject,
                "external_id": said.external_id or (job or {"external_id": ""})["external_id"],
                "number": said.number, "status": status, "said_ms": said.at_ms,
                "changed_ms": now_ms, "problem": problem,
            },
        )  # fmt: skip
        outcome = "conflict" if problem else "applied"
        return {**answer, "outcome": outcome, "problem": problem}
