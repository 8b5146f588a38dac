"""The scenario's timeline: what takes effect when, by time and by condition.

What has happened so far is plain data (:meth:`Timeline.begin`), so that a snapshot carries it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.scenario.base import Timed
from harness.scenario.conditions import Condition, Ref, read_condition
from harness.scenario.entries import Away, Change, DpsFault, Setup, Weather, Work
from harness.scenario.links import LinkFault
from harness.scenario.products import Products
from harness.scenario.resolve import changed_params, fault_params, places
from harness.scenario.schema import Fault, Scenario

State = dict[str, Any]
HOUR_MS = 3_600_000
BEGIN, END = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that takes effect (or ends) at a time."""

    at_ms: int
    kind: str
    """The key of its entry: ``fault``, ``link``, ``dps``, ``set``, ``away``, ``weather``, ..."""
    name: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False
    entry: int = -1
    """Its place in the timeline, from 0."""
    lasts_ms: int | None = None
    """How long it lasts, if it ends by itself."""


class Timeline:
    """What is due, given what has happened.

    Args:
        scenario: Whose timeline it is.
        products: The products that there are.
    """

    def __init__(self, scenario: Scenario, products: Products) -> None:
        self.entries = scenario.timeline
        self._products, self._run = products, scenario.run
        self._country = scenario.field.country
        self._devices = places(scenario, products)
        self._look_ms = scenario.run.look or scenario.run.sync
        self._conditions: dict[int, Condition] = {}
        for index, entry in enumerate(self.entries):
            if entry.when is not None:
                condition = read_condition(entry.when.holds).condition
                assert condition is not None  # resolve has seen to it
                self._conditions[index] = condition
        names = {entry.name: index for index, entry in enumerate(self.entries) if entry.name}
        self._after = [
            names[entry.waits_for] if entry.waits_for else None for entry in self.entries
        ]

    @property
    def reads(self) -> frozenset[Ref]:
        """Everything that the conditions read."""
        return frozenset(ref for c in self._conditions.values() for ref in c.names.values())

    @property
    def calls_at_once(self) -> bool:
        """Whether something is installed in the DPS at the very start of the run."""
        return any(
            isinstance(entry, Setup) and entry.at is not None and entry.at.first == 0
            for entry in self.entries
        )

    def planned(self, index: int) -> bool:
        """Whether an entry's one moment is known from the beginning."""
        return self.entries[index].is_planned

    def begin(self) -> State:
        """The state at the start of the run."""
        many = len(self.entries)
        state: State = {
            "queue": [], "times": [0] * many, "first_ms": [None] * many,
            "since_ms": [None] * many, "held": [False] * many, "looked_ms": None,
            "links": [], "undo": {}, "dps_away": 0,
        }  # fmt: skip
        for index, entry in enumerate(self.entries):
            if entry.at is not None and self._after[index] is None:
                self._plan(state, self._run.start + entry.at.first, index, BEGIN)
        return state

    def next_ms(self, state: State) -> int | None:
        """When something is due next, or conditions are looked at."""
        stops = [state["queue"][0][0]] if state["queue"] else []
        if any(self._waits(state, index) for index in self._conditions):
            looked_ms, start_ms = state["looked_ms"], self._run.start
            since_ms = 0 if looked_ms is None else looked_ms - start_ms
            stops.append(start_ms + (since_ms // self._look_ms + 1) * self._look_ms)
        return min(stops, default=None)

    def looks(self, state: State, now_ms: int) -> bool:
        """Whether conditions are to be looked at now, for the first time at this moment."""
        on_grid = (now_ms - self._run.start) % self._look_ms == 0
        return bool(self._conditions) and on_grid and state["looked_ms"] != now_ms

    def look(self, state: State, now_ms: int, values: Mapping[Ref, float]) -> None:
        """Look at every condition; what has begun to hold is due at once."""
        state["looked_ms"] = now_ms
        elapsed_h = (now_ms - self._run.start) / HOUR_MS
        for index, condition in self._conditions.items():
            when = self.entries[index].when
            assert when is not None
            if not self._waits(state, index):
                continue
            if not condition.holds(values, elapsed_h):
                state["since_ms"][index], state["held"][index] = None, False
                continue
            if state["since_ms"][index] is None:
                state["since_ms"][index] = now_ms
            if not state["held"][index] and now_ms - state["since_ms"][index] >= when.for_:
                state["held"][index] = True
                self._plan(state, now_ms, index, BEGIN)

    def take(self, state: State, now_ms: int) -> Iterator[Moment]:
        """What is due by now, oldest first, equal times in the order of the file."""
        while state["queue"] and state["queue"][0][0] <= now_ms:
            at_ms, index, edge = state["queue"].pop(0)
            if edge == BEGIN:
                self._began(state, at_ms, index)
            yield from self._moments(at_ms, index, ended=edge == END)

    def unseen(self, state: State) -> list[str]:
        """What never took effect, in words; a condition that never held is worth a thought."""
        said = []
        for index, times in enumerate(state["times"]):
            if not times:
                when = self.entries[index].when
                why = f": {when.holds} did not hold" if when else ""
                said.append(f"entry {index + 1} of the timeline has never taken effect{why}")
        return said

    def _waits(self, state: State, index: int) -> bool:
        entry, first = self.entries[index], self._after[index]
        assert entry.when is not None
        most = entry.when.times if entry.when.repeat == "every" else 1
        if most is not None and state["times"][index] >= most:
            return False
        return first is None or state["first_ms"][first] is not None

    def _plan(self, state: State, at_ms: int, index: int, edge: int) -> None:
        if at_ms < self._run.until_ms:
            insort(state["queue"], [at_ms, index, edge])

    def _began(self, state: State, at_ms: int, index: int) -> None:
        entry = self.entries[index]
        state["times"][index] += 1
        if entry.lasts is not None:
            self._plan(state, at_ms + entry.lasts, index, END)
        at = entry.at
        if at and at.every and (at.times is None or state["times"][index] < at.times):
            self._plan(state, at_ms + at.every, index, BEGIN)
        if state["first_ms"][index] is None:
            state["first_ms"][index] = at_ms
            for other, first in enumerate(self._after):
                then = self.entries[other].at
                if first == index and then is not None:
                    self._plan(state, at_ms + then.first, other, BEGIN)

    def _moments(self, at_ms: int, index: int, *, ended: bool) -> Iterator[Moment]:
        entry = self.entries[index]
        for kind, name, target, params in self._effects(entry):
            yield Moment(
                at_ms=at_ms, kind=kind, name=name, target=target, params=params, ended=ended,
                entry=index, lasts_ms=entry.lasts,
            )  # fmt: skip

    def _effects(self, entry: Timed) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
        """Kind, name, target and parameters of what an entry does."""
        if isinstance(entry, Fault):
            product = self._products[self._devices[entry.device].product]
            yield "fault", entry.fault, entry.device, fault_params(entry, product)
        elif isinstance(entry, LinkFault):
            target = entry.device or entry.site or ", ".join(entry.sites or "*")
            params = {key: value for key, value in entry.arguments().items() if key != "sites"}
            yield "link", entry.link, target, params
        elif isinstance(entry, DpsFault):
            held = {} if entry.for_ is None else {"for_ms": entry.for_}
            yield "dps", entry.dps, entry.point if not held else "dps", held
        elif isinstance(entry, Change):
            for who in sorted(entry.set_):
                values = changed_params(who, entry.set_[who], self._country)
                yield "set", "changed_ways", who, values
        elif isinstance(entry, Away):
            yield "away", "away", entry.away, {}
        elif isinstance(entry, Weather):
            yield "weather", "weather", "region", entry.weather.model_dump(exclude_defaults=True)
        elif isinstance(entry, Work):
            part = {"component": entry.component} if entry.component else {}
            yield "work", f"work_{entry.work}", entry.device, part
        else:
            assert isinstance(entry, Setup)
            told = entry.service.model_dump(exclude_defaults=True, mode="json")
            yield "service", "installed", "dps", told
