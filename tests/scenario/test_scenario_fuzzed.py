"""Whatever is done to a scenario file, it is read or its mistakes are told: never a traceback."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from harness.checks.base import arguments
from harness.cli.main import app
from harness.errors import InvalidScenario, Problem
from harness.scenario.loader import parse
from harness.scenario.products import installed
from harness.scenario.resolve import world_spec
from harness.world.timeline import Timeline
from twins.core.errors import TwinError
from twins.core.streams import Streams
from twins.products.plan import plan_fleets

FOLDER = Path(__file__).parents[2] / "scenarios"
SEEDS = [
    file
    for file in sorted(FOLDER.rglob("*.yaml"))
    if file.parent.name != "parts" and ".bad" not in file.suffixes
]
TEXTS = {file: file.read_text("utf-8") for file in SEEDS}
WORDS = [
    "",
    "~",
    "null",
    "true",
    "1",
    "-1",
    "0",
    "1e400",
    ".nan",
    ".inf",
    "10d",
    "4x",
    "5y",
    "'",
    '"',
    "[]",
    "{}",
    "[[]]",
    "{a: b}",
    "&a",
    "*a",
    "<<: *a",
    "!!binary x",
    "!!set {a}",
    "!!python/name:os.system",
    "? a",
    "- ",
    ": ",
    "#",
    "|",
    ">",
    "---",
    "...",
    "%YAML 1.1",
    "\t",
    "\x00",
    "\ufeff",
    "\u2028",
    "$(x)",
    "$$(x)",
    "$(",
    "truth(pump-01-1).bearing.damage > 0.5",
    "pump-01-1",
    "station-01",
    "list",
    "drawn",
    "a fault",
    "number",
    "at",
    "when",
    "for",
    "name",
    "2026-01-05T00:00:00Z",
    "0x10",
    "1_000",
    "12:30:00",
    "9" * 400,
    "a" * 3000,
    "include: x.yaml",
    "parameters: {a: {type: text, default: b}}",
    "matrix: {axes: {a: [b]}}",
    "always+: []",
    "\ud7ff",
    "😀",
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
BUILT_SITES_MAX = 500
SHALLOW = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
DEEP = settings(SHALLOW, max_examples=1500)


def is_read_or_told(text: str, file: Path) -> None:
    """The property: a scenario that can be built, or mistakes with their places."""
    told = problems_of(text, file)
    if told:
        assert all(problem.text and problem.spot.line >= 1 for problem in told)
        return
    scenario = parse(text, str(file), products=installed(), checks=arguments())
    Timeline(scenario, installed()).begin()
    sites = [fleet.sites for fleet in scenario.fleets]
    if sum(many if isinstance(many, int) else len(many) for many in sites) <= BUILT_SITES_MAX:
        with contextlib.suppress(TwinError):  # a world that cannot be is told, too
            plan_fleets(world_spec(scenario, installed(), seed=1), Streams(1))


def problems_of(text: str, file: Path) -> tuple[Problem, ...]:
    """The mistakes that are told; any other exception is what these tests look for."""
    try:
        parse(text, str(file), products=installed(), checks=arguments())
    except InvalidScenario as error:
        return error.problems
    return ()


@st.composite
def changed_texts(draw: st.DrawFn) -> tuple[str, Path]:
    """A good file with pieces cut out, doubled, moved, or replaced by words that mean something."""
    file = draw(st.sampled_from(SEEDS))
    text = TEXTS[file]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(st.sampled_from(WORDS) | st.text(max_size=6) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text, file


def spots(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a tree."""
    yield path
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        yield from spots(value, (*path, key))


@st.composite
def changed_trees(draw: st.DrawFn) -> tuple[str, Path]:
    """A good file in which values are replaced, keys renamed, taken away or brought in."""
    file = draw(st.sampled_from(SEEDS))
    tree = YAML(typ="safe", pure=True).load(TEXTS[file])
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from([path for path in spots(tree) if path] or [()]))
        if not path:
            break
        at = tree
        for part in path[:-1]:
            at = at[part]
        what = draw(st.sampled_from(["replace", "remove", "rename", "copy"]))
        other = draw(st.sampled_from(list(spots(tree))))
        if what == "remove":
            del at[path[-1]]
        elif what == "rename" and isinstance(at, dict):
            at[draw(st.sampled_from(WORDS) | st.text(max_size=8))] = at.pop(path[-1])
        elif what == "copy":
            found = tree
            for part in other:
                found = found[part]
            at[path[-1]] = copy.deepcopy(found)
        else:
            at[path[-1]] = draw(VALUES)
    out = StringIO()
    YAML(typ="safe", pure=True).dump(tree, out)
    return out.getvalue(), file


@SHALLOW
@given(changed_texts())
def test_a_changed_text_is_read_or_its_mistakes_are_told(case: tuple[str, Path]) -> None:
    is_read_or_told(*case)


@SHALLOW
@given(changed_trees())
def test_a_changed_tree_is_read_or_its_mistakes_are_told(case: tuple[str, Path]) -> None:
    is_read_or_told(*case)


@pytest.mark.deep
@pytest.mark.timeout(1800)
@DEEP
@given(changed_texts() | changed_trees())
def test_thousands_of_changed_files_are_read_or_their_mistakes_are_told(
    case: tuple[str, Path],
) -> None:
    is_read_or_told(*case)


@settings(SHALLOW, max_examples=8)
@given(changed_texts() | changed_trees())
def test_the_command_exits_as_for_a_wrong_scenario(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[str, Path]
) -> None:
    text, file = case
    if problems_of(text, file):
        broken = tmp_path_factory.mktemp("fuzz") / "broken.yaml"
        broken.write_text(text, "utf-8", errors="replace", newline="")
        answer = CliRunner().invoke(app, ["run", str(broken), "--seed", "1", "--link", "memory"])
        assert answer.exit_code == 2, answer.output
        assert "Traceback" not in answer.output
        assert "broken.yaml" in answer.output
