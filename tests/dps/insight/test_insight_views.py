"""What people are shown: readings, aggregates, comparisons, sessions, wear, peers."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from reference_impl.insight.describing import Kpi, band
from reference_impl.insight.zones import By
from reference_impl.kernel.errors import Invalid

M, H, DAY = 60_000, 3_600_000, 86_400_000
ZONE = "Europe/Rome"
BEGIN = 1_774_566_000_000  # 2026-03-27T00:00+01:00, two days before the clocks change


def season(lab: Any, thing: str = "a", days: int = 5, seed: int = 1, scale: float = 1.0) -> Any:
    """Ten-minute readings with every tenth missing; gives them."""
    at_ms = BEGIN + np.arange(1, days * 144, dtype=np.int64) * 10 * M
    rng = np.random.default_rng(seed)
    keep = rng.random(at_ms.size) > 0.1
    at_ms, values = at_ms[keep], scale * rng.uniform(1.0, 9.0, int(keep.sum()))
    lab.telemetry.add(thing, "power", at_ms, values)
    return at_ms, values


@pytest.mark.feature("DS2")
def test_what_is_shown_is_what_came_in_and_gaps_are_named(lab: Any) -> None:
    lab.install(["power"])
    lab.thing("a", ZONE)
    at_ms, values = season(lab)
    hole = (at_ms < BEGIN + DAY) | (at_ms > BEGIN + DAY + 4 * H)
    lab.telemetry.data["a", "power"] = (at_ms[hole], values[hole])
    views = lab.analytics.views
    shown = lab.ask(views.data, "a", ["power"], BEGIN, BEGIN + 5 * DAY)
    series = shown["series"][0]
    assert shown["time_zone"] == ZONE
    assert series["readings"] == len(series["at_ms"]) == int(hole.sum())
    assert series["values"] == values[hole].tolist()
    assert [g for g in series["gaps"] if g["before_ms"] - g["after_ms"] > 3 * H]
    with pytest.raises(Invalid, match="no signal 'noise'"):
        lab.ask(views.data, "a", ["noise"], 0, DAY)


@pytest.mark.feature("AN2", "DS8")
def test_aggregates_are_those_of_an_oracle_that_groups_by_the_wall_clock(lab: Any) -> None:
    """Also over the day of 23 hours, and with readings that come later than the first answer."""
    lab.install(["power"])
    lab.thing("a", ZONE)
    at_ms, values = season(lab)

    def oracle(at_ms: Any, values: Any) -> dict[str, float]:
        days: dict[str, list[float]] = {}
        for t, v in zip(at_ms.tolist(), values.tolist(), strict=True):
            day = datetime.fromtimestamp(t / 1000, tz=ZoneInfo(ZONE)).strftime("%m-%d")
            days.setdefault(day, []).append(v)
        return {day: sum(found) / len(found) for day, found in days.items()}

    def told() -> dict[str, float]:
        view = lab.analytics.views.aggregates
        asked = {"kpi": Kpi.MEAN, "by": By.DAY, "from_ms": BEGIN, "to_ms": BEGIN + 5 * DAY}
        rows = lab.ask(view, "a", "power", **asked)["items"]
        return {
            datetime.fromtimestamp(r["from_ms"] / 1000, tz=ZoneInfo(ZONE)).strftime("%m-%d"): r[
                "value"
            ]
            for r in rows
            if r["value"] is not None
        }

    assert told() == pytest.approx(oracle(at_ms, values))
    lab.telemetry.add("a", "power", at_ms[:50] + M, np.full(50, 99.0))
    assert told() == pytest.approx(oracle(*lab.telemetry.data["a", "power"]))
    assert told()["03-27"] != pytest.approx(oracle(at_ms, values)["03-27"])


@pytest.mark.feature("DS8")
def test_a_period_is_compared_with_as_long_of_the_one_before_and_with_peers(lab: Any) -> None:
    lab.install(["power"])
    for number, name in enumerate("abcde"):
        lab.thing(name, ZONE)
        season(lab, name, days=3, seed=7, scale=1.0 + number)
    view = lab.analytics.views
    at_ms = BEGIN + DAY + 12 * H
    found = lab.ask(view.comparison, "a", "power", kpi=Kpi.SUM, by=By.DAY, at_ms=at_ms)
    times, values = lab.telemetry.data["a", "power"]
    now = values[(times >= BEGIN + DAY) & (times <= at_ms)].sum()
    before = values[(times >= BEGIN) & (times <= BEGIN + 12 * H)].sum()
    assert (found["value"], found["before"]) == (pytest.approx(now), pytest.approx(before))
    assert found["change_pct"] == pytest.approx(100.0 * (now - before) / before)
    asked = {"kpi": Kpi.MEAN, "from_ms": BEGIN, "to_ms": BEGIN + 2 * DAY}
    places = [lab.ask(view.benchmark, t, "power", **asked)["percentile"] for t in "abcde"]
    assert places == pytest.approx([10.0, 30.0, 50.0, 70.0, 90.0])


@pytest.mark.feature("DS9")
@pytest.mark.parametrize("seed", range(5))
def test_sessions_begin_and_end_within_one_evaluation_and_do_not_overlap(
    lab: Any, seed: int
) -> None:
    """Stop is start negated; begin and end are those of the truth, rounded up to the minute."""
    kind = {
        "id": "job",
        "every_s": 60,
        "stale_s": 120,
        "let": {"p": "power"},
        "start": "p > 5.0",
        "watch": ["power"],
    }
    lab.install(["power"], sessions=[kind])
    lab.thing("a")
    rng = np.random.default_rng(seed)
    spans, at = [], 0
    for _ in range(12):
        begin = at + int(rng.integers(120_000, 3_000_000))
        at = begin + int(rng.integers(200_000, 3_000_000))
        spans.append((begin, at))
    times = np.arange(0, at + H, 20_000, dtype=np.int64)
    on = np.zeros(times.size, dtype=bool)
    for begin, end in spans:
        on |= (times >= begin) & (times < end)
    lab.telemetry.add("a", "power", times, np.where(on, 8.0, 1.0))
    found = lab.ask(lab.analytics.views.sessions, "a", "job", 0, at + H)
    assert len(found) == len(spans)
    for row, (begin, end) in zip(found, spans, strict=True):
        assert 0 <= row["begin_ms"] - begin <= 80_000  # a report of 20 s and an evaluation
        assert 0 <= row["end_ms"] - end <= 80_000
        assert row["metrics"]["power"]["max"] == 8.0
    assert all(a["end_ms"] <= b["begin_ms"] for a, b in pairwise(found))


@pytest.mark.feature("SP14")
def test_the_status_of_wear_changes_its_band_at_100_percent_and_at_tolerance(lab: Any) -> None:
    assert [band(w, 20.0) for w in (None, 0.0, 99.9, 100.0, 119.9, 120.0)] == [
        "unknown", "good", "good", "due", "due", "overdue",
    ]  # fmt: skip
    wear = {
        "id": "kit",
        "position": "seal",
        "algorithm": "linear_use",
        "params": {"signal": "hours", "standard_use": 100.0, "tolerance_pct": 20.0},
    }
    lab.install(["hours"], conditions=[wear])
    lab.thing("a")
    at_ms = np.arange(0, 10 * DAY + 1, H, dtype=np.int64)
    lab.telemetry.add("a", "hours", at_ms, at_ms / H / 2.0)
    bands = []
    for day in range(1, 11):
        lab.advance(day * DAY)
        (row,) = lab.ask(lab.analytics.views.wear, "a")
        bands.append(row["band"])
    assert bands == ["good"] * 8 + ["due"] + ["overdue"]


AHEAD = [
    {
        "id": "full_in", "kind": "forecast", "title": "Full in", "unit": "%",
        "algorithm": "fill_forecast",
        "params": {"signal": "fill", "full": 100.0, "emptied_drop": 30.0},
    },
    {
        "id": "hub_due", "kind": "forecast", "position": "hub", "algorithm": "linear_use",
        "params": {"signal": "turns", "standard_use": 1000.0},
    },
    {
        "id": "belt_due", "kind": "forecast", "position": "belt", "algorithm": "linear_use",
        "params": {"standard_use": 2400.0},
    },
]  # fmt: skip


@pytest.mark.feature("AN4")
def test_forecasts_are_made_when_asked_and_say_full_or_due_with_an_interval(lab: Any) -> None:
    """Three points an hour, emptied every 30 h; ten turns a day; a hub fitted on day 20.

    A level is the median of two hours.
    """
    lab.install(["fill", "turns"], metrics=AHEAD)
    lab.thing("a")
    at_ms = np.arange(1, 28 * 24 + 1, dtype=np.int64) * H
    lab.telemetry.add("a", "fill", at_ms, 3.0 * ((at_ms // H) % 30))
    lab.telemetry.add("a", "turns", at_ms, 10.0 * at_ms / DAY)
    views = lab.analytics.views
    views._fitted = lambda _conn, _thing, position: [20 * DAY] if position == "hub" else []
    full, hub, belt = lab.ask(views.forecasts, "a", 28 * DAY)

    assert full["ends"] == "full"
    assert full["level"] == full["share_pct"] == pytest.approx(36.0, abs=2.0)
    assert full["p10_ms"] < full["p50_ms"] < full["p90_ms"]
    assert full["p50_ms"] == pytest.approx(28 * DAY + 64 / 3 * H, abs=3 * H)
    assert hub["ends"] == "due"
    assert hub["level"] == pytest.approx(80.0, abs=1.0)
    assert hub["p50_ms"] == pytest.approx(28 * DAY + 92 * DAY, abs=DAY)
    assert belt["share_pct"] == pytest.approx(100.0 * 28 / 100, abs=0.1)
    assert lab.feed == []
    assert "full_in" not in lab.analytics.computing.declared("machine-1").names
