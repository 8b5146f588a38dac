"""The bin's folder: manifest, parts, conditions, rules, and the README that explains them."""

from pathlib import Path
from typing import Any

from twins.core.yaml_text import parsed
from twins.products import catalog
from twins.products.bin.faults import FAULTS, WEAR

BIN = catalog()["bin"]


def yaml(path: Path) -> dict[str, Any]:
    return dict(parsed(path.read_text(encoding="utf-8")))


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


def test_the_readme_explains_every_signal_parameter_fault_and_command_of_the_bin() -> None:
    text = (BIN.folder / "README.md").read_text(encoding="utf-8")
    commands = ["inhibit_compaction", "allow_compaction", "reset_jam"]
    names = [*BIN.signals, *BIN.params, *BIN.faults, *commands]
    assert [name for name in names if f"`{name}`" not in text] == []
