"""Availability and credit, recomputed from the samples on the wire and the contract's data.

K1: the classes up, down and unknown partition the period. K7: missing data never raises the
figure, so unknown counts as not available (docs/reference/dps-contract.md).
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from harness.errors import ScenarioError
from harness.scenario.schema import Contract

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One measuring period."""

    period: str
    up_ms: int
    down_ms: int
    unknown_ms: int
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

    A reading holds until the next one, at longest ``unknown_after_ms``; then the state is unknown.
    A reading from before the period holds into it in the same way.
    """
    spans = {True: 0, False: 0}
    first = max(bisect_left(rows, (from_ms, False)) - 1, 0)
    for i in range(first, len(rows)):
        at_ms, up = rows[i]
        if at_ms >= to_ms:
            break
        until = min(rows[i + 1][0] if i + 1 < len(rows) else to_ms, at_ms + unknown_after_ms, to_ms)
        spans[up] += max(0, until - max(at_ms, from_ms))
    return spans[True], spans[False], to_ms - from_ms - spans[True] - spans[False]


def periods(start_ms: int, until_ms: int) -> Iterator[tuple[str, int, int]]:
    """UTC months (the first one from ``start_ms``) that end by ``until_ms``."""
    at_ms = start_ms
    while True:
        day = datetime.fromtimestamp(at_ms / 1000, UTC)
        after = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        end_ms = int(after.timestamp()) * 1000
        if end_ms > until_ms:
            return
        yield f"{day.year:04d}-{day.month:02d}", at_ms, end_ms
        at_ms = end_ms


def credit_eur(contract: Contract, availability: Decimal) -> float:
    """What the customer gets back: a share of the fee per whole step below the target, capped."""
    target, step = Decimal(str(contract.target)), Decimal(str(contract.step))
    missing = max(Decimal(0), target - availability)
    steps = int(missing / step)
    percent = min(
        Decimal(str(contract.cap_pct)), steps * Decimal(str(contract.credit_pct_per_step))
    )
    amount = Decimal(str(contract.fee_eur)) * percent / 100
    return float(amount.quantize(Decimal("0.01"), ROUND_HALF_UP))


def outcome(
    contract: Contract, samples: Samples, devices: Sequence[str], period: tuple[str, int, int]
) -> Outcome:
    """The outcome of one period over all devices of the contract."""
    name, from_ms, to_ms = period
    up = down = unknown = 0
    for device in devices:
        a, b, c = classify(samples.of(device), from_ms, to_ms, contract.unknown_after_s * 1000)
        up, down, unknown = up + a, down + b, unknown + c
    total = up + down + unknown
    share = Decimal(up) / Decimal(total) if total else Decimal(0)
    return Outcome(
        period=name,
        up_ms=up,
        down_ms=down,
        unknown_ms=unknown,
        credit_eur=credit_eur(contract, share),
    )
