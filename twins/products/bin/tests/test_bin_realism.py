"""Realism checks 39 to 46 on the smallest fleet and span that carry them; the bands are given."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from twins.core.streams import Streams
from twins.core.twin import Build
from twins.products import catalog
from twins.products.bin import model
from twins.products.bin.bins import Bins
from twins.products.bin.habits import TICK_MS, TICKS_A_DAY
from twins.products.bin.twin import BinTwin, build

START = 1_775_433_600_000  # a Monday in April
SIZE, WEEKS = 120, 8
Columns = NDArray[np.float64]


def twin(size: int, **params: float) -> BinTwin:
    defaults = {name: param.default for name, param in catalog()["bin"].params.items()}
    return build(
        Build(
            sites=tuple(f"district-{number:02}" for number in range(1, size + 1)),
            devices=tuple(f"bin-{number:02}-1" for number in range(1, size + 1)),
            devices_per_site=1,
            report_every_ms=3 * TICK_MS,
            start_ms=START,
            params=defaults | params,
            streams=Streams(3),
        )
    )


class Season(NamedTuple):
    """What ten weeks of a fleet left behind."""

    bins: Bins
    cycles: list[list[tuple[float, float]]]
    """Per bin: (fill in percent at collection, hours since the one before)."""
    thrown_l: Columns
    """By day and bin."""
    fell: int
    """Ticks in which a fill fell without collection or compaction."""


@pytest.fixture(scope="module")
def season() -> Season:
    bins = twin(SIZE).bins
    cycles: list[list[tuple[float, float]]] = [[] for _ in range(SIZE)]
    last = np.full(SIZE, -1)
    thrown, fell = [np.zeros(SIZE)], 0
    for tick in range(1, WEEKS * 7 * TICKS_A_DAY + 1):
        before = bins.emptied.copy(), bins.compactions.copy(), bins.height_l
        height_l = before[2].copy()
        bins.advance(START + tick * TICK_MS)
        gone, pressed = bins.emptied > before[0], bins.compactions > before[1]
        fell += int(np.sum((bins.height_l < height_l) & ~gone & ~pressed))
        for index in np.flatnonzero(gone).tolist():
            if last[index] >= 0:
                fill_pct = min(float(bins.emptied_pct[index]), 100.0)
                cycles[index].append((fill_pct, (tick - last[index]) / 6.0))
            last[index] = tick
        if tick % TICKS_A_DAY == 0:
            thrown.append(bins.thrown_l.copy())
    return Season(bins, cycles, np.diff(np.array(thrown), axis=0), fell)


def rates(season: Season) -> list[Columns]:
    """Fill rate of each cycle in percent a day, of the bins that have enough cycles."""
    return [
        np.array([24.0 * fill_pct / gap_h for fill_pct, gap_h in cycles])
        for cycles in season.cycles
        if len(cycles) >= 5
    ]


def within(name: str, figure: float, low: float, high: float) -> None:
    print(f"{name}: {figure:.3f}, band {low} to {high}")  # noqa: T201 - the figure is the point
    assert low <= figure <= high, name


def test_39_bins_fill_as_differently_as_those_of_a_city(season: Season) -> None:
    medians = np.sort([np.median(rate) for rate in rates(season)])
    low, middle, high = np.percentile(medians, [5, 50, 95])
    within("fill rate p5, %/d", low, 5.0, 15.0)
    within("fill rate p50, %/d", middle, 25.0, 45.0)
    within("fill rate p95, %/d", high, 60.0, 110.0)
    within("between-site CV", medians.std() / medians.mean(), 0.35, 0.65)
    ranks = 2.0 * np.arange(1, len(medians) + 1) - len(medians) - 1.0
    within("Gini", float(ranks @ medians) / (len(medians) * medians.sum()), 0.3, 0.5)


def test_40_one_bin_fills_unevenly(season: Season) -> None:
    spread = [rate.std() / rate.mean() for rate in rates(season)]
    within("within-site CV of the fill rate", float(np.median(spread)), 0.35, 0.60)


def test_41_most_is_thrown_in_on_saturday_and_least_on_wednesday(season: Season) -> None:
    weekdays = season.thrown_l.reshape(WEEKS, 7, SIZE).sum(axis=(0, 2))
    factors = weekdays / weekdays.mean()
    within("Saturday", float(factors[5]), 1.15, 1.40)
    within("Wednesday", float(factors[2]), 0.80, 0.95)


def test_42_fill_follows_the_gap_as_where_crews_follow_demand(season: Season) -> None:
    slopes = [
        np.polyfit(np.log([gap for _, gap in cycles]), np.log([fill for fill, _ in cycles]), 1)[0]
        for cycles in season.cycles
        if len(cycles) >= 8 and len({gap for _, gap in cycles}) > 2
    ]
    within("elasticity of fill on gap", float(np.mean(slopes)), 0.15, 0.45)


def test_43_bins_are_emptied_when_they_are_nearly_full(season: Season) -> None:
    fills = np.array([fill for cycles in season.cycles for fill, _ in cycles])
    within("fill at collection, mean", fills.mean(), 65.0, 85.0)
    within("fill at collection, sd", fills.std(), 17.0, 25.0)
    within("share at 100 %", float((fills >= 99.5).mean()), 0.08, 0.2)
    within("share below 20 %", float((fills < 20.0).mean()), 0.0, 0.02)


def test_44_gaps_between_collections_are_those_of_a_city(season: Season) -> None:
    gaps = [gap for cycles in season.cycles for _, gap in cycles]
    for share, low, high in ((10, 12.0, 24.0), (50, 30.0, 55.0), (90, 70.0, 120.0)):
        within(f"gap p{share}, h", float(np.percentile(gaps, share)), low, high)


def test_45_fill_falls_at_collection_and_compaction_only(season: Season) -> None:
    assert season.bins.compactions.sum() > 10_000
    assert season.fell == 0


def test_45_each_stroke_is_less_effective_than_the_last() -> None:
    box = model.Box()
    strokes = np.arange(200.0)
    waste_l, height_l = np.full(200, 400.0), np.full(200, 110.0)
    effect_l = height_l - model.compacted_l(box, waste_l, height_l, strokes)
    assert np.all(np.diff(effect_l) < 0.0)
    assert effect_l[-1] > 0.0


def test_what_was_thrown_in_was_collected_spilled_or_is_still_there(season: Season) -> None:
    bins = season.bins
    kept_l = bins.collected_l + bins.spilled_l + bins.waste_l
    assert bins.thrown_l == pytest.approx(kept_l, rel=1e-9)


def test_a_bin_takes_four_to_six_times_what_it_holds() -> None:
    """150 gal in a 32 gal insert (S26), thrown in litre by litre with nobody coming round."""
    bins = twin(20, round_p0=0.0, throw_spread=0.0, jam_per_stroke=0.0).bins
    full_at_l = np.full(20, np.nan)
    for tick in range(1, 12 * TICKS_A_DAY):
        bins.advance(START + tick * TICK_MS)
        fresh = np.isnan(full_at_l) & (bins.settled_l >= 0.95 * bins.box.full_l)
        full_at_l[fresh] = bins.waste_l[fresh]
    assert not np.isnan(full_at_l).any()
    within("gain", float(full_at_l.mean()) / bins.box.full_l, 4.0, 6.0)


def test_46_energy_in_minus_energy_out_is_what_the_battery_holds(season: Season) -> None:
    bins = season.bins
    stored_wh = bins.energy_wh - 0.9 * bins.battery.full_wh
    assert bins.charged_wh.min() > 100.0
    assert bins.charged_wh - bins.used_wh == pytest.approx(stored_wh, abs=1e-6)


@pytest.mark.parametrize(("lost", "low_d", "high_d"), [(0.0, 12.0, 22.0), (0.7, 0.0, 6.0)])
def test_46_days_without_sun_to_the_cut_off(lost: float, low_d: float, high_d: float) -> None:
    """Bins a little busier than the median, in April, without any sun."""
    bins = twin(12, throw_l_day=205.0, throw_spread=0.0, jam_per_stroke=0.0).bins
    for index in range(12):
        bins.fade(index, lost=lost)
    bins.energy_wh[:] = bins.capacity_wh
    bins.shade[:], bins.shade_until[:] = 0.0, np.inf
    empty_d = np.full(12, np.nan)
    for tick in range(1, 30 * TICKS_A_DAY):
        bins.advance(START + tick * TICK_MS)
        fresh = np.isnan(empty_d) & (bins.soc <= bins.battery.cut_off)
        empty_d[fresh] = tick / TICKS_A_DAY
    assert bins.charged_wh.max() == 0.0
    within("days in the dark", float(np.median(empty_d)), low_d, high_d)


def test_the_sun_stands_where_almanacs_say() -> None:
    """Noon height at midsummer 57.5, midwinter 10.7 degrees; November's sun is 16 min early."""
    day = model.DAY_MS

    def noon_deg(number: int, latitude: float) -> float:
        heights = [
            model.sun_height(number * day + minute * 60_000, latitude_deg=latitude, longitude_deg=0)
            for minute in range(600, 841, 4)
        ]
        return float(np.degrees(np.arcsin(max(heights))))

    assert noon_deg(172, 55.9) == pytest.approx(57.5, abs=0.3)
    assert noon_deg(355, 55.9) == pytest.approx(10.7, abs=0.3)
    assert model.equation_of_time_min(306.0) == pytest.approx(16.4, abs=0.6)
    assert model.equation_of_time_min(42.0) == pytest.approx(-14.2, abs=0.6)
    assert model.clear_sky_w_m2(1.0) == pytest.approx(1098.0 * np.exp(-0.057))
    assert model.clear_sky_w_m2(-0.1) == 0.0
