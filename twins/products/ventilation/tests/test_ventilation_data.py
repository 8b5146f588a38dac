"""The folders of unit and room: manifest, parts, conditions, rules, and the README about them."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from twins.products import Product, catalog

UNIT, ROOM = catalog()["ventilation"], catalog()["room"]


def yaml(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text(encoding="utf-8")))


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


@pytest.mark.parametrize("product", [UNIT, ROOM], ids=lambda product: product.id)
def test_rules_name_only_what_the_product_has(product: Product) -> None:
    pack = yaml(product.rule_packs["standard"])
    assert pack["model"] == product.model
    conditions = {condition["id"] for condition in product.conditions}
    for rule in pack["rules"]:
        for name, source in rule["let"].items():
            assert re.search(rf"\b{name}\b", rule["when"]), rule["id"]
            known = {"signal": product.signals, "condition": conditions, "part": product.parts}
            assert all(source[what] in known[what] for what in known.keys() & source.keys())
        for action in rule["then"]:
            ordered = action.get("recommend")
            if ordered:
                assert product.parts[ordered["part"]].position == ordered["position"]


@pytest.mark.parametrize("product", [UNIT, ROOM], ids=lambda product: product.id)
def test_each_rule_fires_in_some_test_of_the_pack(product: Product) -> None:
    pack = yaml(product.rule_packs["standard"])
    fired = set()
    for test in yaml(product.folder / "rules" / "standard_test.yaml")["tests"]:
        assert set(test["signals"]) <= set(product.signals)
        for expected in test["expect"]:
            fired |= set(expected["firing"])
    assert fired == {rule["id"] for rule in pack["rules"]}


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
