"""Rooms of a fleet of units: people, CO2, temperature, dampers. Columns of shape ``(n, rooms)``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.blocks import Blocks
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
        self.stuck, self._alive = np.full(shape, np.nan), np.ones(shape, dtype=bool)
        # So that what never happened costs nothing:
        self._sticking = self._drifting = self._any_dead = self._rest = False
        self.moves = self.comings = 0
        """Go up whenever a damper may have moved, and when anybody came or left."""
        self.present = np.zeros(shape, dtype=bool)
        self._lift, self._base_c = np.empty(shape), np.empty(shape)
        self._now, self._steady = np.empty(shape), np.empty(shape)
        self._seen: Columns | None = None
        self._mean_c: Columns | None = None
        self._came_or_left()
        names = (f"ventilation/people/{device}" for device in devices)
        self._block_number, self._blocks = -1, Blocks(streams, names)
        self._chances: NDArray[np.float32] = np.empty(0, dtype=np.float32)
        self._gusts: NDArray[np.float32] = np.empty(0, dtype=np.float32)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Rooms whose node works, so that its damper is controlled."""
        return self._alive

    @alive.setter
    def alive(self, alive: NDArray[np.bool_]) -> None:
        self._alive = alive
        self._any_dead = bool(np.count_nonzero(alive) < alive.size)

    @property
    def any_dead(self) -> bool:
        """Whether the node of any room is dead."""
        return self._any_dead

    @property
    def reading_ppm(self) -> Columns:
        """What the rooms' sensors say before noise; not to be written to."""
        if self._seen is None:
            self._seen = np.empty_like(self.ppm)
            self._read(self._seen)
        return self._seen

    @property
    def mean_c(self) -> Columns:
        """Mean temperature of each unit's rooms, shape ``(n,)``; not to be written to."""
        if self._mean_c is None:
            self._mean_c = np.add.reduce(self.temp_c, axis=1) / self.temp_c.shape[1]
        return self._mean_c

    def note(self) -> None:
        """Somebody touched a damper or a sensor."""
        self._seen = None
        self._rest = False

    def begin(self, step: int, *, dt_s: float) -> None:
        """Begin step number ``step`` of the air side: sensors drift, the air in rooms moves."""
        self._draw(step)
        memory = math.exp(-dt_s / PLUME_MEMORY_S)
        self.plume *= memory
        push = np.multiply(self._gusts[step % BLOCK], PLUME * math.sqrt(1.0 - memory**2),
                           out=self._now, dtype=np.float64)  # fmt: skip
        self.plume += push
        if self._drifting:
            self.drift_ppm += self.drift_ppm_s * dt_s
        self._seen = None

    def people(self, at_ms: int, *, step: int, part: int, dt_s: float) -> None:
        """Let people come and go in one part of a step, which begins at ``at_ms``."""
        enter, desk, meeting = (rate * dt_s / 3600.0 for rate in model.occupancy_rates(at_ms))
        present = self.present
        anybody = np.count_nonzero(present)
        if enter == 0.0 and not anybody:
            return
        chance = self._chances[step % BLOCK, part]
        come = np.multiply(self._popular, 1.0 - math.exp(-enter), out=self._now)
        entered = chance < come
        left = None
        if anybody:
            entered &= ~present
            left = chance < 1.0 - math.exp(-meeting)
            left &= present
            staying = np.greater_equal(chance, 1.0 - math.exp(-desk))
            staying &= self.persons < MEETING
            left &= ~staying
        came = np.flatnonzero(entered)
        if len(came):  # given that somebody came, chance / come is uniform again
            many = 1.0 + np.floor(PERSONS_MAX * chance.ravel()[came] / come.ravel()[came])
            self.persons.flat[came] = many
        if left is not None and np.count_nonzero(left):
            self.persons[left] = 0.0
        elif not len(came):
            return
        self._came_or_left()

    def control(self, *, on: NDArray[np.bool_], demand: NDArray[np.bool_], set_ppm: Columns,
                dt_s: float) -> Columns:  # fmt: skip
        """Move the dampers; returns the openings. ``on`` and ``demand`` have shape ``(n,)``."""
        running = np.count_nonzero(on)
        if not running:
            if not self._rest:
                self.integral[:] = 0.0
                self.asked = np.full_like(self.integral, model.DAMPER_MIN)
                self.opening = self._moved()
                self._rest = True
            return self.opening
        self._rest = False
        error = np.empty_like(self.ppm)
        self._read(error)
        error -= set_ppm[:, None]
        error *= GAIN_1_PPM
        self.integral += np.multiply(error, dt_s / INTEGRAL_S, out=self._now)
        np.maximum(self.integral, 0.0, out=self.integral)
        np.minimum(self.integral, 1.0 - model.DAMPER_MIN, out=self.integral)
        error += self.integral
        error += self._lift
        np.maximum(error, model.DAMPER_MIN, out=error)
        np.minimum(error, 1.0, out=error)
        self.asked = error
        if self._any_dead:
            self.asked[~self.alive] = FALLBACK
        if np.count_nonzero(demand) < len(demand):
            self.asked[~demand] = 1.0
        if running < len(on):
            self.asked[~on] = model.DAMPER_MIN
            self.integral[~on] = 0.0
        self.opening = self._moved()
        return self.opening

    def breathe(self, share: Columns | None, *, dt_s: float, inlet_ppm: Columns | None) -> None:
        """Balance of CO2 over a part of a step.

        Args:
            share: What comes of the flow that the dampers ask for, shape ``(n,)``, 0 where off;
                ``None`` where all are off.
            dt_s: Length of the part.
            inlet_ppm: CO2 of the supply air, shape ``(n,)``; ``None`` for outdoor air.
        """
        self._seen = None
        ppm = self.ppm
        if share is None:
            self.flow_m3_s.fill(0.0)
            steady: Columns | float = model.OUTDOOR_PPM
            if np.count_nonzero(self.present):
                steady = np.multiply(self.persons, model.STILL_PPM, out=self._steady)
                steady += model.OUTDOOR_PPM
            ppm -= steady
            ppm *= math.exp(-dt_s * model.LEAK_1_S)
            ppm += steady
            return
        np.multiply(self.opening, (model.ROOM_M3_S * share)[:, None], out=self.flow_m3_s)
        inlet = None if inlet_ppm is None else inlet_ppm[:, None]
        self.ppm = model.co2_step(ppm, self.persons, self.flow_m3_s, dt_s, inlet)

    def warm(
        self, *, on: NDArray[np.bool_], outdoor_c: Columns, supply_off_k: Columns, dt_s: float
    ) -> None:
        """Temperatures over a step: towards comfort while the unit runs, slowly cold at night."""
        running = np.count_nonzero(on)
        by_day, at_night = 1.0 - math.exp(-dt_s / WARM_S), 1.0 - math.exp(-dt_s / COLD_S)
        away: Columns
        pace: Columns | float
        if running == len(on):
            away, pace = self._by_day(outdoor_c, supply_off_k), by_day
        elif not running:
            away, pace = self._at_night(outdoor_c), at_night
        else:
            away = np.where(on, self._by_day(outdoor_c, supply_off_k), self._at_night(outdoor_c))
            pace = np.where(on, by_day, at_night)[:, None]
        towards = np.add(self._base_c, away[:, None], out=self._now)
        towards -= self.temp_c
        towards *= pace
        self.temp_c += towards
        self._mean_c = None

    @staticmethod
    def _by_day(outdoor_c: Columns, supply_off_k: Columns) -> Columns:
        return SUN_1_K * np.maximum(outdoor_c - 15.0, 0.0) + DRAUGHT * supply_off_k

    @staticmethod
    def _at_night(outdoor_c: Columns) -> Columns:
        return COLD_C - WARM_C + 0.1 * np.minimum(outdoor_c, 15.0)

    def _read(self, out: Columns) -> None:
        np.subtract(self.ppm, model.OUTDOOR_PPM, out=out)
        out *= self.plume
        out += self.ppm
        out += self.bias_ppm
        if self._drifting:
            out += self.drift_ppm

    def _came_or_left(self) -> None:
        """Take over who is in: presence, what it does to the damper and to the temperature."""
        np.greater(self.persons, 0.0, out=self.present)
        np.multiply(self.present, PRESENCE_STEP, out=self._lift)
        self._lift += model.DAMPER_MIN
        np.multiply(self.present, PERSON_K, out=self._base_c)
        self._base_c += self._warm_c
        self.comings += 1

    def stick(self, unit: int, room: int, opening: float) -> None:
        """The damper of a room stays where it is from now on."""
        self.stuck[unit, room] = opening
        self._sticking = True
        self.note()

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
        self._mean_c = None
        self.note()
        self._came_or_left()
        self.moves += 1

    def _moved(self) -> Columns:
        """Where the dampers are: as asked, but for those that are stuck."""
        self.moves += 1
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
        for index, rng in enumerate(self._blocks.at(number)):
            self._chances[:, :, index] = rng.random((BLOCK, PEOPLE_STEPS, rooms), dtype=np.float32)
            gusts[:, index] = rng.standard_normal((BLOCK, rooms), dtype=np.float32)
        self._block_number, self._gusts = number, gusts


_STATE = (
    "persons", "ppm", "temp_c", "asked", "opening", "flow_m3_s", "integral", "plume", "drift_ppm",
    "drift_ppm_s", "stuck",
)  # fmt: skip
