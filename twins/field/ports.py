"""What people in the field may do to the world, and when things are due."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twins.core.manifest import Part
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.core.streams import Streams

RANK = 2
"""Within a millisecond, people come after devices."""
HOUR_MS = 3_600_000
DAY_H = 24
SOONEST_MS = 1_000
"""Nobody reacts faster than this to what they just heard."""
Z90 = 1.2816
"""Standard normal quantile of 90 %."""

Handlers = Mapping[str, Callable[[Row], None]]


class Ground(Protocol):
    """The ground that actors stand on."""

    streams: Streams
    parts: Mapping[str, Part]
    """Spare parts by sku."""

    def later(self, due_ms: int, kind: str, subject: str, args: Mapping[str, Any]) -> None:
        """Put a row down that the actor's handler of ``kind`` gets when it is due."""
        ...

    def forget(self, kind: str, subject: str) -> None:
        """Strike out an actor's rows of ``kind`` for ``subject``."""
        ...

    def soonest(self, at_ms: int) -> int:
        """``at_ms``, or a moment from now if that has passed."""
        ...

    def intend(
        self, at_ms: int, actor: str, verb: str, subject: str, *, again: int = 1, **data: object
    ) -> None:
        """Say what an actor does through the service's API (``again``: for the n-th time)."""
        ...

    def book(self, at_ms: int, *, what: str, eur: float, subject: str) -> None:
        """Spend money."""
        ...

    def fits(self, device: str, position: str) -> bool:
        """Whether there is such a device with a component at that position."""
        ...

    def fit(
        self, at_ms: int, device: str, *, position: str, part: str
    ) -> tuple[str, dict[str, float]]:
        """Put a new part into a device; returns its serial number and readings taken after it."""
        ...


class Actor(Protocol):
    """One of the people around a fleet. Facts may be heard twice; the second time is ignored."""

    @property
    def handlers(self) -> Handlers:
        """Who handles which kind of row."""
        ...

    def observe(self, fact: Fact) -> None:
        """Hear of something."""
        ...

    def dump(self) -> Any:  # noqa: ANN401 - each actor its own
        """What the actor remembers, as plain data."""
        ...

    def load(self, state: Any) -> None:  # noqa: ANN401
        """Take over what :meth:`dump` gave."""
        ...


def hours(streams: Streams, name: str, *, p50_h: float, p90_h: float) -> int:
    """A lognormal duration in whole seconds (as ms), by its median and 90 % quantile in hours."""
    sigma = math.log(max(p90_h, p50_h) / p50_h) / Z90
    seconds = round(streams.lognormal(name, median=p50_h, sigma=sigma) * 3600.0)
    return max(seconds, 1) * 1000


def shift_slot(earliest_ms: int, *, length_ms: int, start_h: float, end_h: float) -> int:
    """The first start on a weekday within shift hours (UTC) that leaves room for ``length_ms``.

    A visit longer than a shift begins with the shift.
    """
    day_ms = DAY_H * HOUR_MS
    midnight_ms = earliest_ms - earliest_ms % day_ms
    while True:
        begin_ms = midnight_ms + round(start_h * HOUR_MS)
        latest_ms = max(midnight_ms + round(end_h * HOUR_MS) - length_ms, begin_ms)
        weekday = (midnight_ms // day_ms + 3) % 7  # the epoch was a Thursday
        if weekday < 5 and earliest_ms <= latest_ms:
            return max(begin_ms, earliest_ms)
        midnight_ms += day_ms
