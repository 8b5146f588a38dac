"""Contract hours: how much of a time limit has passed, and when it runs out (W2). Pure.

A limit of four hours that is agreed on for working days from eight to five counts those hours
only, as the clocks of the place show them: an hour that is left out in spring does not count,
one that comes twice in autumn counts twice. All times are int ms since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from reference_impl.kernel.errors import Problem

MINUTE_MS, DAY_MS = 60_000, 86_400_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKLY_MS_MIN = 3_600_000
"""Open at least an hour a week, so that a limit of some weeks ends within a life."""
_THURSDAY = 3
"""The weekday of day 0, 1970-01-01, counted from Monday."""
Span = tuple[int, int]
"""From (in) and to (out), ms."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When time counts.

    ``hours`` has seven entries, Monday first: spans of the local day in ms, sorted, apart. None
    counts always (24x7). ``holidays`` are days since 1970-01-01 on which nothing counts.
    """

    time_zone: str = "UTC"
    hours: tuple[tuple[Span, ...], ...] | None = None
    holidays: frozenset[int] = frozenset()


ALWAYS = Calendar()


def read_calendar(
    *, time_zone: str, hours: Mapping[str, Any] | None, holidays: Sequence[str]
) -> tuple[Calendar, list[Problem]]:
    """A calendar from what a service level says, and all that is wrong with that.

    Args:
        time_zone: IANA name.
        hours: By day (``mon`` to ``sun``) pairs of ``HH:MM``; None: always.
        holidays: ``YYYY-MM-DD``, in the zone of the calendar.
    """
    problems: list[Problem] = []
    if not _is_zone(time_zone):
        problems.append(
            Problem(where="time_zone", what=repr(time_zone), allowed="an IANA name: Europe/Rome")
        )
        time_zone = "UTC"
    free = frozenset(_days(holidays, problems))
    if hours is None:
        if free:
            what = "holidays of a calendar that always counts"
            problems.append(Problem(where="holidays", what=what, allowed="none, or give hours"))
        return Calendar(time_zone), problems
    problems += [
        Problem(where=f"hours.{name}", what="no day", allowed=", ".join(DAYS))
        for name in sorted(hours.keys() - set(DAYS))
    ]
    week = tuple(_spans(hours.get(day, ()), f"hours.{day}", problems) for day in DAYS)
    if not problems and sum(b - a for day in week for a, b in day) < WEEKLY_MS_MIN:
        what = "less than an hour a week"
        problems.append(Problem(where="hours", what=what, allowed="at least one hour a week"))
    return Calendar(time_zone, week, free), problems


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a folder, an odd path, an unknown name
        return False
    return True


def _days(holidays: Sequence[str], problems: list[Problem]) -> Iterator[int]:
    for number, text in enumerate(holidays):
        try:
            yield date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
        except ValueError:
            where = f"holidays.{number}"
            problems.append(Problem(where=where, what=repr(text), allowed="YYYY-MM-DD"))


def _spans(said: Any, where: str, problems: list[Problem]) -> tuple[Span, ...]:  # noqa: ANN401
    found: list[Span] = []
    for number, pair in enumerate(said):
        ends = [_of_day(text) for text in pair]
        begin, end = (*ends, None, None)[:2]
        if len(ends) != 2 or begin is None or end is None or begin >= end:
            allowed = 'a pair such as ["08:00", "17:00"], up to "24:00"'
            what = f"{list(pair)!r} is no span of a day"
            problems.append(Problem(where=f"{where}.{number}", what=what, allowed=allowed))
        else:
            found.append((begin, end))
    found.sort()
    for (_, end), (begin, _) in pairwise(found):
        if begin < end:
            problems.append(Problem(where=where, what="spans overlap", allowed="spans apart"))
    return tuple(found)


def _of_day(text: str) -> int | None:
    """``HH:MM`` as ms of the day; None if it is none."""
    hours, _, minutes = text.partition(":")
    if not (len(text) == 5 and hours.isdecimal() and minutes.isdecimal()):
        return None
    at_ms = (int(hours) * 60 + int(minutes)) * MINUTE_MS
    return at_ms if int(minutes) < 60 and at_ms <= DAY_MS else None


def elapsed(calendar: Calendar, from_ms: int, to_ms: int, pauses: Iterable[Span] = ()) -> int:
    """How many ms of ``[from_ms, to_ms)`` count: open, and not in a pause. 0 if it is empty."""
    counted = 0
    for begin, end in _counting(calendar, from_ms, to_ms, merged(pauses)):
        counted += end - begin
    return counted


def due(calendar: Calendar, from_ms: int, duration_ms: int, pauses: Iterable[Span] = ()) -> int:
    """The first instant at which ``duration_ms`` have counted since ``from_ms``."""
    left = duration_ms
    if left <= 0:
        return from_ms
    for begin, end in _counting(calendar, from_ms, None, merged(pauses)):
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise AssertionError("open spans go on for ever")


def open_spans(
    calendar: Calendar, from_ms: int, to_ms: int, pauses: Iterable[Span] = ()
) -> list[Span]:
    """What counts of ``[from_ms, to_ms)``, in order; midnight of UTC cuts it."""
    return list(_counting(calendar, from_ms, to_ms, merged(pauses)))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Sorted, without overlap and without empty ones (W3)."""
    out: list[Span] = []
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return out


def _counting(
    calendar: Calendar, from_ms: int, to_ms: int | None, pauses: Sequence[Span]
) -> Iterator[Span]:
    """Spans that count, from ``from_ms`` on, up to ``to_ms`` if there is one."""
    for begin, end in _opened(calendar, from_ms, to_ms):
        at_ms = max(begin, from_ms)
        until_ms = end if to_ms is None else min(end, to_ms)
        for pause_from, pause_to in pauses:
            if pause_to <= at_ms:
                continue
            if pause_from >= until_ms:
                break
            if pause_from > at_ms:
                yield at_ms, pause_from
            at_ms = pause_to
        if at_ms < until_ms:
            yield at_ms, until_ms


def _opened(calendar: Calendar, from_ms: int, to_ms: int | None) -> Iterator[Span]:
    """Open spans that reach into ``[from_ms, to_ms)``, in order."""
    day = from_ms // DAY_MS
    while to_ms is None or day * DAY_MS < to_ms:
        if calendar.hours is None:
            yield day * DAY_MS, (day + 1) * DAY_MS
        else:
            yield from (span for span in _open_on(calendar, day) if span[1] > from_ms)
        day += 1


@lru_cache(maxsize=8192)
def _open_on(calendar: Calendar, day: int) -> tuple[Span, ...]:
    """What is open of a day of UTC."""
    assert calendar.hours is not None, "asked only of calendars with hours"
    out: list[Span] = []
    for from_ms, to_ms, offset_ms in _stretches(calendar.time_zone, day):
        first, last = (from_ms + offset_ms) // DAY_MS, (to_ms + offset_ms - 1) // DAY_MS
        for local in range(first, last + 1):
            if local in calendar.holidays:
                continue
            for begin, end in calendar.hours[(local + _THURSDAY) % 7]:
                start_ms = max(local * DAY_MS + begin - offset_ms, from_ms)
                end_ms = min(local * DAY_MS + end - offset_ms, to_ms)
                if start_ms < end_ms:
                    out.append((start_ms, end_ms))
    return tuple(out)


def _stretches(time_zone: str, day: int) -> Iterator[tuple[int, int, int]]:
    """Spans of a day of UTC with one offset of local time each: one, or two when clocks change."""
    from_ms, to_ms = day * DAY_MS, (day + 1) * DAY_MS
    first, last = _offset_ms(time_zone, from_ms), _offset_ms(time_zone, to_ms - 1)
    if first == last:
        yield from_ms, to_ms, first
        return
    low, high = from_ms // 1000, to_ms // 1000 - 1  # clocks change at whole seconds
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_ms(time_zone, middle * 1000) == first:
            low = middle
        else:
            high = middle
    yield from_ms, high * 1000, first
    yield high * 1000, to_ms, last


def _offset_ms(time_zone: str, at_ms: int) -> int:
    """Local time minus UTC."""
    there = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(time_zone))
    offset = there.utcoffset()
    assert offset is not None, "a time with a zone has an offset"
    return round(offset.total_seconds() * 1000)
