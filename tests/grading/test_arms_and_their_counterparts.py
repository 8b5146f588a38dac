"""What the arms of one world show, over several worlds; and that a DPS that is blind shows it not.

A claim that holds whatever the DPS knows says nothing of what it knows. Here the same arms run once
more with one thing taken from the DPS: what bins say, what may be full soon, what wears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.grading.stats import Estimate, paired
from harness.grading.way_runs import run_ways, way_jobs
from reference_impl.insight.fills import Fills
from reference_impl.rules.alerts import Alerts
from reference_impl.rules.domain import Severity
from reference_impl.rules.reacting import Reacting

HOME = Path(__file__).resolve().parents[2] / "scenarios" / "arms"
pytestmark = [pytest.mark.deep, pytest.mark.timeout(900), pytest.mark.xdist_group("arms")]
Figures = list[Mapping[str, float]]
"""Of one arm, by seed."""
HALF_A_YEAR = {"stations": "4", "length": "183d", "report_every": "4h", "warn_every_s": "43200"}
"""Eight pumps: as many lives as two of them have in two years, for half of the time of one pair."""
PUMP_SEEDS, BIN_SEEDS = range(1, 6), range(1, 4)


def figures(file: str, seeds: range, sets: Mapping[str, str], *arms: str) -> list[Figures]:
    """What each of the arms came to, in their order."""
    jobs = way_jobs(HOME / file, seeds, sets=sets, base=arms[0])
    chosen = [job for job in jobs if job.arm in arms]
    ways = run_ways(chosen, processes=1, done=lambda _done, _of: None)
    found = {(run.arm, run.seed): run.figures for run in ways.runs}
    return [[found[arm, seed] for seed in seeds] for arm in arms]


def apart(mine: Figures, other: Figures, of: Callable[[Mapping[str, float]], float]) -> Estimate:
    found = paired([of(one) - of(two) for one, two in zip(mine, other, strict=True)])
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return found


def visits(run: Mapping[str, float]) -> float:
    """Ways to a station; as if a round saw to both of its machines."""
    return run["planned_rounds"] / 2 + run["day_visits"] + run["night_calls"]


def failures(run: Mapping[str, float]) -> float:
    return run["failures"]


@pytest.fixture(scope="module")
def pumps() -> list[Figures]:
    """By the calendar, and by plan."""
    return figures("pumps.yaml", PUMP_SEEDS, HALF_A_YEAR, "calendar", "outcome-managed")


@pytest.mark.feature("FS6")
def test_visits_that_are_planned_are_fewer_than_a_calendars_and_no_more_fails(pumps) -> None:
    rounds, planned = pumps
    assert all(run["planned_rounds"] > 0 for run in rounds)
    assert all(run["orders"] > 0 for run in planned), "there was something to do"
    assert apart(planned, rounds, visits).high < 0
    fails = apart(planned, rounds, failures)
    assert fails.mean <= 0
    assert fails.low < 0 < fails.high, "as many, as far as five worlds can tell"


def test_a_plan_that_ignores_what_wears_fails_more_often(pumps, monkeypatch) -> None:
    """Only what stands makes it order and come."""
    react = Reacting.react

    def late(self, uow, pack, ref, judged, **more):
        if judged.rule.severity is Severity.FAILURE:
            react(self, uow, pack, ref, judged, **more)

    monkeypatch.setattr(Reacting, "react", late)
    (blind,) = figures("pumps.yaml", PUMP_SEEDS, HALF_A_YEAR, "outcome-managed")
    rounds, planned = pumps
    assert apart(blind, rounds, failures).mean > 0, "so that the claim of fewer visits is void"
    assert apart(blind, planned, failures).low > 0


@pytest.fixture(scope="module")
def bins() -> list[Figures]:
    """Where people complain, by what bins say, and by what may be full."""
    return figures(
        "bins.yaml", BIN_SEEDS, {"length": "8d"}, "reactive", "condition-based", "outcome-managed"
    )


def keeps(mine: Figures, other: Figures) -> bool:
    """Whether less than half of what else lands beside the bins does so, in each world."""
    pairs = zip(mine, other, strict=True)
    return all(one["spills"] < two["spills"] / 2 for one, two in pairs)


def spilt(runs: Figures) -> float:
    return sum(run["spills"] for run in runs)


@pytest.mark.feature("AN5")
def test_what_bins_say_keeps_the_streets_clean_and_what_may_be_full_cleaner(bins) -> None:
    complained, said, foreseen = bins
    assert keeps(said, complained)
    assert keeps(foreseen, complained)
    assert spilt(foreseen) < spilt(said) / 2


def test_by_condition_nothing_is_kept_where_the_service_does_not_hear_of_any(
    bins, monkeypatch
) -> None:
    monkeypatch.setattr(Alerts, "raise_alert", lambda *_, **__: None)
    (deaf,) = figures("bins.yaml", BIN_SEEDS, {"length": "8d"}, "condition-based")
    complained, _, _ = bins
    assert not any(run["stops"] for run in deaf)
    assert spilt(deaf) > spilt(complained)
    assert not keeps(deaf, complained)


def test_a_promise_without_a_forecast_keeps_no_more_than_what_bins_say(bins, monkeypatch) -> None:
    fills = Fills.__call__

    def sure(self, *args, **more):
        level, risk = fills(self, *args, **more)
        return level, np.zeros_like(risk)

    monkeypatch.setattr(Fills, "__call__", sure)
    (blind,) = figures("bins.yaml", BIN_SEEDS, {"length": "8d"}, "outcome-managed")
    _, said, _ = bins
    assert spilt(blind) >= spilt(said) > 0
