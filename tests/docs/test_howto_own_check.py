"""The how-to of an own scenario and an own check, done word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import harness.checks
from harness.checks.base import catalog
from harness.engine.runner import RunOptions, load, run_scenario
from harness.errors import InvalidScenario

TEXT = (Path(__file__).resolve().parents[2] / "docs/howto/own-check.md").read_text()


def block(kind: str) -> str:
    found = re.findall(rf"```{kind}\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len(found) == 1
    return found[0]


@pytest.fixture
def followed(walk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The page is done; its check is found as if it lay beside the others."""
    places = [*harness.checks.__path__, str(tmp_path / "harness/checks")]
    monkeypatch.setattr(harness.checks, "__path__", places)
    catalog.cache_clear()
    assert len(walk("own-check.md")) == 1
    yield tmp_path / "scenarios/pumps"
    catalog.cache_clear()


def test_a_newcomer_s_check_passes_fails_where_it_must_and_refuses_what_is_wrong(
    followed: Path,
) -> None:
    path, options = followed / "my-seal.yaml", RunOptions(link="memory", runs_dir=followed / "runs")
    path.write_text(block("yaml").replace("from_hour: 22", "from_hour: 1"))
    result = run_scenario(path, seed=7, options=options)
    assert [check.check for check in result.failed_checks] == ["quiet_hours"]

    path.write_text(block("yaml").replace("from_hour: 22", "from_hour: 25"))
    with pytest.raises(InvalidScenario, match=r"my-seal\.yaml:\d+:\d+: .*less than or equal to 23"):
        load(path)
