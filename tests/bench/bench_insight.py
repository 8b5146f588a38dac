"""A thousand open needs forecast anew: the conditions behind them evaluated at one instant.

The real service on a store in memory; ten-minute readings of three weeks stand in arrays, as the
telemetry in memory does. CPU time of one core, store writes included.
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np

THINGS = 1000
GOAL_S = 1.0
DAY_MS, STEP_MS = 86_400_000, 600_000
RISE = {
    "id": "wear",
    "position": "part",
    "algorithm": "exponential_rise",
    "every_s": 21_600,
    "params": {
        "signal": "level", "limit": 6.0, "baseline_s": 259_200, "window_s": 86_400,
        "trend_s": 604_800,
    },
}  # fmt: skip
FILL = {
    "id": "fill",
    "position": "part",
    "algorithm": "fill_forecast",
    "every_s": 21_600,
    "params": {"signal": "level", "full": 100.0, "emptied_drop": 50.0},
}
USE = {
    "id": "use",
    "position": "part",
    "algorithm": "linear_use",
    "every_s": 21_600,
    "params": {"signal": "level", "standard_use": 900.0},
}


class Arrays:
    """One series for all things, shifted a little for each."""

    def __init__(self, at_ms: Any, values: Any) -> None:
        self._at_ms, self._values = at_ms, values

    def series(self, thing: str, _signal: str, *, after_ms: int, to_ms: int) -> Any:
        """Readings of a time."""
        low, high = np.searchsorted(self._at_ms, [after_ms, to_ms], side="right")
        return self._at_ms[low:high], self._values[low:high] * (1.0 + int(thing[1:]) * 1e-4)


def reforecast_s(body: Any, values: Any, days: int) -> float:
    """CPU seconds of one evaluation of a condition on all things, after ``days`` of them."""
    from reference_impl.insight.adapters.repository import rows
    from reference_impl.insight.service import Insight
    from reference_impl.kernel.bus import Bus
    from reference_impl.kernel.ports import ThingRef
    from reference_impl.kernel.schedule import Scheduler
    from reference_impl.kernel.store import Store, metadata
    from reference_impl.published import ModelInstalled

    store, scheduler = Store("sqlite://", Bus()), Scheduler()
    metadata.create_all(store.engine)
    refs = [
        ThingRef(thing=f"t{n:04}", model="m", site="s", customer="c", title="")
        for n in range(THINGS)
    ]
    directory: Any = SimpleNamespace(things=lambda _conn, _model=None: refs)
    at_ms = np.arange(1, values.size + 1, dtype=np.int64) * STEP_MS
    telemetry: Any = Arrays(at_ms, values)
    insight = Insight(
        store=store, rows=rows(), scheduler=scheduler, telemetry=telemetry, directory=directory
    )
    insight.subscribe(store.bus)
    with store.begin() as uow:
        event = ModelInstalled(
            model="m", product="p", signals={"level": {}}, parts=(), conditions=(body,)
        )
        uow.publish(event)
    begin_ms = max(days - 8, 0) * DAY_MS
    with store.begin() as uow:
        scheduler.advance(uow, from_ms=begin_ms, to_ms=days * DAY_MS)
    begun_s = time.process_time()
    with store.begin() as uow:
        to_ms = days * DAY_MS + DAY_MS // 4
        scheduler.advance(uow, from_ms=days * DAY_MS, to_ms=to_ms)
    took_s = time.process_time() - begun_s
    with store.read() as conn:
        states = insight.listed(conn, "states")
    assert all(row["evaluated_ms"] == to_ms for row in states), "all were evaluated"
    assert all(row["runout_p50_ms"] is not None for row in states), "all were forecast"
    store.close()
    return took_s


def insight_rows(row: Any) -> list[dict[str, Any]]:
    """One line for each kind of forecast."""
    rng = np.random.default_rng(7)
    n = 43 * 144
    wear = 1.2 + np.expm1(3.6 * np.arange(n) / n) / np.expm1(3.6) * 4.8
    fills = np.cumsum(rng.gamma(2.0, 0.1, n)) % 95.0
    hours = np.arange(n) / 10.0
    cases = [("wear", RISE, wear, 30), ("filling", FILL, fills, 42), ("use", USE, hours, 30)]
    return [
        row(f"1,000 open needs forecast anew, by {name}", reforecast_s(body, values, days), "s",
            GOAL_S)
        for name, body, values, days in cases
    ]  # fmt: skip
