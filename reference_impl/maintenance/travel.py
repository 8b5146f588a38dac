"""Places, ways between them, and the hours in which somebody drives. Pure.

A road is longer than the great circle by a *detour factor* (the circuity of road networks). Times
are int ms since the Unix epoch or int ms of length, ways are int m.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reference_impl.kernel.errors import Problem
from reference_impl.maintenance.calendars import Calendar, Span, open_spans

Whole = npt.NDArray[np.int64]
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the Earth, R1 of the GRS 80 ellipsoid (Moritz 2000, Journal of Geodesy 74)."""
DETOUR = 1.3
"""Road by great circle: 1.18 in Italy, 1.20 in the USA, 1.32 in Germany, 1.40 in England (Ballou,
Rahardja & Sakai 2002, Transportation Research A 36(9), 843-848)."""
SPEED_KMH = 50.0
"""A van on mixed roads, stops at lights included (an estimate)."""
GAP_MS = 3 * 3_600_000
"""Spans with a shorter gap are one shift with a break; a longer gap is a night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere to drive to. Degrees, north and east positive (WGS 84)."""

    id: str
    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Roads:
    """How one gets from place to place.

    ``detour`` is the way by road divided by the great circle, ``speed_kmh`` the mean speed.
    """

    detour: float = DETOUR
    speed_kmh: float = SPEED_KMH

    def distances_m(self, places: Sequence[Place]) -> Whole:
        """Ways by road between all places, shape ``(n, n)``, m; symmetric, 0 on the diagonal."""
        ways: Whole = np.rint(great_circles_m(places) * self.detour).astype(np.int64)
        return ways

    def durations_ms(self, distances_m: Whole) -> Whole:
        """How long ways take, of the shape of ``distances_m``, ms, rounded up to whole seconds."""
        seconds = np.ceil(distances_m * 3.6 / self.speed_kmh)
        return np.asarray(seconds, dtype=np.int64) * 1000

    def duration_ms(self, begin: Place, end: Place) -> int:
        """How long the way from one place to another takes, ms."""
        return int(self.durations_ms(self.distances_m([begin, end]))[0, 1])


ROADS = Roads()


def great_circles_m(places: Sequence[Place]) -> npt.NDArray[np.float64]:
    """Great-circle distances between all places, shape ``(n, n)``, m.

    Source: haversine formula, well-behaved for short ways (Sinnott 1984, Sky and Telescope 68(2)).
    """
    latitude = np.radians([place.latitude_deg for place in places])
    longitude = np.radians([place.longitude_deg for place in places])
    half_north = (latitude[:, None] - latitude[None, :]) / 2
    half_east = (longitude[:, None] - longitude[None, :]) / 2
    cosines = np.cos(latitude)[:, None] * np.cos(latitude)[None, :]
    chord = np.sin(half_north) ** 2 + cosines * np.sin(half_east) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0))))


def place_problems(latitude_deg: float, longitude_deg: float) -> list[Problem]:
    """All that is wrong with a pair of degrees."""
    said = (("latitude_deg", latitude_deg, 90.0), ("longitude_deg", longitude_deg, 180.0))
    return [
        Problem(where=where, what=str(value), allowed=f"from {-most} to {most}")
        for where, value, most in said
        if not -most <= value <= most  # NaN is refused too
    ]


@dataclass(frozen=True, slots=True)
class Shift:
    """One working time of one person or vehicle: spans of work, the gaps between are breaks."""

    spans: tuple[Span, ...]

    @property
    def from_ms(self) -> int:
        """When it begins."""
        return self.spans[0][0]

    @property
    def to_ms(self) -> int:
        """When it ends."""
        return self.spans[-1][1]

    @property
    def breaks(self) -> tuple[Span, ...]:
        """Gaps in which nobody works or drives."""
        return tuple((end, begin) for (_, end), (begin, _) in pairwise(self.spans))

    def finish(self, begin_ms: int, work_ms: int) -> tuple[int, int] | None:
        """When work of ``work_ms`` that may begin at ``begin_ms`` really begins and ends.

        A break interrupts it. None: the shift is over before.
        """
        left, begun_ms = work_ms, None
        for start_ms, stop_ms in self.spans:
            at_ms = max(start_ms, begin_ms)
            if at_ms > stop_ms or (at_ms == stop_ms and left > 0):
                continue
            begun_ms = at_ms if begun_ms is None else begun_ms
            if at_ms + left <= stop_ms:
                return begun_ms, at_ms + left
            left -= stop_ms - at_ms
        return None


def shifts(
    calendar: Calendar, from_ms: int, to_ms: int, *, away: Iterable[Span] = ()
) -> list[Shift]:
    """Working times that reach into ``[from_ms, to_ms)``, cut to it, by time.

    Open spans of the calendar, in its time zone and by its summer time, less the times ``away``; a
    gap shorter than GAP_MS is a break of one shift.
    """
    out: list[list[Span]] = []
    for begin, end in open_spans(calendar, from_ms, to_ms, away):
        if out and begin == out[-1][-1][1]:  # midnight of UTC cuts no shift
            out[-1][-1] = (out[-1][-1][0], end)
        elif out and begin - out[-1][-1][1] < GAP_MS:
            out[-1].append((begin, end))
        else:
            out.append([(begin, end)])
    return [Shift(tuple(spans)) for spans in out]
