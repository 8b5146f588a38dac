"""What ``twinrig load`` does before Locust: a broker and a DPS if none is named, and a tape.

Locust itself runs in a process of its own (``python -m loadtests.run``), because it patches the
standard library.
"""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from broker.servers import BrokerError, open_broker
from broker.wire.messages import Uplink
from harness.errors import InvalidRun
from harness.sut.reference import ChildReference
from loadtests.tape import write_tape
from twins.core.spec import FleetSpec, WorldSpec
from twins.products import catalog
from twins.world import World

START_MS = 1_767_571_200_000
"""Where the tape's clock begins (2026-01-05): any moment will do."""
REPORT_MS = 60_000
PER_SITE = 2
TAPE_MOST = 300_000
"""Messages that are worth pulling out of the twins; beyond, loadtests makes its own payloads."""
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadWish:
    """The options of ``twinrig load``, as given."""

    target: str | None
    sut: str | None
    users: int
    rate: float
    duration_s: float
    shape: str
    processes: int
    tape: Path | None
    json: str | None
    i_may_load: str | None


def run(wish: LoadWish) -> int:
    """Do it; returns the exit code of the load run.

    Raises:
        InvalidRun: If broker or options do not allow it.
        SutError: If the DPS does not come up.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinrig-load-")))
        if wish.tape is None:
            wish = replace(wish, tape=record(wish, folder / "tape.jsonl"))
        if wish.target is not None:
            return asyncio.run(_locust(wish))
        if wish.sut not in (None, "none"):
            raise InvalidRun(
                f"--sut {wish.sut} needs --target: the broker that this DPS listens to"
            )
        try:
            broker = stack.enter_context(open_broker("embedded"))
        except BrokerError as error:
            raise InvalidRun(str(error)) from error
        if broker.note:
            typer.echo(f"note: {broker.note}", err=True)
        wish = replace(wish, target=broker.url)
        if wish.sut == "none":
            return asyncio.run(_locust(wish))
        return asyncio.run(_with_dps(wish, folder))


async def _with_dps(wish: LoadWish, folder: Path) -> int:
    assert wish.target is not None
    dps = ChildReference(
        broker_url=wish.target, store=folder / "dps.sqlite", clock="live",
        log=folder / "dps.log", crash_file=folder / "crash",
    )  # fmt: skip
    try:
        await dps.open()
        return await _locust(replace(wish, sut=dps.url))
    finally:
        await dps.close()


async def _locust(wish: LoadWish) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtests.run", *arguments(wish)
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise


def arguments(wish: LoadWish) -> list[str]:
    """The wish as options of ``loadtests.run``."""
    named = {
        "--target": wish.target,
        "--sut": wish.sut or "none",
        "--users": wish.users,
        "--rate": wish.rate,
        "--duration": wish.duration_s,
        "--shape": wish.shape,
        "--processes": wish.processes,
        "--tape": wish.tape,
        "--json": wish.json,
        "--i-may-load": wish.i_may_load,
    }
    return [
        part for name, value in named.items() if value is not None for part in (name, str(value))
    ]


def record(wish: LoadWish, path: Path) -> Path | None:
    """Write what a fleet of as many devices says, enough for the load; None if that is too much.

    The products take turns by the order of their names; today's choice is the first.
    """
    if wish.users < 1 or wish.rate <= 0 or wish.duration_s <= 0:
        return None  # loadtests says what is wrong with it
    each = math.ceil(wish.rate * wish.duration_s / wish.users) + 1
    if wish.users * each > TAPE_MOST:
        typer.echo(
            f"note: {wish.users * each:,} messages are too many to record from the twins; "
            "built-in payloads are used",
            err=True,
        )
        return None
    write_tape(path, _messages(wish.users, each))
    return path


def _messages(devices: int, each: int) -> Iterator[tuple[str, Uplink]]:
    product = next(iter(catalog()))
    fleet = FleetSpec(
        product=product, sites=math.ceil(devices / PER_SITE), devices_per_site=PER_SITE,
        report_every_ms=REPORT_MS,
    )  # fmt: skip
    world = World(WorldSpec(start_ms=START_MS, fleets=(fleet,)), seed=SEED)
    yield from world.start().messages
    yield from world.run_until(START_MS + (each + 1) * REPORT_MS).messages
