"""Availability and credit, recomputed from the samples on the wire and the contract's data.

K1: the classes up, down and unknown partition the period. K7: missing data never raises the
figure, so unknown counts as not available (docs/reference/dps-contract.md).
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from harness.errors import ScenarioError
from harness.scenario.schema import Contract

DAY_MS = 86_400_000
_CLAUSE = re.compile(r"^\s*([a-z][a-z0-9_]*)\s*(>=|<=|==|>|<)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*$")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
}


@dataclass(frozen=True, slots=True)
class Clause:
    """``signal > number``: when a device counts as up."""

    signal: str
    operator: str
    number: float

    def holds(self, value: float) -> bool:
        """Whether the device is up with this reading."""
        return _COMPARE[self.operator](value, self.number)


def parse_clause(text: str) -> Clause:
    """Read a clause of the form ``signal > number``.

    Raises:
        ScenarioError: If it is of another form; then only the DPS can evaluate it.
    """
    match = _CLAUSE.match(text)
    if match is None:
        raise ScenarioError(
            f"the availability oracle reads clauses of the form 'signal > number', not {text!r}; "
            "leave the check outcome_equals_oracle out, or write the clause so"
        )
    return Clause(match[1], match[2], float(match[3]))


class Period(NamedTuple):
    """A measuring period; ``name`` is its month, such as ``2026-01``."""

    name: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One measuring period."""

    period: str
    up_ms: int
    down_ms: int
    unknown_ms: int
    fee_eur: float
    credit_eur: float

    @property
    def total_ms(self) -> int:
        """Device time of the period."""
        return self.up_ms + self.down_ms + self.unknown_ms

    @property
    def availability(self) -> float:
        """Share of the time in which devices were known to be up."""
        return self.up_ms / self.total_ms if self.total_ms else 0.0


class Samples:
    """Readings of the clause's signal by device, sorted by time; late ones find their place."""

    def __init__(self) -> None:
        self._by_device: dict[str, list[tuple[int, bool]]] = {}

    def add(self, device: str, at_ms: int, *, up: bool) -> None:
        """Take a reading; the same instant again changes nothing."""
        rows = self._by_device.setdefault(device, [])
        if not rows or rows[-1][0] < at_ms:
            rows.append((at_ms, up))
            return
        place = bisect_left(rows, (at_ms, False))
        if place == len(rows) or rows[place][0] != at_ms:
            insort(rows, (at_ms, up))

    def of(self, device: str) -> Sequence[tuple[int, bool]]:
        """All readings of a device, oldest first."""
        return self._by_device.get(device, [])


def classify(
    rows: Sequence[tuple[int, bool]], from_ms: int, to_ms: int, unknown_after_ms: int
) -> tuple[int, int, int]:
    """Milliseconds ``(up, down, unknown)`` of one device in a period.

    A reading at t vouches for [t, t + unknown_after). A moment is up if an up reading vouches for
    it, else down if a down reading does, else unknown: so losing readings never helps (K7).
    Readings from before the period vouch into it.
    """
    first = bisect_left(rows, (from_ms - unknown_after_ms + 1, False))
    last = bisect_left(rows, (to_ms, False))
    near = rows[first:last]
    up = _covered([at for at, is_up in near if is_up], from_ms, to_ms, unknown_after_ms)
    known = _covered([at for at, _ in near], from_ms, to_ms, unknown_after_ms)
    return up, known - up, to_ms - from_ms - known


def _covered(times_ms: Sequence[int], from_ms: int, to_ms: int, hold_ms: int) -> int:
    """Length of the union of ``[t, t + hold)`` within the period; times ascend."""
    covered, reached = 0, from_ms
    for at_ms in times_ms:
        begin, end = max(at_ms, reached), min(at_ms + hold_ms, to_ms)
        if end > begin:
            covered += end - begin
            reached = end
    return covered


def periods(start_ms: int, until_ms: int) -> Iterator[Period]:
    """UTC months (the first one from ``start_ms``) that end by ``until_ms``."""
    at_ms = start_ms
    while True:
        day = datetime.fromtimestamp(at_ms / 1000, UTC)
        after = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        end_ms = int(after.timestamp()) * 1000
        if end_ms > until_ms:
            return
        yield Period(f"{day.year:04d}-{day.month:02d}", at_ms, end_ms)
        at_ms = end_ms


def settle(contract: Contract, period: Period, *, up_ms: int, total_ms: int) -> tuple[float, float]:
    """Fee and credit of a period, EUR.

    The fee of a part of a month is its share of the month (K9), to the cent. The credit is a
    share of that fee per whole step below the target, capped (K4). Half a cent is rounded up.
    """
    begin = datetime.fromtimestamp(period.from_ms / 1000, UTC)
    days = Fraction(monthrange(begin.year, begin.month)[1])
    fee = _cents(_exact(contract.fee_eur) * Fraction(period.to_ms - period.from_ms, DAY_MS) / days)
    short = _exact(contract.target) - Fraction(up_ms, total_ms)
    steps = max(0, short // _exact(contract.step))
    percent = min(_exact(contract.cap_pct), steps * _exact(contract.credit_pct_per_step))
    return float(fee), float(_cents(Fraction(fee) * percent / 100))


def _exact(number: float) -> Fraction:
    return Fraction(str(number))


def _cents(amount: Fraction) -> Decimal:
    return (Decimal(int(amount * 100 + Fraction(1, 2))) / 100).quantize(Decimal("0.01"))


def outcome(
    contract: Contract, samples: Samples, devices: Sequence[str], period: Period
) -> Outcome:
    """The outcome of one period over all devices of the contract."""
    up = down = unknown = 0
    hold_ms = contract.unknown_after_s * 1000
    for device in devices:
        rows = samples.of(device)
        a, b, c = classify(rows, period.from_ms, period.to_ms, hold_ms)
        up, down, unknown = up + a, down + b, unknown + c
    fee, credit = settle(contract, period, up_ms=up, total_ms=up + down + unknown)
    return Outcome(
        period=period.name,
        up_ms=up,
        down_ms=down,
        unknown_ms=unknown,
        fee_eur=fee,
        credit_eur=credit,
    )
