"""The weather and the calendar as products see them: columns per site, scalars per region.

Both are ports: ``twins.field`` makes them, the world hands them to :class:`~twins.core.twin.Build`
and no product imports the field. They are functions of the moment asked for and keep no state, so
a twin may ask in any order and a snapshot needs nothing of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]


class Sky(NamedTuple):
    """Weather as columns, by site: shape ``(sites,)`` or, of many hours, ``(sites, hours)``.

    Do not write into them: they are shared.
    """

    outdoor_c: Columns
    rain_mm_h: Columns
    wind_m_s: Columns
    cloud: Columns
    """Cloud cover, 0 to 1."""


class Weather(Protocol):
    """The weather over the sites of one fleet, in the order of ``Build.sites``."""

    @property
    def latitude_deg(self) -> float:
        """Of the region, north positive."""
        ...

    @property
    def longitude_deg(self) -> float:
        """Of the region, east positive."""
        ...

    def at(self, at_ms: int) -> Sky:
        """The weather at a moment, shape ``(sites,)``; rain is the mean of its hour."""
        ...

    def hours(self, from_ms: int, count: int) -> Sky:
        """At the full hours from the one that contains ``from_ms``, shape ``(sites, count)``."""
        ...


class Moment(NamedTuple):
    """What the clocks and the calendar of the region say."""

    hour: float
    """Local time of day, 0 up to (not including) 24, daylight saving time included."""
    weekday: int
    """0 is Monday."""
    day_of_year: int
    """1 is the first of January."""
    holiday: bool
    """A public holiday."""
    workday: bool
    """Monday to Friday and no public holiday."""
    school_free: bool
    """Weekend, public holiday or school holidays."""
    festival: bool
    """A day on which something draws a crowd (fair, street festival, match)."""


class Calendar(Protocol):
    """The calendar of the region."""

    def at(self, at_ms: int) -> Moment:
        """What the clocks and the calendar say at a moment."""
        ...


@dataclass(frozen=True, slots=True)
class StillWeather:
    """The same dry, grey day for ever: for a twin that is built outside a world."""

    sites: int
    outdoor_c: float = 10.0
    latitude_deg: float = 53.0
    longitude_deg: float = 10.0

    def at(self, at_ms: int) -> Sky:  # noqa: ARG002 - it is always the same
        """Dry, calm, half covered."""
        return self._sky((self.sites,))

    def hours(self, from_ms: int, count: int) -> Sky:  # noqa: ARG002
        """The same, hour after hour."""
        return self._sky((self.sites, count))

    def _sky(self, shape: tuple[int, ...]) -> Sky:
        zero = np.zeros(shape)
        return Sky(np.full(shape, self.outdoor_c), zero, zero, np.full(shape, 0.5))


class PlainCalendar:
    """Clocks that show UTC, weekends, no holidays: for a twin that is built outside a world."""

    def at(self, at_ms: int) -> Moment:
        """Time of day and weekday, in UTC."""
        day = datetime.fromtimestamp(at_ms // 1000, UTC)
        weekday = day.weekday()
        return Moment(
            hour=at_ms % 86_400_000 / 3_600_000.0,
            weekday=weekday,
            day_of_year=day.timetuple().tm_yday,
            holiday=False,
            workday=weekday < 5,
            school_free=weekday >= 5,
            festival=False,
        )


PLAIN = PlainCalendar()
"""It keeps nothing, so one is enough."""
