"""The ventilation unit's folder: manifest, parts, conditions, rules, and the README about them."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from twins.products import catalog

UNIT, ROOM = catalog()["ventilation"], catalog()["room"]


def yaml(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text(encoding="utf-8")))


def test_the_unit_is_found_by_its_folder() -> None:
    assert UNIT.model == "ahu-5000-dcv"
    assert len(UNIT.signals) == 31
    assert {name: spec.position for name, spec in UNIT.components.items()} == {
        name: name for name in UNIT.components
    }
    stoppers = {name for name, spec in UNIT.components.items() if spec.stops_device}
    assert stoppers == {"supply_fan", "extract_fan"}
    assert {part.position for part in UNIT.parts.values()} == set(UNIT.components)


def test_rules_name_only_what_the_product_has() -> None:
    pack = yaml(UNIT.rule_packs["standard"])
    assert pack["model"] == UNIT.model
    conditions = {condition["id"] for condition in UNIT.conditions}
    for rule in pack["rules"]:
        for name, source in rule["let"].items():
            assert re.search(rf"\b{name}\b", rule["when"]), rule["id"]
            assert source.get("signal", "available") in UNIT.signals
            assert source.get("condition", "supply_fan") in conditions
            assert source.get("part", "rotor-belt") in UNIT.parts
        for action in rule["then"]:
            ordered = action.get("recommend")
            if ordered:
                assert UNIT.parts[ordered["part"]].position == ordered["position"]


def test_each_rule_fires_in_some_test_of_the_pack() -> None:
    pack = yaml(UNIT.rule_packs["standard"])
    fired = set()
    for test in yaml(UNIT.folder / "rules" / "standard_test.yaml")["tests"]:
        assert set(test["signals"]) <= set(UNIT.signals)
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
    commands = ["stop", "start", "demand_control", "constant_volume", "set_co2_setpoint"]
    names = [*UNIT.signals, *UNIT.params, *UNIT.faults, *UNIT.components, *commands]
    assert [name for name in names if f"`{name}`" not in text] == []
