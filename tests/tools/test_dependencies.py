"""What the code imports is what the project declares, and every declared thing is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = {"broker", "harness", "loadtests", "reference_impl", "scenarios", "twins", "twinrig"}
EXTRA_OF = {"loadtests": {"load"}, "reference_impl": {"postgres", "routes"}, "harness": {"dask"}}
"""Folder -> the extras it may use beside the base dependencies."""
PART_OF = {"starlette": "fastapi", "pydantic-core": "pydantic", "markupsafe": "jinja2"}
"""What a declared package documents as its own foundation and hands out itself."""


def plain(name: str) -> str:
    """A distribution's name as the packaging standard compares it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[(]", name.strip())[0]).lower()


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BASE = {plain(line) for line in PROJECT["dependencies"]}
EXTRAS = {
    name: {plain(line) for line in lines}
    for name, lines in PROJECT["optional-dependencies"].items()
}


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - OURS - set(sys.stdlib_module_names)


def test_every_import_is_a_declared_dependency() -> None:
    """A package that comes along with another one today may be gone tomorrow."""
    dists = packages_distributions()
    undeclared = []
    for folder in sorted(OURS & {path.name for path in ROOT.iterdir()}):
        allowed = BASE.union(*(EXTRAS[extra] for extra in EXTRA_OF.get(folder, ())))
        if folder == "harness":
            allowed |= {"pytest"}  # The plugin is loaded by pytest itself, nobody else.
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "tests" in path.relative_to(ROOT).parts:
                continue
            for name in sorted(imported(path)):
                owners = {plain(dist) for dist in dists.get(name, [name])}
                owners |= {PART_OF[dist] for dist in owners & PART_OF.keys()}
                if not owners & allowed:
                    undeclared.append(f"{path.relative_to(ROOT)}: {name} ({sorted(owners)})")

    assert undeclared == [], "\n" + "\n".join(undeclared)


def test_every_declared_dependency_is_used_in_code_tests_or_make() -> None:
    dists = packages_distributions()
    used: set[str] = set()
    for folder in (*OURS, "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for name in imported(path):
                used |= {plain(dist) for dist in dists.get(name, [name])}
    by_name_only = {
        "plotly",  # only its script, read as a file, goes into the report
        "iotcore",  # its extension module is loaded by path, in the broker's own process
        "alembic", "httptools", "uvloop", "uvicorn",  # uvicorn loads the first two by itself
        "psycopg",  # named in the URL of a store
        "distributed",  # grading over a Dask cluster, by address
        "pytest-randomly", "pytest-timeout", "pytest-xdist", "import-linter", "mypy", "ruff",
    }  # fmt: skip
    declared = BASE.union(*EXTRAS.values())

    assert declared - used - by_name_only == set()


def test_every_declared_dependency_is_pinned_once() -> None:
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    names = [plain(pin) for pin in pins]

    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", pin)] == []
    assert len(names) == len(set(names))
    assert BASE.union(*EXTRAS.values()) - set(names) == set()
