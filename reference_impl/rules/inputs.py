"""What the rules of a pack read, and what they say, for all evaluations of one call of the clock.

Readings come in between calls only, so what a window will say at the end of a call is known at its
beginning. What others decide meanwhile (conditions, parts) is looked at again when it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import isnan, nan

import numpy as np

from reference_impl.kernel.ports import (
    Directory,
    Floats,
    Range,
    Reduced,
    TelemetryView,
    ThingRef,
    Times,
    Window,
    Windows,
)
from reference_impl.kernel.ranges import ANYTHING
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import UnitOfWork
from reference_impl.rules import columns
from reference_impl.rules.around import Around, newest
from reference_impl.rules.decided import Columns, Decided, Plan, Sleep, decide, decide_anew
from reference_impl.rules.domain import (
    ActionReaction,
    ConditionInput,
    Input,
    Pack,
    PartInput,
    SignalInput,
)
from reference_impl.rules.ports import ConditionsView, PartsView
from reference_impl.rules.states import States
from reference_impl.rules.variables import AgeInput, StateInput

_MS_PER_H = 3_600_000.0
_TOGETHER_MAX = 50_000
"""So many evaluations of things are looked ahead at once: a service that was away for a day has
many to make up for, and each takes some hundred bytes for each input."""
_CHANGING = ConditionInput | PartInput | StateInput
"""What others may decide anew during a call."""


class Outlook:
    """What a pack says of its things at each evaluation up to the end of a call."""

    def __init__(
        self,
        pack: Pack,
        *,
        telemetry: TelemetryView,
        scheduler: Scheduler,
        conditions: ConditionsView,
        parts: PartsView,
        directory: Directory,
        states: States,
    ) -> None:
        self._pack, self._telemetry, self._scheduler = pack, telemetry, scheduler
        self._conditions, self._parts = conditions, parts
        self._directory, self._states = directory, states
        self._plan = Plan(pack.rules)
        self._sleep = Sleep(self._plan)
        self._own = any(isinstance(one, StateInput) for one in self._plan.inputs)
        self._changing = {
            place for place, one in enumerate(self._plan.inputs) if isinstance(one, _CHANGING)
        }
        self._ended_by = sorted(self._changing & _read_by_done_when(self._plan))
        self._wanted = list(dict.fromkeys(_windows_of(self._plan.inputs)))
        self._fixed = [one for one in self._plan.inputs if isinstance(one, columns.Fixed)]
        self._call = -1
        self._seen = (-1, -1, -1)
        self._refs: Sequence[ThingRef] = ()
        self._ends_ms = range(0)
        self._columns: Columns | None = None
        self._decided: list[Decided] = []
        self.things: list[str] = []
        """Ids of the things that the last evaluation was of."""
        self.index: dict[str, int] = {}
        """The place of each of them."""

    def at(
        self, uow: UnitOfWork, refs: Sequence[ThingRef], at_ms: int
    ) -> tuple[list[Decided], int]:
        """What the rules say, in the order of the pack, and which of the evaluations is ``at_ms``.

        Args:
            uow: For what conditions and parts say in this transaction.
            refs: The things, in order.
            at_ms: Time of an evaluation.
        """
        own = self._states.changes if self._own else 0
        seen = (self._conditions.changes, self._parts.changes, own)
        found = self._columns
        if (
            found is None
            or self._call != self._scheduler.calls
            or refs != self._refs
            or at_ms not in self._ends_ms
        ):
            found = self._columns = self._look_ahead(uow, refs, at_ms)
            self._sleep.look(found)
            self._decided = decide(self._plan, found, self._sleep)
        elif seen != self._seen:
            self._decided = decide_anew(
                self._plan, found, self._decided, self._changing, self._sleep
            )
        self._seen = seen
        for place in self._ended_by:  # before reactions change what the next look would find
            found.values(place)
        return self._decided, self._ends_ms.index(at_ms)

    def end_ms(self, number: int) -> int:
        """The time of one of the evaluations."""
        return self._ends_ms[number]

    def _look_ahead(self, uow: UnitOfWork, refs: Sequence[ThingRef], at_ms: int) -> Columns:
        self._call, self._refs = self._scheduler.calls, refs
        self.things = [ref.thing for ref in refs]
        self.index = {thing: number for number, thing in enumerate(self.things)}
        every_ms = self._pack.every_ms
        ends_ms = range(at_ms, max(at_ms, self._scheduler.to_ms) + 1, every_ms)
        self._ends_ms = ends_ms[: max(_TOGETHER_MAX // len(refs), 1)]
        model = self._pack.model
        signals = self._directory.signals(uow.conn, model)  # of any, reports are kept in memory
        wanted = self._wanted or [newest(signal) for signal in signals[:1]]
        windows = self._telemetry.windowed(self.things, wanted, ends_ms=self._ends_ms)
        constants = self._directory.constants(uow.conn, model)
        around = Around(self._refs, self._telemetry, windows=windows, constants=constants)
        inputs = _Inputs(
            windows=windows,
            fixed=columns.FixedColumns(self._fixed, around, self._ends_ms),
            conditions=partial(self._conditions.columns, uow, self.things),
            part_fields=partial(self._parts.part_fields, uow),
            state=partial(self._states.column, uow, self._pack.pack, self.things),
            rests=partial(self._states.rests, uow, self._pack.pack),
            ends_ms=np.array(self._ends_ms, dtype=np.int64),
            things=len(refs),
        )
        return Columns(self._plan, inputs, self._ends_ms)


@dataclass(frozen=True, kw_only=True)
class _Inputs:
    """Where the inputs of one look ahead come from; see :class:`reference_impl.rules.decided`."""

    windows: Windows
    fixed: columns.FixedColumns
    conditions: Callable[[str, str], Window]
    part_fields: Callable[[str], Mapping[str, float]]
    state: Callable[[StateInput, Times], Floats]
    rests: Callable[[StateInput, int], bool]
    ends_ms: Times
    things: int

    @property
    def shape(self) -> tuple[int, int]:
        """Evaluations and things."""
        return self.ends_ms.size, self.things

    @cached_property
    def _now_ms(self) -> Times:
        """The time of each evaluation, for what is never stale."""
        return np.broadcast_to(self.ends_ms[:, None], self.shape)

    def column(self, wanted: Input) -> Window:
        """One input, of that shape."""
        if isinstance(wanted, SignalInput):
            return self.windows.window(_reduced(wanted))
        if isinstance(wanted, columns.Fixed):
            return self.fixed.column(wanted)
        if isinstance(wanted, PartInput):
            number = self.part_fields(wanted.part).get(wanted.field, nan)
            return Window(np.full(self.shape, number), self._now_ms)
        if isinstance(wanted, StateInput):
            return Window(self.state(wanted, self.ends_ms), self._now_ms)
        if wanted.field == "wear_pct":
            found, newest_ms = self.conditions(wanted.condition, wanted.field)
        else:
            field = wanted.field.removesuffix("_h") + "_ms"
            runout_ms, newest_ms = self.conditions(wanted.condition, field)
            found = (runout_ms - self.ends_ms[:, None]) / _MS_PER_H
        return Window(np.broadcast_to(found, self.shape), np.broadcast_to(newest_ms, self.shape))

    def within(self, wanted: Input) -> Range | None:
        """Between what an input lies; None where to read it is no work."""
        if isinstance(wanted, SignalInput):
            return self.windows.within(_reduced(wanted))
        if isinstance(wanted, columns.Fixed):
            return self.fixed.within(wanted)
        if isinstance(wanted, StateInput) and self.rests(wanted, int(self.ends_ms[0])):
            return 0.0, 0.0
        if isinstance(wanted, PartInput):
            number = self.part_fields(wanted.part).get(wanted.field, nan)
            return ANYTHING if isnan(number) else (number, number)
        return None


def _reduced(wanted: SignalInput) -> Reduced:
    return Reduced(wanted.signal, wanted.take, wanted.over_ms)


def _windows_of(inputs: Iterable[Input]) -> Iterator[Reduced]:
    """The kinds of windows that variables may be told by."""
    for one in inputs:
        if isinstance(one, SignalInput):
            yield _reduced(one)
        elif isinstance(one, AgeInput):
            yield newest(one.signal)


def _read_by_done_when(plan: Plan) -> set[int]:
    """The numbers of the inputs that say whether an action of a rule is done."""
    return {
        reads[name]
        for rule, reads in zip(plan.rules, plan.reads, strict=True)
        for reaction in rule.reactions
        if isinstance(reaction, ActionReaction) and reaction.done_when is not None
        for name in reaction.done_when.variables
    }
