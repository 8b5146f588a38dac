"""Interval classes and what they come to: pure functions under any reports and agreements."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.outcomes.contracts import agreement as k
from reference_impl.outcomes.contracts import classes as c
from reference_impl.outcomes.contracts import periods as p
from reference_impl.outcomes.contracts.domain import Interval, Klass, classify

FROM, TO = 20, 120
UP, DOWN, DEGRADED, IDLE = "up", "down", "degraded", "idle"
said = st.sampled_from([UP, UP, DOWN, DEGRADED])
reports = st.lists(st.tuples(st.integers(0, 140), said), max_size=30, unique_by=lambda r: r[0])
spans = st.lists(st.tuples(st.integers(0, 140), st.integers(1, 30)), max_size=3)
TERMS = {
    "things": ["a", "b", "c"], "fee_eur": 100.0, "target": 0.9, "step": 0.01,
    "credit_pct_per_step": 3.0, "cap_pct": 25.0, "up_when": "x > 0.5", "unknown_after_s": 0.01,
    "grace_s": 9.0, "objection_s": 0.0, "bonus_pct_per_step": 1.0, "bonus_cap_pct": 5.0,
}  # fmt: skip


def classified(rows, hold):
    rows = sorted(rows)
    at = np.array([t for t, _ in rows], dtype=np.int64)
    flags = {x: np.array([what == x for _, what in rows], dtype=bool) for x in (UP, DEGRADED, IDLE)}
    return classify(
        at, flags[UP], from_ms=0, to_ms=140, hold_ms=hold, degraded=flags[DEGRADED],
        idle=flags[IDLE],
    )  # fmt: skip


def patches(found, klass, thing):
    return [
        {"thing": thing, "from_ms": a, "to_ms": a + n, "class": klass, "reason": "r"}
        for a, n in found
    ]


def frozen(things, hold, *, rectify=0, group=None, agreed=((), (), ()), allowance=None, **more):
    terms = {**TERMS, "rectify_s": rectify / 1000, **more}
    terms["planned_allowance_s"] = allowance
    if group is not None:
        terms["groups"] = [{"id": "g", "things": ["a", "b", "c"], "k": group}]
    planned, excluded, flags = agreed
    return {
        "period": "2026-01", "from_ms": FROM, "to_ms": TO, "month_ms": 1000, "version": 1,
        "terms": k.whole(terms), "baselining": False, "gain": None, "corrections": [],
        "suspended": [],
        "reports": {name: p.plain(classified(rows, hold)) for name, rows in things.items()},
        "windows": patches(planned, "PLANNED", "a"),
        "exclusions": patches(excluded, "EXCLUDED", None),
        "flags": patches(flags, "UNKNOWN", "b"),
    }  # fmt: skip


@pytest.mark.feature("K1", "K2", "K4", "K7")
@given(
    st.tuples(reports, reports, reports), st.integers(1, 25), st.integers(0, 30),
    st.sampled_from([None, 1, 2, 3]), st.tuples(spans, spans, spans),
    st.sampled_from([None, 0.01]), st.data(),
)  # fmt: skip
@settings(deadline=None, derandomize=True, max_examples=60)
def test_sending_less_never_raises_a_figure_and_classes_partition_whatever_is_agreed(
    rows, hold, rectify, group, agreed, allowance, data
):
    """Any readings, any deletion, any windows, exclusions, flags, k of n and rectification."""
    whole = dict(zip("abc", rows, strict=True))
    less = {
        name: [row for row in mine if data.draw(st.booleans(), label="kept")]
        for name, mine in whole.items()
    }
    how = {"rectify": rectify, "group": group, "agreed": agreed, "allowance": allowance}
    before, shown = p.result_of(frozen(whole, hold, **how))
    after, _ = p.result_of(frozen(less, hold, **how))

    assert after["availability"] <= before["availability"]
    assert after["credit_eur"] - after["bonus_eur"] >= before["credit_eur"] - before["bonus_eur"]
    assert 0.0 <= before["availability"] <= 1.0
    assert 0.0 <= before["credit_eur"] <= 0.25 * before["fee_eur"] + 0.01
    for intervals in shown.values():
        assert (intervals[0]["from_ms"], intervals[-1]["to_ms"]) == (FROM, TO)
        assert all(a["to_ms"] == b["from_ms"] for a, b in pairwise(intervals))


@pytest.mark.feature("K7")
@given(
    st.lists(
        st.tuples(st.integers(0, 140), st.sampled_from([UP, DOWN, IDLE])), max_size=40,
        unique_by=lambda r: r[0],
    ),
    st.integers(1, 25), st.data(),
)  # fmt: skip
@settings(deadline=None, derandomize=True, max_examples=40)
def test_sending_less_never_raises_a_figure_of_time_that_only_counts_at_times(rows, hold, data):
    less = [row for row in rows if data.draw(st.booleans(), label="kept")]
    found = [
        p.result_of(frozen(dict.fromkeys("abc", each), hold, counts_when="y > 0.5"))[0]
        for each in (rows, less)
    ]
    assert found[1]["availability"] <= found[0]["availability"]


def one(rows, **how):
    return p.result_of(frozen({"a": rows, "b": [], "c": []}, 10, **how))


def steady(*down):
    """Up at every fifth instant but in the stretches ``down``."""
    return [(t, DOWN if any(a <= t < b for a, b in down) else UP) for t in range(0, 140, 5)]


@pytest.mark.feature("K4")
def test_a_failure_mended_in_time_counts_as_available_and_one_that_was_not_from_its_beginning():
    """The report before a stop vouches for 10 more: stops of 40 and 10 last 35 and 5."""
    things = {"a": steady((30, 70), (100, 110)), "b": steady(), "c": steady()}
    lenient, shown = p.result_of(frozen(things, 10, rectify=10))
    strict, _ = p.result_of(frozen(things, 10, rectify=0))
    generous, _ = p.result_of(frozen(things, 10, rectify=35))
    assert (strict["down_ms"], strict["charged_ms"], strict["failures"]) == (40, 40, 2)
    assert (lenient["down_ms"], lenient["charged_ms"], lenient["failures"]) == (40, 35, 1)
    assert (generous["charged_ms"], generous["failures"]) == (0, 0)
    charged = [each.get("charged", True) for each in shown["a"] if each["class"] == "DOWN"]
    assert charged == [True, False]


@pytest.mark.feature("K4")
def test_a_failure_over_the_end_of_a_period_is_one_failure_for_the_rectification_rule():
    """It stands from 110 on (105 + 10 = 115 is vouched for) to 135: too long, in either period."""
    things = {"a": steady((110, 135)), "b": steady(), "c": steady()}
    result, _ = p.result_of(frozen(things, 10, rectify=10))
    assert (result["down_ms"], result["charged_ms"]) == (5, 5)


@pytest.mark.feature("K10", "ST7")
def test_a_station_is_up_while_k_of_its_n_are_not_while_they_are_on_average():
    apart = {"a": steady((30, 50)), "b": steady((60, 80)), "c": steady((90, 110))}
    at_once = {"a": steady((30, 50)), "b": steady((30, 50)), "c": steady()}
    found = [
        [p.result_of(frozen(things, 10, group=n))[0]["availability"] for n in (1, 2, 3)]
        for things in (apart, at_once)
    ]
    assert found == [[1.0, 1.0, 0.55], [1.0, 0.85, 0.85]]
    groups = p.result_of(frozen(at_once, 10, group=2))[0]["groups"]
    assert groups == {"g": {"up_ms": 85, "down_ms": 15, "unknown_ms": 0}}


@pytest.mark.feature("K10")
def test_planned_work_on_one_of_two_takes_nothing_out_while_enough_are_left():
    things = {"a": steady((40, 60)), "b": steady(), "c": steady()}
    planned = (((40, 20),), (), ())
    two, _ = p.result_of(frozen(things, 10, group=2, agreed=planned))
    three, _ = p.result_of(frozen(things, 10, group=3, agreed=planned))
    assert two["groups"]["g"] == {"up_ms": 100, "down_ms": 0, "unknown_ms": 0}
    assert three["groups"]["g"] == {"up_ms": 80, "down_ms": 0, "unknown_ms": 0, "planned_ms": 20}


@pytest.mark.feature("AS1")
def test_the_figure_is_that_of_the_formula():
    """(T - PLANNED - EXCLUDED - DOWN - d DEGRADED) / (T - PLANNED - EXCLUDED), by hand."""
    rows = steady((30, 50))
    rows = [(t, DEGRADED if 90 <= t < 110 else what) for t, what in rows]
    things = {"a": rows, "b": steady(), "c": steady()}
    result, shown = p.result_of(
        frozen(things, 10, agreed=(((60, 10),), ((70, 5),), ()), degraded_weight=0.4)
    )
    # down 35 to 50, degraded 95 to 110, planned 60 to 70 of a, excluded 70 to 75 of all
    counted = 3 * 100 - 10 - 15
    assert (result["down_ms"], result["degraded_ms"]) == (15, 15)
    assert (result["planned_ms"], result["excluded_ms"]) == (10, 15)
    kpi = 1 - (15 + Fraction(2, 5) * 15) / counted
    assert result["availability"] == pytest.approx(float(kpi), abs=1e-9)
    assert shown["a"][0]["class"] == "UP"


@pytest.mark.feature("K12")
def test_time_in_which_the_data_are_not_to_be_believed_is_unknown_whatever_they_say():
    things = dict.fromkeys("abc", steady())
    result, shown = p.result_of(frozen(things, 10, agreed=((), (), ((40, 30),))))
    assert result["things"]["b"] == {"up_ms": 70, "down_ms": 0, "unknown_ms": 30}
    assert [each["reason"] for each in shown["b"] if each["class"] == "UNKNOWN"] == ["r"]


def test_planned_work_beyond_the_allowance_counts_as_reports_say():
    windows = [Interval(a, b, Klass.PLANNED) for a, b in ((10, 20), (15, 30), (50, 60))]
    assert [x[:2] for x in c.allowed(windows, 25)] == [(10, 20), (20, 30), (50, 55)]
    assert c.allowed(windows, None) == windows


def test_what_does_not_go_together_is_told_at_once():
    said = k.whole(
        {
            **TERMS, "counts_when": "x > 0", "degraded_when": "x > 0", "rectify_s": 60.0,
            "grace_s": 0.0, "baseline_days": 30, "exclusions": ["customer_connectivity"],
            "groups": [{"id": "a", "things": ["a", "z"], "k": 3}],
        }
    )  # fmt: skip
    found = [problem.where for problem in k.contradictions(said)]
    assert found == [
        "degraded_when", "rectify_s", "groups", "grace_s", "exclusions", "groups[0].id",
        "groups[0].k", "groups[0].things", "baseline_days",
    ]  # fmt: skip
    assert [one.where for one in k.contradictions(k.whole({"things": ["a"]}))] == [
        "fee_eur", "target", "up_when",
    ]  # fmt: skip
