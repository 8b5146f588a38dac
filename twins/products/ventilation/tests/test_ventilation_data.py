"""The folders of unit and room: manifest, parts, conditions, rules, and the README about them."""

from pathlib import Path
from typing import Any

from twins.core.yaml_text import parsed
from twins.products import catalog

UNIT, ROOM = catalog()["ventilation"], catalog()["room"]


def yaml(path: Path) -> dict[str, Any]:
    return dict(parsed(path.read_text(encoding="utf-8")))


def test_unit_and_room_are_found_by_their_folders() -> None:
    assert UNIT.model == "ahu-5000-dcv"
    assert (len(UNIT.signals), len(ROOM.signals)) == (44, 11)
    assert (UNIT.companions, ROOM.host, ROOM.count) == ((ROOM,), "ventilation", "rooms")
    for product in (UNIT, ROOM):
        assert {name: spec.position for name, spec in product.components.items()} == {
            name: name for name in product.components
        }
        places = {*product.components, *product.places}
        assert {part.position for part in product.parts.values()} == places
    stoppers = {name for name, spec in UNIT.components.items() if spec.stops_device}
    assert stoppers == {"supply_fan", "extract_fan", "belt"}


def test_a_new_filter_is_healthy_by_the_limit_of_its_condition() -> None:
    """After a visit the DPS wants the signal below half of the limit; clean + 3 sd must be."""
    limits = {c["id"]: c["params"]["limit"] for c in UNIT.conditions}
    assert 0.5 * limits["supply_filter"] > 65.0 * 1.15
    assert 0.5 * limits["extract_filter"] > 45.0 * 1.09


def test_the_readme_explains_every_signal_parameter_fault_and_command() -> None:
    text = (UNIT.folder / "README.md").read_text(encoding="utf-8")
    commands = UNIT.obeys.commands
    names = [*UNIT.signals, *UNIT.params, *UNIT.faults, *UNIT.components, *commands]
    names += [*ROOM.signals, *ROOM.faults, *ROOM.components]
    assert [name for name in names if f"`{name}`" not in text] == []
