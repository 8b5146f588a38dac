"""Weather that somebody orders: storms, heat waves and droughts on top of what comes by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from twins.core.manifest import Param, resolve
from twins.core.weather import Sky

PARAMS: Mapping[str, Param] = {
    "warmer_k": Param(unit="K", default=0.0, min=-40, max=40, title="added to the temperature"),
    "rain_mm_h": Param(unit="mm/h", default=0.0, min=0, max=150, title="added to the rain"),
    "rain_factor": Param(unit="1", default=1.0, min=0, max=50, title="times the usual rain"),
    "wind_factor": Param(unit="1", default=1.0, min=0, max=20, title="times the usual wind"),
    "cloud": Param(unit="1", default=-1.0, min=-1, max=1, title="cover; -1: as it is"),
}
OVERCAST = 0.9
"""Cloud cover under which ordered rain falls, at least (as in ``twins.field.weather``)."""


class Spell(NamedTuple):
    """A change of the weather from ``from_ms`` up to, but not at, ``to_ms``."""

    from_ms: int
    to_ms: int
    values: Mapping[str, float]


class Spells:
    """All that were ordered; the same over the whole region."""

    def __init__(self) -> None:
        self._spells: list[Spell] = []

    def add(self, from_ms: int, to_ms: int, values: Mapping[str, float]) -> list[str]:
        """Order one.

        Returns:
            A problem per mistake in ``values`` (:data:`PARAMS`); then nothing is ordered.
        """
        whole, problems = resolve("weather", values, PARAMS)
        if not problems:
            self._spells.append(Spell(from_ms, to_ms, whole))
        return problems

    def over(self, sky: Sky, at_ms: int) -> Sky:
        """The weather of a moment with what was ordered for it."""
        for spell in self._spells:
            if spell.from_ms <= at_ms < spell.to_ms:
                sky = _changed(sky, spell.values)
        return sky

    def over_hours(self, sky: Sky, hours_ms: Sequence[int]) -> Sky:
        """The same for many full hours, columns ``(sites, hours)``."""
        if not self._spells:
            return sky
        columns = [
            self.over(Sky(*(one[:, row] for one in sky)), at_ms)
            for row, at_ms in enumerate(hours_ms)
        ]
        return Sky(*(np.stack(parts, axis=1) for parts in zip(*columns, strict=True)))

    def dump(self) -> list[tuple[int, int, dict[str, float]]]:
        """All of them as plain data."""
        return [(s.from_ms, s.to_ms, dict(s.values)) for s in self._spells]

    def load(self, state: Sequence[tuple[int, int, Mapping[str, float]]]) -> None:
        """Take over what :meth:`dump` gave."""
        self._spells = [Spell(from_ms, to_ms, dict(values)) for from_ms, to_ms, values in state]


def _changed(sky: Sky, values: Mapping[str, float]) -> Sky:
    rain = sky.rain_mm_h * values["rain_factor"] + values["rain_mm_h"]
    cloud = sky.cloud if values["cloud"] < 0.0 else np.full_like(sky.cloud, values["cloud"])
    if values["rain_mm_h"] > 0.0:
        cloud = np.maximum(cloud, OVERCAST)
    wind = sky.wind_m_s * values["wind_factor"]
    return Sky(sky.outdoor_c + values["warmer_k"], rain, wind, cloud)
