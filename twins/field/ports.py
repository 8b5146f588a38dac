"""What people in the field may do to the world, and when things are due."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from twins.core.manifest import Part
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.core.streams import Streams
from twins.core.weather import Moment
from twins.field.persons import Person

RANK = 2
"""Within a millisecond, people come after devices."""
HANDS_RANK = 3
"""And after them those who never speak to a service: nobody need meet at their actions."""
HOUR_MS = 3_600_000
SOONEST_MS = 1_000
"""Nobody reacts faster than this to what they just heard."""
Z90 = 1.2816
"""Standard normal quantile of 90 %."""

Handlers = Mapping[str, Callable[[Row], None]]


class Clocks(Protocol):
    """The calendar as people need it (``twins.field.calendar``)."""

    def at(self, at_ms: int) -> Moment:
        """What clocks and calendar say at a moment."""
        ...

    def local(self, at_ms: int) -> datetime:
        """The local date and time."""
        ...

    def begin_ms(self, day: date, hour: float) -> int:
        """When that hour of a local day is."""
        ...

    def is_workday(self, day: date) -> bool:
        """Monday to Friday and no public holiday."""
        ...


class Shelves(Protocol):
    """Goods on their way and spare parts in store (``twins.field.stock``)."""

    def note(self, order: str, **facts: float) -> None:
        """Remember something of an order's goods."""
        ...

    def parcel(self, order: str) -> Mapping[str, Any]:
        """What is known of an order's goods."""
        ...

    def take(self, at_ms: int, place: str, sku: str) -> bool:
        """Take a part from a shelf if there is one."""
        ...


class Ground(Protocol):
    """The ground that actors stand on."""

    @property
    def streams(self) -> Streams:
        """All random streams."""
        ...

    @property
    def calendar(self) -> Clocks:
        """Local clocks and holidays."""
        ...

    @property
    def goods(self) -> Shelves:
        """Parcels and stock."""
        ...

    @property
    def parts(self) -> Mapping[str, Part]:
        """Spare parts by sku."""
        ...

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

    def tell(self, at_ms: int, kind: str, subject: str, **data: object) -> None:
        """Note a truth: what really happened, whether a service hears of it or not."""
        ...

    def book(self, at_ms: int, *, what: str, eur: float, subject: str) -> None:
        """Spend money; nothing is noted of 0 EUR."""
        ...

    def claim(self, at_ms: int, order: str, sku: str) -> int:
        """Ask the supplier for the right part; returns when it will be there."""
        ...

    def person(self, role: str, of: str) -> Person:
        """The person who has ``role`` for ``of``."""
        ...

    def far_km(self, device: str) -> float:
        """How far a device's site lies from the depot, as the crow flies."""
        ...

    def far_share(self, device: str) -> float:
        """The same as a share of the distance of the median site."""
        ...

    def fits(self, device: str, position: str) -> bool:
        """Whether there is such a device with a component at that position."""
        ...

    def knows(self, device: str) -> bool:
        """Whether there is such a device."""
        ...

    def stands(self, device: str) -> bool:
        """Whether a device is down now."""
        ...

    def fit(
        self, at_ms: int, device: str, *, position: str, part: str
    ) -> tuple[str, dict[str, float]]:
        """Put a new part into a device; returns its serial number and readings taken after it."""
        ...

    def readings(self, device: str) -> dict[str, float]:
        """What a technician measures at a device now."""
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


def chance(streams: Streams, name: str, share: float) -> bool:
    """Whether something that happens in ``share`` of all cases happens in the case ``name``."""
    return share > 0.0 and streams.uniform(name) < share


def pick(streams: Streams, name: str, of: Sequence[str]) -> str:
    """One of several, all equally often."""
    return of[int(streams.uniform(name) * len(of))]


def open_slot(clocks: Clocks, at_ms: int, *, start_h: float, end_h: float) -> int:
    """``at_ms`` if that is within these hours (local time) of a workday, else when they begin."""
    return shift_slot(clocks, at_ms, length_ms=0, start_h=start_h, end_h=end_h)


def into_day(streams: Streams, name: str, at_ms: int, slot_ms: int) -> int:
    """When somebody gets to what waited until ``slot_ms``, the opening of the office.

    Not the first second: half an hour into the day, three at most (estimate). What did not have
    to wait is done ``at_ms``.
    """
    if slot_ms <= at_ms:
        return at_ms
    into_h = min(streams.lognormal(name, median=0.5, sigma=0.8), 3.0)
    return slot_ms + round(into_h * 3600.0) * 1000


def shift_slot(
    clocks: Clocks,
    earliest_ms: int,
    *,
    length_ms: int,
    start_h: float,
    end_h: float,
    every_day: bool = False,
) -> int:
    """The first start on a workday within shift hours (local) that leaves room for ``length_ms``.

    A visit longer than a shift begins with the shift. ``every_day``: weekends and holidays too.
    """
    day = clocks.local(earliest_ms).date()
    while True:
        if every_day or clocks.is_workday(day):
            begin_ms = clocks.begin_ms(day, start_h)
            latest_ms = max(clocks.begin_ms(day, end_h) - length_ms, begin_ms)
            if earliest_ms <= latest_ms:
                return max(begin_ms, earliest_ms)
        day += timedelta(days=1)
