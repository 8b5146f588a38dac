"""Puts this context together for bootstrap; what it reads of others are functions and ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from reference_impl.integration.adapters.repository import (
    DeliveryRows,
    inbox_rows,
    job_rows,
    webhook_rows,
)
from reference_impl.integration.audience import EventAudience
from reference_impl.integration.connectors import Connectors
from reference_impl.integration.courier import Courier
from reference_impl.integration.explain import Explainer, Kind, Listed
from reference_impl.integration.ports import Documents, FieldWork, Poster
from reference_impl.integration.secrets import new_secret
from reference_impl.integration.service import Webhooks
from reference_impl.integration.targets import Targets
from reference_impl.kernel.access import Principal
from reference_impl.kernel.feed import steps_of
from reference_impl.kernel.ports import TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, Store


class HasRows(Protocol):
    """A context whose tables can be read by name."""

    @property
    def listed(self) -> Listed:
        """See Listed."""
        ...


class HasPeriods(Protocol):
    """The context that measures contracts."""

    def contracts(self, conn: Connection) -> list[Row]:
        """All contracts."""
        ...

    def outcomes(self, conn: Connection, **equals: object) -> list[Row]:
        """Closed periods with what they came to."""
        ...


class Decides(Protocol):
    """The contexts whose decisions can be explained."""

    @property
    def orders(self) -> HasRows:
        """Recommendations and orders."""
        ...

    @property
    def rules(self) -> HasRows:
        """Packs and alerts."""
        ...

    @property
    def maintenance(self) -> HasRows:
        """Work orders."""
        ...

    @property
    def outcomes(self) -> HasPeriods:
        """Credits."""
        ...

    @property
    def insight(self) -> HasRows:
        """Evaluations of conditions."""
        ...


def webhooks_of(
    store: Store,
    *,
    ranges: Sequence[str],
    principal: Callable[[Connection, str], Principal | None],
    on_change: Callable[[Callable[[], None]], None],
    wall_s: Callable[[], float],
    now_ms: Callable[[], int] | None,
    documents: Documents,
    field: FieldWork,
) -> tuple[Webhooks, Connectors, Courier]:
    """Webhooks, those of them that are connectors, and who carries them.

    Args:
        store: The store.
        ranges: Networks that may be called besides this machine and the internet.
        principal: The caller of a name, as it is now.
        on_change: Tells when callers may have changed.
        wall_s: The wall's clock, seconds since the Unix epoch.
        now_ms: The clock of attempts; None: the wall's.
        documents: What connectors are sent whole.
        field: What a field service system may do.
    """
    targets, audience = Targets(ranges), EventAudience(principal)
    on_change(audience.forget)
    webhooks = Webhooks(
        rows=webhook_rows(),
        deliveries=DeliveryRows(),
        targets=targets,
        audience=audience,
        documents=documents,
        new_secret=new_secret,
        now_ms=now_ms or (lambda: round(wall_s() * 1000)),
    )
    courier = Courier(
        store=store,
        webhooks=webhooks,
        new_poster=lambda: _poster(targets),
        wall_s=wall_s,
        follows_wall=now_ms is None,
    )
    connectors = Connectors(
        webhooks=webhooks,
        inbox=inbox_rows(),
        jobs=job_rows(),
        documents=documents,
        field=field,
        principal=principal,
        wall_s=wall_s,
    )
    return webhooks, connectors, courier


def _poster(targets: Targets) -> Poster:
    from reference_impl.integration.adapters.poster import (  # noqa: PLC0415 - httpx, if there is
        HttpPoster,  # somebody to post to
    )

    return HttpPoster(targets)


def explainer_of(contexts: Decides, telemetry: TelemetryView) -> Explainer:
    """The kinds of decisions, those of one time in the order in which they follow each other."""
    orders, rules, visits = contexts.orders.listed, contexts.rules.listed, contexts.maintenance
    need, alert = frozenset({"need_key"}), frozenset({"alert"})
    return Explainer(
        kinds=[
            Kind("alert", rules, "alerts", "raised_ms"),
            Kind("action", rules, "actions", "created_ms", alert),
            Kind("notice", rules, "notices", "created_ms", alert),
            Kind("recommendation", orders, "recommendations", "issued_ms", need, document=True),
            Kind("order", orders, "orders", "placed_ms", need, document=True),
            Kind("work_order", visits.listed, "work_orders", "requested_ms", need),
            Kind("credit", _credits(contexts.outcomes), "periods", "at_ms", document=True),
        ],
        packs=rules,
        insight=contexts.insight.listed,
        telemetry=telemetry,
        steps=steps_of,
    )


def _credits(outcomes: HasPeriods) -> Listed:
    """Closed periods as decisions, by the id ``<contract>/<period>`` that the feed gives them.

    Their intervals, which are what the readings came to, stand in ``GET /v1/outcomes/...``.
    """

    def listed(conn: Connection, _table: str, **equals: object) -> list[Row]:
        contract, _, period = str(equals.get("id", "")).rpartition("/")
        closed = steps_of(conn, [f"{contract}/{period}"]) if contract else []
        if not closed:
            return []
        terms = {row["id"]: row for row in outcomes.contracts(conn)}
        return [
            {
                "id": f"{contract}/{period}",
                "customer": terms[contract]["customer"],
                "at_ms": closed[0]["at_ms"],
                "why": "whole steps below the target, up to the cap, of the fee of the period",
                "state": "CLOSED",
                "values": {
                    name: value
                    for name, value in {**terms[contract], **row}.items()
                    if isinstance(value, int | float | Decimal)
                },
            }
            for row in outcomes.outcomes(conn, contract=contract, period=period)
        ]

    return listed
