"""The contexts, and how they are put together."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.bootstrap import joins
from reference_impl.bootstrap.ground import Ground
from reference_impl.bootstrap.machines import KnownControls
from reference_impl.bootstrap.planning import planning_of
from reference_impl.ecosystem.ports import Opened
from reference_impl.ecosystem.service import SecondaryUses
from reference_impl.ingestion.service import Ingestion
from reference_impl.insight.adapters.repository import rows as insight_rows
from reference_impl.insight.advising import Advising
from reference_impl.insight.service import Insight
from reference_impl.insight.whole import Whole, assemble
from reference_impl.kernel.bus import Bus
from reference_impl.maintenance.adapters.repository import rows as maintenance_rows
from reference_impl.maintenance.collection.whole import Rounds
from reference_impl.maintenance.planning.whole import Planning
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.tickets import Tickets
from reference_impl.maintenance.whole import Whole as Work
from reference_impl.orders.adapters.repository import rows as order_rows
from reference_impl.orders.service import Orders
from reference_impl.outcomes.adapters.repository import rows as outcome_rows
from reference_impl.outcomes.contracts.service import Outcomes
from reference_impl.outcomes.money.service import Money
from reference_impl.outcomes.selling.charges import Charges
from reference_impl.outcomes.selling.rentals import Rentals
from reference_impl.outcomes.selling.subscriptions import Subscriptions
from reference_impl.outcomes.selling.unlocks import Unlocks
from reference_impl.registry.offered import Offered
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
    advising: Advising
    orders: Orders
    rules: Rules
    maintenance: Maintenance
    work: Work
    planning: Planning
    tickets: Tickets
    rounds: Rounds
    outcomes: Outcomes
    charges: Charges
    subscriptions: Subscriptions
    unlocks: Unlocks
    rentals: Rentals
    money: Money
    remote: Remote
    rollouts: Rollouts
    resolving: Resolving
    uses: SecondaryUses

    def subscribe(self, bus: Bus) -> None:
        """Let everybody listen, in the order in which effects follow causes."""
        self.ingestion.subscribe(bus)
        self.analytics.subscribe(bus)
        self.orders.subscribe(bus)
        self.rules.subscribe(bus)
        self.maintenance.subscribe(bus)
        self.tickets.subscribe(bus)
        self.work.subscribe(bus)
        self.planning.planner.subscribe(bus)
        self.planning.at_risk.subscribe(bus)
        self.rounds.subscribe(bus)
        self.outcomes.subscribe(bus)
        self.subscriptions.subscribe(bus)
        self.unlocks.subscribe(bus)
        self.rentals.subscribe()
        self.money.subscribe(bus)
        self.remote.subscribe(bus)
        self.rollouts.subscribe(bus)
        self.resolving.subscribe(bus)
        self.advising.subscribe(bus)
        self.uses.subscribe(bus)


def _deciding(ground: Ground) -> joins.Known:
    """The four that ask each other: what is seen, what it means, what is bought, who mends it."""
    rules: Rules
    maintenance: Maintenance
    scheduler, directory, telemetry = ground.scheduler, ground.directory, ground.series
    analytics = assemble(
        store=ground.store,
        rows=insight_rows(),
        scheduler=scheduler,
        series=telemetry,
        arrivals=ground.raw,
        directory=directory,
        raised=lambda conn, thing: rules.listed(conn, "alerts", thing=thing),
        fitted=lambda conn, thing, position: [
            row["fitted_ms"]
            for row in maintenance.listed(conn, "register", thing=thing, position=position)
        ],
    )
    insight = analytics.insight
    maintenance = Maintenance(
        rows=maintenance_rows(), scheduler=scheduler, directory=directory, levels=insight,
        alerts=joins.alert_of(lambda: rules),
    )  # fmt: skip
    orders = Orders(
        rows=order_rows(), scheduler=scheduler, directory=directory, visits=maintenance,
        told=joins.told,
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
    return joins.Known(analytics=analytics, rules=rules, orders=orders, maintenance=maintenance)


def contexts_on(
    ground: Ground, ingestion: Ingestion, *, licence_key: str, opened: Opened
) -> Contexts:
    """The contexts, told of each other only what their ports ask for."""
    scheduler, directory, telemetry = ground.scheduler, ground.directory, ground.series
    known = _deciding(ground)
    rules, analytics = known["rules"], known["analytics"]
    charges = Charges(rows=outcome_rows())
    selling = joins.Selling(rows=outcome_rows(), directory=directory, charges=charges)
    outcomes = Outcomes(
        rows=outcome_rows(), scheduler=scheduler, telemetry=telemetry, directory=directory
    )
    ports = RemotePorts(
        rows=remote_rows(), scheduler=scheduler, directory=directory, telemetry=telemetry
    )
    remote = Remote(**ports, requests=ground.outbox)
    work = joins.work_of(ground, **known, outcomes=outcomes)
    tickets = joins.tickets_of(ground, rules)
    return Contexts(
        registry=Registry(rows=directory),
        ingestion=ingestion,
        analytics=analytics,
        insight=analytics.insight,
        advising=Advising(
            store=ground.store,
            rows=insight_rows(),
            scheduler=scheduler,
            telemetry=telemetry,
            directory=directory,
            controls=KnownControls(remote),
        ),
        orders=known["orders"],
        rules=rules,
        maintenance=known["maintenance"],
        tickets=tickets,
        rounds=joins.rounds_of(ground, rules, tickets, analytics.fills),
        work=work,
        planning=planning_of(ground, **known, work=work),
        outcomes=outcomes,
        charges=charges,
        subscriptions=joins.subscriptions_of(ground, charges),
        unlocks=Unlocks(**selling, licence_key=licence_key),
        rentals=Rentals(**selling, scheduler=scheduler),
        money=joins.money_of(ground, charges, outcomes),
        remote=remote,
        rollouts=Rollouts(**ports, machines=joins.machines_of(ground, rules), remote=remote),
        resolving=Resolving(**ports, remote=remote),
        uses=joins.uses_of(ground, work, opened),
    )
