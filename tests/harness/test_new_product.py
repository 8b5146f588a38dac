"""``make new-product``: what it writes passes everything, and a wrong name is refused whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import twins_new
from harness.errors import ScenarioError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What a folder of this project must have for a product to be written into it."""
    taken = tmp_path / "twins" / "products" / "water_mill"
    taken.mkdir(parents=True)
    (taken / "product.toml").write_text('device_prefix = "mill"\n')
    return tmp_path


def problems(name: str, root: Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        twins_new.check(name, root)
    return str(caught.value).split("\nerror: ")


def test_a_name_is_refused_with_all_that_is_wrong_with_it(project: Path) -> None:
    assert len(problems("9-Very-Long-Name-Of-A-Machine", project)) == 2
    assert problems("class", project) == ["'class' is a word of Python"]
    assert problems("water_mill", project) == ["twins/products/water_mill is there already"]
    assert problems("mill", project) == ["devices of water_mill are called mill-... already"]
    assert "no twins/products" in problems("lift", project / "twins")[0]
    twins_new.check("lift", project)


def test_each_file_is_written_in_the_name_of_the_product(project: Path) -> None:
    twins_new.main("goods_lift", root=project)
    written = {
        str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()
    } - {"twins/products/water_mill/product.toml"}  # fmt: skip
    assert written == set(twins_new.files_of("goods_lift"))
    for file in written:
        text = (project / file).read_text()
        assert "{%" not in text
        assert "{{" not in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


def test_the_reference_gets_each_fault_once(tmp_path: Path) -> None:
    path = tmp_path / "scenario.md"
    path.write_text("before\n| `fault: old` | `device` | old |\nafter\n")
    assert twins_new.tell_reference(path, "lift")
    assert not twins_new.tell_reference(path, "crane")
    lines = path.read_text().split("\n")
    assert [line.split("`")[1] for line in lines[1:4]] == [
        "fault: old", "fault: gear_wear", "fault: cooling_blocked",
    ]  # fmt: skip
    assert lines[4] == "after"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, as a newcomer has it after a clone."""
    copy = tmp_path / "project"
    skip = shutil.ignore_patterns(".*", "runs", "build", "node_modules", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=skip)
    return copy


def run_in(folder: Path, *words: str) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env={**env, "PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"


@pytest.mark.deep
@pytest.mark.parametrize("name", ["elevator", "a_very_long_name_of_lift"])
def test_what_is_written_is_as_the_linters_want_it(copy: Path, name: str) -> None:
    run_in(copy, "twinrig", "twins", "new", name)
    run_in(copy, "ruff", "format", "--check", "twins", "scenarios")
    run_in(copy, "ruff", "check", "twins", "scenarios")


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_what_is_written_passes_every_test_and_its_scenario(copy: Path, tmp_path: Path) -> None:
    name = "elevator"
    run_in(copy, "twinrig", "twins", "new", name)
    run_in(copy, "mypy", "-p", f"twins.products.{name}", "--cache-dir", str(tmp_path / "mypy"))
    places = [f"twins/products/{name}", f"scenarios/{name}s", "tests/twins/test_bundles.py"]
    others = ["tests/docs", "tests/realism", "tests/tools/test_house_rules.py"]
    chosen = f"{name} or docs or house or list or first"
    run_in(copy, "pytest", "-q", *places, *others, "-m", "not deep", "-k", chosen)
    first = f"scenarios/{name}s/first.yaml"
    run_in(copy, "twinrig", "run", first, "--seed", "7", "--link", "memory", "--quiet")
    run_in(copy, "twinrig", "rules", "test", f"twins/products/{name}/rules/standard.yaml")
    run_in(copy, "twinrig", "twins", "realism", "--product", name)
