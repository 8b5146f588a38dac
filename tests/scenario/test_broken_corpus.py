"""Every file of scenarios/broken has mistakes on purpose, and says below what has to be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks.base import arguments
from harness.errors import InvalidScenario
from harness.scenario.loader import load_all
from harness.scenario.products import installed

FOLDER = Path(__file__).parents[2] / "scenarios" / "broken"
FILES = sorted(FOLDER.glob("*.bad.yaml"))
KINDS_MIN = 60
MARK = "# expected: "


def expected(file: Path) -> list[str]:
    """Beginnings of the messages, each with line and column (and the file, if it is another)."""
    lines = file.read_text("utf-8", errors="replace").splitlines()
    told = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    return [
        f"{FOLDER}/{line}" if not line[0].isdigit() else f"{file}:{line}" for line in told
    ]  # fmt: skip


def test_there_are_many_kinds_of_mistakes() -> None:
    assert len(FILES) >= KINDS_MIN
    bodies = {file.read_bytes().partition(MARK.encode())[0] for file in FILES}
    assert len(bodies) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".bad.yaml"))
def test_a_broken_file_is_told_everything_that_is_wrong_and_nothing_else(file: Path) -> None:
    wanted = expected(file)
    assert wanted
    with pytest.raises(InvalidScenario) as caught:
        load_all(file, products=installed(), checks=arguments())
    said = [str(problem).replace(f"{FOLDER}/", "") for problem in caught.value.problems]
    wanted = [line.replace(f"{FOLDER}/", "") for line in wanted]
    missing = [line for line in wanted if not any(one.startswith(line) for one in said)]
    more = [one for one in said if not any(one.startswith(line) for line in wanted)]
    assert (missing, more) == ([], [])
    assert caught.value.exit_code == 2
