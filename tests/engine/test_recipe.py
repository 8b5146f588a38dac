"""What a run's folder says of it is enough to do it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.engine import recipe
from harness.engine.options import RunOptions
from harness.engine.runner import load
from harness.errors import ScenarioError
from harness.scenario.products import installed
from harness.sut.setup import installation, mid_run

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for path in (ROOT / "scenarios").glob("*/*.yaml") if not path.name.endswith(".bad.yaml")
)


@pytest.mark.parametrize(
    "files", [FILES[::14], pytest.param(FILES, marks=pytest.mark.deep)], ids=["some", "all"]
)
def test_every_scenario_comes_back_as_it_was_with_its_packs(files, tmp_path: Path) -> None:
    wrong = []
    for path in files:
        scenario = load(path)
        folder = tmp_path / f"{path.parent.name}-{path.stem}"
        folder.mkdir()
        recipe.write(folder, scenario, installed(), seed=7, options=RunOptions(link="memory"))
        again = recipe.read(folder).scenario
        one, other = scenario.model_dump(), again.model_dump()
        one["service"].pop("rules")
        other["service"].pop("rules")
        calls = [
            [
                (call.method, call.path, call.body)
                for call in installation(s, installed(), rules=None)
            ]
            for s in (scenario, again)
        ]
        if one != other or calls[0] != calls[1]:
            wrong.append(str(path.relative_to(ROOT)))
    assert len(files) > 3
    assert wrong == []


def test_a_folder_that_is_no_runs_or_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="name the folder of a run"):
        recipe.read(tmp_path)
    (tmp_path / recipe.FILE).write_text("{")
    with pytest.raises(ScenarioError, match="is no JSON"):
        recipe.read(tmp_path)
    (tmp_path / recipe.FILE).write_text(json.dumps({"format": recipe.FORMAT + 1}))
    with pytest.raises(ScenarioError, match="another version"):
        recipe.read(tmp_path)


def test_a_pack_of_the_timeline_stays_with_the_run(tmp_path: Path) -> None:
    """The author's file may be gone, and the folder elsewhere, when the run is looked at again."""
    (tmp_path / "mine").mkdir()
    pack = tmp_path / "mine" / "later.yaml"
    pack.write_text((ROOT / "twins/products/pump/rules/standard.yaml").read_text())
    (tmp_path / "mine" / "story.yaml").write_text(
        "title: Later\nrun: {start: 2026-01-05T00:00:00Z, until: 4d}\n"
        "fleets: [{product: pump}]\ntimeline: [{at: 1d, service: {rules: [./later.yaml]}}]\n"
    )
    scenario, folder = load(tmp_path / "mine" / "story.yaml"), tmp_path / "run"
    folder.mkdir()
    recipe.write(folder, scenario, installed(), seed=7, options=RunOptions(link="memory"))
    shutil.rmtree(tmp_path / "mine")
    moved = folder.rename(tmp_path / "moved")

    again = recipe.read(moved).scenario
    [call] = mid_run(again.timeline[0], again, installed())
    assert call.body["pack"] == "pump-standard"
