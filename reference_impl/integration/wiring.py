"""Puts this context together for bootstrap; what it reads of others are functions and ports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from reference_impl.integration.adapters.poster import HttpPoster
from reference_impl.integration.adapters.repository import DeliveryRows, webhook_rows
from reference_impl.integration.audience import EventAudience
from reference_impl.integration.courier import Courier
from reference_impl.integration.explain import Explainer, Kind, Listed
from reference_impl.integration.secrets import new_secret
from reference_impl.integration.service import Webhooks
from reference_impl.integration.targets import Targets
from reference_impl.kernel.access import Principal
from reference_impl.kernel.feed import steps_of
from reference_impl.kernel.ports import TelemetryView
from reference_impl.kernel.store import Connection, Store


class HasRows(Protocol):
    """A context whose tables can be read by name."""

    @property
    def listed(self) -> Listed:
        """See Listed."""
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
) -> tuple[Webhooks, Courier]:
    """Webhooks and who carries them.

    Args:
        store: The store.
        ranges: Networks that may be called besides this machine and the internet.
        principal: The caller of a name, as it is now.
        on_change: Tells when callers may have changed.
        wall_s: The wall's clock, seconds since the Unix epoch.
        now_ms: The clock of attempts; None: the wall's.
    """
    targets, audience = Targets(ranges), EventAudience(principal)
    on_change(audience.forget)
    webhooks = Webhooks(
        rows=webhook_rows(),
        deliveries=DeliveryRows(),
        targets=targets,
        audience=audience,
        new_secret=new_secret,
        now_ms=now_ms or (lambda: round(wall_s() * 1000)),
    )
    courier = Courier(
        store=store,
        webhooks=webhooks,
        poster=HttpPoster(targets),
        wall_s=wall_s,
        follows_wall=now_ms is None,
    )
    return webhooks, courier


def explainer_of(contexts: Decides, telemetry: TelemetryView) -> Explainer:
    """The kinds of decisions, those of one need in the order in which they follow each other."""
    orders, needs = contexts.orders.listed, frozenset({"need_key"})
    return Explainer(
        kinds=[
            Kind(name="alert", listed=contexts.rules.listed, table="alerts", at="raised_ms"),
            _advice(orders, needs),
            Kind(name="order", listed=orders, table="orders", at="placed_ms", by=needs),
            Kind(
                name="work_order",
                listed=contexts.maintenance.listed,
                table="work_orders",
                at="requested_ms",
                by=needs,
            ),
        ],
        packs=contexts.rules.listed,
        insight=contexts.insight.listed,
        telemetry=telemetry,
        steps=steps_of,
    )


def _advice(orders: Listed, needs: frozenset[str]) -> Kind:
    return Kind(
        name="recommendation", listed=orders, table="recommendations", at="issued_ms", by=needs
    )
