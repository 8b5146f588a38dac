from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.oracles.availability import classify, parse_clause, periods, settle
from harness.scenario.schema import Contract
from harness.scenario.units import parse_instant

readings = st.lists(st.tuples(st.integers(0, 1000), st.booleans()), unique_by=lambda r: r[0]).map(
    sorted
)


@given(readings, st.integers(1, 300), st.data())
def test_classes_partition_the_period_and_losing_a_reading_never_helps(rows, hold, data) -> None:
    up, down, unknown = classify(rows, 200, 800, hold)
    assert up + down + unknown == 600
    assert min(up, down, unknown) >= 0
    if rows:
        gone = data.draw(st.sampled_from(rows))
        assert classify([r for r in rows if r != gone], 200, 800, hold)[0] <= up


@given(readings, st.integers(1, 300))
def test_the_sums_are_those_of_asking_at_every_millisecond(rows, hold) -> None:
    counts = [0, 0, 0]
    for moment in range(200, 800):
        near = [is_up for at, is_up in rows if at <= moment < at + hold]
        counts[0 if any(near) else 1 if near else 2] += 1
    assert classify(rows, 200, 800, hold) == tuple(counts)


@pytest.mark.parametrize("text", ["a", "a > b", "a > 1 && b > 1", "> 1", "a => 1"])
def test_a_clause_that_only_a_dps_can_evaluate_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(ScenarioError, match="write the clause so"):
        parse_clause(text)


def test_a_clause_is_signal_operator_number() -> None:
    clause = parse_clause(" able >= 0.5 ")
    assert clause.holds(0.5)
    assert not clause.holds(0.4)


def test_periods_are_utc_months_from_the_start_on() -> None:
    start, end = parse_instant("2025-12-15T00:00:00Z"), parse_instant("2026-02-28T23:59:00Z")
    found = list(periods(start, end))
    assert [p.name for p in found] == ["2025-12", "2026-01"]
    assert found[0].from_ms == start
    assert found[1].to_ms == parse_instant("2026-02-01T00:00:00Z")


@pytest.mark.parametrize(
    ("up", "fee", "credit"),
    [
        (1000, 15.0, 0.0),
        (990, 15.0, 0.0),  # exactly on target
        (989, 15.0, 0.75),  # one step of 5 %
        (900, 15.0, 3.0),  # capped at 20 %
    ],
)
def test_the_fee_of_half_a_month_and_its_credit_are_exact(
    up: int, fee: float, credit: float
) -> None:
    contract = Contract(fee_eur=30.0, target=0.99, credit_pct_per_step=5.0)
    start, end = parse_instant("2026-04-16T00:00:00Z"), parse_instant("2026-05-01T00:00:00Z")
    (period,) = periods(start, end)
    assert settle(contract, period, up_ms=up, total_ms=1000) == (fee, credit)
