"""A world or a DPS by itself, for tests that people write in Python (pytest fixtures)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from broker.wire.messages import Uplink, samples_of
from harness.engine.assembly import build_world
from harness.errors import ScenarioError, SutError
from harness.events import Event
from harness.scenario import build
from harness.scenario.products import installed
from harness.scenario.resolve import fault_params
from harness.scenario.schema import Scenario
from harness.scenario.units import parse_duration
from harness.sut.callers import HttpCaller, NoAnswer
from harness.sut.reference import ChildReference
from harness.sut.setup import installation
from twins.core.errors import InvalidFault
from twins.core.ports import Truth
from twins.world import World

Json = Any
"""Data of any shape, as JSON holds it."""
START = "2026-01-05T00:00:00Z"


class Notes:
    """A handler that keeps every event of a run.

    Args:
        events: Where to.
    """

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def on_event(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)


class WorldBench:
    """Devices alone, without broker and service: what they say and what is true.

    Args:
        product: A product by its id, with the parameters of :func:`harness.scenario.build.fleet`.
        seed: Same seed, same bytes.
        start: Where simulated time begins.
        fleet: Further keywords of the fleet.
    """

    def __init__(
        self,
        product: str,
        *,
        seed: int,
        start: str = START,
        **fleet: Any,  # noqa: ANN401 - each product has its own
    ) -> None:
        scenario = Scenario(
            title=f"a world of {product}",
            run=build.run(start, "3650d"),
            fleets=(build.fleet(product, **fleet),),
        )
        self.world: World = build_world(scenario, installed(), seed=seed)[0]
        self.truths: list[Truth] = []
        """All that really happened up to now."""
        self.messages: list[Uplink] = []
        """All that devices said up to now, oldest first."""
        self._begun = False

    @property
    def devices(self) -> tuple[str, ...]:
        """Ids of the devices."""
        return tuple(self.world.devices)

    def run(self, lasts: str) -> Sequence[Uplink]:
        """Let a span (``"2d"``) pass; returns what was said in it."""
        before, steps = len(self.messages), []
        if not self._begun:
            steps, self._begun = [self.world.start()], True
        steps.append(self.world.run_until(self.world.now_ms + parse_duration(lasts)))
        for step in steps:
            self.truths += step.truths
            self.messages += [message for _, message in step.messages]
        return self.messages[before:]

    def break_(self, fault: str, device: str, **params: float | str) -> None:
        """Let a fault begin now; its parameters are written as in a scenario (``"28d"``).

        Raises:
            ScenarioError: If there is no such device, fault or parameter.
        """
        self.run("0s")
        try:
            product = installed()[self.world.devices[device]]
            asked = build.fault(fault, device, at="0s", **dict[str, Any](params))
            self.world.inject(fault, device, fault_params(asked, product))
        except (InvalidFault, ValueError, KeyError) as error:
            raise ScenarioError(f"{fault} of {device} cannot be: {error}") from error

    def readings(self, device: str, signal: str) -> list[tuple[int, float]]:
        """What a sensor said up to now: pairs of time (ms) and value, as they were sent."""
        found = []
        for message in self.messages:
            if message.device == device:
                reports = samples_of(message)
                found += [(r.at_ms, r.signals[signal]) for r in reports if signal in r.signals]
        return found


class DpsBench:
    """The reference DPS as a process of its own beside a broker, for tests of what talks to it.

    Args:
        broker_url: The broker that it subscribes to.
        folder: Its store and log go there.
        clock: ``live``, or ``driven`` by ``POST /v1/clock``.
    """

    def __init__(self, broker_url: str, folder: Path, clock: str = "live") -> None:
        self.broker_url = broker_url
        self._sut = ChildReference(
            broker_url=broker_url,
            store=folder / "dps.sqlite",
            clock=clock,
            log=folder / "dps.log",
            crash_file=folder / "crash-point",
        )
        self._runner = asyncio.Runner()

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._sut.url

    def open(self) -> None:
        """Start it; returns when it has subscribed."""
        self._runner.run(self._sut.open())

    def install(self, product: str, **fleet: Any) -> None:  # noqa: ANN401
        """Make it know sites, models, parts, things and the standard rules of a fleet."""
        scenario = Scenario(
            title=f"a fleet of {product}",
            run=build.run(START, "1d"),
            fleets=(build.fleet(product, **fleet),),
        )
        calls = installation(scenario, installed(), rules=None)
        self._runner.run(self._sut.install(calls))

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call its API: status, and the answer as data."""
        return self._runner.run(self._ask(method, path, body))

    async def _ask(self, method: str, path: str, body: object) -> tuple[int, Any]:
        caller = HttpCaller(self.url)
        try:
            data = None if body is None else msgspec.json.encode(body)
            headers = {"content-type": "application/json"}
            answer = await caller.call(method, path, data, headers)
        except NoAnswer as error:
            raise SutError(str(error)) from error
        finally:
            await caller.close()
        return answer.status, msgspec.json.decode(answer.body)

    def wait_for(self, path: str, holds: Callable[[Any], bool], within_s: float = 20.0) -> Json:
        """Read something again and again until it is as wished; returns it.

        Raises:
            AssertionError: If it is not within the time; with what was seen last.
        """
        return self._runner.run(self._wait_for(path, holds, within_s))

    async def _wait_for(self, path: str, holds: Callable[[Any], bool], within_s: float) -> Json:
        clock = asyncio.get_running_loop()
        until_s = clock.time() + within_s
        while True:
            _, seen = await self._ask("GET", path, None)
            if holds(seen):
                return seen
            if clock.time() > until_s:
                raise AssertionError(f"GET {path} is not as wished after {within_s:g} s: {seen}")
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """End it; safe to call twice."""
        try:
            self._runner.run(self._sut.close())
        finally:
            self._runner.close()
