"""What the contexts are told of each other: each joins one to the ports that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import sqlalchemy as sa

from reference_impl.bootstrap.ground import Ground
from reference_impl.bootstrap.machines import KnownMachines
from reference_impl.ecosystem.adapters.tables import rows as ecosystem_rows
from reference_impl.ecosystem.ports import Opened
from reference_impl.ecosystem.service import SecondaryUses
from reference_impl.insight.whole import Whole
from reference_impl.kernel import access
from reference_impl.kernel.access import Group
from reference_impl.kernel.feed import Feed
from reference_impl.kernel.ports import Directory, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance.adapters.collection import rows as collection_rows
from reference_impl.maintenance.adapters.repository import rows as maintenance_rows
from reference_impl.maintenance.collection.ports import Fills
from reference_impl.maintenance.collection.whole import Rounds
from reference_impl.maintenance.collection.whole import assemble as assemble_rounds
from reference_impl.maintenance.ports import Alerts, PartsList
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.ticket_states import OPEN_TICKETS, Priority, Ticket, TicketStep
from reference_impl.maintenance.tickets import Tickets
from reference_impl.maintenance.whole import Whole as Work
from reference_impl.maintenance.whole import assemble as assemble_work
from reference_impl.orders.service import Orders
from reference_impl.outcomes.adapters.billing import rows as billing_rows
from reference_impl.outcomes.adapters.repository import rows as outcome_rows
from reference_impl.outcomes.contracts.service import Outcomes
from reference_impl.outcomes.money.service import Money
from reference_impl.outcomes.money.service import assemble as assemble_money
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.outcomes.selling.charges import Charges
from reference_impl.outcomes.selling.subscriptions import Subscriptions
from reference_impl.registry.scope import party_key
from reference_impl.rules.domain import OPEN
from reference_impl.rules.service import Rules

if TYPE_CHECKING:
    from reference_impl.insight.reliability.service import Reliability


class Selling(TypedDict):
    """What every way of selling asks for."""

    rows: OutcomeRows
    directory: Directory
    charges: Charges


class Known(TypedDict):
    """Contexts that what promises work is told of."""

    rules: Rules
    orders: Orders
    analytics: Whole
    maintenance: Maintenance


def told(conn: sa.Connection, thing: str, position: str) -> dict[str, Any]:
    """The newest evaluation of a position's condition, as the feed tells it."""
    return Feed.newest(conn, "condition.evaluated", thing, position=position)


def money_of(ground: Ground, charges: Charges, outcomes: Outcomes) -> Money:
    """What invoices customers, told of users and consents what it asks for."""
    directory = ground.directory
    return assemble_money(
        rows=billing_rows(),
        selling=outcome_rows(),
        charges=charges,
        scheduler=ground.scheduler,
        telemetry=ground.series,
        directory=directory,
        users=lambda conn, customer: len(
            directory.items(conn, "user", party=party_key(Group.CUSTOMER, customer))
        ),
        consents=lambda conn, *key: directory.get(conn, "consent", *key),
        periods=outcomes.periods,
    )


def subscriptions_of(ground: Ground, charges: Charges) -> Subscriptions:
    """Plans, told what a subscriber is."""
    directory = ground.directory
    return Subscriptions(
        rows=outcome_rows(),
        scheduler=ground.scheduler,
        directory=directory,
        charges=charges,
        groups=lambda conn, who: frozenset(
            kind for kind in ("customer", "partner") if directory.get(conn, kind, who)
        ),
    )


RECENT_DAYS, COMPARED_DAYS = 2, 28
"""What a parts list compares when it asks for causes; the defaults of the diagnosis route."""


def likely_parts(directory: Directory, orders: Orders, analytics: Whole) -> PartsList:
    """What maintenance asks for a parts list: the position's part, or the likeliest cause's."""

    def found(conn: sa.Connection, thing: str, position: str, at_ms: int) -> list[dict[str, Any]]:
        ref = directory.thing(conn, thing)
        if ref is None:
            return []
        place = orders.catalogue.fits.place(conn, ref.model, position)
        if place is None:
            said = analytics.views.diagnosis(
                conn, thing, at_ms=at_ms, days=COMPARED_DAYS, recent=RECENT_DAYS
            )
            cause = next((one for one in said["causes"] if one["score"] > 0), None)
            if cause is not None:
                place = orders.catalogue.fits.place(conn, ref.model, cause["position"])
        return [] if place is None else [{"part": place.part, "quantity": place.quantity}]

    return found


def work_of(
    ground: Ground,
    *,
    rules: Rules,
    orders: Orders,
    analytics: Whole,
    maintenance: Maintenance,
    outcomes: Outcomes,
) -> Work:
    """What promises work, told of alerts, shelves, likely parts and contracts."""
    return assemble_work(
        rows=maintenance_rows(),
        scheduler=ground.scheduler,
        directory=ground.directory,
        orders=maintenance,
        alerts=alert_of(lambda: rules),
        shelves=orders.stock,
        parts=likely_parts(ground.directory, orders, analytics),
        contracts=lambda conn, thing: [
            row["id"] for row in outcomes.contracts(conn) if thing in row["things"]
        ],
    )


def uses_of(ground: Ground, work: Work, opened: Opened) -> SecondaryUses:
    """Secondary use of data, told what owners allow and whom to ask for work."""

    def planned(
        uow: UnitOfWork, thing: str, *, title: str, span_ms: tuple[int, int], agreed: bool,
        by: str, at_ms: int,
    ) -> str:  # fmt: skip
        row = work.planned.propose(
            uow, thing, title=title, from_ms=span_ms[0], to_ms=span_ms[1], contract="", by=by,
            at_ms=at_ms,
        )  # fmt: skip
        if agreed:
            row = work.planned.agree(uow, row["id"], by=by, at_ms=at_ms)
        return str(row["id"])

    return SecondaryUses(
        rows=ecosystem_rows(),
        scheduler=ground.scheduler,
        telemetry=ground.series,
        directory=ground.directory,
        opened=opened,
        work=planned,
    )


def reliability_of(
    ground: Ground, *, maintenance: Maintenance, orders: Orders, rules: Rules
) -> Reliability:
    """What the field tells designers, told what was fitted, what alerts stood, what was built."""
    from reference_impl.insight.reliability.service import Fleet, Reliability  # noqa: PLC0415

    def fitted(conn: sa.Connection, thing: str) -> list[dict[str, Any]]:
        work = {
            row["id"]: row["kind"] for row in maintenance.listed(conn, "work_orders", thing=thing)
        }
        return [
            {**row, "kind": work.get(row["work_order"], "")}
            for row in maintenance.listed(conn, "register", thing=thing)
        ]

    def built_with(conn: sa.Connection, model: str, position: str) -> str:
        place = orders.catalogue.fits.place(conn, model, position)
        return "" if place is None else place.part

    def seen(refs: Sequence[ThingRef]) -> list[ThingRef]:
        mine = access.seen([{"customer": ref.customer, "thing": ref.thing} for ref in refs])
        there = {row["thing"] for row in mine}
        return [ref for ref in refs if ref.thing in there]

    return Reliability(
        directory=ground.directory,
        telemetry=ground.series,
        fleet=Fleet(
            fitted=fitted,
            alerts=lambda conn, thing: rules.listed(conn, "alerts", thing=thing),
            built_with=built_with,
            seen=seen,
        ),
    )


def tickets_of(ground: Ground, rules: Rules) -> Tickets:
    """Tickets, told who is responsible and of alerts."""
    return Tickets(
        rows=maintenance_rows(),
        directory=ground.directory,
        responsible=ground.directory.responsible,
        alerts=alert_of(lambda: rules),
    )


class TicketDesk:
    """Implements the port ``Requests`` of collection by tickets."""

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets

    def open(
        self, uow: UnitOfWork, thing: str, *, by: str, title: str, text: str, urgent: bool,
        at_ms: int,
    ) -> str:  # fmt: skip
        """See Requests."""
        priority = Priority.HIGH if urgent else Priority.NORMAL
        row = self._tickets.open(
            uow, thing=thing, by=by, title=title, text=text, priority=priority, alert=None,
            at_ms=at_ms,
        )  # fmt: skip
        return str(row["id"])

    def note(self, uow: UnitOfWork, ticket: str, *, by: str, text: str, at_ms: int) -> None:
        """See Requests."""
        self._tickets.note(uow, ticket, by=by, text=text, internal=False, at_ms=at_ms)

    def close(self, uow: UnitOfWork, ticket: str, *, by: str, at_ms: int) -> None:
        """See Requests."""
        state = Ticket(self._tickets.get(uow.conn, ticket)["state"])
        if state in OPEN_TICKETS:
            self._tickets.step(uow, ticket, TicketStep.CLOSE, by=by, reason="served", at_ms=at_ms)


def rounds_of(ground: Ground, rules: Rules, tickets: Tickets, fills: Fills) -> Rounds:
    """Collection, told of open alerts, of who is full soon, and of who takes requests."""
    return assemble_rounds(
        rows=collection_rows(),
        scheduler=ground.scheduler,
        directory=ground.directory,
        telemetry=ground.series,
        alerts=lambda conn: [
            row for state in OPEN for row in rules.listed(conn, "alerts", state=state.value)
        ],
        fills=fills,
        requests=TicketDesk(tickets),
    )


def alert_of(rules: Callable[[], Rules]) -> Alerts:
    """An alert by its id; asked only when all are there."""

    def found(conn: sa.Connection, alert: str) -> Row | None:
        return next(iter(rules().listed(conn, "alerts", id=alert)), None)

    return found


def machines_of(ground: Ground, rules: Rules) -> KnownMachines:
    """What remote control asks of machines."""
    return KnownMachines(
        directory=ground.directory,
        raw=ground.raw,
        telemetry=ground.series,
        alerts=lambda conn, thing: rules.listed(conn, "alerts", thing=thing),
    )
