"""The routes of the DPS, context by context."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from fastapi import APIRouter

from reference_impl.bootstrap.contexts import Contexts
from reference_impl.bootstrap.ground import Ground
from reference_impl.ingestion import api as ingestion_api
from reference_impl.integration.connectors import Connectors
from reference_impl.integration.exporting import Exporter
from reference_impl.integration.service import Webhooks
from reference_impl.integration.wiring import explainer_of
from reference_impl.kernel.http.shapes import Answers
from reference_impl.kernel.timekeeping import Timekeeper
from reference_impl.maintenance import api as maintenance_api
from reference_impl.orders import api as orders_api
from reference_impl.outcomes.contracts import api as outcomes_api
from reference_impl.registry import api as registry_api
from reference_impl.registry.governance import Governance
from reference_impl.rules import api as rules_api
from reference_impl.rules.views import Views


def answers_of_contexts() -> Sequence[Answers]:
    """What the contexts say of their answers; imported only for who reads the document."""
    contexts = (
        "ecosystem",
        "insight",
        "insight.reliability",
        "integration",
        "maintenance",
        "maintenance.planning",
        "maintenance.collection",
        "orders",
        "outcomes.cases",
        "outcomes.contracts",
        "outcomes.money",
        "registry",
        "remote",
        "rules",
    )
    modules = [importlib.import_module(f"reference_impl.{name}.answers") for name in contexts]
    return [module.ANSWERS for module in modules]


def routers(
    c: Contexts,
    ground: Ground,
    clock: Timekeeper,
    *,
    governance: Governance,
    wall_s: Callable[[], float],
) -> list[APIRouter]:
    """The routes that a service needs day by day: what there is, what is wrong, what is ordered."""
    store = ground.store
    return [
        registry_api.router(c.registry, clock, store, [c.ingestion.detail, c.insight.detail]),
        ingestion_api.router(
            c.ingestion,
            store,
            rows=ground.raw,
            telemetry=ground.series,
            directory=ground.directory,
            must_be_for=governance.rights.must_be_for,
        ),
        orders_api.router(c.orders, clock, store, wall_s=wall_s),
        rules_api.router(c.rules, clock, store),
        maintenance_api.router(c.maintenance, c.work.desk, c.work.incidents, clock, store),
        *outcomes_api.routers(c.outcomes, clock, store),
    ]


def later_routers(
    c: Contexts,
    ground: Ground,
    clock: Timekeeper,
    *,
    governance: Governance,
    views: Views,
    webhooks: Webhooks,
    connectors: Connectors,
    exporter: Exporter,
) -> list[APIRouter]:
    """The others. Most runs call none; a start without them is 0.07 s shorter."""
    from reference_impl.ecosystem import api as ecosystem_api  # noqa: PLC0415
    from reference_impl.integration import api as integration_api  # noqa: PLC0415
    from reference_impl.integration import connector_api, export_api  # noqa: PLC0415
    from reference_impl.remote import api as remote_api  # noqa: PLC0415
    from reference_impl.remote import firmware_api, resolving_api  # noqa: PLC0415

    store = ground.store
    return [
        *_of_meaning(c, ground, clock, views),
        *_of_work(c, ground, clock),
        *_of_money(c, ground, clock),
        ecosystem_api.router(c.uses, clock, store),
        remote_api.router(c.remote, clock, store, ground.directory),
        firmware_api.router(c.rollouts, clock, store),
        resolving_api.router(c.resolving, clock, store),
        *governance.routers(clock, store),
        connector_api.router(connectors, clock, store),
        export_api.router(exporter),
        *integration_api.routers(webhooks, explainer_of(c, ground.telemetry), clock, store),
    ]


def _of_meaning(c: Contexts, ground: Ground, clock: Timekeeper, views: Views) -> list[APIRouter]:
    """What data mean: metrics, forecasts, advice, designs; who is told what."""
    from reference_impl.bootstrap import joins  # noqa: PLC0415
    from reference_impl.insight import advice_api  # noqa: PLC0415
    from reference_impl.insight import api as insight_api  # noqa: PLC0415
    from reference_impl.insight.reliability import api as reliability_api  # noqa: PLC0415
    from reference_impl.rules import people_api, view_api  # noqa: PLC0415

    store = ground.store
    reliability = joins.reliability_of(
        ground, maintenance=c.maintenance, orders=c.orders, rules=c.rules
    )
    return [
        insight_api.router(c.analytics, clock, store),
        advice_api.router(c.advising, clock, store),
        reliability_api.router(reliability, clock, store),
        view_api.router(views, clock, store),
        people_api.router(c.rules, clock, store),
    ]


def _of_work(c: Contexts, ground: Ground, clock: Timekeeper) -> list[APIRouter]:
    """Promised work: service levels, tickets, plans of technicians, collections."""
    from reference_impl.maintenance import sla_api, ticket_api  # noqa: PLC0415
    from reference_impl.maintenance.collection import api as collection_api  # noqa: PLC0415
    from reference_impl.maintenance.planning import api as planning_api  # noqa: PLC0415

    store = ground.store
    return [
        sla_api.router(
            levels=c.work.levels,
            incidents=c.work.incidents,
            technicians=c.work.technicians,
            planned=c.work.planned,
            verification=c.maintenance.verification,
            clock=clock,
            store=store,
        ),
        ticket_api.router(c.tickets, clock, store),
        planning_api.router(c.planning, clock, store),
        collection_api.router(c.rounds, clock, store),
    ]


def _of_money(c: Contexts, ground: Ground, clock: Timekeeper) -> list[APIRouter]:
    """What is sold beside parts, what is invoiced, what it is worth."""
    from reference_impl.outcomes.cases import api as case_api  # noqa: PLC0415
    from reference_impl.outcomes.money import api as money_api  # noqa: PLC0415
    from reference_impl.outcomes.selling import api as selling_api  # noqa: PLC0415

    store = ground.store
    return [
        selling_api.router(
            subscriptions=c.subscriptions,
            charges=c.charges,
            unlocks=c.unlocks,
            rentals=c.rentals,
            directory=ground.directory,
            clock=clock,
            store=store,
        ),
        money_api.router(c.money, clock, store),
        case_api.router(),
    ]
