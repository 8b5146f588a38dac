"""What ``twinrig arms`` does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer

from harness.cli.rules_compare import progress
from harness.engine.runner import load
from harness.errors import ScenarioError
from harness.grading.arms import cores
from harness.grading.way_runs import run_ways, way_jobs
from harness.report import ways as report
from harness.report.console import make_console, say


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmsWish:
    """The options of ``twinrig arms``, as given."""

    scenario: Path
    seeds: int
    first_seed: int
    base: str | None
    sets: Sequence[str]
    jobs: int | None
    keep: Path | None
    html: Path | None
    markdown: Path | None
    json: bool


def main(wish: ArmsWish) -> int:
    """Run, compare and print; returns the exit code: 1 if a check failed in an arm.

    Raises:
        HarnessError: If the scenario is wrong, or a world came to no end.
    """
    console = make_console(stderr=wish.json)
    seeds = range(wish.first_seed, wish.first_seed + wish.seeds)
    wanted = way_jobs(
        wish.scenario, seeds, sets=_sets(wish.sets), base=wish.base, runs_dir=wish.keep
    )
    with progress(console, len(wanted)) as done:
        ways = run_ways(wanted, processes=min(wish.jobs or cores(), len(wanted)), done=done)
    story = load(wish.scenario, wanted[0].choice)
    shown = report.Shown(
        ways=ways, scenario=wish.scenario, story=story.story, length_ms=story.run.until,
        title=story.title.removesuffix(f" [{wanted[0].choice.variant}]"), replay=_replay(wish),
    )  # fmt: skip
    report.show(console, shown)
    for path, text in ((wish.html, report.page), (wish.markdown, report.markdown)):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(shown), "utf-8")
            say(console, f"written: {path}")
    if wish.json:
        data = msgspec.json.encode(report.as_data(shown))
        typer.echo(msgspec.json.format(data, indent=2).decode())
    broken = [run for run in ways.runs if run.failed_checks]
    for run in broken:
        say(console, f"{run.arm}, seed {run.seed}: {'; '.join(run.failed_checks)}", "bold red")
    return 1 if broken else 0


def _sets(given: Sequence[str]) -> Mapping[str, str]:
    sets = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ScenarioError(f"--set {text}: write NAME=VALUE")
        sets[name] = value
    return sets


def _replay(wish: ArmsWish) -> str:
    words = ["twinrig", "arms", str(wish.scenario), "--seeds", str(wish.seeds)]
    if wish.first_seed != 1:
        words += ["--first-seed", str(wish.first_seed)]
    if wish.base:
        words += ["--base", wish.base]
    for text in wish.sets:
        words += ["--set", text]
    return shlex.join(words)
