"""The contexts, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.bootstrap.ground import Ground
from reference_impl.bootstrap.machines import KnownMachines
from reference_impl.ingestion.service import Ingestion
from reference_impl.insight.adapters.repository import rows as insight_rows
from reference_impl.insight.service import Insight
from reference_impl.insight.whole import Whole, assemble
from reference_impl.kernel.access import Group
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.feed import Feed
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.maintenance.adapters.repository import rows as maintenance_rows
from reference_impl.maintenance.ports import PartsList
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.tickets import Tickets
from reference_impl.maintenance.whole import Whole as Work
from reference_impl.maintenance.whole import assemble as assemble_work
from reference_impl.orders.adapters.repository import rows as order_rows
from reference_impl.orders.service import Orders
from reference_impl.outcomes.adapters.billing import rows as billing_rows
from reference_impl.outcomes.adapters.repository import rows as outcome_rows
from reference_impl.outcomes.charges import Charges
from reference_impl.outcomes.money import Money
from reference_impl.outcomes.money import assemble as assemble_money
from reference_impl.outcomes.rentals import Rentals
from reference_impl.outcomes.service import Outcomes
from reference_impl.outcomes.subscriptions import Subscriptions
from reference_impl.outcomes.unlocks import Unlocks
from reference_impl.registry.offered import Offered
from reference_impl.registry.scope import party_key
from reference_impl.registry.service import Registry
from reference_impl.remote.adapters.repository import rows as remote_rows
from reference_impl.remote.ports import RemotePorts
from reference_impl.remote.resolving import Resolving
from reference_impl.remote.rollouts import Rollouts
from reference_impl.remote.service import Remote
from reference_impl.rules.adapters.repository import rows as rule_rows
from reference_impl.rules.service import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """The services, for pages and tests."""

    registry: Registry
    ingestion: Ingestion
    analytics: Whole
    insight: Insight
    orders: Orders
    rules: Rules
    maintenance: Maintenance
    work: Work
    tickets: Tickets
    outcomes: Outcomes
    charges: Charges
    subscriptions: Subscriptions
    unlocks: Unlocks
    rentals: Rentals
    money: Money
    remote: Remote
    rollouts: Rollouts
    resolving: Resolving

    def subscribe(self, bus: Bus) -> None:
        """Let everybody listen, in the order in which effects follow causes."""
        self.ingestion.subscribe(bus)
        self.analytics.subscribe(bus)
        self.orders.subscribe(bus)
        self.rules.subscribe(bus)
        self.maintenance.subscribe(bus)
        self.tickets.subscribe(bus)
        self.work.subscribe(bus)
        self.outcomes.subscribe(bus)
        self.subscriptions.subscribe(bus)
        self.unlocks.subscribe(bus)
        self.rentals.subscribe()
        self.money.subscribe(bus)
        self.remote.subscribe(bus)
        self.rollouts.subscribe(bus)
        self.resolving.subscribe(bus)


def _told(conn: sa.Connection, thing: str, position: str) -> dict[str, Any]:
    """The newest evaluation of a position's condition, as the feed tells it."""
    return Feed.newest(conn, "condition.evaluated", thing, position=position)


def _money(ground: Ground, charges: Charges, outcomes: Outcomes) -> Money:
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


def _subscriptions(ground: Ground, charges: Charges) -> Subscriptions:
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


def contexts_on(ground: Ground, ingestion: Ingestion, *, licence_key: str) -> Contexts:
    """The contexts, told of each other only what their ports ask for."""
    scheduler, directory, telemetry = ground.scheduler, ground.directory, ground.series
    analytics = assemble(
        store=ground.store,
        rows=insight_rows(),
        scheduler=scheduler,
        series=telemetry,
        arrivals=ground.raw,
        directory=directory,
        raised=lambda conn, thing: rules.listed(conn, "alerts", thing=thing),
    )
    insight = analytics.insight

    def alert_of(conn: sa.Connection, alert: str) -> Row | None:
        return next(iter(rules.listed(conn, "alerts", id=alert)), None)

    maintenance = Maintenance(
        rows=maintenance_rows(), scheduler=scheduler, directory=directory, levels=insight,
        alerts=alert_of,
    )  # fmt: skip
    orders = Orders(
        rows=order_rows(), scheduler=scheduler, directory=directory, visits=maintenance,
        told=_told,
    )  # fmt: skip
    rules = Rules(
        store=ground.store,
        rows=rule_rows(),
        scheduler=scheduler,
        telemetry=telemetry,
        directory=directory,
        conditions=insight,
        parts=orders.catalogue,
        offers=Offered(directory),
        readers=ground.readers,
    )
    charges = Charges(rows=outcome_rows())
    outcomes = Outcomes(
        rows=outcome_rows(), scheduler=scheduler, telemetry=telemetry, directory=directory
    )
    ports = RemotePorts(
        rows=remote_rows(), scheduler=scheduler, directory=directory, telemetry=telemetry
    )
    remote = Remote(**ports, requests=ground.outbox)
    return Contexts(
        registry=Registry(rows=directory),
        ingestion=ingestion,
        analytics=analytics,
        insight=insight,
        orders=orders,
        rules=rules,
        maintenance=maintenance,
        tickets=Tickets(
            rows=maintenance_rows(),
            directory=directory,
            responsible=directory.responsible,
            alerts=alert_of,
        ),
        work=assemble_work(
            rows=maintenance_rows(),
            scheduler=scheduler,
            directory=directory,
            orders=maintenance,
            alerts=alert_of,
            shelves=orders.stock,
            parts=likely_parts(directory, orders, analytics),
            contracts=lambda conn, thing: [
                row["id"] for row in outcomes.contracts(conn) if thing in row["things"]
            ],
        ),
        outcomes=outcomes,
        charges=charges,
        subscriptions=_subscriptions(ground, charges),
        unlocks=Unlocks(
            rows=outcome_rows(),
            directory=directory,
            charges=charges,
            licence_key=licence_key,
        ),
        rentals=Rentals(
            rows=outcome_rows(), scheduler=scheduler, directory=directory, charges=charges
        ),
        money=_money(ground, charges, outcomes),
        remote=remote,
        rollouts=Rollouts(**ports, machines=_machines(ground, rules), remote=remote),
        resolving=Resolving(**ports, remote=remote),
    )


def _machines(ground: Ground, rules: Rules) -> KnownMachines:
    """What remote control asks of machines."""
    return KnownMachines(
        directory=ground.directory,
        raw=ground.raw,
        telemetry=ground.series,
        alerts=lambda conn, thing: rules.listed(conn, "alerts", thing=thing),
    )
