"""Conditions: the inverse law, monotone wear, the forecast, reset by a fitted part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference_impl.insight import domain as d
from reference_impl.kernel.errors import Invalid
from reference_impl.published import PartFitted

M, H, DAY = 60_000, 3_600_000, 24 * 3_600_000
K, BASE, LIMIT = 3.6, 1.2, 6.0
PARAMS = d.RiseParams(
    signal="vibration_mm_s",
    limit=LIMIT,
    curvature=K,
    baseline_ms=2 * DAY,
    window_ms=DAY,
    trend_ms=7 * DAY,
    where=None,
)


def law(u: Any) -> Any:
    """The level at damage ``u`` in [0, 1]: the truth that the estimate has to invert."""
    return BASE + (LIMIT - BASE) * np.expm1(K * np.asarray(u)) / np.expm1(K)


def wear_out(
    rig: Any, *, onset_d: float, life_d: float, days: float, noise: float, seed: int = 5
) -> None:
    """Ten-minute readings of a machine that wears linearly in time from ``onset_d`` on."""
    at_ms = np.arange(10 * M, round(days * DAY), 10 * M)
    u = np.clip((at_ms / DAY - onset_d) / life_d, 0.0, 1.0)
    rng = np.random.default_rng(seed)
    shocks = rng.normal(0.0, noise * np.sqrt(1 - 0.85**2), at_ms.size)
    ar1 = np.empty(at_ms.size)
    level = 0.0
    for index, shock in enumerate(shocks):  # AR(1) 0.85, as the degradation template has it
        level = 0.85 * level + shock
        ar1[index] = level
    rig.telemetry.add("pump-01", "vibration_mm_s", at_ms, law(u) * np.exp(ar1))


def wear_events(rig: Any) -> list[Any]:
    return [event for event in rig.feed if event.kind == "condition.evaluated"]


@pytest.mark.parametrize("u", [0.01, 0.2, 0.5, 0.9, 1.0, 1.1])
def test_the_inverse_law_returns_the_damage_that_made_the_level(u: float) -> None:
    level = d.Level(value=float(law(u)), readings=100, mid_ms=0)
    raw_pct = d.raw_wear_pct(level, d.Baseline(BASE, 0.0, 0.0), PARAMS)
    assert raw_pct == pytest.approx(100 * u, rel=1e-9)


def test_a_rise_within_two_standard_errors_is_no_wear() -> None:
    baseline = d.Baseline(level=BASE, sd=0.1, rho=0.0)
    # the standard error of 100 independent readings is 0.01
    inside = d.raw_wear_pct(d.Level(BASE + 0.0199, 100, 0), baseline, PARAMS)
    outside = d.raw_wear_pct(d.Level(BASE + 0.0201, 100, 0), baseline, PARAMS)
    assert inside == 0.0
    assert outside is not None
    assert outside > 0.0
    correlated = baseline._replace(rho=0.8)  # nine times the variance: 0.03
    assert d.raw_wear_pct(d.Level(BASE + 0.0599, 100, 0), correlated, PARAMS) == 0.0


@pytest.mark.parametrize("u", [0.01, 0.2, 0.5, 0.9, 1.0, 1.1])
def test_where_causes_add_in_squares_the_inverse_law_returns_the_damage_too(u: float) -> None:
    squares = replace(PARAMS, combine=d.Combine.SQUARES)
    part = np.sqrt(LIMIT**2 - BASE**2) * np.expm1(K * u) / np.expm1(K)
    level = d.Level(value=float(np.hypot(BASE, part)), readings=100, mid_ms=0)
    raw_pct = d.raw_wear_pct(level, d.Baseline(BASE, 0.0, 0.0), squares)
    assert raw_pct == pytest.approx(100 * u, rel=1e-6)
    # Read as a sum the same level means less: up to 20 points, the error that this mends.
    as_sum_pct = d.raw_wear_pct(level, d.Baseline(BASE, 0.0, 0.0), PARAMS)
    assert as_sum_pct is not None
    assert u >= 1.0 or as_sum_pct < 100 * u


def test_in_squares_a_rise_counts_from_three_standard_errors_and_after_a_whole_window() -> None:
    squares = replace(PARAMS, combine=d.Combine.SQUARES)
    baseline = d.Baseline(level=BASE, sd=0.1, rho=0.0)
    inside = d.raw_wear_pct(d.Level(BASE + 0.0299, 100, 0), baseline, squares)
    outside = d.raw_wear_pct(d.Level(BASE + 0.0301, 100, 0), baseline, squares)
    assert inside == 0.0
    assert outside is not None
    assert outside > 10.0
    rising = [d.Point(h * H, 30.0) for h in range(0, 24, 6)]
    assert d.wear_pct(5.0, rising, squares) == 5.0
    assert d.wear_pct(5.0, [*rising, d.Point(DAY, 31.0)], squares) == 31.0
    broken = [rising[0], d.Point(6 * H, 0.0), *rising[2:], d.Point(DAY, 31.0)]
    assert d.wear_pct(5.0, broken, squares) == 5.0
    assert d.wear_pct(5.0, rising, PARAMS) == 30.0


def test_a_machine_that_is_healthy_beyond_its_limit_is_not_judged() -> None:
    assert d.raw_wear_pct(d.Level(7.0, 100, 0), d.Baseline(LIMIT, 0.1, 0.0), PARAMS) is None


def test_the_level_shrugs_off_a_tenth_of_wild_readings() -> None:
    values = np.array([1.0] * 95 + [50.0] * 5)
    level = d.level_of(np.arange(100), values)
    assert level is not None
    assert level.value == 1.0


def test_a_straight_line_is_forecast_exactly_and_a_flat_one_not_at_all() -> None:
    points = [d.Point(h * H, 10.0 + 0.5 * h) for h in range(0, 60, 6)]
    found = d.forecast(points, at_ms=60 * H, window_ms=DAY, every_ms=6 * H)
    assert found is not None
    assert found.p50_ms == pytest.approx(180 * H, abs=1000)
    assert found.p10_ms == pytest.approx(found.p90_ms, abs=1000)
    assert found.slope_pct_d == pytest.approx(12.0)
    flat = [p._replace(raw_pct=10.0 + (-1) ** i) for i, p in enumerate(points)]
    assert d.forecast(flat, at_ms=60 * H, window_ms=DAY, every_ms=6 * H) is None
    falling = [p._replace(raw_pct=90.0 - p.raw_pct) for p in points]
    assert d.forecast(falling, at_ms=60 * H, window_ms=DAY, every_ms=6 * H) is None


def test_points_before_the_damage_last_vanished_do_not_bend_the_trend() -> None:
    noise = [d.Point(h * H, 0.0) for h in range(0, 60, 6)]
    rise = [d.Point(h * H, 0.5 * (h - 54)) for h in range(60, 120, 6)]
    found = d.forecast([*noise, *rise], at_ms=120 * H, window_ms=DAY, every_ms=6 * H)
    assert found is not None
    assert found.p50_ms == pytest.approx((54 + 200) * H, abs=1000)


def test_wear_is_monotone_and_the_forecast_finds_the_end_of_a_synthetic_bearing(
    rig: Any,
) -> None:
    """Onset day 5, end day 33, 3 % noise: at half life within 15 % of the remaining time.

    Stated band: from 40 % true damage on, wear within 6 points of the truth; the median run-out
    within 15 % of the remaining life plus a day; p10 <= p50 <= p90.
    """
    rig.install("pump-01")
    wear_out(rig, onset_d=5, life_d=28, days=31, noise=0.03)

    rig.advance(31 * DAY)

    with rig.store.read() as conn:
        history = rig.insight.listed(conn, "history", thing="pump-01")
    wear = [row["wear_pct"] for row in history]
    assert wear == sorted(wear)
    late = [row for row in history if row["at_ms"] >= (5 + 0.4 * 28) * DAY]
    assert len(late) > 50
    for row in late:
        lag_d = 0.5  # the window looks half a day back on average
        truth_pct = 100 * (row["at_ms"] / DAY - 5 - lag_d) / 28
        assert row["wear_pct"] == pytest.approx(truth_pct, abs=6.0)
        left_d = 33 - row["at_ms"] / DAY
        said_d = row["runout_p50_ms"] / DAY - row["at_ms"] / DAY
        assert said_d == pytest.approx(left_d, abs=0.15 * left_d + 1.0)
    for event in wear_events(rig):
        p10, p50, p90 = (event.data[f"runout_{q}_ms"] for q in ("p10", "p50", "p90"))
        assert (p10 is None) == (p50 is None) == (p90 is None)
        assert p10 is None or p10 <= p50 <= p90


@pytest.mark.parametrize("seed", range(6))
def test_a_healthy_machine_shows_little_wear_and_no_run_out_within_a_month(
    rig: Any, seed: int
) -> None:
    rig.install("pump-01")
    wear_out(rig, onset_d=999, life_d=28, days=40, noise=0.03, seed=seed)

    rig.advance(40 * DAY)

    events = wear_events(rig)
    assert events
    assert max(event.data["wear_pct"] for event in events) < 20.0
    soon = [e for e in events if (e.data["runout_p10_ms"] or 1e15) - e.at_ms < 24 * DAY]
    assert soon == []


def test_news_is_told_when_wear_moves_and_once_a_day_otherwise(rig: Any) -> None:
    rig.install("pump-01")
    at_ms = np.arange(10 * M, 6 * DAY, 10 * M)
    rig.telemetry.add("pump-01", "vibration_mm_s", at_ms, np.full(at_ms.size, BASE))
    rig.advance(6 * DAY)

    told = [event.at_ms // H for event in wear_events(rig)]
    assert told == [54, 78, 102, 126]  # the first reading was after 0 h, so 54 h and not 48 h
    assert wear_events(rig)[0].data == {
        "condition": "bearing_wear",
        "position": "bearing",
        "wear_pct": 0.0,
        "cycle": 1,
        "algorithm": "exponential_rise/1",
        "runout_p10_ms": None,
        "runout_p50_ms": None,
        "runout_p90_ms": None,
        "evidence": {
            "signal": "vibration_mm_s",
            "limit": 6.0,
            "baseline": 1.2,
            "noise": 0.0,
            "level": 1.2,
            "raw_pct": 0.0,
        },
    }


def test_a_fitted_part_starts_a_cycle_with_no_wear_and_a_baseline_of_its_own(rig: Any) -> None:
    rig.install("pump-01")
    at_ms = np.arange(10 * M, 4 * DAY, 10 * M)
    values = np.where(at_ms < 2 * DAY + H, BASE, 4.0)
    rig.telemetry.add("pump-01", "vibration_mm_s", at_ms, values)
    rig.advance(4 * DAY)
    assert wear_events(rig)[-1].data["wear_pct"] > 80

    data = {"position": "bearing", "part": "x", "serial": "s", "cycle": 2, "work_order": "w"}
    event = PartFitted(at_ms=4 * DAY, kind="part.fitted", subject="pump-01", data=data)
    rig.do(lambda uow: uow.publish(event))
    after_ms = np.arange(4 * DAY + 10 * M, 8 * DAY, 10 * M)
    rig.telemetry.add("pump-01", "vibration_mm_s", after_ms, np.full(after_ms.size, 1.4))
    rig.advance(8 * DAY)

    reset = [e for e in wear_events(rig) if e.at_ms >= 4 * DAY and e.data["cycle"] == 2]
    assert (reset[0].at_ms, reset[0].data["wear_pct"]) == (4 * DAY, 0.0)
    assert [e.data["wear_pct"] for e in reset] == [0.0] * len(reset)
    with rig.store.read() as conn:
        (shown,) = rig.insight.conditions_of(conn, "pump-01")
    assert (shown["cycle"], shown["baseline"], shown["wear_pct"]) == (2, 1.4, 0.0)


def test_readings_count_only_while_the_machine_runs_where_the_condition_says_so(
    make_rig: Callable[[], Any],
) -> None:
    from_idle = make_rig()
    entry = {
        "id": "bearing_wear",
        "position": "bearing",
        "algorithm": "exponential_rise",
        "version": "1",
        "every_s": 21_600,
        "params": {
            "signal": "vibration_mm_s",
            "limit": LIMIT,
            "baseline_s": 172_800,
            "window_s": 86_400,
            "trend_s": 604_800,
            "where": {"signal": "power_kw", "above": 0.5},
        },
    }
    from_idle.install("pump-01", condition=entry)
    at_ms = np.arange(10 * M, 4 * DAY, 10 * M)
    running = (at_ms // (10 * M)) % 3 == 0
    from_idle.telemetry.add("pump-01", "vibration_mm_s", at_ms, np.where(running, BASE, 0.0))
    from_idle.telemetry.add("pump-01", "power_kw", at_ms, np.where(running, 7.0, 0.0))
    from_idle.advance(4 * DAY)
    evidence = wear_events(from_idle)[-1].data["evidence"]
    assert (evidence["baseline"], evidence["level"]) == (BASE, BASE)


def test_everything_wrong_with_the_conditions_of_a_model_is_told_at_once(rig: Any) -> None:
    bad = {
        "id": "bearing_wear",
        "position": "",
        "algorithm": "neural",
        "version": "1",
        "every_s": 0,
        "params": {},
        "extra": 1,
    }
    with pytest.raises(Invalid) as refused:
        rig.install("pump-01", condition=bad)
    assert [p.where for p in refused.value.problems] == [
        "conditions[0].position",
        "conditions[0].every_s",
        "conditions[0].algorithm",
        "conditions[0].extra",
    ]
    params = {"signal": "vibration", "limit": "6", "curvature": 0, "window_s": 1, "trend_s": 1}
    params["combine"] = "product"
    with pytest.raises(Invalid) as refused:
        rig.install("pump-01", condition={**bad, "algorithm": "exponential_rise", "params": params})
    places = {p.where for p in refused.value.problems}
    assert {
        f"conditions[0].params.{k}" for k in ("signal", "limit", "curvature", "combine")
    } < places
    assert "conditions[0].params.baseline_s" in places
