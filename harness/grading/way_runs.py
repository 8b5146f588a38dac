"""Runs every arm of a scenario with every seed, on all cores."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from harness.engine.options import RunOptions
from harness.engine.runner import load, load_all, run_scenario
from harness.errors import HarnessError, ScenarioError
from harness.grading.arms import Spoiled, results
from harness.grading.record import Record
from harness.grading.ways import WayRun, Ways, compare_ways, judged
from harness.scenario.loader import Choice
from harness.scenario.products import in_unit, installed
from harness.scenario.resolve import places
from harness.scenario.schema import Scenario
from twins.field.crew import PARAMS as CREW

NIGHT = "emergency_visit_eur"
SERVICE_PRICE = "subscription_eur_month"
"""The one price that arms may differ in: who has no service pays none."""


class WayJob(NamedTuple):
    """One arm with one seed."""

    scenario: Path
    choice: Choice
    arm: str
    seed: int
    runs_dir: Path | None


def way_jobs(
    path: Path,
    seeds: Sequence[int],
    *,
    sets: Mapping[str, str] | None = None,
    base: str | None = None,
    runs_dir: Path | None = None,
) -> list[WayJob]:
    """Every arm of a scenario with every seed, the arm to compare with first.

    Args:
        path: A scenario with a matrix of ``seeds: same``.
        seeds: Each is one world.
        sets: Values of the scenario's parameters.
        base: The arm to compare with; the first if not said.
        runs_dir: Where the folders of the runs are kept, by arm; nowhere if not said.

    Raises:
        ScenarioError: If the file is wrong, or its variants are no arms of one experiment.
    """
    choice = Choice(sets=dict(sets or {}))
    found = load_all(path, choice=choice)
    if len(found) < 2:
        raise ScenarioError(f"{path} has no matrix, hence no arms to compare")
    if any(one.seed_offset for one in found):
        text = "arms have the same random numbers: write seeds: same in its matrix"
        raise ScenarioError(f"{path}: {text}")
    arms = {arm_name(one.name): one for one in found}
    first = base or next(iter(arms))
    if first not in arms:
        raise ScenarioError(f"{path} has no arm {first!r}; there are: {', '.join(arms)}")
    wrong = [
        f"{name} has another {what} than {first}"
        for name, one in arms.items()
        for what in _apart(arms[first].scenario, one.scenario)
    ]
    if wrong:
        raise ScenarioError(f"{path}: {'; '.join(wrong)}: then they are not the same world")
    names = [first, *(name for name in arms if name != first)]
    return [
        WayJob(path, replace(choice, variant=arms[name].name), name, seed, runs_dir)
        for seed in seeds
        for name in names
    ]


def arm_name(variant: str) -> str:
    """``arm=reactive`` is the arm ``reactive``; of several axes all values, with a comma."""
    return ",".join(pair.partition("=")[2] for pair in variant.split(","))


def _apart(one: Scenario, other: Scenario) -> list[str]:
    """What two arms may not differ in: fleets, time, weather, and what the timeline breaks."""
    nature: dict[str, list[object]] = {
        "run": [(s.run.start, s.run.until, s.run.sync) for s in (one, other)],
        "fleet": [s.fleets for s in (one, other)],
        "place": [(s.field.country, s.field.time_zone, s.field.weather) for s in (one, other)],
        "price of energy or spills": [
            {name: eur for name, eur in s.field.money.items() if name != SERVICE_PRICE}
            for s in (one, other)
        ],
        "fault in the timeline": [
            tuple(entry for entry in s.timeline if hasattr(entry, "fault")) for s in (one, other)
        ],
    }
    return [what for what, both in nature.items() if both[0] != both[1]]


def play_way(job: WayJob) -> WayRun | Spoiled:
    """Run one arm, and judge it; errors come back as values."""
    try:
        return _play(job)
    except HarnessError as error:
        return Spoiled(str(error), error.exit_code)


def _play(job: WayJob) -> WayRun | Spoiled:
    scenario = load(job.scenario, job.choice)
    record = Record()
    with tempfile.TemporaryDirectory(prefix="twinrig-") as spare:
        kept = job.runs_dir / job.arm if job.runs_dir else Path(spare)
        options = RunOptions(link="memory", mode="virtual", runs_dir=kept)
        result = run_scenario(scenario, seed=job.seed, options=options, handlers=[record])
    if result.error:
        return Spoiled(result.error, result.exit_code)
    night = scenario.field.crew.get(NIGHT, CREW[NIGHT].default)
    sites = {device: place.site for device, place in places(scenario, installed()).items()}
    return judged(
        record, arm=job.arm, seed=job.seed, sites=sites, night_eur=in_unit(night, CREW[NIGHT])
    )


def run_ways(wanted: Sequence[WayJob], *, processes: int, done: Callable[[int, int], None]) -> Ways:
    """Run all jobs; ``done(so many, of so many)`` is told of each.

    Raises:
        InvalidRun: (or another HarnessError of its exit code) if a world came to no end, or two
            arms are not the same world.
    """
    found: list[WayRun | None] = [None] * len(wanted)
    for count, (number, judged_run) in enumerate(results(wanted, play_way, processes), 1):
        if isinstance(judged_run, Spoiled):
            job = wanted[number]
            raise judged_run.as_error(f"{job.scenario} [{job.arm}], seed {job.seed}")
        found[number] = judged_run
        done(count, len(wanted))
    return compare_ways([run for run in found if run is not None])
