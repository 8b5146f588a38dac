"""The services of insight, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.insight.computing import Arrivals, Computing, Series
from reference_impl.insight.fills import Fills
from reference_impl.insight.ports import InsightRows
from reference_impl.insight.quality import Quality
from reference_impl.insight.revising import Revising
from reference_impl.insight.service import Insight
from reference_impl.insight.views import Fitted, Views
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Metrics, flags, conditions, revisions and views."""

    computing: Computing
    quality: Quality
    insight: Insight
    revising: Revising
    views: Views
    fills: Fills

    def subscribe(self, bus: Bus) -> None:
        """Listen, and take up what the store has: what is declared first."""
        self.computing.subscribe(bus)
        self.insight.subscribe(bus)


def assemble(
    *,
    store: Store,
    rows: InsightRows,
    scheduler: Scheduler,
    series: Series,
    arrivals: Arrivals,
    directory: Directory,
    raised: Callable[[sa.Connection, str], Sequence[Mapping[str, Any]]],
    fitted: Fitted = lambda _conn, _thing, _position: (),
) -> Whole:
    """Build them. ``raised`` gives the alerts of a thing, ``fitted`` when parts came in."""
    computing = Computing(
        store=store,
        rows=rows,
        scheduler=scheduler,
        series=series,
        arrivals=arrivals,
        directory=directory,
    )
    quality = Quality(
        rows=rows,
        scheduler=scheduler,
        telemetry=series,
        directory=directory,
        models=computing.models,
        positions=lambda model, signal: insight.watching(model, signal),  # noqa: PLW0108 - later
    )
    insight = Insight(
        store=store,
        rows=rows,
        scheduler=scheduler,
        telemetry=series,
        directory=directory,
        jumps=quality,
    )
    views = Views(
        insight=insight,
        telemetry=series,
        declared=computing.declared,
        raised=raised,
        flags=quality.listed,
        fitted=fitted,
    )
    return Whole(
        computing=computing,
        quality=quality,
        insight=insight,
        revising=Revising(insight),
        views=views,
        fills=Fills(telemetry=series, directory=directory, declared=computing.declared),
    )
