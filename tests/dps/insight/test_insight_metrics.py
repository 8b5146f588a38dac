"""Computed signals: when they have a value, what they miss, and what late readings change."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from reference_impl.kernel.errors import Invalid
from reference_impl.kernel.ports import Reduced, Take

M, H, DAY = 60_000, 3_600_000, 86_400_000
RATIO = {
    "id": "ratio",
    "unit": "1",
    "kind": "continuous",
    "let": {"a": {"signal": "power"}, "b": {"signal": "flow"}},
    "formula": "a / b",
}


def readings(lab: Any, thing: str, signal: str, values: Any, *, begin_ms: int = 10 * M) -> None:
    at_ms = begin_ms + np.arange(len(values), dtype=np.int64) * 10 * M
    lab.telemetry.add(thing, signal, at_ms, values)


@pytest.mark.feature("CC5", "DS8")
def test_a_continuous_metric_sees_a_spike_that_a_sampled_one_misses(lab: Any) -> None:
    """CC5, Q18: one reading of ten minutes between two samples an hour apart."""
    sampled = {**RATIO, "id": "sampled", "kind": "sampled", "every_s": 3600}
    lab.install(["power", "flow"], metrics=[RATIO, sampled])
    lab.thing("a")
    power = np.full(36, 6.0)
    power[8] = 60.0
    readings(lab, "a", "power", power)
    readings(lab, "a", "flow", np.full(36, 2.0))
    lab.advance(6 * H, step_ms=H)
    times, values = lab.points("a", "ratio")
    assert (len(times), max(values), values[8]) == (36, 30.0, 30.0)
    assert lab.points("a", "sampled") == ([h * H for h in range(1, 7)], [3.0] * 6)


@pytest.mark.parametrize("step_ms", [10 * M, H, 6 * H])
def test_the_length_of_a_clock_call_changes_no_metric(lab: Any, step_ms: int) -> None:
    daily = {**RATIO, "id": "day", "kind": "daily"}
    lab.install(["power", "flow"], metrics=[RATIO, {**RATIO, "id": "s", "kind": "sampled"}, daily])
    lab.thing("a", "Europe/Rome")
    rng = np.random.default_rng(3)
    readings(lab, "a", "power", rng.uniform(1.0, 2.0, 300))
    readings(lab, "a", "flow", rng.uniform(1.0, 2.0, 300))
    lab.advance(50 * H, step_ms=step_ms)
    assert [len(lab.points("a", name)[0]) for name in ("ratio", "s", "day")] == [300, 50, 2]
    last_ms, last = (column[-1] for column in lab.points("a", "s"))
    assert (last_ms, last) == (50 * H, pytest.approx(lab.points("a", "ratio")[1][-1]))


@pytest.mark.feature("SP7", "AN2")
@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_a_daily_insight_is_of_a_day_of_the_location_also_when_it_has_23_or_25_hours(
    lab: Any, month: int, day: int, hours: int
) -> None:
    zone = ZoneInfo("Europe/Rome")
    begin = round(datetime(2026, month, day - 1, tzinfo=zone).timestamp()) * 1000
    count = {
        "id": "reports",
        "kind": "daily",
        "let": {"n": {"signal": "power", "take": "count"}},
        "formula": "n + 0.0",
    }
    lab.install(["power"], metrics=[count])
    lab.thing("a", "Europe/Rome")
    readings(lab, "a", "power", np.ones(6 * 24 * 3), begin_ms=begin)
    lab.now_ms = begin - 1
    lab.advance(begin + 3 * DAY, step_ms=H)
    times, values = lab.points("a", "reports")
    assert values[:2] == [144.0, 6.0 * hours]
    assert datetime.fromtimestamp((times[1] + 1) / 1000, tz=zone).hour == 0


@pytest.mark.feature("AN2")
def test_late_readings_are_taken_into_what_was_computed(lab: Any) -> None:
    """A device that was away two days brings its readings with their own times."""
    use = {
        "id": "used",
        "kind": "continuous",
        "algorithm": "counter_use",
        "params": {"signal": "hours", "rollover": 1000.0},
    }
    daily = {**RATIO, "id": "day", "kind": "daily"}
    lab.install(["power", "flow", "hours"], metrics=[use, daily])
    lab.thing("a")
    at_ms = np.arange(1, 6 * 24 * 4 + 1, dtype=np.int64) * 10 * M
    total = 990.0 + np.arange(at_ms.size) / 6.0
    on_time = (at_ms <= DAY) | (at_ms > 3 * DAY)
    for signal, values in (("hours", total % 1000.0), ("power", total), ("flow", total / 2.0)):
        lab.telemetry.add("a", signal, at_ms[on_time], values[on_time])
    lab.advance(4 * DAY, step_ms=6 * H)
    before = lab.points("a", "used")
    assert sum(before[1]) == pytest.approx(total[-1] - total[0])
    assert len(lab.points("a", "day")[0]) == 3  # of the second day the reading of midnight only
    for signal, values in (("hours", total % 1000.0), ("power", total), ("flow", total / 2.0)):
        lab.telemetry.add("a", signal, at_ms[~on_time], values[~on_time])
    lab.arrivals.late = {"a": DAY + 10 * M}
    lab.advance(4 * DAY + 10 * M)
    times, values = lab.points("a", "used")
    assert len(times) == at_ms.size
    assert sum(values) == pytest.approx(total[-1] - total[0])
    assert lab.points("a", "day")[1] == pytest.approx([2.0] * 4)


def test_a_metric_reads_like_a_signal_also_after_a_rollback_and_from_the_store(lab: Any) -> None:
    lab.install(["power", "flow"], metrics=[RATIO])
    lab.thing("a")
    readings(lab, "a", "power", np.arange(1.0, 13.0))
    readings(lab, "a", "flow", np.full(12, 2.0))

    def fails(uow: Any) -> None:
        lab.scheduler.advance(uow, from_ms=0, to_ms=2 * H)
        assert len(lab.points("a", "ratio")[0]) == 12
        raise ConnectionError

    with pytest.raises(ConnectionError):
        lab.do(fails)
    assert lab.points("a", "ratio") == ([], [])
    lab.advance(2 * H)
    wanted = [Reduced("ratio", Take.MEAN, H), Reduced("power", Take.LAST, H)]
    window = lab.series.windows(["a", "b"], wanted, ends_ms=[H, 2 * H])
    assert window.values[0, :, 0].tolist() == [1.75, 4.75]
    assert window.values[1, :, 0].tolist() == [6.0, 12.0]
    assert np.isnan(window.values[0, 0, 1])
    assert window.newest_ms[0, 1].tolist() == [2 * H, -1]
    before = lab.points("a", "ratio")
    lab.series._lines.clear()  # as a new process finds it
    assert lab.points("a", "ratio") == before


def test_everything_wrong_with_what_a_model_declares_is_told_at_once(lab: Any) -> None:
    bad = {**RATIO, "id": "power", "kind": "hourly", "formula": "a / c"}
    session = {"id": "s", "let": {"x": "speed"}, "start": "x > 1.0"}
    cause = {"cause": "c", "signs": [{"signal": "speed", "way": "left"}]}
    check = {"signal": "flow", "frozen": 1}
    with pytest.raises(Invalid) as caught:
        lab.install(
            ["power", "flow"], metrics=[bad], sessions=[session], diagnosis=[cause], quality=[check]
        )
    found = {problem.where for problem in caught.value.problems}
    assert found >= {
        "metrics[0].kind",
        "metrics[0].id",
        "metrics[0].formula",
        "sessions[0].let.x",
        "diagnosis[0].signs[0].signal",
        "diagnosis[0].signs[0].way",
        "quality[0].frozen",
    }
