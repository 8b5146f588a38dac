"""Windows of readings by number, by group and among neighbours, for many things at once.

All readings of a signal stand in one long row, thing behind thing, so that every window is a
stretch ``low <= place < high`` of it. Stretches of one length are reduced together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from reference_impl.kernel.ports import Bools, Floats, Readings, Times, Window
from reference_impl.rules.variables import Cycles, Daily, Grouped, Peers, ReadingsInput, Where

_TOGETHER_MAX = 2_000_000
"""So many numbers are gathered at once (16 MB)."""
_MIN_MS, _DAY_MS, _HOUR_MS = 60_000, 86_400_000, 3_600_000.0


class Series(NamedTuple):
    """One number after the other, thing behind thing; thing i has ``starts[i]:starts[i + 1]``."""

    times_ms: Times
    values: Floats
    starts: Times


def window(
    wanted: ReadingsInput,
    readings: Readings,
    *,
    ends_ms: Times,
    zones: Sequence[str],
    groups: Sequence[str],
) -> Window:
    """One kind of window at each end, of each thing.

    Args:
        wanted: The kind.
        readings: Of its signals, reaching back far enough.
        ends_ms: Ends, ascending, shape ``(ends,)``.
        zones: The time zone of each thing.
        groups: What each thing belongs to, for comparisons among peers.

    Returns:
        Arrays of shape ``(ends, things)``.
    """
    own = _picked(readings, wanted.signal, wanted.where)
    series = own
    if wanted.grouped is not None:
        series = _grouped(own, readings, wanted.grouped, zones)
    low, high = _stretches(series, ends_ms - wanted.ago_ms, wanted.over_ms, wanted.last)
    values = reduced(series.times_ms, series.values, low, high, wanted.take)
    if wanted.last is not None:
        values = np.where(high - low < wanted.last, np.nan, values)
    if wanted.peers is not None:
        values = among(values, groups, wanted.peers)
    if wanted.ago_ms or wanted.peers is not None:  # of another time or of others: never stale
        newest_ms = np.broadcast_to(ends_ms[:, None], values.shape)
    else:
        newest_ms = _newest(own, ends_ms)
    return Window(values, newest_ms)


def _picked(readings: Readings, signal: str, where: Where | None) -> Series:
    """The readings of one signal, without the reports that lack it or do not count."""
    values = readings.values[signal]
    here = ~np.isnan(values)
    if where is not None:
        other = readings.values[where.signal]
        with np.errstate(invalid="ignore"):
            if where.above is not None:
                here &= other > where.above
            if where.below is not None:
                here &= other < where.below
    kept = np.concatenate([[0], np.cumsum(here)])
    return Series(readings.times_ms[here], values[here], kept[readings.starts])


class _Stretches(NamedTuple):
    """Places ``low <= place < high``, of shape ``(ends, things)``."""

    low: Times
    high: Times


def _stretches(series: Series, ends_ms: Times, over_ms: int, last: int | None) -> _Stretches:
    """The readings with ``end - over_ms < at_ms <= end``, or the last so many of them."""
    times, things = series.times_ms, series.starts.size - 1
    first_ms = min(int(times.min(initial=ends_ms[0])), int(ends_ms[0]) - over_ms) - 1
    newest_ms = max(int(times.max(initial=ends_ms[-1])), int(ends_ms[-1]))
    # times that ascend from thing to thing: all windows by one search
    begins = np.arange(things, dtype=np.int64) * (newest_ms - first_ms + 1)
    keys = times - first_ms + np.repeat(begins, np.diff(series.starts))
    ends = (ends_ms - first_ms)[:, None] + begins
    high = keys.searchsorted(ends, side="right")
    low = keys.searchsorted(ends - over_ms, side="right")
    if last is not None:
        low = np.maximum(low, high - last)
    return _Stretches(low, high)


def _newest(series: Series, ends_ms: Times) -> Times:
    """The time of the newest reading at or before each end; -1: none."""
    back_ms = int(ends_ms[-1] - series.times_ms.min(initial=ends_ms[0])) + 1
    low, high = _stretches(series, ends_ms, back_ms, None)
    if not series.times_ms.size:
        return np.full(high.shape, -1, dtype=np.int64)
    return np.where(high > low, series.times_ms[np.maximum(high - 1, 0)], -1)


# Taking ------------------------------------------------------------------------------------------

Matrix = Callable[[Times, Floats], Floats]
"""Of times (ms) and values, both of shape ``(k, n)`` with n at least 1: one number per row."""


def _slope_per_h(times: Times, values: Floats) -> Floats:
    """The least-squares slope, per hour; NaN of one reading, or of several at one moment."""
    hours = (times - times[:, :1]) / _HOUR_MS
    hours = hours - hours.mean(axis=1, keepdims=True)
    spread = (hours * hours).sum(axis=1)
    around = values - values.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0.0, (hours * around).sum(axis=1) / spread, np.nan)


def _jump(_: Times, values: Floats) -> Floats:
    found: Floats = np.abs(np.diff(values, axis=1)).max(axis=1, initial=0.0)
    return found


def _fall(_: Times, values: Floats) -> Floats:
    found: Floats = (np.maximum.accumulate(values, axis=1) - values).max(axis=1)
    return found


def _rise(_: Times, values: Floats) -> Floats:
    found: Floats = (values - np.minimum.accumulate(values, axis=1)).max(axis=1)
    return found


def _starts(_: Times, values: Floats) -> Floats:
    on = values > 0.5
    return np.asarray((on[:, 1:] & ~on[:, :-1]).sum(axis=1), dtype=np.float64)


TAKES: Mapping[str, Matrix] = {
    "mean": lambda _, v: v.mean(axis=1),
    "min": lambda _, v: v.min(axis=1),
    "max": lambda _, v: v.max(axis=1),
    "last": lambda _, v: v[:, -1],
    "count": lambda _, v: np.full(v.shape[0], float(v.shape[1])),
    "sum": lambda _, v: v.sum(axis=1),
    "median": lambda _, v: np.median(v, axis=1),
    "p10": lambda _, v: np.percentile(v, 10.0, axis=1),
    "p90": lambda _, v: np.percentile(v, 90.0, axis=1),
    "first": lambda _, v: v[:, 0],
    "delta": lambda _, v: v[:, -1] - v[:, 0],
    "spread": lambda _, v: v.max(axis=1) - v.min(axis=1),
    "fall": _fall,
    "rise": _rise,
    "jump": _jump,
    "starts": _starts,
    "slope_per_h": _slope_per_h,
}
"""``delta`` is last less first, ``spread`` highest less lowest (0: frozen), ``fall`` and ``rise``
the greatest way down and up, ``jump`` the greatest step between two readings, ``starts`` how often
a reading above 0.5 follows one that is not."""
_OF_NOTHING = {"count": 0.0, "sum": 0.0, "starts": 0.0}


def reduced(times: Times, values: Floats, low: Times, high: Times, take: str) -> Floats:
    """One number for each stretch ``low <= place < high`` (of any shape)."""
    found = np.full(low.size, _OF_NOTHING.get(take, np.nan))
    flat_low, sizes = low.ravel(), (high - low).ravel()
    matrix = TAKES[take]
    for size in np.unique(sizes[sizes > 0]).tolist():
        rows = np.flatnonzero(sizes == size)
        step = max(_TOGETHER_MAX // size, 1)
        for begin in range(0, rows.size, step):
            some = rows[begin : begin + step]
            begins, back = np.unique(flat_low[some], return_inverse=True)
            places = begins[:, None] + np.arange(size)
            found[some] = matrix(times[places], values[places])[back]
    return found.reshape(low.shape)


# Groups ------------------------------------------------------------------------------------------


def _grouped(own: Series, readings: Readings, grouped: Grouped, zones: Sequence[str]) -> Series:
    """Each group that is over as one number, at the moment at which it was over."""
    by = grouped.by
    found = _cycles(readings, by) if isinstance(by, Cycles) else _days(own, by, zones)
    first_ms, end_ms, thing = found
    # of the readings of the same thing with first_ms <= at_ms < end_ms
    base_ms = min(int(own.times_ms.min(initial=0)), int(first_ms.min(initial=0)))
    span_ms = max(int(own.times_ms.max(initial=0)), int(end_ms.max(initial=0))) - base_ms + 1
    of = np.repeat(np.arange(own.starts.size - 1), np.diff(own.starts))
    keys = own.times_ms - base_ms + of * span_ms
    low = keys.searchsorted(first_ms - base_ms + thing * span_ms, side="left")
    high = keys.searchsorted(end_ms - base_ms + thing * span_ms, side="left")
    values = reduced(own.times_ms, own.values, low, high, grouped.each)
    some = (high > low) & ~np.isnan(values)
    kept = np.bincount(thing[some], minlength=own.starts.size - 1)
    return Series(end_ms[some], values[some], np.concatenate([[0], np.cumsum(kept)]))


_Groups = tuple[Times, Times, Times]
"""When each begins and is over (ms), and the number of its thing."""


def _cycles(readings: Readings, by: Cycles) -> _Groups:
    """Runs of reports in which the signal stands above the level; over with the report after."""
    column = readings.values[by.signal]
    told = ~np.isnan(column)
    times, values = readings.times_ms[told], column[told]
    kept = np.concatenate([[0], np.cumsum(told)])[readings.starts]
    thing = np.repeat(np.arange(kept.size - 1), np.diff(kept))
    on = values > by.above
    if not on.size:
        nothing: Times = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing
    new = np.concatenate([[True], thing[1:] != thing[:-1]])
    begins = np.flatnonzero(on & (new | ~np.concatenate([[False], on[:-1]])))
    # the first report that is off after each begin; a run that has none, or only of the next
    # thing, is not over
    off = np.flatnonzero(~on)
    place = off.searchsorted(begins)
    over = place < off.size
    ends = off[np.minimum(place, max(off.size - 1, 0))] if off.size else begins
    over &= thing[ends] == thing[begins]
    begins, ends = begins[over], ends[over]
    return times[begins], times[ends], thing[begins]


def _days(own: Series, by: Daily, zones: Sequence[str]) -> _Groups:
    """A stretch of each local day that has a reading."""
    thing = np.repeat(np.arange(own.starts.size - 1), np.diff(own.starts))
    shift_ms = offsets_ms(own.times_ms, thing, zones) - by.start_min * _MIN_MS
    day = (own.times_ms + shift_ms) // _DAY_MS
    inside = own.times_ms + shift_ms - day * _DAY_MS < by.length_min * _MIN_MS
    key = np.stack([thing, day])[:, inside]
    _, first = np.unique(key, axis=1, return_index=True)
    first_ms = day[inside][first] * _DAY_MS - shift_ms[inside][first]
    return first_ms, first_ms + by.length_min * _MIN_MS, thing[inside][first]


_QUARTER_MS = 15 * _MIN_MS
"""Clocks are changed at whole quarters of hours."""


@lru_cache(maxsize=65_536)
def _offset_ms(zone: str, quarter: int) -> int:
    import datetime as dt  # noqa: PLC0415 - the only place that needs calendars

    moment = dt.datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, tz=ZoneInfo(zone))
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)


def offsets_ms(times_ms: Times, thing: Times, zones: Sequence[str]) -> Times:
    """What to add to each time to have the local one of its thing, in ms."""
    found: Times = np.zeros(times_ms.shape, dtype=np.int64)
    names = np.array(zones, dtype=np.str_)[thing]
    for zone in set(zones) - {"UTC"}:
        mine = names == zone
        quarters, back = np.unique(times_ms[mine] // _QUARTER_MS, return_inverse=True)
        known = np.array([_offset_ms(zone, q) for q in quarters.tolist()], dtype=np.int64)
        if known.size:
            found[mine] = known[back]
    return found


# Peers -------------------------------------------------------------------------------------------


def among(values: Floats, groups: Sequence[str], peers: Peers) -> Floats:
    """What the others of a thing's group have, without the thing; NaN if they are too few.

    Args:
        values: Of shape ``(ends, things)``.
        groups: The group of each thing.
        peers: How they are taken together.
    """
    found = np.full(values.shape, np.nan)
    names = np.array(groups, dtype=np.str_)
    for name in np.unique(names):
        columns = np.flatnonzero(names == name)
        found[:, columns] = _others(values[:, columns], peers)
    return found


def _others(values: Floats, peers: Peers) -> Floats:
    """For each entry of a row, what the rest of the row has."""
    there: Bools = ~np.isnan(values)
    count = there.sum(axis=1, keepdims=True) - there
    ordered = np.sort(values, axis=1)  # NaN last
    order = np.argsort(values, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(values.shape[1])[None, :], axis=1)

    def at(place: Times) -> Floats:
        """The entry at ``place`` of the row in order, without the entry itself."""
        skipped = np.clip(place + (place >= rank), 0, values.shape[1] - 1)
        return np.take_along_axis(ordered, skipped, axis=1)

    if peers.take == "mean":
        total = np.where(there, values, 0.0).sum(axis=1, keepdims=True) - np.where(there, values, 0)
        found = total / np.maximum(count, 1)
    elif peers.take == "median":
        found = (at((count - 1) // 2) + at(count // 2)) / 2.0
    else:
        found = at(np.zeros_like(count) if peers.take == "min" else count - 1)
    return np.where(count >= max(peers.at_least, 1), found, np.nan)
