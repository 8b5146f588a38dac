"""The calendar of a region: local clocks, public and school holidays, festival days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from twins.core.manifest import Param
from twins.core.streams import Streams
from twins.core.weather import Moment
from twins.field.public_days import public_days

NAME = "calendar"
PARAMS: Mapping[str, Param] = {
    "festival_days": Param(unit="1/year", default=4.0, min=0.0, max=40.0, title="days of crowds"),
}
HOUR_MS = 3_600_000
SCHOOL_HOLIDAYS = (((2, 1), (2, 7)), ((4, 1), (4, 14)), ((7, 10), (8, 22)), ((10, 12), (10, 24)))
"""Winter, spring, summer and autumn, first and last day: typical of Europe's north (estimate);
besides them from Christmas to Epiphany. The southern hemisphere is not modelled."""
FESTIVAL_MONTHS = (5, 9)
"""Fairs and street festivals are held from May to September, on Saturdays and Sundays."""


class LocalCalendar:
    """The calendar of one country and time zone (:class:`twins.core.weather.Calendar`)."""

    def __init__(
        self, streams: Streams, *, country: str, time_zone: str, festival_days: float
    ) -> None:
        self._streams, self._country = streams, country
        self._zone = ZoneInfo(time_zone)
        self._festival_days = festival_days
        self._years: dict[int, tuple[frozenset[date], frozenset[date]]] = {}
        self._key, self._moment = -1, Moment(0.0, 0, 1, False, True, False, False)
        self._day, self._noon = date.min, self._moment

    def at(self, at_ms: int) -> Moment:
        """What clocks and calendar say. Cheap within an hour that was asked for before."""
        key = at_ms // (HOUR_MS // 4)  # zones lie a multiple of a quarter of an hour from UTC
        if key != self._key:
            self._key, self._moment = key, self._look(key * (HOUR_MS // 4))
        rest_h = at_ms % (HOUR_MS // 4) / HOUR_MS
        return self._moment._replace(hour=self._moment.hour + rest_h)

    def local(self, at_ms: int) -> datetime:
        """The local date and time."""
        return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(self._zone)

    def begin_ms(self, day: date, hour: float) -> int:
        """When that hour of a local day is; an hour that daylight saving skips comes after it."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        local = midnight + timedelta(hours=hour)  # by the wall clock
        return round(local.timestamp()) * 1000

    def is_workday(self, day: date) -> bool:
        """Monday to Friday and no public holiday."""
        return day.weekday() < 5 and day not in self._year(day.year)[0]

    def _look(self, at_ms: int) -> Moment:
        now = self.local(at_ms)
        day = now.date()
        if day != self._day:
            self._day, self._noon = day, self._facts(day)
        return self._noon._replace(hour=now.hour + now.minute / 60.0)

    def _facts(self, day: date) -> Moment:
        """What is so all day."""
        public, festivals = self._year(day.year)
        holiday = day in public
        return Moment(
            hour=12.0,
            weekday=day.weekday(),
            day_of_year=day.timetuple().tm_yday,
            holiday=holiday,
            workday=day.weekday() < 5 and not holiday,
            school_free=day.weekday() >= 5 or holiday or _school_holidays(day),
            festival=day in festivals,
        )

    def _year(self, year: int) -> tuple[frozenset[date], frozenset[date]]:
        """Public holidays and festival days."""
        if year not in self._years:
            self._years[year] = public_days(self._country, year), self._festivals(year)
        return self._years[year]

    def _festivals(self, year: int) -> frozenset[date]:
        first, last = FESTIVAL_MONTHS
        days = [date(year, first, 1) + timedelta(days=n) for n in range(31 * (last - first + 1))]
        chosen = [day for day in days if day.weekday() >= 5 and day.month <= last]
        draws = self._streams.block("calendar/festivals", year)
        count = min(int(np.floor(self._festival_days + draws.random())), len(chosen))
        picks = draws.permutation(len(chosen))[:count]
        return frozenset(chosen[pick] for pick in picks.tolist())


def _school_holidays(day: date) -> bool:
    month_day = day.month, day.day
    if month_day >= (12, 23) or month_day <= (1, 5):
        return True
    return any(first <= month_day <= last for first, last in SCHOOL_HOLIDAYS)
