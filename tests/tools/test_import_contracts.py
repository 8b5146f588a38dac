"""The rules of import hold, and each of them bites."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("broker", "harness", "loadtests", "reference_impl", "twins")

PLANTS: dict[str, tuple[str, str, str]] = {
    # contract: (file to write, what it imports, what the output must say in that contract's part)
    "Only the harness sees both sides": (
        "twins/core/planted_sees_dps.py",
        "import reference_impl.published",
        "twins.core.planted_sees_dps -> reference_impl.published",
    ),
    "One door to the reference DPS": (
        "harness/cli/planted_door.py",
        "import reference_impl.published",
        "harness.cli.planted_door",
    ),
    "Broker": (
        "broker/wire/planted_up.py",
        "import broker.link.port",
        "broker.wire.planted_up -> broker.link.port",
    ),
    "The DPS and the load tests see wire, link and ledger only": (
        "reference_impl/kernel/planted_server.py",
        "import broker.servers",
        "reference_impl.kernel.planted_server -> broker.servers",
    ),
    "The twins see the wire only": (
        "twins/planted_link/__init__.py",
        "import broker.link.port",
        "twins.planted_link -> broker.link.port",
    ),
    "Only the world knows the wire": (
        "twins/field/planted_wire.py",
        "import broker.wire.topics",
        "twins.field.planted_wire -> broker.wire.topics",
    ),
    "Twins": (
        "twins/core/planted_up.py",
        "import twins.field",
        "twins.core.planted_up -> twins.field",
    ),
    "Products are strangers": (
        "twins/products/planted/__init__.py",
        "import twins.products.pump",
        "twins.products.planted -> twins.products.pump",
    ),
    "Harness": (
        "harness/oracles/planted_up.py",
        "import harness.checks",
        "harness.oracles.planted_up -> harness.checks",
    ),
    "Load tests": (
        "loadtests/tape.py",
        "import loadtests.locustfile",
        "loadtests.tape -> loadtests.locustfile",
    ),
    "DPS": (
        "reference_impl/orders/planted_sideways.py",
        "import reference_impl.maintenance",
        "reference_impl.orders.planted_sideways -> reference_impl.maintenance",
    ),
    "Inside a context": (
        "reference_impl/orders/domain/planted_up.py",
        "import reference_impl.orders.service",
        "reference_impl.orders.domain.planted_up -> reference_impl.orders.service",
    ),
    "What is promised does not know its price": (
        "reference_impl/outcomes/contracts/planted_price.py",
        "from reference_impl.outcomes.money import rating\n",
        "reference_impl.outcomes.contracts.planted_price -> reference_impl.outcomes.money.rating",
    ),
    "Cores have no I/O, no clock and no chance of their own": (
        "harness/oracles/planted_clock.py",
        "import time",
        "harness.oracles.planted_clock -> time",
    ),
}


def contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]


def lint_imports(tree: Path) -> str:
    """What import-linter says about a tree, colours and line breaks taken out."""
    run = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "300", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", run.stdout + run.stderr)


def copy_of_the_tree(to: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, to / package, ignore=shutil.ignore_patterns("__pycache__", "tests")
        )
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def plant(tree: Path, name: str, text: str) -> None:
    """Add a module; where a plain module of that name is in the way, append to it."""
    path = tree / name
    flat = path.parent.with_suffix(".py")
    if flat.exists():  # domain.py becomes domain/__init__.py, so that a module fits below it.
        path.parent.mkdir()
        flat.rename(path.parent / "__init__.py")
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    with path.open("a") as file:
        file.write(f"\n{text}\n")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says about a copy that holds one violation of each contract."""
    tree = copy_of_the_tree(tmp_path_factory.mktemp("planted"))
    for name, text, _ in PLANTS.values():
        plant(tree, name, text)
    return lint_imports(tree)


def test_every_contract_has_a_plant() -> None:
    assert contracts() == list(PLANTS)


def test_the_tree_keeps_every_contract(tmp_path: Path) -> None:
    said = lint_imports(copy_of_the_tree(tmp_path))

    assert re.findall(r"^(.*) KEPT\b", said, flags=re.MULTILINE) == contracts(), said


@pytest.mark.parametrize("contract", PLANTS)
def test_a_planted_violation_breaks_its_contract(planted: str, contract: str) -> None:
    """The line must stand in the contract's own part: another contract's catch does not count."""
    headings = "|".join(re.escape(name) for name in contracts())
    parts = re.split(rf"^({headings})\n-+\n", planted, flags=re.MULTILINE)
    by_contract = dict(zip(parts[1::2], parts[2::2], strict=True))

    assert PLANTS[contract][2] in by_contract.get(contract, ""), planted


def test_a_new_folder_has_to_be_given_its_layer(planted: str) -> None:
    """Exhaustive: what nobody placed would be free to import anything."""
    assert "not listed as layers:\n\n- twins.planted_link\n" in planted
