"""What every context stands on: the store, its timers and messages, readings and the register."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from broker.link.port import Packet
from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.ingestion.adapters.telemetry import RecentTelemetry
from reference_impl.insight.adapters.series import MetricSeries
from reference_impl.kernel.outbox import Outbox
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store
from reference_impl.registry.adapters.repository import RegistryRows
from reference_impl.registry.offered import KnownReaders


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One of each for the whole DPS."""

    store: Store
    scheduler: Scheduler
    outbox: Outbox
    directory: RegistryRows
    raw: IngestionRows
    """Readings as they came."""
    telemetry: RecentTelemetry
    series: MetricSeries
    """Readings and, beside them, what is computed of them."""
    readers: KnownReaders


def ground_on(store: Store, publish: Callable[[Sequence[Packet]], Awaitable[None]]) -> Ground:
    """The ground on a store; ``publish`` sends messages to devices."""
    raw = IngestionRows()
    telemetry = RecentTelemetry(store, raw)
    return Ground(
        store=store,
        scheduler=Scheduler(),
        outbox=Outbox(store, publish),
        directory=RegistryRows(),
        raw=raw,
        telemetry=telemetry,
        series=MetricSeries(store, telemetry),
        readers=KnownReaders(),
    )
