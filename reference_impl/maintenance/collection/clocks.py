"""Mornings: seconds of the local day, and when the next one is that a collection works on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOON_S = 43_200


def seconds(text: str) -> int:
    """Seconds of ``06:30``."""
    hours, _, minutes = text.partition(":")
    return 3600 * int(hours) + 60 * int(minutes)


def begin_ms(day: date, zone: str) -> int:
    """Twelve hours before noon of a local day: summer time begins and ends before any shift."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    return round(noon.timestamp()) * 1000 - NOON_S * 1000


def local_day(at_ms: int, zone: str) -> date:
    """The local date."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).date()


def next_ms(after_ms: int, *, zone: str, at_s: int, days: Collection[str]) -> int:
    """The first time after ``after_ms`` that is ``at_s`` on one of the days."""
    day = local_day(after_ms, zone)
    while True:
        found_ms = begin_ms(day, zone) + at_s * 1000
        if found_ms > after_ms and DAYS[day.weekday()] in days:
            return found_ms
        day += timedelta(days=1)
