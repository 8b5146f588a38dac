"""Pages that a reader walks through: done step by step in an empty folder, and compared.

A block behind "save as `FILE`" is that file; behind "put this into `FILE`" its top-level keys take
the place of the file's, or come behind them; a console block is typed, and what it shows must come.
Whether kernels are compiled on the way depends on who ran before, so that line is not compared.
"""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.engine.runner import COMPILING

PAGES = Path(__file__).resolve().parents[2] / "docs/howto"
BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)
FILE = re.compile(
    r"(?P<how>save (?:this )?as|put this into) `(?P<name>[^`]+)`[^`]*$", re.IGNORECASE
)
EXIT = re.compile(r"\(exit code (\d+)\)\n")


def put_into(old: str, new: str) -> str:
    """Top-level keys of YAML in place of those that there are."""
    for part in re.findall(r"^\w[^\n]*\n(?:[^\w][^\n]*\n)*", new, re.MULTILINE):
        key = part.split(":")[0]
        there = re.compile(rf"^{key}:[^\n]*\n(?:[^\w][^\n]*\n)*", re.MULTILINE)
        if there.search(old):
            old = there.sub(lambda _, part=part: part, old)
        else:
            old += part
    return old


def commands(console: str) -> Iterator[tuple[str, str, int]]:
    """Each command of a block with what it shows and its exit code."""
    for block in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, shown = block.partition("\n")
        code = EXIT.search(shown)
        yield command, EXIT.sub("", shown), int(code[1]) if code else 0


def like(shown: str) -> re.Pattern[str]:
    """What is shown, with ``...`` for anything; blanks at the end of a line do not count."""
    lines = [re.escape(line.rstrip()).replace(r"\.\.\.", ".*?") for line in shown.splitlines()]
    text = "".join(r"(?:.*\n)*?" if line == ".*?" else rf"{line} *\n" for line in lines)
    return re.compile(text + r"\Z")


def type_in(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Do what a shell would do."""
    program, *words = shlex.split(command)
    monkeypatch.setattr(sys, "argv", [program, *words])
    try:
        if program == "python":
            runpy.run_path(words[0], run_name="__main__")
            return 0
        assert program == "twinrig"
        main()
    except SystemExit as left:
        return int(left.code or 0)
    raise AssertionError("the command line always leaves")


def walked(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Do a page in the present folder, step by step; gives the commands that were typed."""
    typed = []
    for block in BLOCK.finditer(text):
        if block["kind"] == "console":
            for command, shown, code in commands(block["text"]):
                capsys.readouterr()
                left = type_in(command, monkeypatch)
                said = "".join(capsys.readouterr()).replace(f"{COMPILING}\n", "")
                assert left == code, f"$ {command}\n{said}"
                assert like(shown).match(said), f"$ {command}\n{said}\n--- is not like\n{shown}"
                typed.append(command)
            continue
        where = FILE.search(block["before"])
        assert where is not None, f"nothing says what to do with\n{block['text']}"
        file = Path(where["name"])
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = where["how"].lower().startswith("save")
        told = block["text"] if whole else put_into(file.read_text("utf-8"), block["text"])
        file.write_text(told, "utf-8")
    return typed


@pytest.fixture
def walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """Do a page by its name, in a folder of its own."""

    def go(page: str) -> list[str]:
        monkeypatch.chdir(tmp_path)
        return walked((PAGES / page).read_text("utf-8"), monkeypatch, capsys)

    return go


@pytest.fixture
def shown_is_like() -> Callable[[str], re.Pattern[str]]:
    """What a page shows, as what may come."""
    return like
