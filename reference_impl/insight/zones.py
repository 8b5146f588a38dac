"""Days and hours as a location's clock shows them, with the days of 23 and 25 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from reference_impl.kernel.ports import Times

H_MS = 3_600_000
STEPS_MAX = 20_000
"""Periods of one question, at most."""


class By(StrEnum):
    """Periods of a calendar."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """A zone by its IANA name."""
    return ZoneInfo(name)


def local(at_ms: int, time_zone: str) -> datetime:
    """What a clock there shows."""
    return datetime.fromtimestamp(at_ms // 1000, tz=zone(time_zone))


@lru_cache(maxsize=65_536)
def instant_ms(day: date, at: time, time_zone: str) -> int:
    """The first instant at which the clock there shows ``at`` on a day.

    A time that a change of clocks leaves out is as far after midnight as if there were no change.
    """
    moment = datetime.combine(day, at, tzinfo=zone(time_zone))
    return round(moment.astimezone(UTC).timestamp()) * 1000


def is_daily(at_ms: int, at: time, time_zone: str) -> bool:
    """Whether ``at_ms`` is that instant of its day: true once per day of the calendar."""
    today = local(at_ms, time_zone).date()
    days = (today - timedelta(days=1), today, today + timedelta(days=1))
    return any(instant_ms(day, at, time_zone) == at_ms for day in days)


def day_of(at_ms: int, time_zone: str) -> tuple[int, int]:
    """Begin and end of the day in which ``at_ms`` lies, ms; the end belongs to the next."""
    today = local(at_ms, time_zone).date()
    tomorrow = today + timedelta(days=1)
    return instant_ms(today, time(), time_zone), instant_ms(tomorrow, time(), time_zone)


def edges(from_ms: int, to_ms: int, by: By, time_zone: str) -> list[int]:
    """Begins of the periods that touch ``[from_ms, to_ms)``, and the end of the last."""
    if by is By.HOUR:  # also where an hour comes twice: each is one
        first = from_ms - (from_ms + _offset_ms(from_ms, time_zone)) % H_MS
        return list(range(first, to_ms + H_MS, H_MS))
    found = []
    for day in _days(local(from_ms, time_zone).date(), by):
        found.append(instant_ms(day, time(), time_zone))
        if found[-1] >= to_ms:
            break
    return found


def _days(first: date, by: By) -> Iterator[date]:
    day = first if by is By.DAY else first.replace(day=1)
    for _ in range(STEPS_MAX):
        yield day
        day += timedelta(days=1 if by is By.DAY else 32)
        if by is By.MONTH:
            day = day.replace(day=1)


def hours_of_week(time_zone: str, hours: Times) -> Times:
    """Hour of the week there, Monday 0:00 is 0, of hours since the epoch; shape as ``hours``."""
    if not hours.size:
        return hours
    # an offset holds for a day at least, but for the day of a change, which is looked at by hours
    first, last = int(hours.min()) // 24, int(hours.max()) // 24
    noted = np.array([_offsets(day, time_zone) for day in range(first, last + 1)])
    offset_h = noted[hours // 24 - first, hours % 24]
    place: Times = (hours + offset_h + 72) % 168  # 1970-01-01 was a Thursday
    return place


@lru_cache(maxsize=65_536)
def _offsets(day: int, time_zone: str) -> tuple[int, ...]:
    begin, end = (_offset_ms((day + n) * 24 * H_MS, time_zone) for n in (0, 1))
    if begin == end:
        return (begin // H_MS,) * 24
    return tuple(_offset_ms((24 * day + hour) * H_MS, time_zone) // H_MS for hour in range(24))


def _offset_ms(at_ms: int, time_zone: str) -> int:
    offset = local(at_ms, time_zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)
