"""Weather and calendar of a world, from the words of its description."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import NamedTuple

from twins.core.errors import named
from twins.core.manifest import resolve
from twins.core.spec import FieldSpec
from twins.core.streams import Streams
from twins.field import calendar, weather
from twins.field.calendar import LocalCalendar
from twins.field.places import COUNTRIES, Points, place
from twins.field.spells import Spells


class Where(NamedTuple):
    """A checked description of where a world stands."""

    country: str
    time_zone: str
    weather: Mapping[str, float]
    calendar: Mapping[str, float]


def resolve_where(spec: FieldSpec) -> tuple[Where, list[str]]:
    """Fill in the country's figures, and a problem per mistake."""
    country, problems = spec.country, []
    if country not in COUNTRIES:
        there_are = named(COUNTRIES)
        problems.append(f"field.country: unknown country {country!r}; there are: {there_are}")
        country = FieldSpec().country
    time_zone = spec.time_zone or COUNTRIES[country].time_zone
    if spec.time_zone and spec.time_zone not in zoneinfo.available_timezones():
        problems.append(
            f"field.time_zone: unknown time zone {time_zone!r}; name one as Europe/Berlin"
        )
        time_zone = COUNTRIES[country].time_zone
    sky, found = resolve("field.weather", spec.weather, weather.params(country))
    days, more = resolve("field.calendar", spec.calendar, calendar.PARAMS)
    return Where(country, time_zone, sky, days), [*problems, *found, *more]


class Surroundings:
    """One region: its weather, its calendar, and where its sites stand."""

    def __init__(self, where: Where, streams: Streams) -> None:
        self.where, self._streams = where, streams
        self._fixed: dict[str, tuple[float, float]] = {}
        self._region = weather.Region(streams, where.weather)
        self.calendar = LocalCalendar(
            streams,
            country=where.country,
            time_zone=where.time_zone,
            festival_days=where.calendar["festival_days"],
        )

    @property
    def spells(self) -> Spells:
        """Weather that was ordered."""
        return self._region.spells

    def points(self, sites: tuple[str, ...]) -> Points:
        """Where sites stand: km east and north of the depot, shape ``(sites, 2)``."""
        points = place(self._streams, sites, radius_km=self.where.weather["radius_km"])
        for row, site in enumerate(sites):
            points[row] = self._fixed.get(site, points[row])
        return points

    def fix(self, site: str, at_km: tuple[float, float]) -> None:
        """Say where a site stands, before anybody asks."""
        self._fixed[site] = at_km

    def over(self, sites: tuple[str, ...]) -> weather.Outdoors:
        """The weather over the sites of a fleet."""
        return self._region.over(self.points(sites))
