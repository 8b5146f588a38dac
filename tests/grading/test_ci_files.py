"""The workflow files that people copy call commands and options that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from ruamel.yaml import YAML

from harness.cli.main import app
from harness.grading.limits import blank, limit

CI = Path(__file__).parents[2] / "docs" / "ci"


def lines_of(value: object) -> list[str]:
    """Every text in a workflow, however deep."""
    if isinstance(value, str):
        return value.splitlines()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [line for one in inner for line in lines_of(one)]


@pytest.mark.parametrize("name", ["github-rules.yml", "gitlab-rules.yml"])
def test_a_workflow_file_compares_rules_with_a_gate_and_reports(name: str) -> None:
    data = YAML(typ="safe", pure=True).load((CI / name).read_text("utf-8"))
    calls = [shlex.split(line) for line in lines_of(data) if line.startswith("twinrig ")]
    [compare] = [words for words in calls if words[1:3] == ["rules", "compare"]]
    assert calls[0][1:3] == ["rules", "check"]

    command = typer.main.get_command(app).commands["rules"].commands["compare"]
    known = {option for parameter in command.params for option in parameter.opts}
    used = [word for word in compare if word.startswith("--")]
    assert set(used) <= known
    assert {"--fail-on", "--markdown", "--junit"} <= set(used)
    limits = [compare[i + 1] for i, word in enumerate(compare) if word == "--fail-on"]
    assert "missed > 0" in limits
    for text in limits:
        assert not limit(text, blank()).broken(blank()), "a pack compared with itself passes"


def test_the_how_to_names_every_figure_and_no_other() -> None:
    text = (CI.parent / "howto" / "compare-rules.md").read_text("utf-8")
    place = text.index("The figures by name:")
    named = set(re.findall(r"`([a-z_]+)`", text[place : text.index("\n## ", place)]))
    ends = ("_low", "_high", "_base", "_candidate")
    assert named == {name for name in blank() if not name.endswith(ends)} - {"checks"}
