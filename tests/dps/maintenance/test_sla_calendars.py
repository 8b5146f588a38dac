"""Contract hours against their minute-by-minute definition (W2), also when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.maintenance.calendars import (
    ALWAYS,
    DAYS,
    MINUTE_MS,
    due,
    elapsed,
    read_calendar,
)

H = 60 * MINUTE_MS
ZONES = ("Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
SPRING, AUTUMN = datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)
"""Two days before the clocks of Rome change; those of Lord Howe and New York change nearby."""


def calendar(time_zone="Europe/Rome", hours=None, holidays=()):
    found, problems = read_calendar(time_zone=time_zone, hours=hours, holidays=holidays)
    assert not problems, problems
    return found


def ms(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def hm(minutes):
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@st.composite
def weeks(draw):
    """Hours by day, and the same as pairs of minutes."""
    said, plain = {}, {}
    for day in DAYS:
        ends = sorted(draw(st.sets(st.integers(0, 96), max_size=4)))
        pairs = [(15 * a, 15 * b) for a, b in zip(ends[::2], ends[1::2], strict=False)]
        said[day], plain[day] = [[hm(a), hm(b)] for a, b in pairs], pairs
    if sum(b - a for pairs in plain.values() for a, b in pairs) < 60:
        said["wed"], plain["wed"] = [["01:00", "04:00"]], [(60, 240)]
    return said, plain


def counts(at_ms, zone, plain, holidays, pauses):
    """The definition: a minute counts if the place's clock shows an open one, and nobody waits."""
    there = datetime.fromtimestamp(at_ms / 1000, zone)
    minute = there.hour * 60 + there.minute
    is_open = any(a <= minute < b for a, b in plain[DAYS[there.weekday()]])
    free = there.date().isoformat() in holidays
    return is_open and not free and not any(a <= at_ms < b for a, b in pauses)


@pytest.mark.feature("W2", "W3")
@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    week=weeks(),
    begun=st.sampled_from([SPRING, AUTUMN]),
    start=st.integers(0, 5 * 1440),
    length=st.integers(0, 3 * 1440),
    free=st.sets(st.sampled_from(["2026-03-28", "2026-10-25", "2026-10-26"]), max_size=2),
    waits=st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 1500)), max_size=3),
)
def test_time_counts_as_its_definition_by_the_minute_says_and_due_is_its_inverse(
    zone, week, begun, start, length, free, waits
):
    said, plain = week
    kept = calendar(zone, said, sorted(free))
    zero = round(begun.timestamp() * 1000)
    from_ms = zero + start * MINUTE_MS
    to_ms = from_ms + length * MINUTE_MS
    pauses = [(zero + a * MINUTE_MS, zero + (a + n) * MINUTE_MS) for a, n in waits]
    there = ZoneInfo(zone)
    minutes = [
        at for at in range(from_ms, to_ms, MINUTE_MS) if counts(at, there, plain, free, pauses)
    ]
    assert elapsed(kept, from_ms, to_ms, pauses) == len(minutes) * MINUTE_MS
    if minutes:
        limit_ms = len(minutes) * MINUTE_MS
        assert due(kept, from_ms, limit_ms, pauses) == minutes[-1] + MINUTE_MS
        for short in (1, MINUTE_MS - 1, MINUTE_MS + 1):  # exact to the ms, in the midst too
            if 0 < short < limit_ms:
                at_ms = due(kept, from_ms, limit_ms - short, pauses)
                assert elapsed(kept, from_ms, at_ms, pauses) == limit_ms - short
                assert elapsed(kept, from_ms, at_ms - 1, pauses) == limit_ms - short - 1


@pytest.mark.feature("W2")
def test_an_hour_that_is_left_out_does_not_count_and_one_that_comes_twice_counts_twice():
    nights = calendar(hours={day: [["01:00", "04:00"]] for day in DAYS})
    for day, counted in (("2026-03-28", 3), ("2026-03-29", 2), ("2026-10-25", 4)):
        midnight = ms(f"{day}T00:00:00+01:00")
        assert elapsed(nights, midnight, midnight + 20 * H) == counted * H
    offices = calendar(hours={day: [["08:00", "17:00"]] for day in DAYS[:5]})
    friday = ms("2026-03-27T16:00:00+01:00")
    assert due(offices, friday, 2 * H) == ms("2026-03-30T09:00:00+02:00")
    away = calendar(hours={d: [["08:00", "17:00"]] for d in DAYS[:5]}, holidays=["2026-03-30"])
    assert due(away, friday, 2 * H) == ms("2026-03-31T09:00:00+02:00")
    assert due(ALWAYS, friday, 2 * H, [(friday + H, friday + 5 * H)]) == friday + 6 * H


def test_a_calendar_that_cannot_be_is_refused_with_all_that_is_wrong():
    _, problems = read_calendar(
        time_zone="Europe/Rom",
        hours={"mon": [["17:00", "08:00"]], "sonday": [], "tue": [["08:00", "12:00"],
               ["11:00", "25:00"]]},
        holidays=["2026-13-01"],
    )  # fmt: skip
    assert [p.where for p in problems] == [
        "time_zone", "holidays.0", "hours.sonday", "hours.mon.0", "hours.tue.1",
    ]  # fmt: skip
    _, (never,) = read_calendar(time_zone="UTC", hours={"mon": [["08:00", "08:59"]]}, holidays=[])
    assert never.allowed == "at least one hour a week"
    assert date(1970, 1, 1).weekday() == DAYS.index("thu")
