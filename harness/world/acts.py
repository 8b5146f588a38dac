"""Lets what is due in a timeline take effect: on the world, the way, the DPS and the people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from broker.faults.path import FaultyLink
from broker.faults.verdict import Fault
from harness.errors import ScenarioError
from harness.scenario.entries import Setup, WeatherChange
from harness.sut.port import Call, SystemUnderTest
from harness.world.timeline import Moment, State, Timeline
from twins.core.errors import InvalidFault, TwinError
from twins.core.twin import ACTIONS
from twins.world import World

LOOK = "GET"
LinkFaults = Callable[[int, int], Fault]
"""Makes the link fault of the entry at a place of the timeline, from a time on."""
Installs = Callable[[Setup], Sequence[Call]]
"""The calls that an entry wants to be made."""


class Acts:
    """What each kind of entry does."""

    def __init__(
        self,
        timeline: Timeline,
        *,
        world: World,
        path: FaultyLink,
        sut: SystemUnderTest,
        link_fault: LinkFaults,
        installs: Installs,
    ) -> None:
        self._timeline, self._world, self._path, self._sut = timeline, world, path, sut
        self._link_fault, self._installs = link_fault, installs
        self.looks: list[tuple[str, Any]] = []
        """Path and answer of each look, until somebody takes note of them."""

    async def apply(self, moment: Moment, state: State) -> bool:
        """Let a moment take effect; what has to be remembered for its end goes into ``state``.

        Returns:
            Whether anything came of it: work on what cannot be worked on comes to nothing.

        Raises:
            ScenarioError: If the world or the DPS cannot do what the scenario asks for.
            SutError: If the DPS does not come back.
        """
        try:
            if moment.kind == "dps":
                await self._dps(moment, state)
            elif moment.kind == "service":
                entry = self._timeline.entries[moment.entry]
                assert isinstance(entry, Setup)
                await self._service(self._installs(entry))
            elif moment.kind == "link":
                self._link(moment, state)
            else:
                self._in_world(moment, state)
        except InvalidFault as error:
            if moment.kind == "fault" and self._timeline.planned(moment.entry):
                raise ScenarioError(str(error)) from error
            return False  # by condition or again: it makes no sense any more
        except TwinError as error:
            raise ScenarioError(str(error)) from error
        return True

    async def _service(self, calls: Sequence[Call]) -> None:
        """Make the calls that change something, then look; ``looks`` has what was answered."""
        await self._sut.install([call for call in calls if call.method != LOOK])
        for call in calls:
            if call.method == LOOK:
                self.looks.append((call.path, await self._sut.get(call.path)))

    def again(self, state: State) -> None:
        """Put the link faults in place that had begun by condition, for a run taken up again."""
        for index, from_ms in state["links"]:
            self._path.add(self._link_fault(index, from_ms))

    def _link(self, moment: Moment, state: State) -> None:
        """Faults at a known time are on the path from the beginning; others are put there now."""
        if not moment.ended and not self._timeline.planned(moment.entry):
            state["links"].append([moment.entry, moment.at_ms])
            self._path.add(self._link_fault(moment.entry, moment.at_ms))

    async def _dps(self, moment: Moment, state: State) -> None:
        if moment.lasts_ms is None and moment.name == "kill":
            await self._sut.kill(moment.target)
        elif moment.lasts_ms is None:
            await self._sut.leave(moment.name)
            await self._sut.come_back()
        elif not moment.ended:
            state["dps_away"] += 1
            if state["dps_away"] == 1:
                await self._sut.leave(moment.name)
        else:
            state["dps_away"] -= 1
            if state["dps_away"] == 0:
                await self._sut.come_back()

    def _in_world(self, moment: Moment, state: State) -> None:
        world, undo = self._world, state["undo"]
        key = f"{moment.entry}/{moment.target}"
        if moment.kind == "fault":
            world.inject(moment.name, moment.target, moment.params)
        elif moment.kind == "work":
            action = moment.name.removeprefix("work_")
            assert action in ACTIONS
            world.hand.work(moment.target, action, moment.params.get("component"))
        elif moment.kind == "away" and not moment.ended:
            assert moment.lasts_ms is not None
            world.hand.send_away(moment.target, until_ms=moment.at_ms + moment.lasts_ms)
        elif moment.kind == "weather" and not moment.ended:
            change = WeatherChange(**moment.params)
            world.hand.change_weather(change.model_dump(), lasts_ms=moment.lasts_ms)
        elif moment.kind == "set":
            params: dict[str, Any] = undo.pop(key) if moment.ended else dict(moment.params)
            before = world.hand.change(moment.target, params)
            if not moment.ended and moment.lasts_ms is not None:
                undo[key] = before
