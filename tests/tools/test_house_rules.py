"""The rules of the house that no linter counts: sizes, words, addresses, docstrings."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = ("broker", "harness", "loadtests", "reference_impl", "twins")
FUNCTION_LINES, MODULE_LINES, LINE_CHARS = 70, 400, 100


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project: from git, or (from an archive without git) from the folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
    else:
        tops = [*CODE, "tests", "docs", "scenarios", ".ci"]
        names = [str(path.relative_to(ROOT)) for top in tops for path in (ROOT / top).rglob("*")]
    paths = sorted(ROOT / name for name in names)
    return tuple(path for path in paths if path.is_file() and "__pycache__" not in path.parts)


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def listed(found: list[str]) -> str:
    """All of them, one a line: pytest's own diff shows the first only."""
    return "\n" + "\n".join(found)


def here(path: Path) -> str:
    return str(path.relative_to(ROOT))


def too_long(text: str, name: str) -> list[str]:
    """What of a module is longer than the house allows."""
    lines = text.splitlines()
    found = [f"{name}: {len(lines)} lines, allowed {MODULE_LINES}"] * (len(lines) > MODULE_LINES)
    found += [
        f"{name}:{number}: {len(line)} characters, allowed {LINE_CHARS}"
        for number, line in enumerate(lines, 1)
        if len(line) > LINE_CHARS
    ]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(
                    f"{name}:{node.lineno}: {node.name} has {length} lines, "
                    f"allowed {FUNCTION_LINES}"
                )
    return found


def test_no_function_module_or_line_is_too_long() -> None:
    found = [line for path in python_files() for line in too_long(path.read_text(), here(path))]

    assert found == [], listed(found)


def test_the_counters_of_length_count() -> None:
    """A rule that could not fail would hold forever."""
    body = "def f():\n" + "    x = 1\n" * FUNCTION_LINES
    assert too_long(body, "a.py") == ["a.py:1: f has 71 lines, allowed 70"]
    assert too_long("x = 1\n" * 401, "a.py") == ["a.py: 401 lines, allowed 400"]
    assert too_long(f"x = '{'y' * 100}'", "a.py") == ["a.py:1: 106 characters, allowed 100"]


PRODUCT_WORDS = re.compile(r"(?i)pump|bearing|impeller|wet[ _-]?well|\bstations?\b|station_")
ALLOWED_THERE = ("tests", "scenarios", "docs", "rules")


def product_words(text: str) -> list[tuple[int, str]]:
    """Lines that name something which only one product has."""
    return [
        (number, match.group())
        for number, line in enumerate(text.splitlines(), 1)
        if (match := PRODUCT_WORDS.search(line))
    ]


def test_no_code_outside_its_own_folder_knows_the_product() -> None:
    """A second product must be one new folder; a word of the first elsewhere is a special case."""
    found = [
        f"{here(path)}:{number}: {word}"
        for path in python_files()
        if not set(ALLOWED_THERE) & set(path.relative_to(ROOT).parts[:1])
        and "tests" not in path.relative_to(ROOT).parts[:-1]
        and not here(path).startswith("twins/products/pump/")
        for number, word in product_words(path.read_text())
    ]

    assert found == [], listed(found)


@pytest.mark.parametrize("text", ["pump", "PUMP_1 = 2", "x.bearing_temp", "a wet well", "Station"])
def test_the_search_for_product_words_finds(text: str) -> None:
    assert product_words(text)


ADDRESSES = re.compile(
    "|".join((
        r"--?(extra-)?index-" + "url",
        r"\bpypi\." + "org|python" + r"hosted\.org|registry\.npm" + "js|proxy\\.gol" + "ang",
        r"(?<![\w.])/(ro" + "ot|ho" + "me|wo" + r"rk)/[a-z.]",
        '"resolved": *"' + "http",
    ))
)  # fmt: skip


def test_no_file_names_a_package_index_or_a_path_of_one_machine() -> None:
    """Where packages come from is the business of whoever installs them."""
    found = [
        f"{here(path)}:{number}: {match.group()}"
        for path in tracked()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (match := ADDRESSES.search(line))
    ]

    assert found == [], listed(found)


def test_the_search_for_addresses_finds() -> None:
    assert ADDRESSES.search("pip install --index-" + "url x")
    assert ADDRESSES.search("cd /ro" + "ot/project")
    assert not ADDRESSES.search("GET /v1/work-orders/{id}/plan")


def test_every_package_and_module_says_what_it_is_for() -> None:
    silent = [
        here(path)
        for path in python_files()
        if path.relative_to(ROOT).parts[0] in CODE
        and "tests" not in path.relative_to(ROOT).parts
        and "versions" not in path.relative_to(ROOT).parts  # Alembic writes those.
        and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == [], listed(silent)


def test_no_test_sleeps() -> None:
    """A sleep is a guess: too short on a busy machine, wasted on an idle one."""
    call = re.compile(r"\b(time|asyncio|gevent)\.sleep\((?!0\))")
    found = [
        f"{here(path)}:{number}"
        for path in python_files()
        if "tests" in path.relative_to(ROOT).parts and path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if call.search(line)
    ]

    assert found == [], listed(found)


def test_every_pattern_of_deep_scenarios_fits_a_file() -> None:
    """A scenario that was renamed would silently come back into `make test`."""
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    patterns = [p for line in options["twinrig_marks"] for p in line.partition(":")[2].split()]

    assert patterns
    assert [pattern for pattern in patterns if not list(ROOT.glob(pattern))] == []
