"""pytest plugin: which rows of the feature list the tests assert, and what became of them.

``@pytest.mark.feature("SP9")`` on a test, or ``features: [SP9]`` in a scenario file, says what is
asserted. A run notes the outcomes in ``build/features.json``; ``--write-features`` writes
``docs/features.md``; ``--feature SP9`` runs what asserts a row; ``--feature-off SP9`` switches the
row's behaviour off for the session (``off_*.py`` beside this file say how), so that something of
what asserts it must fail.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.scenario import features
from twins.core.yaml_text import parsed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs/features.md"
LIMITS = ROOT / "docs/known-limits.md"
SEEDS, SEEDS_PAGE = HERE / "seeds.yaml", ROOT / "docs/seeds.md"
RESULTS = ROOT / "build/features.json"
COLLECTED = pytest.StashKey[dict[str, set[str]]]()
"""Each row with the ids of what asserts it, of everything that this session collected."""
FILES = pytest.StashKey[set[str]]()
"""The files that were collected whole."""
PATCHES = pytest.StashKey[pytest.MonkeyPatch]()
RAN = pytest.StashKey[dict[str, tuple[list[str], str]]]()
PROPERTY = "features"
Patch = Callable[[pytest.MonkeyPatch], None]


def switches() -> dict[str, dict[str, Patch]]:
    """How each row is switched off: row -> file -> patch."""
    found: dict[str, dict[str, Patch]] = {}
    for path in sorted(HERE.glob("off_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for row, patch in module.OFF.items():
            found.setdefault(row, {})[path.name] = patch
    return found


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("features")
    group.addoption("--feature", metavar="ROW", help="run only what asserts this row")
    group.addoption("--feature-off", metavar="ROW", help="switch the behaviour of a row off")
    group.addoption(
        "--write-features", action="store_true", help="write docs/features.md after collecting"
    )
    group.addoption(
        "--features-file", type=Path, default=RESULTS, help="where outcomes are noted (JSON)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Switch off what is to be off, before any test module is imported."""
    config.stash[RAN] = {}
    for option in ("--feature", "--feature-off"):
        row = config.getoption(option)
        if row is not None and row not in features.allowed():
            raise pytest.UsageError(f"{option} {row}: no such row; see {features.FILE.name}")
    off = config.getoption("--feature-off")
    if off is None:
        return
    patches = switches().get(off)
    if not patches:
        raise pytest.UsageError(f"--feature-off {off}: no tests/features/off_*.py says how")
    config.stash[PATCHES] = pytest.MonkeyPatch()
    for patch in patches.values():
        patch(config.stash[PATCHES])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Switch it on again."""
    if PATCHES in config.stash:
        config.stash[PATCHES].undo()


def asserted_by(item: pytest.Item) -> list[str]:
    """The rows that a test says it asserts.

    Raises:
        pytest.UsageError: One of them does not exist.
    """
    # only now: pytest rewrites it when it loads it
    from harness.pytest_scenarios import ScenarioItem

    told = [row for mark in item.iter_markers("feature") for row in mark.args]
    if isinstance(item, ScenarioItem):
        text = item.path.read_text("utf-8")
        if re.search(r"^features\+?\s*:", text, re.MULTILINE):
            told += parsed(text).get("features", [])
    wrong = [str(row) for row in told if row not in features.allowed()]
    if wrong:
        raise pytest.UsageError(
            f"{item.nodeid}: no such row of the feature list: {', '.join(wrong)}; "
            f"{features.FILE.name} has them all"
        )
    return sorted(set(told), key=features.allowed().index)


def known_as(nodeid: str) -> str:
    """A test's id without its parameters; of a scenario, its file."""
    plain = nodeid.partition("[")[0]
    file, _, _ = plain.partition("::")
    return file if file.endswith((".yaml", ".yml")) else plain


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note who asserts what, before anything is deselected."""
    collected = config.stash.setdefault(COLLECTED, {})
    in_part = {str(arg).partition("::")[0] for arg in config.args if "::" in str(arg)}
    files = {item.nodeid.partition("::")[0] for item in items}
    config.stash[FILES] = {file for file in files if not any(p.endswith(file) for p in in_part)}
    for item in items:
        rows = asserted_by(item)
        if rows:
            item.user_properties.append((PROPERTY, rows))
        for row in rows:
            collected.setdefault(row, set()).add(known_as(item.nodeid))
    wanted = config.getoption("--feature")
    if wanted is not None:
        others = [i for i in items if wanted not in dict(i.user_properties).get(PROPERTY, ())]
        config.hook.pytest_deselected(items=others)
        items[:] = [i for i in items if wanted in dict(i.user_properties).get(PROPERTY, ())]


class Outcomes:
    """Notes what became of the tests; of all workers, as their reports come together here."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._ran = config, config.stash[RAN]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The worst of a test's phases counts; one that was skipped says nothing."""
        rows = dict(report.user_properties).get(PROPERTY)
        if not rows or report.skipped or (report.passed and report.when != "call"):
            return
        worse = report.failed or self._ran.get(report.nodeid, ([], ""))[1] == "failed"
        self._ran[report.nodeid] = (list(map(str, rows)), "failed" if worse else "passed")

    def pytest_sessionfinish(self) -> None:
        """Merge with what earlier runs noted about other tests."""
        file: Path = self._config.getoption("--features-file")
        if not self._ran:
            return
        kept = read_results(file)
        for outcomes in kept.values():
            for nodeid in self._ran:
                outcomes.pop(nodeid, None)
        for nodeid, (rows, outcome) in self._ran.items():
            for row in rows:
                kept.setdefault(row, {})[nodeid] = outcome
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(kept, indent=1, sort_keys=True))
        new.replace(file)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Only the process that gets all reports notes them, and never of a crippled DPS."""
    config = session.config
    if not hasattr(config, "workerinput") and config.getoption("--feature-off") is None:
        config.pluginmanager.register(Outcomes(config), "feature-outcomes")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the page, if that is asked for."""
    config = session.config
    if config.getoption("--write-features"):
        results = read_results(config.getoption("--features-file"))
        PAGE.write_text(page(config.stash[COLLECTED], results))
        SEEDS_PAGE.write_text(seeds_page(seeds(), config.stash[COLLECTED]))
        limits = LIMITS.read_text()
        LIMITS.write_text(admitting(limits, set(features.allowed()) - set(config.stash[COLLECTED])))


def read_results(file: Path) -> dict[str, dict[str, str]]:
    """Row -> node id -> passed or failed, of the last run of each test."""
    if not file.exists():
        return {}
    read: dict[str, dict[str, str]] = json.loads(file.read_text())
    return read


HEAD = """# Features

Which test or scenario asserts which row of the feature list (`harness/scenario/features.yaml`), and
what its last run said. Made by `make features` from the marks in the tests and the outcomes in
`build/features.json`; not written by hand. A row without an assertion is open and stands in
[known-limits.md](known-limits.md).
"""


def page(collected: Mapping[str, set[str]], results: Mapping[str, Mapping[str, str]]) -> str:
    """The whole of docs/features.md."""
    parts = [HEAD]
    for title, rows in (("Rows", features.rows()), ("Invariants", features.invariants())):
        lines = [_line(row, rows[row], collected.get(row, set()), results) for row in rows]
        head = "| ID | what | asserted by | last run |\n|---|---|---|---|"
        parts.append("\n".join([f"## {title}", "", head, *lines, ""]))
    return "\n".join(parts)


def _line(row: str, what: str, ids: set[str], results: Mapping[str, Mapping[str, str]]) -> str:
    of_row = results.get(row, {})
    outcomes: dict[str, set[str]] = {}
    for nodeid, outcome in of_row.items():
        outcomes.setdefault(known_as(nodeid), set()).add(outcome)
    ran = [name for name in ids if name in outcomes]
    failed = [name for name in ran if "failed" in outcomes[name]]
    if not ids:
        said = "open"
    elif failed:
        said = f"**failed**: {', '.join(f'`{name}`' for name in sorted(failed))}"
    else:
        said = f"passed ({len(ran)} of {len(ids)})" if ran else "not run"
    return f"| {row} | {what} | {'<br>'.join(f'`{name}`' for name in sorted(ids))} | {said} |"


ADMITTED = "\n## Rows that nothing asserts\n"
NO_REASON = "nobody has said why"


def admitted(limits: str) -> dict[str, str]:
    """Each row that docs/known-limits.md admits to be open, with its reason."""
    part = limits.partition(ADMITTED)[2].partition("\n## ")[0]
    found = re.findall(r"^- ((?:[A-Z]+\d+(?:, )?)+): (\S.*)$", part, re.MULTILINE)
    return {row: reason for rows, reason in found for row in rows.split(", ")}


def admitting(limits: str, open_rows: set[str]) -> str:
    """The document with exactly the open rows in its part about them; reasons are kept."""
    before, _, behind = limits.partition(ADMITTED)
    _, more, rest = behind.partition("\n## ")
    known = admitted(limits)
    reasons: dict[str, list[str]] = {}
    for row in features.allowed():
        if row in open_rows:
            reasons.setdefault(known.get(row, NO_REASON), []).append(row)
    lines = [f"- {', '.join(rows)}: {reason}" for reason, rows in reasons.items()]
    head = "Of the [feature list](features.md); each with its reason."
    if not lines:
        head = "None: tests assert every row of the [feature list](features.md)."
    return "\n".join([before + ADMITTED + head, *lines, ""]) + more + rest


def seeds() -> dict[str, dict[str, Any]]:
    """Every claim of the documents behind the project, with where it is."""
    read: dict[str, dict[str, Any]] = parsed(SEEDS.read_text("utf-8"))
    return read


SEEDS_HEAD = """# Where each claim of the documents behind this project is

Every claim, role, company, figure and consideration of the documents that this project began with,
in our own words (`tests/features/seeds.yaml`), the rows of the [feature list](features.md) that it
became, and the tests or scenarios that assert them. Made by `make features`.
"""


def seeds_page(claims: Mapping[str, Mapping[str, Any]], collected: Mapping[str, set[str]]) -> str:
    """The whole of docs/seeds.md."""
    lines = ["| ID | what it says | rows | where |", "|---|---|---|---|"]
    for ident, claim in claims.items():
        rows = claim.get("rows", [])
        files = {known.partition("::")[0] for row in rows for known in collected.get(row, ())}
        where = [f"`{name}`" for name in sorted(files | set(claim.get("by", ())))]
        if open_rows := [row for row in rows if not collected.get(row)]:
            where.append(f"open: {', '.join(open_rows)}")
        if "later" in claim:
            where.append(f"comes with later work: {claim['later']}")
        if "not" in claim:
            where.append(f"not simulated, because: {claim['not']}")
        lines.append(f"| {ident} | {claim['says']} | {', '.join(rows)} | {'<br>'.join(where)} |")
    return "\n".join([SEEDS_HEAD, *lines, ""])


def read_page(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each row of the page with the ids of what asserts it."""
    line = r"^\| ([A-Z]+[0-9]+) \| .*? \| (.*?) \| [^|]* \|$"
    for row, ids in re.findall(line, text, re.MULTILINE):
        yield row, set(re.findall(r"`([^`]+)`", ids))


@pytest.fixture(scope="session")
def feature_list() -> Any:
    """This module, for the tests of it."""
    return sys.modules[__name__]
