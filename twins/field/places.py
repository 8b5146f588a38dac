"""Where a world stands: the country's figures, its sites on the map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams

Points = NDArray[np.float64]


class Country(NamedTuple):
    """Clocks, language and mean climate of a country's largest towns.

    Temperatures and rain are rounded long-term means (normals of 1991-2020, from memory):
    defaults that a scenario may override in ``field.weather``.
    """

    time_zone: str
    locale: str
    """Of Faker, for people's names."""
    latitude_deg: float
    longitude_deg: float
    mean_c: float
    season_k: float
    rain_mm_year: float


COUNTRIES: Mapping[str, Country] = {
    "AT": Country("Europe/Vienna", "de_AT", 48.2, 16.4, 11.0, 10.5, 650.0),
    "BE": Country("Europe/Brussels", "nl_BE", 50.8, 4.4, 11.0, 7.5, 820.0),
    "CH": Country("Europe/Zurich", "de_CH", 47.4, 8.5, 10.0, 9.5, 1050.0),
    "CZ": Country("Europe/Prague", "cs_CZ", 50.1, 14.4, 9.5, 10.0, 520.0),
    "DE": Country("Europe/Berlin", "de_DE", 53.0, 10.0, 9.7, 8.5, 740.0),
    "DK": Country("Europe/Copenhagen", "da_DK", 55.7, 12.6, 9.3, 8.5, 650.0),
    "ES": Country("Europe/Madrid", "es_ES", 40.4, -3.7, 15.0, 10.0, 420.0),
    "FI": Country("Europe/Helsinki", "fi_FI", 60.2, 24.9, 6.5, 11.5, 650.0),
    "FR": Country("Europe/Paris", "fr_FR", 48.9, 2.4, 12.4, 8.0, 640.0),
    "GB": Country("Europe/London", "en_GB", 51.5, -0.1, 11.3, 6.7, 620.0),
    "IT": Country("Europe/Rome", "it_IT", 45.5, 9.2, 14.0, 11.0, 950.0),
    "NL": Country("Europe/Amsterdam", "nl_NL", 52.4, 4.9, 10.7, 7.5, 850.0),
    "NO": Country("Europe/Oslo", "no_NO", 59.9, 10.8, 6.8, 11.0, 840.0),
    "PL": Country("Europe/Warsaw", "pl_PL", 52.2, 21.0, 9.3, 10.8, 550.0),
    "SE": Country("Europe/Stockholm", "sv_SE", 59.3, 18.1, 7.6, 10.5, 550.0),
    "US": Country("America/New_York", "en_US", 40.0, -75.2, 13.3, 12.0, 1120.0),
}


def place(streams: Streams, sites: Sequence[str], *, radius_km: float) -> Points:
    """Where sites stand: km east and north of the depot, shape ``(sites, 2)``.

    Drawn evenly over a disc, each from the site's own stream.
    """
    points = np.empty((len(sites), 2))
    for row, site in enumerate(sites):
        share, turn = streams.open(f"place/{site}").random(2)
        far_km, angle = radius_km * math.sqrt(share), 2.0 * math.pi * turn
        points[row] = far_km * math.cos(angle), far_km * math.sin(angle)
    return points
