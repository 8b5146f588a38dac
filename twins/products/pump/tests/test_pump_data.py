"""The pump's folder: manifest, parts, conditions, rules, and the README that explains them."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from twins.core.errors import InvalidProduct
from twins.core.yaml_text import parsed
from twins.products import catalog, load

PUMP = catalog()["pump"]


def yaml(path: Path) -> dict[str, Any]:
    return dict(parsed(path.read_text(encoding="utf-8")))


def test_a_product_is_found_by_its_folder() -> None:
    assert PUMP.model == "pump-duplex-7k5"
    assert len(PUMP.signals) == 26
    assert PUMP.components["bearing"].position == "bearing"
    assert set(PUMP.faults["bearing_wear"].params) == {"onset", "pf_interval"}
    assert PUMP.parts["bearing-set"].price_eur == 350.0
    assert [condition["id"] for condition in PUMP.conditions] == ["bearing_wear"]
    assert list(PUMP.rule_packs) == ["daily", "standard"]


def test_the_readme_explains_every_signal_parameter_fault_and_command() -> None:
    text = (PUMP.folder / "README.md").read_text(encoding="utf-8")
    commands = ["stop", "start", "reverse", "reset_starts"]
    names = [*PUMP.signals, *PUMP.params, *PUMP.faults, *PUMP.parts, *commands]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("file", "before", "after", "text"),
    [
        ("product.toml", 'model = "pump-duplex-7k5"', "", "missing 'model'"),
        ("product.toml", 'id = "pump"', 'id = "pmup"', "id is 'pmup', the folder 'pump'"),
        ("product.toml", "noise = 0.003 ", "nose = 0.003 ", "unexpected keyword argument 'nose'"),
        ("parts.yaml", "position: bearing", "position: roof", "part bearing-set is for position"),
        ("conditions.yaml", "signal: vibration_mm_s", "signal: hum", "reads 'hum', which is no"),
        ("conditions.yaml", "- id: bearing_wear", "id: bearing_wear\nx:", "product.toml"),
    ],
)
def test_a_product_folder_that_is_not_right_says_what_is_wrong(
    tmp_path: Path, file: str, before: str, after: str, text: str
) -> None:
    folder = tmp_path / "pump"
    shutil.copytree(PUMP.folder, folder, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    content = (folder / file).read_text(encoding="utf-8")
    assert before in content
    (folder / file).write_text(content.replace(before, after), encoding="utf-8")
    with pytest.raises(InvalidProduct, match=text):
        load(folder)
