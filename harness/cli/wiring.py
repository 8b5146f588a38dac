"""How the command line reaches engine and DPS. What a person wished becomes their options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.cli.running import Job, JobsOf, Runner
from harness.errors import InvalidRun, ScenarioError
from harness.events import EventHandler, RunResult

if TYPE_CHECKING:
    from harness.engine.options import RunOptions, Save
    from harness.scenario.schema import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """The options of ``twinrig run``, as given."""

    seed: int
    link: Literal["memory", "mqtt"]
    broker: str
    broker_port: int | None
    sut: str | None
    webhooks: int | None
    clients: Literal["site", "per-device"]
    mode: Literal["virtual", "paced", "live"] | None
    speed: float | None
    store: str | None
    rules: Path | None
    runs_dir: Path
    notice: Callable[[str], None]
    """Told what the person has to do while a run waits."""
    sets: Sequence[tuple[str, str]] = ()
    """Values of the scenario's parameters."""
    variant: str | None = None
    saves: Sequence[str] = ()
    """Snapshots as ``30d`` or ``30d=NAME``."""
    control_port: int | None = None
    """Where a paced run hears requests; 0 for a free port."""


def _options(wish: RunWish) -> RunOptions:
    from harness.engine import runner as engine  # noqa: PLC0415

    return engine.RunOptions(
        link=wish.link, broker=wish.broker, broker_port=wish.broker_port, store=wish.store,
        sut=wish.sut, webhooks=wish.webhooks, clients=wish.clients, mode=wish.mode,
        speed=wish.speed, rules=wish.rules, runs_dir=wish.runs_dir, notice=wish.notice,
        saves=tuple(map(_save, wish.saves)), accounts=True,
    )  # fmt: skip


def _save(text: str) -> Save:
    """A snapshot that is wanted.

    Raises:
        ScenarioError: If it is not ``30d`` or ``30d=NAME`` with a name fit for a folder.
    """
    from harness.engine.options import Save  # noqa: PLC0415
    from harness.scenario.units import parse_duration  # noqa: PLC0415

    at, _, name = text.partition("=")
    name = name or at
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ScenarioError(f"--save-at {text!r}: allowed in a name: letters, digits, - and _")
    try:
        return Save(parse_duration(at), name)
    except ValueError as error:
        raise ScenarioError(f"--save-at {text!r}: {error}; allowed: 30d or 30d=NAME") from error


def _played(
    wish: RunWish, scenario: Path | Scenario, seed: int, handlers: Sequence[EventHandler]
) -> RunResult:
    """Run it; a paced run in a terminal obeys keys, and requests if they are wanted.

    Raises:
        InvalidRun: If requests are wanted for a run that is not paced.
    """
    from harness.engine import runner as engine  # noqa: PLC0415

    options = _options(wish)
    told = scenario if not isinstance(scenario, Path) else engine.load(scenario)
    if (wish.mode or told.run.mode) != "paced":
        if wish.control_port is not None:
            raise InvalidRun("--control-port is the hand on a paced run; give --mode paced, too")
        return engine.run_scenario(told, seed=seed, options=options, handlers=handlers)
    from harness.cli import control_port, keys  # noqa: PLC0415 - the hands on a paced run
    from harness.engine.options import PACED_SPEED  # noqa: PLC0415
    from harness.world.control import Control  # noqa: PLC0415

    control = Control(speed=wish.speed or told.run.speed or PACED_SPEED)
    hand = keys.Keys(control, wish.notice)
    far = control_port.Hand(control, start_ms=told.run.start, until_ms=told.run.until_ms)
    with ExitStack() as stack:
        if stack.enter_context(keys.listening(hand)):
            wish.notice(keys.HELP)
        if wish.control_port is not None:
            url = stack.enter_context(control_port.listening(far, wish.control_port))
            wish.notice(f"control: {url} ({control_port.WHAT})")
        return engine.run_scenario(
            told, seed=seed, options=replace(options, control=control),
            handlers=[hand, far, *handlers],
        )  # fmt: skip


def runner(wish: RunWish) -> Runner:
    """A runner of scenario files that does as wished."""

    def run(file: Path, handlers: Sequence[EventHandler]) -> RunResult:
        return _played(wish, file, wish.seed, handlers)

    return run


def jobs(wish: RunWish) -> JobsOf:
    """The runs that a scenario file asks for: one, or one for each variant of its matrix."""
    from harness.engine import runner as engine  # noqa: PLC0415
    from harness.scenario.loader import Choice  # noqa: PLC0415

    plain = runner(wish)
    choice = Choice(dict(wish.sets), wish.variant)

    def of_file(file: Path) -> Sequence[Job]:
        if not choice.sets and choice.variant is None and not has_matrix(file):
            return [Job(wish.seed, plain)]
        return [
            Job(
                wish.seed + one.seed_offset,
                _runner_of(one.scenario, wish, one.seed_offset),
                one.name,
            )
            for one in engine.load_all(file, choice)
        ]

    return of_file


def has_matrix(file: Path) -> bool:
    """Whether the file speaks of a matrix, itself or by way of an include."""
    try:
        text = file.read_text("utf-8")
    except (OSError, ValueError):
        return False  # the run will say why
    return "matrix" in text or "include" in text


def _runner_of(scenario: Scenario, wish: RunWish, offset: int) -> Runner:
    def run(_file: Path, handlers: Sequence[EventHandler]) -> RunResult:
        return _played(wish, scenario, wish.seed + offset, handlers)

    return run
