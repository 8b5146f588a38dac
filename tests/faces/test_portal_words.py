"""How the portal writes what machines measure, and in which order it tells alerts."""

from __future__ import annotations

import pytest

from reference_impl.entrypoints.web import portal
from reference_impl.entrypoints.web.views import shown, urgent_first, written
from twins.products import catalog


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("1", ""), ("degC", "°C"), ("m3/h", "m³/h"), ("kWh/m3", "kWh/m³"), ("W s/m3", "W·s/m³"),
        ("MOhm", "MΩ"), ("deg", "°"), ("ppm", "ppm"),
    ],
)  # fmt: skip
def test_a_unit_is_written_as_customers_write_it(told: str, shown: str) -> None:
    assert written(told) == shown


def test_no_unit_of_a_product_shows_how_a_message_spells_it() -> None:
    units = {spec.unit for product in catalog().values() for spec in product.signals.values()}
    shown = {written(unit) for unit in units}
    assert not [u for u in shown if "m3" in u or "m2" in u or "deg" in u or "Ohm" in u]


@pytest.mark.parametrize(
    ("title", "unit", "value", "row"),
    [
        ("1 able to run, 0 broken, last value", "1", 1.0, ("Able to run", "yes")),
        ("1 able to run, 0 broken, last value", "1", 0.0, ("Able to run", "no: broken")),
        ("1 if it is locked, or stuck, last value", "1", 0.0, ("It is locked, or stuck", "no")),
        ("1 while the node says anything", "1", None, ("The node says anything", "–")),
        ("Odour, last value: 0 fresh, 100 worst", "1", 6.0, ("Odour", "6")),
        ("Current, mean while running; absent if not", "A", 7.25, ("Current", "7.25 A")),
        ("1 phase current", "A", 2.0, ("1 phase current", "2 A")),
        ("Outdoor air", "degC", -3.0, ("Outdoor air", "-3 °C")),
        ("100 W lamps", "1", 2.0, ("100 W lamps", "2")),
    ],
)
def test_a_reading_is_told_without_how_it_is_sampled(
    title: str, unit: str, value: float | None, row: tuple[str, str]
) -> None:
    assert shown(title, unit, value) == row


def test_alerts_that_stand_come_first_then_the_newest() -> None:
    told = [("cleared", 5), ("active", 2), ("cleared", 9), ("active", 4)]
    rows = [{"state": state.upper(), "raised_ms": at_ms} for state, at_ms in told]
    assert [row["raised_ms"] for row in urgent_first(rows)] == [4, 2, 9, 5]


def test_a_card_shows_the_first_rows_and_says_how_many_more_there_are() -> None:
    rows = [
        {"rule": f"R{n}", "state": "CLEARED", "raised_ms": n, "cleared_ms": n} for n in range(15)
    ]
    shown_ = portal._each(rows, portal._alert)
    assert shown_ is not None
    assert [entry.title for entry in shown_] == [*(f"R{n}" for n in range(12)), "and 3 before"]
    assert portal._each(rows[:12], portal._alert) == shown_[:12]
    assert portal._each(None, portal._alert) is None


@pytest.mark.parametrize(
    ("told", "title", "state", "steps"),
    [
        ({"level": None}, "Oil", "not known yet", 0),
        ({"ends": "flat"}, "Oil", "26 d", 0),
        ({}, "Oil · now 26 d", "no end in sight", 0),
        ({"p10_ms": 1, "p50_ms": 1, "p90_ms": 1}, "Oil · now 26 d", "1970-01-01", 0),
        ({"p10_ms": 1, "p50_ms": 2, "p90_ms": 3}, "Oil · now 26 d", "about 1970-01-01", 2),
    ],
)
def test_a_forecast_says_as_much_as_is_known(
    told: dict[str, object], title: str, state: str, steps: int
) -> None:
    none = dict.fromkeys(("p10_ms", "p50_ms", "p90_ms"))
    row = {"title": "Oil", "level": 26.0, "now": "26 d", "ends": "due", **none, **told}
    entry = portal._forecast(row)
    assert (entry.title, entry.state, len(entry.steps)) == (title, state, steps)
