"""Trucks of the field and bins of a fleet: what is driven to is emptied, and no more than asked."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest

from twins.core.ports import Truth
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # Monday 2026-01-05 00:00 UTC


class Weeks(NamedTuple):
    """Two weeks of a town."""

    truths: Sequence[Truth]
    costs_eur: Mapping[str, float]
    collections: float
    needless: float
    collected_l: float
    waste_l: float
    spilled_l: float

    @property
    def thrown_l(self) -> float:
        """What people brought."""
        return self.collected_l + self.waste_l + self.spilled_l

    def tours(self, kind: str, what: str) -> float:
        """Sum over the tours."""
        told = [truth.data[what] for truth in self.truths if truth.kind == kind]
        return sum(float(str(value)) for value in told)


def weeks(ready_pct: float, *, trucks: float = 1.0) -> Weeks:
    fleet = FleetSpec(
        product="bin", sites=6, report_every_ms=HOUR,
        params={"rounds_per_day": 0.0, "throw_l_day": 40.0, "throw_spread": 0.3},
    )  # fmt: skip
    field = FieldSpec(service=False, trucks={"trucks": trucks, "ready_pct": ready_pct})
    world = World(WorldSpec(start_ms=START, fleets=(fleet,), field=field), seed=7)
    world.start()
    truths = world.run_until(START + 14 * DAY).truths
    samples = {sample.device: sample.signals for sample in world.sample_truth()}
    sums = [
        sum(signals[name] for signals in samples.values())
        for name in ("collections", "needless_stops", "collected_l", "waste_l", "spilled_l")
    ]
    return Weeks(truths, world.costs_eur(), *sums)


@pytest.fixture(scope="module")
def rounds() -> Weeks:
    """Every bin on every round."""
    return weeks(0.0)


def test_every_stop_of_a_truck_empties_a_bin_and_nobody_else_does(rounds: Weeks) -> None:
    assert weeks(0.0, trucks=0.0).collections == 0.0
    stops = rounds.tours("tour.begun", "stops") - rounds.tours("tour.ended", "skipped")
    assert rounds.collections == stops == 12 * 10
    assert rounds.collected_l > 12 * 14 * 20.0
    hours = rounds.tours("tour.ended", "hours")
    assert rounds.costs_eur["trucks"] == pytest.approx(92.0 * hours, abs=0.5)


def test_stops_by_fill_are_far_fewer_than_fixed_rounds_and_take_away_as_much(
    rounds: Weeks,
) -> None:
    ready = weeks(60.0)
    assert ready.collections < 0.6 * rounds.collections
    assert ready.needless == 0.0 < rounds.needless
    assert ready.tours("tour.ended", "km") < 0.8 * rounds.tours("tour.ended", "km")
    assert ready.costs_eur["trucks"] < 0.8 * rounds.costs_eur["trucks"]
    assert ready.thrown_l == pytest.approx(rounds.thrown_l)
    assert ready.spilled_l < 0.02 * ready.thrown_l
