"""Puts the parts of a run together and takes them down again, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from broker.faults.path import FaultyLink
from broker.ledger import DeliveryLedger
from broker.link.memory import MemoryBus
from broker.link.port import DeviceLink
from broker.servers import Broker, BrokerError, open_broker
from broker.wire import topics
from harness.engine.options import RunOptions
from harness.errors import InvalidRun, ScenarioError, SutError, TwinAuthorError
from harness.scenario.entries import DpsFault
from harness.scenario.products import Products
from harness.scenario.resolve import world_spec
from harness.scenario.schema import Scenario
from harness.sut.http import HttpSut
from harness.sut.levels import WHOLE, Need, Reach, wire_only
from harness.sut.port import SystemUnderTest
from harness.sut.reference import ChildReference, InProcessReference, restore_store
from harness.sut.wire_only import NAME, WireOnlySut
from harness.world.path import Tap, link_faults
from twins.core.errors import InvalidProduct, InvalidSnapshot, InvalidWorld
from twins.core.spec import WorldSpec
from twins.core.streams import Streams
from twins.world import World

SUBSCRIBED_WITHIN_S = 120.0
"""How long a run waits for a DPS elsewhere to come up and subscribe."""
ASK_EVERY_S = 0.2
OUR_BROKER_BACK_WITHIN_S = 5.0
"""How long the devices wait for a broker of ours that went away: nobody starts it again. One that
runs elsewhere is waited for as long as a link does by itself."""
DPS_FILE = "dps.sqlite"
Clock = Literal["driven", "live"]
Mode = Literal["virtual", "paced", "live"]


@dataclass(slots=True, kw_only=True)
class Rig:
    """Everything that runs, opened and connected."""

    world: World
    spec: WorldSpec
    path: FaultyLink
    tap: Tap
    ledger: DeliveryLedger
    sut: SystemUnderTest
    mode: str
    broker: str
    notes: list[str]
    reach: Reach = WHOLE
    broker_url: str = ""
    dps_url: str = ""
    portal_url: str = ""


@asynccontextmanager
async def assemble(
    scenario: Scenario,
    products: Products,
    *,
    seed: int,
    options: RunOptions,
    folder: Path,
    world_data: bytes | None = None,
) -> AsyncIterator[Rig]:
    """Open broker, DPS, world and link; close them in reverse, whatever happens.

    Args:
        scenario: What is run, of these products.
        products: Those that there are.
        seed: Of the world and of the faults of the link.
        options: How it is run.
        folder: The folder of the run: the DPS's store and log go there.
        world_data: A snapshot of the world to go on from.

    Raises:
        InvalidRun: If broker or DPS cannot do what the scenario asks for.
        ScenarioError: If the world cannot be built.
        SutError: If the DPS does not come up.
    """
    world, spec = build_world(scenario, products, seed=seed, data=world_data)
    _refuse(scenario, options)
    mode = options.mode or scenario.run.mode
    _refuse_backfill(mode, options)
    notes: list[str] = []
    clock: Clock = "live" if mode == "live" and options.backfill is None else "driven"
    async with AsyncExitStack() as stack:
        broker_url = ""
        if options.link == "memory":
            bus = MemoryBus()
            link: DeviceLink = bus.device_link()
            broker = "memory"
            store_url = _store_url(scenario, options, folder)
            sut: SystemUnderTest = _in_process(bus, store_url, options, clock)
        else:
            opened = _enter_broker(stack, options)
            broker, broker_url = opened.kind, opened.url
            notes += [opened.note] if opened.note else []
            _refuse_broker(scenario, opened, options)
            link, sut = _mqtt_link(opened, options, world), _remote(opened, options, folder, clock)
        stack.push_async_callback(sut.close)
        await _open(sut, options, broker_url)
        mode = await _mode_that_can_be(mode, sut, options, notes)
        reach = await _reach(sut, options, notes)
        await _refuse_used(sut, options)
        tap, ledger = Tap(link), DeliveryLedger()
        path = FaultyLink(
            tap, faults=link_faults(scenario), ledger=ledger, streams=Streams(seed).open,
            take_over=getattr(link, "take_over", None),
        )  # fmt: skip
        stack.push_async_callback(path.close)
        yield Rig(
            world=world,
            spec=spec,
            path=path,
            tap=tap,
            ledger=ledger,
            sut=sut,
            mode=mode,
            broker=broker,
            notes=notes,
            reach=reach,
            broker_url=broker_url,
            dps_url=options.sut or (sut.url if isinstance(sut, ChildReference) else ""),
            portal_url=sut.portal_url if isinstance(sut, ChildReference) else "",
        )


async def _mode_that_can_be(
    mode: Mode, sut: SystemUnderTest, options: RunOptions, notes: list[str]
) -> Mode:
    if options.sut is None or mode == "live" or (await sut.info()).driven:
        return mode
    notes.append("the DPS has no driven clock: the run is live")
    return "live"


def build_world(
    scenario: Scenario, products: Products, *, seed: int, data: bytes | None = None
) -> tuple[World, WorldSpec]:
    """The world of a scenario, new or from a snapshot.

    Raises:
        ScenarioError: If the description is wrong, or the snapshot is of another world.
        TwinAuthorError: If a product is incomplete.
    """
    try:
        spec = world_spec(scenario, products, seed=seed)
        if data is None:
            return World(spec, seed=seed), spec
        return World.restore(spec, seed=seed, data=data), spec
    except (InvalidWorld, InvalidSnapshot, ValueError) as error:
        raise ScenarioError(str(error)) from error
    except KeyError as error:
        raise ScenarioError(f"unknown product or parameter {error}") from error
    except InvalidProduct as error:
        raise TwinAuthorError(str(error)) from error


async def wait_for_service(rig: Rig, options: RunOptions) -> None:
    """A DPS that only speaks MQTT is there once it has asked all devices what they are.

    On a broker of others it may have asked long ago: there nobody waits.

    Raises:
        SutError: If nobody asks in time.
    """
    if options.sut != NAME or rig.broker == "external":
        return
    if options.notice is not None:
        options.notice(
            f"the broker is at {rig.broker_url}; waiting until the DPS asks for births "
            f"(a rebirth request on {topics.DOWN_BROADCAST})"
        )
    if not await rig.path.any_downlink(SUBSCRIBED_WITHIN_S):
        raise SutError(
            f"no DPS has asked for births at {rig.broker_url} within {SUBSCRIBED_WITHIN_S:g} s"
        )


async def _reach(sut: SystemUnderTest, options: RunOptions, notes: list[str]) -> Reach:
    """What the DPS offers, by what it says and what it answers."""
    if options.sut is None:
        return WHOLE
    if options.sut == NAME:
        return wire_only(webhooks=options.webhooks is not None)
    info = await sut.info()
    offers = {Need.FEED, Need.ACTS, Need.INSTALLS}
    offers |= {Need.STORED} if (await sut.stored()).known else set()
    offers |= {Need.CLOCK} if info.driven else set()
    if info.level == "L0":
        offers -= {Need.FEED}
        notes.append("the DPS says that it is at L0: give --sut none")
    return Reach(level=info.level, offers=frozenset(offers))


def _kills(scenario: Scenario) -> bool:
    """Whether the DPS goes away (a pause counts: its broker has to keep what it does not take)."""
    return any(isinstance(entry, DpsFault) for entry in scenario.timeline)


def _refuse(scenario: Scenario, options: RunOptions) -> None:
    if options.sut is not None and options.link == "memory":
        raise InvalidRun("a DPS at a URL cannot be reached over the memory link; use --link mqtt")
    if options.sut is not None and _kills(scenario):
        raise InvalidRun("this scenario kills the DPS, but the DPS at --sut is not ours to kill")
    if options.store not in (None, "memory", "file") and not _is_url(options.store):
        raise InvalidRun(f"--store is {options.store!r}; allowed: memory, file, or a URL")
    if _is_url(options.store) and options.sut is not None:
        raise InvalidRun("--store is for the reference DPS; the DPS at --sut has its own")
    if options.store == "memory" and options.link == "mqtt":
        raise InvalidRun("--store memory is for --link memory; over MQTT the DPS keeps a file")
    if options.store == "memory" and _kills(scenario):
        raise InvalidRun("this scenario kills the DPS: its store has to be a file")


def _refuse_broker(scenario: Scenario, broker: Broker, options: RunOptions) -> None:
    taken_over = any(getattr(entry, "link", "") == "takeover" for entry in scenario.timeline)
    if taken_over and options.clients == "per-device" and broker.kind == "amqtt":
        raise InvalidRun(
            "this scenario takes sessions over, and amqtt mixes the sessions of two clients of one "
            "id up; use --broker rumqttd or mosquitto, or --clients site"
        )
    if _kills(scenario) and not broker.keeps_sessions:
        raise InvalidRun(
            f"this scenario kills the DPS, and {broker.kind} keeps nothing for a service that is "
            "away; use --broker rumqttd or mosquitto"
        )


def _refuse_backfill(mode: str, options: RunOptions) -> None:
    if options.backfill is None:
        return
    if mode != "live":
        raise InvalidRun(f"history is filled in before a live run; this one is {mode}")
    if options.sut is not None:
        raise InvalidRun("history is filled in for the reference DPS; the one at --sut has its own")
    if options.link == "memory" and options.store in (None, "memory"):
        raise InvalidRun("to go live the DPS is started again: its store has to be a file")


def _is_url(store: str | None) -> bool:
    return store is not None and "://" in store


async def _refuse_used(sut: SystemUnderTest, options: RunOptions) -> None:
    """A store at a URL outlives a run; the next one must not begin where that ended."""
    if _is_url(options.store) and options.resume_from is None and (await sut.feed("")).events:
        raise InvalidRun("the store at --store holds an earlier run; give an empty database")


def _store_url(scenario: Scenario, options: RunOptions, folder: Path) -> str:
    if options.store is not None and _is_url(options.store):
        return options.store
    file = options.store == "file" or (options.store is None and _kills(scenario))
    return f"sqlite:///{folder / DPS_FILE}" if file else "sqlite://"


def _enter_broker(stack: AsyncExitStack, options: RunOptions) -> Broker:
    try:
        return stack.enter_context(open_broker(options.broker, port=options.broker_port))
    except BrokerError as error:
        raise InvalidRun(str(error)) from error


def _mqtt_link(broker: Broker, options: RunOptions, world: World) -> DeviceLink:
    if options.clients == "per-device":
        from broker.link.per_device import PerDeviceLink  # noqa: PLC0415 - paho only if asked for

        try:
            return PerDeviceLink(broker.url, world.sites)
        except ValueError as error:
            raise InvalidRun(str(error)) from error
    from broker.link.mqtt import PATIENCE_S, MqttDeviceLink  # noqa: PLC0415 - gmqtt if MQTT is used

    patience_s = PATIENCE_S if broker.server is None else OUR_BROKER_BACK_WITHIN_S
    return MqttDeviceLink(broker.url, "twinrig-site", patience_s=patience_s)


def _in_process(
    bus: MemoryBus, store_url: str, options: RunOptions, clock: Clock
) -> SystemUnderTest:
    saved = options.resume_from / DPS_FILE if options.resume_from else None
    return InProcessReference(
        bus.service_link, store_url=store_url, clock=clock, restore_from=saved
    )


def _remote(broker: Broker, options: RunOptions, folder: Path, clock: Clock) -> SystemUnderTest:
    if options.sut == NAME:
        if options.webhooks is None:
            return WireOnlySut(None)
        from harness.sut.webhooks import Webhooks  # noqa: PLC0415 - h11 only if asked for

        return WireOnlySut(Webhooks(options.webhooks))
    if options.sut is not None:
        if options.notice is not None:
            options.notice(f"the broker is at {broker.url}; waiting until the DPS has subscribed")
        return HttpSut.at(options.sut)
    store = options.store if _is_url(options.store) else folder / DPS_FILE
    assert store is not None
    if options.resume_from is not None:
        restore_store(store, options.resume_from / DPS_FILE)
    return ChildReference(
        broker_url=broker.url,
        store=store,
        clock=clock,
        log=folder / "dps.log",
        crash_file=folder / "crash-point",
        web=options.web,
        with_key=not options.web,
    )


async def _open(sut: SystemUnderTest, options: RunOptions, broker_url: str) -> None:
    """Open it; one that others start may take its time.

    Raises:
        SutError: If it does not come up, or has not subscribed in time.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + SUBSCRIBED_WITHIN_S
    while True:
        try:
            return await sut.open()
        except SutError as error:
            if options.sut is None:
                raise
            if loop.time() > deadline_s:
                raise SutError(
                    f"the DPS at {options.sut} has not subscribed to the broker at {broker_url} "
                    f"within {SUBSCRIBED_WITHIN_S:g} s: {error}"
                ) from error
        await asyncio.sleep(ASK_EVERY_S)
