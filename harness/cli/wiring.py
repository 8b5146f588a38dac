"""How the command line reaches engine and DPS. What a person wished becomes their options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.cli.running import Runner
from harness.events import EventHandler, RunResult


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


def runner(wish: RunWish) -> Runner:
    """A runner of scenario files that does as wished."""
    from harness.engine import runner as engine  # noqa: PLC0415

    options = engine.RunOptions(
        link=wish.link, broker=wish.broker, broker_port=wish.broker_port, store=wish.store,
        sut=wish.sut, webhooks=wish.webhooks, clients=wish.clients, mode=wish.mode,
        speed=wish.speed, rules=wish.rules, runs_dir=wish.runs_dir, notice=wish.notice,
    )  # fmt: skip

    def run(file: Path, handlers: Sequence[EventHandler]) -> RunResult:
        return engine.run_scenario(file, seed=wish.seed, options=options, handlers=handlers)

    return run
