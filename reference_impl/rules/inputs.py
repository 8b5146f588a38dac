"""What the rules of a pack read: windows of signals, conditions, parts; each a column of things."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from reference_impl.kernel.ports import TelemetryView, Window
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import UnitOfWork
from reference_impl.rules.domain import Input, PartInput, SignalInput
from reference_impl.rules.ports import ConditionsView, PartsView

_MS_PER_H = 3_600_000.0


class Windows:
    """The windows of a pack, for all evaluations of one call of the clock at once.

    Readings come in between calls only, so what a window will say at the end of the call is known
    at its beginning; computed together, windows cost a third.
    """

    def __init__(self, telemetry: TelemetryView, scheduler: Scheduler, every_ms: int) -> None:
        self._telemetry, self._scheduler, self._every_ms = telemetry, scheduler, every_ms
        self._call = -1
        self._things: Sequence[str] = ()
        self._known: dict[SignalInput, dict[int, Window]] = {}

    def at(self, at_ms: int, things: Sequence[str], wanted: SignalInput) -> Window:
        """The window that ends at ``at_ms``."""
        if self._call != self._scheduler.calls or self._things != things:
            self._call, self._things = self._scheduler.calls, things
            self._known.clear()
        known = self._known.get(wanted)
        if known is None:
            ends_ms = range(at_ms, max(at_ms, self._scheduler.to_ms) + 1, self._every_ms)
            windows = self._telemetry.windows(
                things, wanted.signal, wanted.take, over_ms=wanted.over_ms, ends_ms=ends_ms
            )
            known = self._known[wanted] = dict(zip(ends_ms, windows, strict=True))
        return known[at_ms]


class Columns:
    """The inputs of one evaluation in service."""

    def __init__(
        self,
        *,
        windows: Windows,
        conditions: ConditionsView,
        parts: PartsView,
        uow: UnitOfWork,
        things: Sequence[str],
        at_ms: int,
    ) -> None:
        self._windows, self._conditions, self._parts = windows, conditions, parts
        self._uow, self._things, self._at_ms = uow, things, at_ms

    def column(self, wanted: Input) -> Window:
        """See :class:`reference_impl.rules.engine.Inputs`."""
        if isinstance(wanted, SignalInput):
            return self._windows.at(self._at_ms, self._things, wanted)
        if isinstance(wanted, PartInput):
            value = self._parts.part_fields(self._uow, wanted.part).get(wanted.field, nan)
            return [value] * len(self._things), [self._at_ms] * len(self._things)
        stored = (
            wanted.field.removesuffix("_h") + "_ms" if wanted.field != "wear_pct" else "wear_pct"
        )
        values, newest = self._conditions.columns(self._uow, self._things, wanted.condition, stored)
        if stored != "wear_pct":
            values = [(value - self._at_ms) / _MS_PER_H for value in values]
        return values, newest
