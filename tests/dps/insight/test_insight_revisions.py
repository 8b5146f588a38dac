"""Wear by usage, revisions of algorithms, flags of data."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from reference_impl.insight.revisions import TRANSITIONS, Revision
from reference_impl.kernel.errors import IllegalStep, Invalid

H, DAY = 3_600_000, 86_400_000
MODEL = "machine-1"


def use(standard: float, **more: Any) -> dict[str, Any]:
    params = {"signal": "hours", "standard_use": standard, **more}
    return {"id": "kit", "position": "seal", "algorithm": "linear_use", "params": params}


def count(lab: Any, thing: str = "a", *, days: int = 60, per_day: float = 12.0) -> None:
    """Hours of service on a register that rolls over at 500, with every third reading missing."""
    at_ms = np.arange(0, days * DAY + 1, 2 * H, dtype=np.int64)
    at_ms = at_ms[np.arange(at_ms.size) % 3 != 1]
    lab.telemetry.add(thing, "hours", at_ms, (400.0 + at_ms / DAY * per_day) % 500.0)


@pytest.mark.feature("SP7")
def test_wear_is_use_since_fitting_and_grows_only_between_resets(lab: Any) -> None:
    """The oracle: 12 hours a day over 300, from the fitting on, whatever the register does."""
    lab.install(["hours"], conditions=[use(300.0, rollover=500.0)])
    lab.thing("a")
    count(lab)
    lab.advance(20 * DAY, step_ms=DAY)
    lab.fit("a", "seal", 20 * DAY)
    lab.advance(40 * DAY, step_ms=DAY)
    rows = lab.history("a", "kit")
    first = [row["wear_pct"] for row in rows if row["cycle"] == 1]
    second = [row["wear_pct"] for row in rows if row["cycle"] == 2]
    assert first == sorted(first)
    assert second == sorted(second)
    assert first[-1] == pytest.approx(20 * 12 / 3.0, abs=2.0)
    assert second[-1] == pytest.approx(20 * 12 / 3.0, abs=2.0)
    told = [e for e in lab.feed if e.kind == "condition.evaluated"][-1].data
    due_ms = 20 * DAY + 25 * DAY
    assert told["runout_p10_ms"] <= due_ms + DAY
    assert told["runout_p50_ms"] == pytest.approx(due_ms, abs=DAY)


@pytest.mark.feature("SP7")
def test_wear_by_time_runs_once_a_day_of_the_location_also_when_clocks_change(lab: Any) -> None:
    kit = {"id": "oil", "position": "oil", "algorithm": "linear_use", "daily_at": "03:15"}
    kit["params"] = {"standard_use": 24.0 * 100}
    lab.install(["hours"], conditions=[kit])
    lab.thing("a", "Europe/Rome")
    begin = 1_774_566_000_000  # 2026-03-27 in Rome: clocks change on the 29th
    lab.now_ms = begin - 1
    lab.fit("a", "oil", begin)
    lab.advance(begin + 5 * DAY, step_ms=6 * H)
    rows = lab.history("a", "oil")
    apart = {b["at_ms"] - a["at_ms"] for a, b in pairwise(rows)}
    assert len(rows) == 5
    assert apart == {23 * H, 24 * H}
    expected = [100.0 * (row["at_ms"] - begin) / (100 * DAY) for row in rows]
    assert [row["wear_pct"] for row in rows] == pytest.approx(expected)


@pytest.mark.feature("SP8")
def test_a_shadow_is_computed_beside_and_drives_nothing_until_it_is_switched_and_back(
    lab: Any,
) -> None:
    lab.install(["hours"], conditions=[{**use(300.0, rollover=500.0), "revision": "old"}])
    lab.thing("a")
    count(lab)
    lab.advance(5 * DAY, step_ms=DAY)
    revising = lab.analytics.revising
    shadow = {**use(150.0, rollover=500.0), "revision": "new"}
    lab.do(revising.add, MODEL, shadow, at_ms=5 * DAY, by="ada")
    lab.advance(10 * DAY, step_ms=DAY)
    told = [e.data["wear_pct"] for e in lab.feed if e.kind == "condition.evaluated"]
    assert max(told) == pytest.approx(40.0, abs=1.0)  # the old one's, though the new one says 80
    (row,) = lab.ask(revising.compared, MODEL, "kit")
    assert row["difference"]["wear_pct"] == pytest.approx(40.0, abs=1.0)

    before = lab.history("a", "kit")
    step = {"at_ms": 10 * DAY, "by": "ada", "why": "fits the field better"}
    lab.do(revising.switch, MODEL, "kit", "new", **step)
    lab.advance(12 * DAY, step_ms=DAY)
    rows = lab.history("a", "kit")
    assert rows[: len(before)] == before  # nothing is rewritten
    assert rows[-1]["wear_pct"] == pytest.approx(96.0, abs=1.0)
    assert [row["revision"] for row in rows] == ["old"] * 10 + ["new"] * 2
    assert [e.data["revision"] for e in lab.feed if e.kind == "condition.switched"] == ["new"]

    lab.do(revising.switch, MODEL, "kit", "old", **{**step, "at_ms": 12 * DAY})
    lab.advance(13 * DAY, step_ms=DAY)
    assert lab.history("a", "kit")[-1]["wear_pct"] == pytest.approx(52.0, abs=1.0)
    listed = {row["revision"]: row for row in lab.ask(revising.listed, MODEL, "kit")}
    assert (listed["old"]["state"], listed["new"]["state"]) == ("active", "shadow")
    assert [s["step"] for s in listed["new"]["steps"]] == ["activate", "replace"]
    with pytest.raises(IllegalStep):
        lab.do(revising.withdraw, MODEL, "kit", "old", at_ms=13 * DAY, by="ada", why="no")
    with pytest.raises(Invalid, match="refused"):
        lab.do(revising.add, MODEL, {**shadow, "position": "x"}, at_ms=13 * DAY, by="ada")


@pytest.mark.feature("SP8")
def test_history_is_rewritten_only_when_that_is_ordered_and_what_it_was_stays(lab: Any) -> None:
    lab.install(["hours"], conditions=[{**use(300.0, rollover=500.0), "revision": "old"}])
    lab.thing("a")
    count(lab)
    lab.advance(10 * DAY, step_ms=DAY)
    before = lab.history("a", "kit")
    # the standard use of the model was wrong: half of it
    lab.install(["hours"], conditions=[{**use(150.0, rollover=500.0), "revision": "new"}])
    assert lab.history("a", "kit") == before
    order = {"from_ms": 4 * DAY, "to_ms": 10 * DAY, "at_ms": 10 * DAY, "by": "ada", "why": "typo"}
    row = lab.do(lab.analytics.revising.recompute, MODEL, "kit", **order)
    after = lab.history("a", "kit")
    assert (row["replaced"], row["written"], len(after)) == (7, 7, len(before))
    assert after[:3] == before[:3]
    for old, new in zip(before[3:], after[3:], strict=True):
        assert new["wear_pct"] == pytest.approx(2.0 * old["wear_pct"])
        assert (old["revision"], new["revision"]) == ("old", "new")
    kept = lab.ask(lambda conn: lab.analytics.insight.listed(conn, "replaced", thing="a"))
    assert [r["wear_pct"] for r in kept] == [r["wear_pct"] for r in before[3:]]


def test_a_condition_is_never_without_an_active_revision() -> None:
    leaving = TRANSITIONS[Revision.ACTIVE]
    assert list(leaving) == ["replace"]
    assert set(TRANSITIONS) == set(Revision)
    assert all(TRANSITIONS[state] for state in Revision)


@pytest.mark.feature("O14")
def test_a_leap_of_a_counter_is_flagged_and_counts_nothing(lab: Any) -> None:
    """50 hours on one day of 24: not the use of any machine, but ten times the possible is."""
    lab.install(["hours"], conditions=[use(300.0, daily_max=24.0)])
    lab.thing("a")
    at_ms = np.arange(0, 10 * DAY + 1, 2 * H, dtype=np.int64)
    leap = np.where(at_ms > 5 * DAY, 50_000.0, 0.0)
    lab.telemetry.add("a", "hours", at_ms, at_ms / DAY * 12.0 + leap)
    lab.advance(10 * DAY, step_ms=DAY)
    flags = [e for e in lab.feed if e.kind.startswith("data.")]
    assert [(e.kind, e.data["flag"], e.data["positions"]) for e in flags] == [
        ("data.flagged", "jump", ["seal"]),
        ("data.cleared", "jump", ["seal"]),
    ]
    wear = [row["wear_pct"] for row in lab.history("a", "kit")]
    assert wear[-1] == pytest.approx(40.0, abs=1.0)


@pytest.mark.feature("O14")
def test_a_rise_that_no_wear_makes_is_flagged_and_not_believed(lab: Any) -> None:
    """A sensor that sticks high: level and wear stand as they were, and go UNKNOWN by age."""
    rise = {
        "id": "wear",
        "position": "bearing",
        "algorithm": "exponential_rise",
        "every_s": 21_600,
        "daily_max_pct": 5.0,
        "params": {"signal": "hum", "limit": 6.0, "baseline_s": 172_800, "window_s": 86_400,
                   "trend_s": 604_800},
    }  # fmt: skip
    lab.install(["hum"], conditions=[rise])
    lab.thing("a")
    at_ms = np.arange(0, 8 * DAY, 600_000, dtype=np.int64)
    hum = np.random.default_rng(1).normal(1.2, 0.05, at_ms.size)
    hum[at_ms > 6 * DAY] = 40.0
    lab.telemetry.add("a", "hum", at_ms, hum)
    lab.advance(8 * DAY, step_ms=6 * H)
    assert max(row["wear_pct"] for row in lab.history("a", "wear")) < 10.0
    (flag,) = [e for e in lab.feed if e.kind == "data.flagged"]
    assert flag.data["flag"] == "jump"
    assert lab.history("a", "wear")[-1]["at_ms"] <= 6 * DAY + 6 * H


def test_range_rate_frozen_and_contradicting_signals_are_flagged_and_cleared(lab: Any) -> None:
    """Domain 6.4, plausibility first; each flag by itself, and none on a healthy thing."""
    checks = [
        {"signal": "level", "min": 0.0, "max": 5.0, "frozen_s": 86_400, "rate_max_per_h": 10.0},
        {
            "signal": "amps",
            "let": {
                "run": {"signal": "run", "take": "min"},
                "i": {"signal": "amps", "take": "max"},
            },
            "cross": "run > 0.5 && i < 0.1",
        },
    ]
    lab.install(["level", "amps", "run"], quality=checks)
    at_ms = np.arange(0, 6 * DAY, 600_000, dtype=np.int64)
    day = at_ms // DAY
    rng = np.random.default_rng(2)
    healthy = rng.normal(2.0, 0.1, at_ms.size)
    levels = {
        "ok": healthy,
        "range": np.where(day == 2, 7.0, healthy),
        "frozen": np.where((day >= 2) & (day < 4), 2.0, healthy),
        "rate": np.where((day == 2) & (np.arange(at_ms.size) % 7 == 0), 4.9, healthy),
        "cross": healthy,
    }
    for thing, level in levels.items():
        lab.thing(thing)
        lab.telemetry.add(thing, "level", at_ms, level)
        amps = np.where((day == 2) & (thing == "cross"), 0.0, 9.0)
        lab.telemetry.add(thing, "amps", at_ms, amps)
        lab.telemetry.add(thing, "run", at_ms, np.ones(at_ms.size))
    lab.advance(6 * DAY, step_ms=6 * H)
    flagged = {(e.subject, e.data["flag"]) for e in lab.feed if e.kind == "data.flagged"}
    assert {(thing, thing) for thing in levels if thing != "ok"} <= flagged
    assert not [thing for thing, _ in flagged if thing == "ok"]
    cleared = {(e.subject, e.data["flag"]) for e in lab.feed if e.kind == "data.cleared"}
    assert cleared == flagged
