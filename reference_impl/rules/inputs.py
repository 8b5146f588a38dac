"""What the rules of a pack read, and what they say, for all evaluations of one call of the clock.

Readings come in between calls only, so what a window will say at the end of a call is known at its
beginning. What others decide meanwhile (conditions, parts) is looked at again when it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import nan

import numpy as np

from reference_impl.kernel.ports import Directory, Reduced, TelemetryView, ThingRef, Times, Window
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import UnitOfWork
from reference_impl.rules import columns
from reference_impl.rules.around import Around
from reference_impl.rules.domain import ConditionInput, Input, Pack, PartInput, SignalInput
from reference_impl.rules.engine import Decided, Plan, decide
from reference_impl.rules.ports import ConditionsView, PartsView
from reference_impl.rules.states import States
from reference_impl.rules.variables import StateInput, Variable

_MS_PER_H = 3_600_000.0
_TOGETHER_MAX = 50_000
"""So many evaluations of things are looked ahead at once: a service that was away for a day has
many to make up for, and each takes some hundred bytes for each input."""


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
        self._all = Plan(pack.rules)
        self._changing = Plan(
            [
                rule
                for rule in pack.rules
                if not all(isinstance(i, SignalInput | columns.Fixed) for i in rule.inputs.values())
            ]
        )
        self._own = any(isinstance(i, StateInput) for i in self._all.inputs)
        self._fixed: dict[Variable, Window] = {}
        signals = [i for i in self._all.inputs if isinstance(i, SignalInput)]
        self._signals = {one: number for number, one in enumerate(signals)}
        self._reduced = [Reduced(one.signal, one.take, one.over_ms) for one in signals]
        self._call = -1
        self._seen = (-1, -1, -1)
        self._refs: Sequence[ThingRef] = ()
        self._ends_ms = range(0)
        self._windows = Window(np.empty(0), np.empty(0, dtype=np.int64))
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
        if self._call != self._scheduler.calls or refs != self._refs or at_ms not in self._ends_ms:
            self._look_ahead(uow, refs, at_ms)
            self._decided = decide(self._all, _Columns(self, uow), ends_ms=self._ends_ms)
        elif seen != self._seen:
            said = decide(self._changing, _Columns(self, uow), ends_ms=self._ends_ms)
            changed = {one.rule.id: one for one in said}
            self._decided = [changed.get(one.rule.id, one) for one in self._decided]
        self._seen = seen
        return self._decided, self._ends_ms.index(at_ms)

    def end_ms(self, number: int) -> int:
        """The time of one of the evaluations."""
        return self._ends_ms[number]

    def _look_ahead(self, uow: UnitOfWork, refs: Sequence[ThingRef], at_ms: int) -> None:
        self._call, self._refs = self._scheduler.calls, refs
        self.things = [ref.thing for ref in refs]
        self.index = {thing: number for number, thing in enumerate(self.things)}
        every_ms = self._pack.every_ms
        ends_ms = range(at_ms, max(at_ms, self._scheduler.to_ms) + 1, every_ms)
        self._ends_ms = ends_ms[: max(_TOGETHER_MAX // len(refs), 1)]
        self._windows = self._telemetry.windows(self.things, self._reduced, ends_ms=self._ends_ms)
        fixed = [one for one in self._all.inputs if isinstance(one, columns.Fixed)]
        if fixed:
            self._fixed = columns.fixed(fixed, self._around(uow), self._ends_ms)

    def _around(self, uow: UnitOfWork) -> Around:
        model = self._pack.model
        return Around(
            self._refs,
            self._telemetry,
            signals=self._directory.signals(uow.conn, model),
            constants=self._directory.constants(uow.conn, model),
            state=partial(self._states.column, uow, self._pack.pack, self.things),
        )

    def read(self, uow: UnitOfWork, wanted: Sequence[Input]) -> Window:
        """Inputs; see :class:`reference_impl.rules.engine.Inputs`."""
        shape = (len(wanted), len(self._ends_ms), len(self.things))
        values, newest_ms = np.empty(shape), np.empty(shape, dtype=np.int64)
        ends_ms: Times = np.array(self._ends_ms, dtype=np.int64)[:, None]
        for number, one in enumerate(wanted):
            if isinstance(one, SignalInput):
                place = self._signals[one]
                values[number] = self._windows.values[place]
                newest_ms[number] = self._windows.newest_ms[place]
            elif isinstance(one, PartInput):
                values[number] = self._parts.part_fields(uow, one.part).get(one.field, nan)
                newest_ms[number] = ends_ms
            elif isinstance(one, ConditionInput):
                values[number], newest_ms[number] = self._condition(uow, one, ends_ms)
            elif isinstance(one, StateInput):
                values[number] = self._states.column(
                    uow, self._pack.pack, self.things, one, ends_ms[:, 0]
                )
                newest_ms[number] = ends_ms
            else:
                values[number], newest_ms[number] = self._fixed[one]
        return Window(values, newest_ms)

    def _condition(self, uow: UnitOfWork, wanted: ConditionInput, ends_ms: Times) -> Window:
        if wanted.field == "wear_pct":
            return self._conditions.columns(uow, self.things, wanted.condition, wanted.field)
        field = wanted.field.removesuffix("_h") + "_ms"
        runout_ms, newest_ms = self._conditions.columns(uow, self.things, wanted.condition, field)
        return Window((runout_ms - ends_ms) / _MS_PER_H, newest_ms)


class _Columns:
    """The inputs of one look ahead, in one transaction."""

    def __init__(self, outlook: Outlook, uow: UnitOfWork) -> None:
        self._outlook, self._uow = outlook, uow

    def columns(self, wanted: Sequence[Input]) -> Window:
        """See :class:`reference_impl.rules.engine.Inputs`."""
        return self._outlook.read(self._uow, wanted)
