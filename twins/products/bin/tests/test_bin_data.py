"""The bin's folder: manifest, parts, conditions, rules, and the README that explains them."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from twins.products import catalog
from twins.products.bin.faults import FAULTS, WEAR

BIN = catalog()["bin"]


def yaml(path: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(path.read_text(encoding="utf-8")))


def test_the_bin_is_found_by_its_folder() -> None:
    assert BIN.model == "bin-solar-150"
    assert len(BIN.signals) == 15
    assert {spec.position for spec in BIN.components.values()} == {
        "drive", "battery", "panel", "fill_sensor", "hopper",
    }  # fmt: skip
    assert BIN.parts["compactor-drive"].price_eur == 420.0
    assert [condition["id"] for condition in BIN.conditions] == ["drive_wear"]


def test_every_fault_of_the_manifest_has_an_effect_and_the_other_way_round() -> None:
    assert set(BIN.faults) == set(FAULTS) | set(WEAR)


def test_rules_of_the_bin_name_only_what_it_has() -> None:
    pack = yaml(BIN.rule_packs["standard"])
    assert pack["model"] == BIN.model
    for rule in pack["rules"]:
        for name, source in rule["let"].items():
            assert re.search(rf"\b{name}\b", rule["when"]), rule["id"]
            assert source.get("signal", "fill_pct") in BIN.signals
            assert source.get("condition", "drive_wear") == "drive_wear"
            assert source.get("part", "compactor-drive") in BIN.parts


def test_each_rule_of_the_bin_fires_in_some_test() -> None:
    rules = {rule["id"] for rule in yaml(BIN.rule_packs["standard"])["rules"]}
    fired = set()
    for test in yaml(BIN.folder / "rules" / "standard_test.yaml")["tests"]:
        assert set(test["signals"]) <= set(BIN.signals)
        for expected in test["expect"]:
            fired |= set(expected["firing"])
    assert fired == rules


def test_the_readme_explains_every_signal_parameter_fault_and_command_of_the_bin() -> None:
    text = (BIN.folder / "README.md").read_text(encoding="utf-8")
    commands = ["inhibit_compaction", "allow_compaction", "reset_jam"]
    names = [*BIN.signals, *BIN.params, *BIN.faults, *commands]
    assert [name for name in names if f"`{name}`" not in text] == []
