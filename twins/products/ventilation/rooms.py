"""Rooms of a fleet of units: people, CO2, temperature, dampers. Columns of shape ``(n, rooms)``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams
from twins.products.ventilation import model
from twins.products.ventilation.model import Columns

BLOCK = 32
"""Steps of the air side per block of a unit's stream."""
PEOPLE_STEPS = 3
"""Steps of people, dampers and CO2 in one of the air side while people come and go."""
PERSONS_MAX = 5
"""People who come into a room: 1 to 5, equally likely (meeting use 0 to 12, M:windesheim)."""
MEETING = 4
"""From so many people on it is a meeting, which ends sooner than desk work (estimate)."""
POPULAR = (0.5, 1.5)
"""How much more or less one room is used than another (estimate)."""
SENSOR_BIAS_PPM, SENSOR_BIAS_SD_PPM, SENSOR_BIAS_BAND_PPM = 20.0, 20.0, (-10.0, 60.0)
"""What CO2 sensors read too much: gaps of -5, +40 and +40 ppm, nights of 421-544 ppm
(M:windesheim), and 40 ppm + 5 % allowed (S25b)."""
PLUME, PLUME_MEMORY_S = 0.36, 14_400.0
"""Air is not mixed: what people add differs by so much between two places of a room, and for so
long, half a working day (estimate; fitted so that, with the biases, pairs of sensors differ as
M:windesheim's do)."""
DRIFT_DUE_PPM = 150.0
"""A sensor that has drifted so far is due (night minimum over 550 ppm, rule V11)."""
GAIN_1_PPM, INTEGRAL_S = 1.0 / 400.0, 1800.0
"""PI control of a damper (estimate)."""
PRESENCE_STEP = 0.1
"""Presence opens the damper by so much (estimate)."""
FALLBACK = 0.5
"""Where a damper goes whose room node is dead: local safety without any network (estimate)."""
WARM_C, PERSON_K, SUN_1_K, COLD_C = 21.5, 1.2, 0.15, 19.0
WARM_S, COLD_S = 8 * 3600.0, 24 * 3600.0
ROOM_SD_K, DRAUGHT = 0.4, 0.4
"""Rooms: base, people, outdoor heat above 15 degC, night, lags, spread, and how much of what the
supply air is off its set point comes through (estimates)."""


class Rooms:
    """People come and go by a Markov chain; dampers follow the CO2 that their sensors read."""

    def __init__(self, devices: tuple[str, ...], rooms: int, streams: Streams) -> None:
        self._devices, self._streams = devices, streams
        shape = (len(devices), rooms)
        still = [
            streams.open(f"ventilation/rooms/{d}").standard_normal((3, rooms)) for d in devices
        ]
        node, duct, warm = np.array(still).transpose(1, 0, 2)
        low, high = POPULAR
        draws = [streams.open(f"ventilation/popular/{d}").random(rooms) for d in devices]
        self._popular = low + (high - low) * np.array(draws)
        self.bias_ppm, self.duct_bias_ppm = (
            np.clip(SENSOR_BIAS_PPM + SENSOR_BIAS_SD_PPM * draw, *SENSOR_BIAS_BAND_PPM)
            for draw in (node, duct)
        )
        self._warm_c = WARM_C + ROOM_SD_K * warm
        self.persons, self.ppm = np.zeros(shape), np.full(shape, model.OUTDOOR_PPM)
        self.temp_c = self._warm_c - 1.0
        self.asked, self.opening = np.full(shape, model.DAMPER_MIN), np.full(shape, 0.2)
        self.flow_m3_s = np.zeros(shape)
        self.integral, self.plume = np.zeros(shape), np.zeros(shape)
        self.drift_ppm, self.drift_ppm_s = np.zeros(shape), np.zeros(shape)
        self.stuck, self.alive = np.full(shape, np.nan), np.ones(shape, dtype=bool)
        self._sticking = self._drifting = False  # so that what never happened costs nothing
        self._block_number = -1
        self._chances: NDArray[np.float32] = np.empty(0, dtype=np.float32)
        self._gusts: Columns = np.empty(0)

    @property
    def reading_ppm(self) -> Columns:
        """What the rooms' sensors say before noise."""
        away = self.ppm - model.OUTDOOR_PPM
        away *= self.plume
        away += self.ppm
        away += self.bias_ppm
        if self._drifting:
            away += self.drift_ppm
        return away

    @property
    def duct_ppm(self) -> Columns:
        """What a second sensor says, in the extract duct of each room, before noise."""
        ppm: Columns = self.ppm + self.duct_bias_ppm
        return ppm

    def begin(self, step: int, *, dt_s: float) -> None:
        """Begin step number ``step`` of the air side: sensors drift, the air in rooms moves."""
        self._draw(step)
        memory = math.exp(-dt_s / PLUME_MEMORY_S)
        self.plume *= memory
        self.plume += self._gusts[step % BLOCK] * (PLUME * math.sqrt(1.0 - memory**2))
        if self._drifting:
            self.drift_ppm += self.drift_ppm_s * dt_s

    def people(self, at_ms: int, *, step: int, part: int, dt_s: float) -> None:
        """Let people come and go in one part of a step, which begins at ``at_ms``."""
        enter, desk, meeting = (rate * dt_s / 3600.0 for rate in model.occupancy_rates(at_ms))
        if enter == 0.0 and not self.persons.any():
            return
        chance = self._chances[step % BLOCK, part]
        present = self.persons > 0
        come = self._popular * (1.0 - math.exp(-enter))
        entered = chance < come
        entered &= ~present
        if entered.any():  # given that somebody came, chance / come is uniform again
            many = 1.0 + np.floor(PERSONS_MAX * chance[entered] / come[entered])
            self.persons[entered] = many
        leave = np.where(self.persons >= MEETING, 1.0 - math.exp(-meeting), 1.0 - math.exp(-desk))
        present &= chance < leave
        self.persons[present] = 0.0

    def control(self, *, on: NDArray[np.bool_], demand: NDArray[np.bool_], set_ppm: Columns,
                dt_s: float) -> Columns:  # fmt: skip
        """Move the dampers; returns the openings. ``on`` and ``demand`` have shape ``(n,)``."""
        if not on.any():
            self.integral[:] = 0.0
            self.asked = np.full_like(self.integral, model.DAMPER_MIN)
            self.opening = self._moved()
            return self.opening
        error = self.reading_ppm
        error -= set_ppm[:, None]
        error *= GAIN_1_PPM
        self.integral += error * (dt_s / INTEGRAL_S)
        np.maximum(self.integral, 0.0, out=self.integral)
        np.minimum(self.integral, 1.0 - model.DAMPER_MIN, out=self.integral)
        error += self.integral
        error += PRESENCE_STEP * (self.persons > 0)
        error += model.DAMPER_MIN
        np.maximum(error, model.DAMPER_MIN, out=error)
        np.minimum(error, 1.0, out=error)
        self.asked = error
        if not self.alive.all():
            self.asked[~self.alive] = FALLBACK
        if not demand.all():
            self.asked[~demand] = 1.0
        if not on.all():
            self.asked[~on] = model.DAMPER_MIN
            self.integral[~on] = 0.0
        self.opening = self._moved()
        return self.opening

    def breathe(self, share: Columns, *, dt_s: float, inlet_ppm: Columns | None) -> None:
        """Balance of CO2 over a part of a step.

        Args:
            share: What comes of the flow that the dampers ask for, shape ``(n,)``, 0 where off.
            dt_s: Length of the part.
            inlet_ppm: CO2 of the supply air, shape ``(n,)``; ``None`` for outdoor air.
        """
        self.flow_m3_s = self.opening * (model.ROOM_M3_S * share)[:, None]
        inlet = None if inlet_ppm is None else inlet_ppm[:, None]
        self.ppm = model.co2_step(self.ppm, self.persons, self.flow_m3_s, dt_s, inlet)

    def warm(
        self, *, on: NDArray[np.bool_], outdoor_c: Columns, supply_off_k: Columns, dt_s: float
    ) -> None:
        """Temperatures over a step: towards comfort while the unit runs, slowly cold at night."""
        by_day = SUN_1_K * np.maximum(outdoor_c - 15.0, 0.0) + DRAUGHT * supply_off_k
        at_night = COLD_C - WARM_C + 0.1 * np.minimum(outdoor_c, 15.0)
        towards = PERSON_K * (self.persons > 0)
        towards += self._warm_c
        towards += np.where(on, by_day, at_night)[:, None]
        pace = np.where(on, 1.0 - math.exp(-dt_s / WARM_S), 1.0 - math.exp(-dt_s / COLD_S))
        towards -= self.temp_c
        towards *= pace[:, None]
        self.temp_c += towards

    def stick(self, unit: int, room: int, opening: float) -> None:
        """The damper of a room stays where it is from now on."""
        self.stuck[unit, room] = opening
        self._sticking = True

    def drift(self, unit: int, room: int, ppm_s: float) -> None:
        """The CO2 sensor of a room drifts from now on."""
        self.drift_ppm_s[unit, room] = ppm_s
        self._drifting = True

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])
        self._sticking = not np.isnan(self.stuck).all()
        self._drifting = bool(self.drift_ppm_s.any() or self.drift_ppm.any())

    def _moved(self) -> Columns:
        """Where the dampers are: as asked, but for those that are stuck."""
        if not self._sticking:
            return self.asked
        return np.where(np.isnan(self.stuck), self.asked, self.stuck)

    def _draw(self, step: int) -> None:
        number = step // BLOCK
        if number == self._block_number:
            return
        rooms = self.persons.shape[1]
        shape = (BLOCK, PEOPLE_STEPS, len(self._devices), rooms)
        self._chances = np.empty(shape, dtype=np.float32)
        gusts = np.empty((BLOCK, len(self._devices), rooms), dtype=np.float32)
        for index, device in enumerate(self._devices):
            rng = self._streams.block(f"ventilation/people/{device}", number)
            self._chances[:, :, index] = rng.random((BLOCK, PEOPLE_STEPS, rooms), dtype=np.float32)
            gusts[:, index] = rng.standard_normal((BLOCK, rooms), dtype=np.float32)
        self._block_number, self._gusts = number, gusts.astype(np.float64)


_STATE = (
    "persons", "ppm", "temp_c", "asked", "opening", "flow_m3_s", "integral", "plume", "drift_ppm",
    "drift_ppm_s", "stuck",
)  # fmt: skip
