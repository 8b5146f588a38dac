"""Laws of the bin by themselves: deposits, compaction, sun, battery, echo, smell, places."""

import numpy as np
import pytest
from numpy.typing import NDArray

from twins.core.streams import Streams
from twins.core.twin import Build
from twins.core.weather import Sky
from twins.products import catalog
from twins.products.bin import echo, kernels, model
from twins.products.bin.dice import Dice
from twins.products.bin.habits import MEAN_L, SACK_L, deposits
from twins.products.bin.kernels import GRADES, LEAST, RATIO
from twins.products.bin.power import CELLS, Battery, cold_leaves
from twins.products.bin.twin import BinTwin, build

START = 1_775_433_600_000  # a Monday in April
HALF_HOUR, DAY = 1_800_000, 86_400_000
Columns = NDArray[np.float64]


class Summer:
    """Clear, dry, hot or cold: one kind of day."""

    latitude_deg, longitude_deg = 55.9, -3.2

    def __init__(self, sites: int, outdoor_c: float = 20.0, rain_mm_h: float = 0.0) -> None:
        self.sky = Sky(
            np.full(sites, outdoor_c), np.full(sites, rain_mm_h), np.zeros(sites), np.zeros(sites)
        )

    def at(self, at_ms: int) -> Sky:
        return self.sky

    def hours(self, from_ms: int, count: int) -> Sky:  # pragma: no cover
        raise AssertionError("bins ask for one hour at a time")


def twin(size: int, *, outdoor_c: float = 20.0, rain_mm_h: float = 0.0, **params: float) -> BinTwin:
    defaults = {name: param.default for name, param in catalog()["bin"].params.items()}
    return build(
        Build(
            sites=tuple(f"district-{number:02}" for number in range(1, size + 1)),
            devices=tuple(f"bin-{number:02}-1" for number in range(1, size + 1)),
            devices_per_site=1,
            report_every_ms=HALF_HOUR,
            start_ms=START,
            params=defaults | params,
            streams=Streams(3),
            outdoors=Summer(size, outdoor_c, rain_mm_h),
        )
    )


def test_deposits_are_a_compound_poisson_process_in_every_grade() -> None:
    """Mean, and the share of steps in which nothing comes, e^-mean."""
    litres, items = deposits()
    means = LEAST * RATIO ** np.arange(GRADES)
    assert litres.mean(axis=1) == pytest.approx(means * MEAN_L, rel=1e-9)
    nothing = (litres == 0.0).mean(axis=1)
    assert nothing == pytest.approx(np.exp(-means), abs=0.01)
    for grade in (50, 60, 75):  # 0.35, 0.9 and 3.8 items a step
        variance = means[grade] * (0.98 * 2.0 * 1.45**2 + 0.02 * SACK_L**2 * (1.0 + 1.0 / 8.0))
        assert litres[grade].var() == pytest.approx(variance, rel=0.15)
        assert items[grade].mean() == pytest.approx(means[grade], rel=0.05)


def test_words_of_two_streams_and_two_numbers_have_nothing_in_common() -> None:
    dice = Dice(7, "test", [f"thing-{number}" for number in range(4000)])
    first, second = dice.uniforms(0), dice.uniforms(1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    assert first.mean() == pytest.approx(0.5, abs=0.02)
    assert np.histogram(first, bins=16)[0].min() > 190
    normals = np.concatenate(dice.normals(3))
    assert normals.std() == pytest.approx(1.0, abs=0.03)
    low, high = (dice.words(5) >> np.uint64(at) & np.uint64(1023) for at in (0, 10))
    assert abs(np.corrcoef(low.astype(float), high.astype(float))[0, 1]) < 0.05
    assert np.array_equal(
        dice.words(9)[:3], Dice(7, "test", ["thing-0", "thing-1", "thing-2"]).words(9)
    )


def test_what_was_thrown_in_was_collected_spilled_or_is_still_there() -> None:
    bins = twin(40, throw_l_day=200.0).bins
    bins.advance(START + 28 * DAY)
    kept_l = bins.state.collected_l + bins.state.spilled_l + bins.state.waste_l
    left_l = bins.state.thrown_l - kept_l  # what stayed where no bag was is still in waste_l
    assert left_l == pytest.approx(0.0, abs=1e-6)
    assert bins.state.collections.sum() > 200.0


def test_rain_keeps_people_away_and_warmth_brings_them_to_parks() -> None:
    dry, wet, warm = twin(200), twin(200, rain_mm_h=2.0), twin(200, outdoor_c=27.0)
    for one in (dry, wet, warm):
        one.bins.advance(START + 7 * DAY)
    ratio = wet.bins.state.thrown_l.sum() / dry.bins.state.thrown_l.sum()
    assert 0.6 < ratio < 0.8  # 20 to 40 % less (section 1C)
    more = np.sort(warm.bins.state.thrown_l / dry.bins.state.thrown_l)
    assert np.median(more[:60]) == pytest.approx(1.0, abs=0.05)  # half of the sites are no parks
    assert np.median(more[-60:]) == pytest.approx(1.30 / 1.16, abs=0.06)  # 2 % per K above 12


def test_a_festival_in_august_brings_a_quarter_more_and_some_bins_three_times_as_much() -> None:
    def thrown_l(share: float) -> Columns:
        one = twin(300, festival_day=96.0, festival_share=share, events_per_year=0.0)
        one.bins.advance(START + 14 * DAY)
        return one.bins.state.thrown_l

    ratio = thrown_l(0.12) / thrown_l(0.0)
    assert ratio.mean() == pytest.approx(1.24, abs=0.07)  # S28
    assert ratio[ratio > 1.5].mean() == pytest.approx(3.0, abs=0.3)


def test_a_bin_takes_four_to_six_times_what_it_holds() -> None:
    """150 gal in a 32 gal insert (S26), thrown in litre by litre with nobody coming round."""
    bins = twin(20, rounds_per_day=0.0, throw_spread=0.0).bins
    full_at_l = np.full(20, np.nan)
    for step in range(1, 12 * 48):
        bins.advance(START + step * HALF_HOUR)
        fresh = np.isnan(full_at_l) & (bins.state.settled_l >= 0.95 * bins.box.full_l)
        full_at_l[fresh] = bins.state.waste_l[fresh]
    assert not np.isnan(full_at_l).any()
    assert 4.0 < float((full_at_l / bins.box.full_l).mean()) < 6.0


def test_each_stroke_is_less_effective_than_the_last() -> None:
    box = kernels.Box(full_l=np.array([121.0]), healthy_a=np.array([8.0]))
    effect_l = [
        110.0 - kernels.compacted_l(box, 400.0, 110.0, float(stroke)) for stroke in range(200)
    ]
    assert np.all(np.diff(effect_l) < 0.0)
    assert effect_l[-1] > 0.0


def test_a_jam_locks_the_drive_after_three_strokes_and_comes_by_strokes() -> None:
    defaults = {name: param.default for name, param in catalog()["bin"].params.items()}
    one = build(
        Build(
            sites=("district-01",), devices=tuple(f"bin-01-{n}" for n in range(1, 41)),
            devices_per_site=40, report_every_ms=HALF_HOUR, start_ms=START,
            params=defaults | {"jam_per_stroke": 0.01}, streams=Streams(3), random_faults=1.0,
        )
    )  # fmt: skip
    one.bins.advance(START + 21 * DAY)
    strokes = one.bins.state.compactions.sum()
    assert strokes > 2000
    jams = (one.bins.state.compactions % 1.0 == 0.0).all() and one.bins.state.locked.sum()
    assert jams >= 1  # the crew has taken out the others with the bag
    assert twin(40).bins.box.jam_per_stroke == 0.0  # no chance where no random faults are wanted


def test_the_sun_stands_where_almanacs_say() -> None:
    """Noon height at midsummer 57.5, midwinter 10.7 degrees; November's sun is 16 min early."""

    def noon_deg(number: int, latitude: float) -> float:
        heights = [
            model.sun_height(number * DAY + minute * 60_000, latitude_deg=latitude, longitude_deg=0)
            for minute in range(600, 841, 4)
        ]
        return float(np.degrees(np.arcsin(max(heights))))

    assert noon_deg(172, 55.9) == pytest.approx(57.5, abs=0.3)
    assert noon_deg(355, 55.9) == pytest.approx(10.7, abs=0.3)
    assert model.equation_of_time_min(306.0) == pytest.approx(16.4, abs=0.6)
    assert model.equation_of_time_min(42.0) == pytest.approx(-14.2, abs=0.6)
    assert model.clear_sky_w_m2(1.0) == pytest.approx(1098.0 * np.exp(-0.057))
    assert model.clear_sky_w_m2(-0.1) == 0.0
    assert model.clearness(np.array([0.0, 1.0])) == pytest.approx([1.0, 0.25])


def test_energy_in_minus_energy_out_is_what_the_battery_holds() -> None:
    power = (bins := twin(30, outdoor_c=-5.0).bins).power.cells
    before_wh = power.energy_wh.copy()
    bins.advance(START + 30 * DAY)
    assert power.charged_wh.min() > 50.0
    assert power.charged_wh - power.used_wh == pytest.approx(power.energy_wh - before_wh, abs=1e-6)


def test_cells_of_a_plain_bin_last_five_to_ten_years() -> None:
    """At 24 and 6 reports a day (S30)."""
    for reports, years in ((24, 5.0), (6, 10.0)):
        day_wh = 24.0 * CELLS.base_w + reports * CELLS.report_wh
        assert CELLS.full_wh / day_wh / 365.25 == pytest.approx(years, rel=0.05)


def test_a_battery_in_the_cold_holds_less_and_in_the_heat_ages_faster() -> None:
    left = [cold_leaves(Battery(), temp_c) for temp_c in (0.0, 20.0, 40.0)]
    assert left == pytest.approx([0.8, 1.0, 1.0])
    one = twin(2)
    one.bins.state.inside_c[:] = [10.0, 30.0]
    assert one.stress("battery") == pytest.approx([1.0, 2.0])
    assert one.stress("drive") == pytest.approx([1.0, 1.0])


def test_the_median_of_fifteen_pings_has_the_noise_of_the_manifest() -> None:
    words = Dice(5, "pings", [f"reading-{number}" for number in range(2000)]).words(0)
    good = [echo.median_of_pings(60.0, word, 0.1, 0.0) for word in words]
    noise_pct = float(np.std(good)) * 100.0 / echo.SPAN_CM
    assert noise_pct == pytest.approx(catalog()["bin"].signals["fill_pct"].noise, rel=0.08)
    rarely = [echo.median_of_pings(60.0, word, 0.0, 0.2) for word in words[:500]]
    assert np.mean(np.abs(np.array(rarely) - 60.0) > 10.0) < 0.02  # the median forgives a fifth
    deaf = [echo.median_of_pings(60.0, word, 0.95, 0.0) for word in words[:200]]
    assert np.isnan(deaf).mean() > 0.8


def test_the_echo_knows_dead_zone_and_temperature() -> None:
    assert echo.shown_pct(echo.heard_cm(100.0, 20.0, 0.0)) == pytest.approx(100.0)
    assert echo.shown_pct(echo.heard_cm(120.0, 20.0, 0.0)) == pytest.approx(100.0)
    # 0.17 %/K over a metre and 20 K: 3.4 cm farther away, 4.25 % of the display.
    assert echo.shown_pct(echo.heard_cm(0.0, 0.0, 0.0)) == pytest.approx(-4.25)
    assert [echo.astray_pct(40.0, draw) for draw in (0.1, 0.75)] == pytest.approx([100.0, 20.0])


def test_a_wet_sensor_hears_nothing_now_and_then_and_a_dry_one_always() -> None:
    def silent(rain_mm_h: float) -> float:
        one, readings = twin(50, rain_mm_h=rain_mm_h), []
        for step in range(1, 97):
            one.advance(START + step * HALF_HOUR)
            readings.append(one.measure()[:, 0].copy())
        return float(np.isnan(readings).mean())

    assert silent(0.0) == 0.0
    assert silent(2.0) == pytest.approx(0.05, abs=0.01)


def test_smell_grows_twice_as_fast_ten_degrees_warmer_and_goes_with_the_bag() -> None:
    shares = [kernels.odour_share(temp_c, 1.0) for temp_c in (20.0, 30.0)]
    assert shares[1] / shares[0] == pytest.approx(2.0, rel=0.01)
    one = twin(2, rounds_per_day=0.0, throw_spread=0.0)
    one.advance(START + 6 * DAY)
    assert one.bins.state.odour.min() > 15.0
    taken_l = one.empty(0)
    assert taken_l > 100.0
    assert one.bins.state.odour[0] == one.bins.state.waste_l[0] == 0.0
    assert one.bins.state.odour[1] > 15.0


def test_crews_on_a_schedule_come_when_it_says_so() -> None:
    bins = twin(14, schedule_days=7.0, missed_share=0.0, throw_l_day=20.0).bins
    bins.advance(START + 28 * DAY)
    assert set(bins.state.collections.tolist()) == {4.0}
    assert bins.state.needless.sum() > 20.0  # full or not: most were below half


def test_a_bin_says_once_a_day_where_it_is_with_the_wander_of_a_parked_receiver() -> None:
    one, fixes = twin(1), []
    for step in range(1, 60 * 48 + 1):
        one.advance(START + step * HALF_HOUR)
        said = one.measure()[0, 11:13].copy()
        if not np.isnan(said).any():
            fixes.append(said)
    assert len(fixes) == 60
    north_m, east_m = (np.array(fixes) - np.mean(fixes, axis=0)).T * 111_320.0
    assert 2.5 < north_m.std() < 9.0
    assert 2.5 < (east_m * np.cos(np.radians(55.9))).std() < 9.0
