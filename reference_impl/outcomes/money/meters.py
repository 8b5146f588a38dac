"""Meters: what was used of a thing in a span of time, exactly, from its readings (PM4, AS5, AS10).

A **register** counts up for ever, rolls over and may be reset; a **net** register also runs
backwards (a supply that feeds back, AS10); **increments** say what was used since the report
before. Use is the difference of what the meter shows at the ends of the span, so that spans that
touch never overlap and leave nothing out; a reading that comes twice changes nothing.

**Gaps are said, never guessed in silence.** Time without a reading that is longer than
``max_gap_ms`` is listed. What a register counted in it is known, only not when: with
``Ends.CARRY`` it belongs to the span in which the next reading lies, with ``Ends.ESTIMATE`` to each
span in proportion to time (before the next reading is there: at the rate of the span so far), and
the result says how much of it was estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from reference_impl.kernel.counters import ROLLED_SHARE, steps_of
from reference_impl.kernel.ports import Floats, Times

DAY_MS = 86_400_000
LOOK_MS = 45 * DAY_MS
"""So far outside a span its neighbouring readings are looked for (estimate: a month and more)."""
PLACES = Decimal("0.001")
"""An estimated quantity is rounded to this; what was measured stays as it was sent."""
NOTHING = Decimal(0)


class MeterKind(StrEnum):
    """How a signal counts."""

    REGISTER = "register"
    NET = "net"
    INCREMENTS = "increments"


class Ends(StrEnum):
    """What a register shows at the end of a span that has no reading there."""

    CARRY = "carry"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How a signal of a thing is read.

    Attributes:
        signal: Its name.
        unit: What is billed, such as ``kWh`` or ``h``.
        factor: Billed units per unit of the signal.
        rollover: Where a register begins anew; 0: whatever falls was reset.
        daily_max: Greatest possible use of a day in the signal's unit, 0: nobody knows. A step of
            more than ten times that is a fault (O14) and counts nothing.
        max_gap_ms: Time without reading that is longer is a gap.
        sells: What is counted is fed back, and counts negative (AS10).
    """

    signal: str
    unit: str
    kind: MeterKind = MeterKind.REGISTER
    ends: Ends = Ends.CARRY
    factor: Decimal = Decimal(1)
    rollover: float = 0.0
    daily_max: float = 0.0
    max_gap_ms: int = DAY_MS
    sells: bool = False


class Gap(NamedTuple):
    """Time without a reading."""

    from_ms: int
    to_ms: int


class Reading(NamedTuple):
    """What the signal said."""

    at_ms: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a meter counted in a span.

    ``estimated`` is the part of ``quantity`` that is an estimate. ``first`` and ``last`` are the
    readings that stand for the ends of the span: the newest at or before each, if there is one.
    """

    quantity: Decimal
    estimated: Decimal
    first: Reading | None
    last: Reading | None
    readings: int
    gaps: Sequence[Gap]
    resets: int
    rollovers: int
    implausible: int


class _Register:
    """Readings of a register, and what was used between any two of them."""

    def __init__(self, meter: Meter, at_ms: Times, values: Floats) -> None:
        self.at_ms, self.values = at_ms, values
        self.odd: dict[int, Decimal] = {}
        """Use up to readings that are not simply higher than the one before."""
        self.resets: list[int] = []
        self.rollovers: list[int] = []
        self.implausible: list[int] = []
        if meter.kind is MeterKind.NET:
            return
        steps = steps_of(at_ms, values, rollover=meter.rollover, daily_max=meter.daily_max)
        fell = np.flatnonzero(np.diff(values) < 0) + 1
        for index in sorted({*fell.tolist(), *np.flatnonzero(steps.implausible).tolist()}):
            before, after = _exact(values[index - 1]), _exact(values[index])
            rolled = after + _exact(meter.rollover) - before
            if steps.implausible[index]:
                self.implausible.append(index)
                self.odd[index] = NOTHING
            elif meter.rollover > 0 and float(rolled) < ROLLED_SHARE * meter.rollover:
                self.rollovers.append(index)
                self.odd[index] = rolled
            else:
                self.resets.append(index)
                self.odd[index] = after

    def between(self, first: int, last: int) -> Decimal:
        """Use from reading ``first`` to reading ``last``."""
        use = _exact(self.values[last]) - _exact(self.values[first])
        for index, step in self.odd.items():
            if first < index <= last:
                use += step - (_exact(self.values[index]) - _exact(self.values[index - 1]))
        return use


def used(meter: Meter, at_ms: Times, values: Floats, *, from_ms: int, to_ms: int) -> Used:
    """What a meter counted in ``[from_ms, to_ms)``; a reading at an end belongs to what is before.

    Args:
        meter: How to read.
        at_ms: Times of the readings, ascending, shape ``(k,)``; also those around the span.
        values: What they say, shape ``(k,)``. Of two of one instant the later one counts.
        from_ms: Begin of the span.
        to_ms: Its end.
    """
    keep = np.append(at_ms[1:] != at_ms[:-1], True) if at_ms.size else np.empty(0, np.bool_)
    at_ms, values = at_ms[keep], values[keep]
    first, last = (int(np.searchsorted(at_ms, t, side="right")) - 1 for t in (from_ms, to_ms))
    gaps = _gaps(at_ms[first + 1 : last + 1].tolist(), from_ms, to_ms, meter, at_ms[: first + 1])
    register = _Register(meter, at_ms, values)
    if meter.kind is MeterKind.INCREMENTS:
        use = sum((_exact(v) for v in values[first + 1 : last + 1].tolist()), NOTHING)
        estimated = NOTHING
    else:
        use, estimated = _difference(register, meter, (first, last), (from_ms, to_ms))
    sign = -meter.factor if meter.sells else meter.factor
    begin = first if first >= 0 or last < 0 else 0
    counting = meter.kind is not MeterKind.INCREMENTS

    def inside(places: Sequence[int]) -> int:
        return sum(begin < place <= last for place in places) if counting else 0

    return Used(
        quantity=use * sign + NOTHING,  # no -0
        estimated=estimated * sign + NOTHING,
        first=Reading(int(at_ms[begin]), float(values[begin])) if begin >= 0 else None,
        last=Reading(int(at_ms[last]), float(values[last])) if last >= 0 else None,
        readings=last - first,
        gaps=gaps,
        resets=inside(register.resets),
        rollovers=inside(register.rollovers),
        implausible=inside(register.implausible),
    )


def _difference(
    register: _Register, meter: Meter, places: tuple[int, int], span: tuple[int, int]
) -> tuple[Decimal, Decimal]:
    """Use in the span, and how much of it is an estimate."""
    (first, last), (from_ms, to_ms) = places, span
    begin = max(first, 0)
    if last < begin:
        return NOTHING, NOTHING
    use = register.between(begin, last)
    if meter.ends is Ends.CARRY:
        return use, NOTHING
    before = _part(register, first, from_ms, meter) if first >= 0 else NOTHING
    behind = _part(register, last, to_ms, meter)
    if behind is None:  # nothing came since: at the rate of the span so far
        lasted_ms = int(register.at_ms[last]) - max(int(register.at_ms[begin]), from_ms)
        rate = (use - (before or NOTHING)) / lasted_ms if lasted_ms > 0 else NOTHING
        since_ms = to_ms - int(register.at_ms[last])
        behind = _rounded(rate * since_ms) if since_ms > meter.max_gap_ms else NOTHING
    before = before or NOTHING
    return use - before + behind, behind - before


def _part(register: _Register, index: int, at_ms: int, meter: Meter) -> Decimal | None:
    """Use from a reading to an instant before the next one; None if there is no next one.

    Nothing within ``max_gap_ms``: a reading that is nearly there is as good as one.
    """
    since_ms = at_ms - int(register.at_ms[index])
    if index + 1 >= register.at_ms.size:
        return None
    whole_ms = int(register.at_ms[index + 1] - register.at_ms[index])
    if whole_ms <= meter.max_gap_ms:
        return NOTHING
    return _rounded(register.between(index, index + 1) * since_ms / whole_ms)


def _gaps(
    inside: Sequence[int], from_ms: int, to_ms: int, meter: Meter, before: Times
) -> list[Gap]:
    """Where nothing was said for longer than allowed, as far as it lies in the span."""
    since_ms = int(before[-1]) if before.size else from_ms
    edges = [since_ms, *inside, to_ms]
    return [
        Gap(max(a, from_ms), b) for a, b in pairwise(edges)
        if b - a > meter.max_gap_ms and b > from_ms
    ]  # fmt: skip


def _exact(value: float) -> Decimal:
    """The number that was sent: 0.1 is a tenth."""
    return Decimal(repr(float(value)))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(PLACES, rounding=ROUND_HALF_UP)
