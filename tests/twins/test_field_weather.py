"""The weather over a region and its calendar: figures that a climate has, functions of seed."""

import numpy as np
import pytest

from twins.core.errors import InvalidWorld
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.core.streams import Streams
from twins.field.surroundings import Surroundings, resolve_where
from twins.world import World

JAN_2026_MS = 1_767_225_600_000
HOUR_MS = 3_600_000
SITES = tuple(f"site-{number:02}" for number in range(1, 31))


def around(seed: int = 1, **spec: object) -> Surroundings:
    where, problems = resolve_where(FieldSpec(**spec))  # type: ignore[arg-type]
    assert not problems
    return Surroundings(where, Streams(seed))


@pytest.fixture(scope="module")
def two_years() -> dict[str, np.ndarray]:
    sky = around().over(SITES).hours(JAN_2026_MS, 2 * 365 * 24)
    return sky._asdict()


def test_it_rains_on_three_days_of_ten_and_as_much_as_the_climate_says(
    two_years: dict[str, np.ndarray],
) -> None:
    rain = two_years["rain_mm_h"]
    by_day = rain.reshape(len(SITES), -1, 24).sum(axis=2)
    assert 0.24 < (by_day >= 1.0).mean() < 0.38
    assert 500.0 < rain.mean() * 8766.0 < 900.0
    assert 0.02 < (by_day > 10.0).mean() < 0.08
    wet = by_day[0] >= 1.0
    assert (wet[1:] & wet[:-1]).sum() / wet.sum() > wet.mean() + 0.08, "wet days come in spells"


def test_neighbours_share_fronts_but_not_every_shower(two_years: dict[str, np.ndarray]) -> None:
    between = np.corrcoef(two_years["rain_mm_h"])
    apart = between[~np.eye(len(SITES), dtype=bool)]
    assert 0.4 < np.median(apart) < 0.9
    assert np.corrcoef(two_years["outdoor_c"][:2])[0, 1] > 0.98


def test_summer_is_warm_and_clear_days_swing(two_years: dict[str, np.ndarray]) -> None:
    temp = two_years["outdoor_c"].mean(axis=0).reshape(2, 365, 24)
    january, july = temp[:, :31].mean(), temp[:, 181:212].mean()
    assert 14.0 < july - january < 20.0
    swing = np.ptp(temp, axis=2)
    cover = two_years["cloud"].mean(axis=0).reshape(2, 365, 24).mean(axis=2)
    assert swing[cover < 0.4].mean() > 1.5 * swing[cover > 0.9].mean()
    assert two_years["cloud"][two_years["rain_mm_h"] > 0].min() >= 0.9


def test_the_weather_is_a_function_of_seed_and_moment_only() -> None:
    asked_forward, asked_back = around().over(SITES), around().over(SITES)
    moments = [JAN_2026_MS + hours * HOUR_MS + 1_234_000 for hours in (0, 400, 719, 5000)]
    forward = [asked_forward.at(at_ms) for at_ms in moments]
    back = [asked_back.at(at_ms) for at_ms in reversed(moments)][::-1]
    for one, other in zip(forward, back, strict=True):
        for column, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(column, same)
    assert not np.allclose(around(2).over(SITES).at(moments[0]).outdoor_c, forward[0].outdoor_c)


def test_one_more_site_changes_nobodys_weather() -> None:
    few, more = around().over(SITES[:3]), around().over(SITES[:4])
    np.testing.assert_array_equal(
        few.hours(JAN_2026_MS, 2000).rain_mm_h, more.hours(JAN_2026_MS, 2000).rain_mm_h[:3]
    )


def test_clocks_jump_and_holidays_are_those_of_the_country() -> None:
    calendar = around().calendar
    before = 1_774_744_200_000  # 2026-03-29T00:30Z, 01:30 in Berlin, half an hour before the jump
    assert calendar.at(before).hour == pytest.approx(1.5)
    assert calendar.at(before + HOUR_MS).hour == pytest.approx(3.5)
    labour_day = 1_777_629_600_000  # 2026-05-01T10:00Z, a Friday
    assert calendar.at(labour_day).holiday
    assert not calendar.at(labour_day).workday
    assert around(country="GB").calendar.at(labour_day).workday
    days = [calendar.at(JAN_2026_MS + day * 24 * HOUR_MS) for day in range(365)]
    assert sum(day.festival for day in days) in (4, 5)
    assert all(day.weekday >= 5 for day in days if day.festival)


def test_mistakes_about_the_place_name_what_there_is() -> None:
    spec = FieldSpec(country="XX", time_zone="Mars/Base", weather={"rain": 1.0})
    with pytest.raises(InvalidWorld) as caught:
        World(WorldSpec(start_ms=0, fleets=(FleetSpec(product="bin"),), field=spec), seed=1)
    text = str(caught.value)
    assert "field.country: unknown country 'XX'; there are: AT, BE" in text
    assert "field.time_zone: unknown time zone 'Mars/Base'" in text
    assert "field.weather: unknown parameter 'rain'" in text
    assert "rain_mm_year" in text
