"""How the command line reaches engine and DPS. What a person wished becomes their options."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cli.packs import Ask
from harness.cli.running import Runner
from harness.errors import ScenarioError
from harness.events import EventHandler, RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """The options of ``twinrig run``, as given."""

    seed: int
    link: str
    broker: str
    broker_port: int | None
    sut: str | None
    clients: str
    mode: str | None
    speed: float | None
    store: str
    rules: Path | None
    runs_dir: Path


def runner(wish: RunWish) -> Runner:
    """A runner of scenario files that does as wished."""
    from harness.engine import runner as engine  # noqa: PLC0415

    options = engine.RunOptions(
        link=wish.link, broker=wish.broker, broker_port=wish.broker_port, store=wish.store,
        sut=wish.sut, clients=wish.clients, mode=wish.mode, speed=wish.speed, rules=wish.rules,
        runs_dir=wish.runs_dir,
    )  # fmt: skip

    def run(file: Path, handlers: Sequence[EventHandler]) -> RunResult:
        return engine.run_scenario(file, seed=wish.seed, options=options, handlers=handlers)

    return run


@asynccontextmanager
async def rules_dps(models: Set[str], url: str | None) -> AsyncIterator[Ask]:
    """A DPS that knows ``models`` with their parts and conditions, for dry runs of packs.

    Args:
        models: Ids of the thing models that the packs are for.
        url: A DPS that runs already, or None for the reference DPS in this process.

    Raises:
        ScenarioError: If no product here has one of the models.
        SutError: If the DPS does not answer as the contract says.
    """
    from harness.sut.http import HttpSut  # noqa: PLC0415
    from harness.sut.setup import known_models, model_calls  # noqa: PLC0415

    known = known_models()
    missing = sorted(models - set(known))
    if missing and url is None:
        raise ScenarioError(
            f"unknown model {', '.join(missing)}; the products here have: {', '.join(known)}"
        )
    sut = HttpSut.at(url) if url else _in_process()
    await sut.open()
    try:
        for model in sorted(models & set(known)):
            await sut.install(model_calls(model))
        yield sut.ask
    finally:
        await sut.close()
