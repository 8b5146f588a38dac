"""How the command line reaches engine and DPS. What a person wished becomes their options."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.cli.packs import Ask
from harness.cli.running import Runner
from harness.errors import ScenarioError
from harness.events import EventHandler, RunResult

if TYPE_CHECKING:
    from harness.scenario.products import Products
    from harness.sut.port import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWish:
    """The options of ``twinrig run``, as given."""

    seed: int
    link: Literal["memory", "mqtt"]
    broker: str
    broker_port: int | None
    sut: str | None
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
        sut=wish.sut, clients=wish.clients, mode=wish.mode, speed=wish.speed, rules=wish.rules,
        runs_dir=wish.runs_dir, notice=wish.notice,
    )  # fmt: skip

    def run(file: Path, handlers: Sequence[EventHandler]) -> RunResult:
        return engine.run_scenario(file, seed=wish.seed, options=options, handlers=handlers)

    return run


@asynccontextmanager
async def rules_dps(models: AbstractSet[str], url: str | None) -> AsyncIterator[Ask]:
    """A DPS that knows ``models`` with their parts and conditions, for dry runs of packs.

    Args:
        models: Ids of the thing models that the packs are for.
        url: A DPS that runs already, or None for the reference DPS in this process.

    Raises:
        ScenarioError: If no product here has one of the models.
        SutError: If the DPS does not answer as the contract says.
    """
    from broker.link.memory import MemoryBus  # noqa: PLC0415
    from harness.scenario.products import installed  # noqa: PLC0415
    from harness.sut.http import HttpSut  # noqa: PLC0415
    from harness.sut.reference import InProcessReference  # noqa: PLC0415

    products = installed()
    known = {product.model: product.id for product in products.values()}
    missing = sorted(models - set(known))
    if missing and url is None:
        raise ScenarioError(
            f"unknown model {', '.join(missing)}; the products here have: {', '.join(known)}"
        )
    sut = (
        HttpSut.at(url)
        if url
        else InProcessReference(MemoryBus().service_link, store_url="sqlite://", clock="driven")
    )
    await sut.open()
    try:
        for model in sorted(models & set(known)):
            await sut.install(model_calls(known[model], products))
        yield sut.ask
    finally:
        await sut.close()


def model_calls(product_id: str, products: Products) -> list[Call]:
    """What a DPS has to know before it can judge packs for a product: model and parts."""
    from harness.scenario.schema import Scenario  # noqa: PLC0415
    from harness.sut.setup import installation  # noqa: PLC0415

    bare = Scenario.model_validate(
        {
            "title": f"rules of {product_id}",
            "run": {"start": "2026-01-01T00:00:00Z", "until": "1d"},
            "fleets": [{"product": product_id, "devices_per_site": 1}],
            "service": {"rules": []},
        }
    )
    wanted = ("/v1/parts/", "/v1/models/")
    return [
        call for call in installation(bare, products, rules=None) if call.path.startswith(wanted)
    ]
