"""The variables of rules as columns: one number per evaluation and thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from typing import Protocol

import numpy as np

from reference_impl.kernel.ports import Floats, Range, Readings, Times, Window
from reference_impl.kernel.ranges import ANYTHING
from reference_impl.rules import readings as of_readings
from reference_impl.rules.variables import (
    AgeInput,
    ClockInput,
    ConstantInput,
    Cycles,
    ReadingsInput,
    ReportInput,
)

_MIN_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000
_MONDAY_OFFSET_DAYS = 3
"""1970-01-01 was a Thursday."""


class Surroundings(Protocol):
    """Where variables get from what they are made of; things in one order everywhere."""

    @property
    def zones(self) -> Sequence[str]:
        """The time zone of each thing."""
        ...

    def groups(self, among: str) -> Sequence[str]:
        """The site, customer or model of each thing."""
        ...

    def readings(self, signals: Sequence[str], *, after_ms: int, to_ms: int) -> Readings:
        """Reports with ``after_ms < at_ms <= to_ms``."""
        ...

    def newest_ms(self, signal: str | None) -> Times:
        """When a signal (None: any) was last read at or before each end; -1: never."""
        ...

    def constant(self, name: str) -> Floats:
        """A number of the model for each thing, NaN where it is not known."""
        ...


Fixed = ReadingsInput | AgeInput | ReportInput | ClockInput | ConstantInput
"""Variables that nothing can change during a call: readings, the calendar, the model's numbers."""


class FixedColumns:
    """The columns of such variables; windows as long as each other share one reading of reports."""

    def __init__(
        self, wanted: Iterable[Fixed], around: Surroundings, ends_ms: Sequence[int]
    ) -> None:
        self._around = around
        self._ends_ms: Times = np.array(ends_ms, dtype=np.int64)
        self._signals: dict[int, dict[str, None]] = {}
        for one in wanted:
            if isinstance(one, ReadingsInput):
                self._signals.setdefault(one.back_ms, {}).update(dict.fromkeys(signals_of(one)))
        self._readings: dict[int, Readings] = {}
        shape = (self._ends_ms.size, len(around.zones))
        self._now_ms: Times = np.broadcast_to(self._ends_ms[:, None], shape)

    def column(self, wanted: Fixed) -> Window:
        """One of them, of shape ``(ends, things)``."""
        if not isinstance(wanted, ReadingsInput):
            return Window(self._of_no_readings(wanted), self._now_ms)  # never stale
        readings = self._readings.get(wanted.back_ms)
        if readings is None:
            readings = self._readings[wanted.back_ms] = self._around.readings(
                list(self._signals[wanted.back_ms]),
                after_ms=int(self._ends_ms[0]) - wanted.back_ms,
                to_ms=int(self._ends_ms[-1]),
            )
        peers, zones = wanted.peers, self._around.zones
        groups = self._around.groups(peers.among) if peers is not None else ()
        return of_readings.window(
            wanted, readings, ends_ms=self._ends_ms, zones=zones, groups=groups
        )

    def within(self, wanted: Fixed) -> Range | None:
        """Between what one of them lies; None: read it to know."""
        if isinstance(wanted, ReadingsInput):
            return ANYTHING
        if isinstance(wanted, ConstantInput):
            own = self._constant(wanted).tolist()
            return ANYTHING if any(map(isnan, own)) else (min(own), max(own))
        return None

    def _of_no_readings(
        self, wanted: AgeInput | ReportInput | ClockInput | ConstantInput
    ) -> Floats:
        if isinstance(wanted, AgeInput | ReportInput):
            signal = wanted.signal if isinstance(wanted, AgeInput) else None
            newest_ms = self._around.newest_ms(signal)
            return np.where(newest_ms < 0, np.nan, (self._now_ms - newest_ms) / 1000.0)
        if isinstance(wanted, ConstantInput):
            return np.broadcast_to(self._constant(wanted), self._now_ms.shape)
        return _clock(wanted, self._now_ms, self._around.zones)

    def _constant(self, wanted: ConstantInput) -> Floats:
        own = self._around.constant(wanted.name)
        if wanted.default is not None:
            own = np.where(np.isnan(own), wanted.default, own)
        return own


def signals_of(wanted: object) -> list[str]:
    """The signals that a variable reads."""
    if isinstance(wanted, AgeInput):
        return [wanted.signal]
    if not isinstance(wanted, ReadingsInput):
        return []
    found = [wanted.signal]
    if wanted.where is not None:
        found.append(wanted.where.signal)
    if wanted.grouped is not None and isinstance(wanted.grouped.by, Cycles):
        found.append(wanted.grouped.by.signal)
    return found


def _clock(wanted: ClockInput, now_ms: Times, zones: Sequence[str]) -> Floats:
    thing = np.broadcast_to(np.arange(len(zones)), now_ms.shape)
    local_ms = now_ms + of_readings.offsets_ms(now_ms, thing, zones)
    day, of_day_ms = local_ms // _DAY_MS, local_ms % _DAY_MS
    if wanted.field == "hour":
        return of_day_ms / _HOUR_MS
    if wanted.field == "weekday":
        return ((day + _MONDAY_OFFSET_DAYS) % 7 + 1).astype(np.float64)
    if wanted.field == "month":
        months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return (months % 12 + 1).astype(np.float64)
    # a stretch over midnight belongs to the day on which it began
    shifted_ms = local_ms - wanted.start_min * _MIN_MS
    weekday = (shifted_ms // _DAY_MS + _MONDAY_OFFSET_DAYS) % 7 + 1
    inside = shifted_ms % _DAY_MS < wanted.length_min * _MIN_MS
    return (inside & np.isin(weekday, sorted(wanted.days))).astype(np.float64)
