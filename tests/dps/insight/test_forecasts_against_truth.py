"""What products let the service foresee, against what is really so in their twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference_impl.insight.declared import read_model
from reference_impl.insight.estimates import Past
from reference_impl.insight.forecasts import asked
from twins.core.spec import FleetSpec, WorldSpec
from twins.products import catalog
from twins.products.bin.habits import Habits
from twins.world import World

H, DAY = 3_600_000, 86_400_000
BEGIN_MS = 1_775_433_600_000
"""A Monday in April 2026."""


def forecast_of(product: str, ident: str) -> Any:
    own = catalog()[product]
    signals = {name: {} for name in own.signals}
    declared = read_model(own.model, signals, metrics=own.metrics)
    return next(one for one in declared.forecasts if one.id == ident)


class Lived:
    """A fleet of bins with a built-in crew for some weeks; what it said, and a reader of it."""

    def __init__(self, sites: int, seed: int) -> None:
        params = {"throw_l_day": 150.0, "events_per_year": 0.0}
        spec = FleetSpec(product="bin", sites=sites, devices_per_site=4, params=params)
        self.world = World(WorldSpec(start_ms=BEGIN_MS, fleets=(spec,)), seed=seed)
        self.said: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self.world.start()

    def until(self, to_ms: int) -> None:
        for _, message in self.world.run_until(to_ms).messages:
            for signal in ("fill_pct", "battery_v", "charge_ma", "compactions"):
                value = getattr(message, "signals", {}).get(signal)
                if isinstance(value, float):
                    told = self.said.setdefault((message.device, signal), [])
                    told.append((message.at_ms, value))

    def reader(self, device: str) -> Any:
        def read(signal: str, after_ms: int, to_ms: int) -> Any:
            told = sorted(self.said.get((device, signal), []))
            times = np.array([at for at, _ in told], dtype=np.int64)
            low, high = np.searchsorted(times, [after_ms, to_ms], side="right")
            return times[low:high], np.array([v for _, v in told])[low:high]

        return read

    def fills(self) -> dict[str, float]:
        return {
            s.device: s.signals["fill_pct"]
            for s in self.world.sample_truth()
            if "fill_pct" in s.signals
        }


@pytest.mark.deep
@pytest.mark.timeout(300)
@pytest.mark.feature("AN4")
def test_most_bins_are_really_full_inside_the_interval_that_was_foreseen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four weeks of habits, then nobody comes any more: when is each really full?

    The chance to be full within a day, by which routes are planned (B2), is asked each morning of
    a week. Its mean square error over seeds 31, 33 and 34 is 0.094; it was 0.160 before wild echoes
    were taken out, and 0.094 for the rate of a week alone, which missed more bins (15 and 9 of 98).
    """
    law = forecast_of("bin", "full_in")
    lived = Lived(sites=10, seed=31)
    for day in range(1, 29):
        lived.until(BEGIN_MS + day * DAY)
    now_ms = BEGIN_MS + 28 * DAY
    begun = lived.fills()
    told = {
        device: asked(law, lived.reader(device), at_ms=now_ms, reset_ms=BEGIN_MS, time_zone="UTC")
        for device, fill in begun.items()
        if fill < 80.0
    }
    monkeypatch.setattr(Habits, "round_of", lambda *_: None)
    full_ms: dict[str, int] = {}
    chances: list[tuple[str, int, float]] = []
    for hour in range(1, 14 * 24):
        if hour % 24 == 1 and hour < 8 * 24:
            at_ms = now_ms + (hour - 1) * H
            still = sorted(begun.keys() - full_ms.keys())
            chances += [(device, at_ms, full_soon(lived, device, at_ms)) for device in still]
        lived.until(now_ms + hour * H)
        for device, fill in lived.fills().items():
            if fill >= 99.0:
                full_ms.setdefault(device, now_ms + hour * H)
    cases = [device for device, one in told.items() if one["p50_ms"] and device in full_ms]
    held = [told[d]["p10_ms"] - H <= full_ms[d] <= told[d]["p90_ms"] + H for d in cases]
    print(f"{sum(held)} of {len(cases)} of {len(told)}")
    assert len(cases) >= 20
    assert 0.6 <= np.mean(held) <= 0.97, f"{sum(held)} of {len(cases)}"
    errors = [
        chance - float(full_ms.get(device, at_ms + 15 * DAY) <= at_ms + DAY)
        for device, at_ms, chance in chances
    ]
    print(f"{len(errors)} chances, square error {np.mean(np.square(errors)):.3f}")
    assert len(errors) > 100
    assert abs(np.mean(errors)) < 0.08
    assert np.mean(np.square(errors)) < 0.12


def full_soon(lived: Lived, device: str, at_ms: int) -> float:
    """The chance to be full within a day."""
    law = forecast_of("bin", "full_in").params
    past = Past(at_ms, DAY, 0, (), None, "UTC")
    seen = law.look(lived.reader(device), past)
    return float(law.full_within(seen, past, 24.0))
