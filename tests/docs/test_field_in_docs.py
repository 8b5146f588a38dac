"""Every parameter of the field stands in the reference, with its unit, default and range."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from twins.core.manifest import Param
from twins.core.spec import FieldSpec
from twins.field import calendar, weather
from twins.field.habits import HABITS
from twins.field.people import ACTORS
from twins.field.places import COUNTRIES

TEXT = (Path(__file__).resolve().parents[2] / "docs/reference/scenario.md").read_text()
KEYS: Mapping[str, Mapping[str, Param]] = {
    "weather": weather.params(FieldSpec().country),
    "calendar": calendar.PARAMS,
    **ACTORS,
}


def row(key: str, name: str, param: Param) -> str:
    """The line of the table that says what a parameter is."""
    unit = "" if param.unit == "1" else f" {param.unit}"
    span = f"{param.min:g} to {param.max:g}"
    return f"| `{key}.{name}` | {param.default:g}{unit} | {span} | {param.title} |"


@pytest.mark.parametrize("key", list(KEYS))
def test_every_parameter_of_the_field_stands_in_the_reference(key: str) -> None:
    missing = [
        line
        for line in (row(key, name, param) for name, param in KEYS[key].items())
        if line not in TEXT
    ]
    assert missing == []


def test_countries_and_habits_stand_in_the_reference() -> None:
    for country in COUNTRIES:
        assert f"`{country}`" in TEXT
    for actor, sets in HABITS.items():
        for name, value in sets["difficult"].items():
            assert f"`{actor}.{name}` {value:g}" in TEXT
