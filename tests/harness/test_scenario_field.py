"""The ``field`` of a scenario: place, weather, habits, people; mistakes name what there is."""

from __future__ import annotations

import pytest

from harness.checks.base import arguments
from harness.errors import InvalidScenario
from harness.scenario.loader import parse
from harness.scenario.products import installed
from harness.scenario.resolve import world_spec

HEAD = """title: x
run: {start: 2026-01-05T00:00:00Z, until: 10d}
fleets: [{product: pump, sites: 1, devices_per_site: 2}]
"""


def test_place_habits_and_people_reach_the_world_in_their_units() -> None:
    text = HEAD + (
        "field: {country: IT, time_zone: Europe/Malta, weather: {radius_km: 30 km},"
        " habits: {supplier: difficult}, supplier: {chase_h: 2d}, stock: {van_parts: 1}}\n"
    )
    scenario = parse(text, "s.yaml", products=installed(), checks=arguments())
    field = world_spec(scenario, installed(), seed=7).field
    assert (field.country, field.time_zone, field.service) == ("IT", "Europe/Malta", True)
    assert field.weather == {"radius_km": 30.0}
    assert field.habits == {"supplier": "difficult"}
    assert (field.supplier, field.stock) == ({"chase_h": 48.0}, {"van_parts": 1.0})


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("{country: XY}", "s.yaml:4:18: unknown country 'XY'; allowed: AT, BE, CH"),
        ("{time_zone: Europe/Rom}", "unknown time zone 'Europe/Rom'; did you mean 'Europe/Rome'?"),
        ("{weather: {rain: 3}}", "unknown parameter of weather 'rain'"),
        ("{habits: {supplier: awful}}", "normal"),
        ("{supplier: {late_p: 1.5}}", "1.5 is out of range; allowed: 0 to 1"),
        ("{trucks: {truck: 2}}", "did you mean 'trucks'?"),
    ],
)
def test_a_mistake_in_the_field_is_told_with_its_place(field: str, expected: str) -> None:
    with pytest.raises(InvalidScenario) as caught:
        parse(HEAD + f"field: {field}\n", "s.yaml", products=installed(), checks=arguments())
    assert expected in str(caught.value)
    assert "s.yaml:4:" in str(caught.value)
