"""Runs the worlds of a comparison: every scenario and seed with every pack, on all cores."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from harness.engine.options import RunOptions
from harness.engine.runner import load, load_all, run_scenario
from harness.errors import (
    HarnessError,
    InvalidRun,
    OurBug,
    ScenarioError,
    SutError,
    TwinAuthorError,
)
from harness.grading.compare import Pair
from harness.grading.grade import RunGrade, grade
from harness.grading.packs import ALARM_EUR, PackSet, files_of, read_pack, scope_of, with_packs
from harness.grading.record import Record
from harness.scenario.loader import Choice
from harness.scenario.products import installed

ARMS = ("baseline", "candidate")
J = TypeVar("J")
R = TypeVar("R")
KINDS: tuple[type[HarnessError], ...] = (ScenarioError, TwinAuthorError, SutError, OurBug)
WHOSE: Mapping[int, type[HarnessError]] = {kind.exit_code: kind for kind in KINDS}
"""Errors by exit code: what a worker tells becomes an error again."""


class Job(NamedTuple):
    """One world to run."""

    scenario: Path
    seed: int
    arm: str
    packs: tuple[dict[str, Path], dict[str, Path]]
    """Packs of the baseline and of the candidate by model; grading looks at both."""
    runs_dir: Path | None
    alarm_eur: float
    variant: str = ""
    """Of the scenario's matrix; empty without one."""
    link: Literal["memory", "mqtt"] = "memory"
    broker: str = "embedded"

    @property
    def told(self) -> str:
        """The scenario, and which of its variants."""
        return f"{self.scenario} [{self.variant}]" if self.variant else str(self.scenario)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A world that came to no end."""

    text: str
    exit_code: int

    def as_error(self, told: str) -> HarnessError:
        """What a worker tells becomes an error again, with which world it was."""
        return WHOSE.get(self.exit_code, InvalidRun)(f"{told}: {self.text}")


def cores() -> int:
    """How many processes may run here at once."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def play(job: Job) -> RunGrade | Spoiled:
    """Run one world, and judge it; errors come back as values."""
    try:
        return _play(job)
    except HarnessError as error:
        return Spoiled(str(error), error.exit_code)


def _play(job: Job) -> RunGrade | Spoiled:
    products, choice = installed(), Choice(variant=job.variant or None)
    story = load(job.scenario, choice)
    packs: PackSet = job.packs[ARMS.index(job.arm)]
    scenario = with_packs(story, products, packs)
    bodies = [
        read_pack(file)
        for arm in job.packs
        for file in files_of(with_packs(story, products, arm), products).values()
    ]
    record = Record()
    with tempfile.TemporaryDirectory(prefix="twinrig-") as spare:
        options = RunOptions(
            link=job.link, broker=job.broker, mode="virtual", runs_dir=job.runs_dir or Path(spare)
        )
        result = run_scenario(scenario, seed=job.seed, options=options, handlers=[record])
    if result.error:
        return Spoiled(result.error, result.exit_code)
    return grade(record, scope_of(scenario, products, bodies, alarm_eur=job.alarm_eur))


def jobs(
    base: PackSet, candidate: PackSet, scenarios: Sequence[Path], seeds: Sequence[int],
    *, runs_dir: Path | None = None, alarm_eur: float = ALARM_EUR,
    link: Literal["memory", "mqtt"] = "memory", broker: str = "embedded",
) -> list[Job]:  # fmt: skip
    """Both arms of every scenario (each variant of a matrix is one) and seed, pairs together.

    Raises:
        ScenarioError: If a scenario is wrong, or no pack is for its devices.
    """
    products = installed()
    stories = [(path, one) for path in scenarios for one in load_all(path)]
    for _, one in stories:
        for packs in (base, candidate):
            with_packs(one.scenario, products, packs)
    both = (dict(base), dict(candidate))
    return [
        Job(
            path, seed, arm, both, runs_dir and runs_dir / arm, alarm_eur, one.name, link, broker
        )
        for path, one in stories for seed in seeds for arm in ARMS
    ]  # fmt: skip


def run_pairs(
    wanted: Sequence[Job], *, processes: int, done: Callable[[int, int], None]
) -> list[Pair]:
    """Run all jobs; ``done(so many, of so many)`` is told of each.

    Args:
        wanted: From :func:`jobs`: pairs stand together.
        processes: 1 runs them in this process.
        done: For a progress bar.

    Raises:
        InvalidRun: (or another HarnessError of its exit code) if a world came to no end.
    """
    grades: list[RunGrade | None] = [None] * len(wanted)
    for count, (number, judged) in enumerate(results(wanted, play, processes), 1):
        if isinstance(judged, Spoiled):
            job = wanted[number]
            raise judged.as_error(f"{job.told}, seed {job.seed}, {job.arm}")
        grades[number] = judged
        done(count, len(wanted))
    pairs = []
    for number in range(0, len(wanted), 2):
        base, candidate, job = grades[number], grades[number + 1], wanted[number]
        assert base is not None
        assert candidate is not None
        pairs.append(Pair(job.told, job.seed, base, candidate))
    return pairs


def results(wanted: Sequence[J], play: Callable[[J], R], processes: int) -> Iterator[tuple[int, R]]:
    """What ``play`` makes of each job, with its place, as they come; 1 process is this one."""
    if processes == 1:
        for number, job in enumerate(wanted):
            yield number, play(job)
        return
    # Spawned, not forked: a worker begins clean, whatever threads the caller has.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(wanted)), mp_context=context) as pool:
        numbers = {pool.submit(play, job): number for number, job in enumerate(wanted)}
        try:
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
