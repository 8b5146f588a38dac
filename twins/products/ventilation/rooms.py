"""Rooms of a fleet of units: people, CO2, temperature, dampers. Columns of shape ``(n, rooms)``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams, keys
from twins.products.ventilation import model, room_kernels
from twins.products.ventilation.room_kernels import (
    DAMPER_MIN,
    OUTDOOR_PPM,
    WARM_C,
    Around,
    Columns,
    RoomColumns,
    Span,
    UnitColumns,
)

PEOPLE_STEPS = 3
"""Steps of people, dampers and CO2 in one of the air side at most, while people come and go."""
PART_MOST_S = 300.0
POPULAR = (0.5, 1.5)
"""How much more or less one room is used than another (estimate)."""
SENSOR_BIAS_PPM, SENSOR_BIAS_SD_PPM, SENSOR_BIAS_BAND_PPM = 20.0, 20.0, (-10.0, 60.0)
"""What CO2 sensors read too much: gaps of -5, +40 and +40 ppm, nights of 421-544 ppm
(M:windesheim), and 40 ppm + 5 % allowed (S25b)."""
DRIFT_DUE_PPM = 150.0
"""A sensor that has drifted so far is due (night minimum over 550 ppm, rule V11)."""
ROOM_SD_K = 0.4
"""Spread of the temperature at which rooms are comfortable (estimate)."""


class Rooms:
    """People come and go by a Markov chain; dampers follow the CO2 that their sensors read.

    Columns are changed in place only.
    """

    def __init__(self, devices: tuple[str, ...], rooms: int, streams: Streams) -> None:
        shape = (len(devices), rooms)
        still = [
            streams.open(f"ventilation/rooms/{d}").standard_normal((3, rooms)) for d in devices
        ]
        node, duct, warm = np.array(still).transpose(1, 0, 2)
        low, high = POPULAR
        draws = [streams.open(f"ventilation/popular/{d}").random(rooms) for d in devices]
        self.popular = low + (high - low) * np.array(draws)
        self.bias_ppm, self.duct_bias_ppm = (
            np.clip(SENSOR_BIAS_PPM + SENSOR_BIAS_SD_PPM * draw, *SENSOR_BIAS_BAND_PPM)
            for draw in (node, duct)
        )
        self.warm_c = WARM_C + ROOM_SD_K * warm
        self.persons, self.ppm = np.zeros(shape), np.full(shape, OUTDOOR_PPM)
        self.temp_c = self.warm_c - 1.0
        self.asked, self.opening = np.full(shape, DAMPER_MIN), np.full(shape, DAMPER_MIN)
        self.flow_m3_s, self.integral, self.plume = np.zeros((3, *shape))
        self.drift_ppm, self.drift_ppm_s = np.zeros((2, *shape))
        self.stuck, self.alive = np.full(shape, np.nan), np.ones(shape, dtype=np.bool_)
        names = (
            f"{streams.seed}/ventilation/people/{d}/{r}" for d in devices for r in range(rooms)
        )
        self.keys = keys(names).reshape(shape)
        self._columns = RoomColumns(**{name: getattr(self, name) for name in RoomColumns._fields})
        self._rates = np.zeros((PEOPLE_STEPS, 3))

    @property
    def reading_ppm(self) -> Columns:
        """What the rooms' sensors say before noise."""
        ppm: Columns = self.ppm + (self.ppm - OUTDOOR_PPM) * self.plume
        ppm += self.bias_ppm + self.drift_ppm
        return ppm

    def step(self, number: int, at_ms: int, *, dt_s: float, units: UnitColumns) -> Columns:
        """One step of the air side, which begins at ``at_ms``: people, dampers, CO2.

        In parts while people come and go, in one at night.

        Returns:
            Mean flow that the dampers want, as a share of design, shape ``(n,)``.
        """
        alive = model.office_share(at_ms) > 0.05
        parts = min(math.ceil(dt_s / PART_MOST_S), PEOPLE_STEPS) if alive else 1
        for part in range(parts):
            rates = model.occupancy_rates(at_ms + round(1000.0 * part * dt_s / parts))
            hours = dt_s / parts / 3600.0
            self._rates[part] = [-math.expm1(-rate * hours) for rate in rates]
        wanted = np.empty(len(self.ppm))
        span = Span(number, parts, dt_s)
        room_kernels.live(self._columns, units, span, self._rates, wanted)
        return wanted

    def warm(self, on: NDArray[np.bool_], around: Around, *, dt_s: float) -> None:
        """Temperatures over a step, and their means by unit."""
        room_kernels.warm(self._columns, on, around, dt_s)

    def tell(self, told: Columns) -> None:
        """Write what rooms say, shape ``(6, n, rooms)``: see :func:`room_kernels.tell_rooms`."""
        room_kernels.tell_rooms(self._columns, self.duct_bias_ppm, told)

    def tell_units(self, block: Columns) -> None:
        """Write what units say of them, shape ``(6, n)``: see :func:`room_kernels.tell_units`."""
        room_kernels.tell_units(self._columns, block)

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            getattr(self, name)[...] = state[name]


_STATE = (
    "persons", "ppm", "temp_c", "asked", "opening", "flow_m3_s", "integral", "plume", "drift_ppm",
    "drift_ppm_s", "stuck", "alive",
)  # fmt: skip
