"""Meters: what was used, exactly, whatever happens to the register and to the readings."""

from __future__ import annotations

import itertools
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.outcomes.money import meters as m
from reference_impl.outcomes.money import rating as r

H, DAY = 3_600_000, 86_400_000
HOURS = m.Meter(signal="hours", unit="h")


def used(meter, readings, from_ms, to_ms):
    at_ms = np.array([at for at, _ in readings], dtype=np.int64)
    values = np.array([value for _, value in readings], dtype=np.float64)
    return m.used(meter, at_ms, values, from_ms=from_ms, to_ms=to_ms)


def counting(uses, *, rollover=None, resets=()):
    """What a register shows after uses of an hour each, and what was used by then."""
    shown, true = [(0, 0.0)], [Decimal(0)]
    value = Decimal(0)
    for number, use in enumerate(uses, start=1):
        value = use if number in resets else value + use
        if rollover is not None:
            value %= rollover
        shown.append((number * H, float(value)))
        true.append(true[-1] + use)
    return shown, true


tenths = st.integers(0, 40).map(lambda n: Decimal(n) / 10)


@pytest.mark.feature("PM4")
@given(
    uses=st.lists(tenths, min_size=2, max_size=40),
    keep=st.lists(st.booleans(), min_size=41, max_size=41),
    twice=st.lists(st.booleans(), min_size=41, max_size=41),
    cut=st.integers(0, 40),
)
def test_neither_rollover_nor_duplicates_nor_missing_readings_nor_a_cut_change_the_bill(
    uses, keep, twice, cut
):
    """The register goes round at 100; readings at both ends are there, any others may be lost."""
    shown, true = counting(uses, rollover=Decimal(100))
    last, meter = len(uses), m.Meter(signal="hours", unit="h", rollover=100.0)
    if any(true[b] - true[a] >= 50 for a, b in _neighbours(keep, last)):
        return  # more than half a round between two readings is a reset to any meter
    readings = [
        one for a, one in enumerate(shown) if a in (0, last) or keep[a]
        for _ in range(1 + twice[a])
    ]  # fmt: skip
    whole = used(meter, readings, 0, last * H)
    assert whole.quantity == true[-1]
    at = min(cut, last) * H
    first, second = used(meter, readings, 0, at), used(meter, readings, at, last * H)
    assert first.quantity + second.quantity == whole.quantity, "CC19: no gap, no overlap"


def _neighbours(keep, last):
    there = [a for a in range(last + 1) if a in (0, last) or keep[a]]
    return itertools.pairwise(there)


@pytest.mark.feature("PM4")
def test_after_a_reset_counts_what_stands_there_and_the_bill_says_so():
    shown, true = counting([Decimal(5)] * 6, resets=(4,))
    found = used(HOURS, shown, 0, 6 * H)
    assert (found.quantity, found.resets, true[-1]) == (30, 1, 30)


@pytest.mark.feature("PM4")
def test_an_impossible_step_counts_nothing_and_the_bill_says_so():
    meter = m.Meter(signal="hours", unit="h", daily_max=24.0)
    found = used(meter, [(0, 0.0), (H, 1.0), (2 * H, 9_999.0), (3 * H, 10_000.0)], 0, 3 * H)
    assert (found.quantity, found.implausible) == (2, 1)


@pytest.mark.feature("AS10")
def test_what_is_fed_back_counts_negative_and_a_net_register_runs_backwards():
    out = m.Meter(signal="kwh_out", unit="kWh", sells=True)
    assert used(out, [(0, 10.0), (H, 12.5)], 0, H).quantity == Decimal("-2.5")
    net = m.Meter(signal="kwh", unit="kWh", kind=m.MeterKind.NET)
    found = used(net, [(0, 10.0), (H, 7.25), (2 * H, 9.0)], 0, 2 * H)
    assert (found.quantity, found.resets) == (Decimal(-1), 0)


@pytest.mark.feature("PM4")
def test_increments_add_up_and_one_at_an_end_belongs_to_what_is_before():
    meter = m.Meter(signal="drawn", unit="m3", kind=m.MeterKind.INCREMENTS)
    rows = [(0, 9.0), (H, 0.1), (2 * H, 0.2), (3 * H, 0.4)]
    assert used(meter, rows, 0, 2 * H).quantity == Decimal("0.3")
    assert used(meter, rows, 2 * H, 3 * H).quantity == Decimal("0.4")


@pytest.mark.feature("PM4")
def test_a_gap_is_listed_and_what_was_used_in_it_goes_where_the_next_reading_lies():
    rows = [(0, 0.0), (DAY, 10.0), (5 * DAY, 50.0)]
    first, second = used(HOURS, rows, 0, 3 * DAY), used(HOURS, rows, 3 * DAY, 6 * DAY)
    assert (first.quantity, first.gaps) == (10, [(DAY, 3 * DAY)])
    assert (second.quantity, second.gaps) == (40, [(3 * DAY, 5 * DAY)])
    assert (first.estimated, second.estimated) == (0, 0)


@pytest.mark.feature("PM4")
def test_an_estimate_says_that_it_is_one_and_later_readings_make_it_right_without_a_rest():
    meter = m.Meter(signal="hours", unit="h", ends=m.Ends.ESTIMATE)
    rows = [(0, 0.0), (DAY, 10.0)]
    guessed = used(meter, rows, 0, 3 * DAY)
    assert (guessed.quantity, guessed.estimated) == (30, 20), "at the rate so far"
    rows.append((5 * DAY, 17.0))
    first, second = used(meter, rows, 0, 3 * DAY), used(meter, rows, 3 * DAY, 5 * DAY)
    assert (first.quantity, first.estimated) == (Decimal("13.5"), Decimal("3.5"))
    assert first.quantity + second.quantity == 17


@given(
    quantity=st.decimals(0, 1000, places=3),
    ends=st.lists(st.integers(1, 500), min_size=1, max_size=4, unique=True).map(sorted),
)
@pytest.mark.feature("PM4")
def test_tiers_take_every_unit_once_at_the_price_of_where_it_lies(quantity, ends):
    tiers = [r.Tier(Decimal(end), Decimal(10 - n)) for n, end in enumerate(ends)]
    slices = r.tiered(quantity, [*tiers, r.Tier(None, Decimal(1))])
    assert sum((one.quantity for one in slices), Decimal(0)) == quantity
    bare = sum(
        (
            (min(quantity, Decimal(end)) - Decimal(begin)) * (10 - n)
            for n, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))
            if quantity > begin
        ),
        max(Decimal(0), quantity - ends[-1]),
    )
    assert abs(r.total(one.amount for one in slices) - bare) <= Decimal("0.005") * len(slices)
    assert all(one.quantity > 0 for one in slices)


@pytest.mark.feature("PM3", "CC19")
@given(price=st.decimals(0, 9999, places=2), cuts=st.lists(st.integers(0, 31 * DAY), max_size=6))
def test_the_parts_of_a_month_cost_what_the_month_costs_whatever_the_cuts(price, cuts):
    month = r.month_named("2026-01")
    edges = sorted({month.from_ms, *(month.from_ms + cut for cut in cuts), month.to_ms})
    parts = [r.prorated(price, month, a, b) for a, b in itertools.pairwise(edges)]
    assert r.total(parts) == price
    assert min(parts) >= 0


@pytest.mark.feature("PM6")
@given(
    amount=st.decimals(-10_000, 10_000, places=2),
    weights=st.lists(st.integers(1, 50), min_size=1, max_size=6),
)
def test_shares_add_up_to_the_cent_and_none_is_off_by_more_than_one(amount, weights):
    whole = Decimal(sum(weights))
    shares = {f"p{n}": 100 * weight / whole for n, weight in enumerate(weights)}
    shares["p0"] += 100 - r.total_pct(shares)
    parts = r.split(amount, shares)
    assert r.total(parts.values()) == amount
    for party, part in parts.items():
        assert abs(part - amount * shares[party] / 100) < Decimal("0.01")


def test_shares_that_are_not_whole_are_refused():
    with pytest.raises(ValueError, match="99 % together"):
        r.split(Decimal(1), {"a": Decimal(99)})
