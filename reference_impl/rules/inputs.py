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
from reference_impl.rules.domain import ConditionInput, Input, Pack, PartInput, Rule, SignalInput
from reference_impl.rules.engine import Decided, decide
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
        inputs = dict.fromkeys(i for rule in pack.rules for i in rule.inputs.values())
        self._signals = [i for i in inputs if isinstance(i, SignalInput)]
        self._changing = [
            rule
            for rule in pack.rules
            if not all(isinstance(i, SignalInput) for i in rule.inputs.values())
        ]
        self._call = -1
        self._seen = (-1, -1)
        self._refs: Sequence[ThingRef] = ()
        self._ends_ms = range(0)
        self._windows: dict[Input, Window] = {}
        self._decided: dict[str, Decided] = {}
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
            rules: Sequence[Rule] = self._pack.rules
        else:
            rules = self._changing if seen != self._seen else ()
        if rules:
            self._seen = seen
            said = decide(
                rules, _Columns(self, uow), things=len(self.things), ends_ms=self._ends_ms
            )
            self._decided.update((one.rule.id, one) for one in said)
        decided = [self._decided[rule.id] for rule in self._pack.rules]
        return decided, self._ends_ms.index(at_ms)

    def _look_ahead(self, refs: Sequence[ThingRef], at_ms: int) -> None:
        self._call, self._refs = self._scheduler.calls, refs
        self.things = [ref.thing for ref in refs]
        self.index = {thing: number for number, thing in enumerate(self.things)}
        every_ms = self._pack.every_ms
        self._ends_ms = range(at_ms, max(at_ms, self._scheduler.to_ms) + 1, every_ms)
        wanted = [Reduced(one.signal, one.take, one.over_ms) for one in self._signals]
        windows = self._telemetry.windows(self.things, wanted, ends_ms=self._ends_ms)
        self._windows = dict(zip(self._signals, windows, strict=True))

    def read(self, uow: UnitOfWork, wanted: Input) -> Window:
        """One input; see :class:`reference_impl.rules.engine.Inputs`."""
        if isinstance(wanted, SignalInput):
            return self._windows[wanted]
        ends_ms: Times = np.array(self._ends_ms, dtype=np.int64)[:, None]
        if isinstance(wanted, PartInput):
            value = self._parts.part_fields(uow, wanted.part).get(wanted.field, nan)
            return Window(np.full((len(ends_ms), len(self.things)), value), ends_ms)
        return self._condition(uow, wanted, ends_ms)

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

    def columns(self, wanted: Sequence[Input]) -> list[Window]:
        """See :class:`reference_impl.rules.engine.Inputs`."""
        return [self._outlook.read(self._uow, one) for one in wanted]
