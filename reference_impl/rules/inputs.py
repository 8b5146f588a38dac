"""What the rules of a pack read, and what they say, for all evaluations of one call of the clock.

Readings come in between calls only, so what a window will say at the end of a call is known at its
beginning. What others decide meanwhile (conditions, parts) is looked at again when it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from reference_impl.kernel.ports import Reduced, TelemetryView, ThingRef, Times, Window
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import UnitOfWork
from reference_impl.rules.domain import ConditionInput, Input, Pack, PartInput, SignalInput
from reference_impl.rules.engine import Decided, Plan, decide
from reference_impl.rules.ports import ConditionsView, PartsView

_MS_PER_H = 3_600_000.0


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
    ) -> None:
        self._pack, self._telemetry, self._scheduler = pack, telemetry, scheduler
        self._conditions, self._parts = conditions, parts
        self._all = Plan(pack.rules)
        self._changing = Plan(
            [
                rule
                for rule in pack.rules
                if not all(isinstance(i, SignalInput) for i in rule.inputs.values())
            ]
        )
        signals = [i for i in self._all.inputs if isinstance(i, SignalInput)]
        self._signals = {one: number for number, one in enumerate(signals)}
        self._reduced = [Reduced(one.signal, one.take, one.over_ms) for one in signals]
        self._call = -1
        self._seen = (-1, -1)
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
        seen = (self._conditions.changes, self._parts.changes)
        if self._call != self._scheduler.calls or refs != self._refs or at_ms not in self._ends_ms:
            self._look_ahead(refs, at_ms)
            self._decided = decide(self._all, _Columns(self, uow), ends_ms=self._ends_ms)
        elif seen != self._seen:
            said = decide(self._changing, _Columns(self, uow), ends_ms=self._ends_ms)
            changed = {one.rule.id: one for one in said}
            self._decided = [changed.get(one.rule.id, one) for one in self._decided]
        self._seen = seen
        return self._decided, self._ends_ms.index(at_ms)

    def _look_ahead(self, refs: Sequence[ThingRef], at_ms: int) -> None:
        self._call, self._refs = self._scheduler.calls, refs
        self.things = [ref.thing for ref in refs]
        self.index = {thing: number for number, thing in enumerate(self.things)}
        every_ms = self._pack.every_ms
        self._ends_ms = range(at_ms, max(at_ms, self._scheduler.to_ms) + 1, every_ms)
        self._windows = self._telemetry.windows(self.things, self._reduced, ends_ms=self._ends_ms)

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
            else:
                values[number], newest_ms[number] = self._condition(uow, one, ends_ms)
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
