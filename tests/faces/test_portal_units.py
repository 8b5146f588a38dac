"""How the portal writes the units of what machines measure."""

from __future__ import annotations

import pytest

from reference_impl.entrypoints.web.views import written
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
