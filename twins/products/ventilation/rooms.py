"""Rooms of a fleet of units: people, CO2, dampers. Columns of shape ``(n, rooms)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams
from twins.products.ventilation import model
from twins.products.ventilation.model import Columns

BLOCK = 96
"""Steps per block of a unit's occupancy stream."""
PERSONS_MAX = 5
"""People who come into a room: 1 to 5, equally likely (meeting use 0 to 12, M:windesheim)."""
MEETING = 4
"""From so many people on it is a meeting, which ends sooner than desk work (estimate)."""
POPULAR = (0.5, 1.5)
"""How much more or less one room is used than another (estimate)."""
SENSOR_BIAS_PPM, SENSOR_BIAS_MOST_PPM = 20.0, 40.0
"""Spread of CO2 sensors and its bound (pairs differ by 23-55 ppm, M:windesheim; +-40 ppm, S25b)."""
DRIFT_DUE_PPM = 150.0
"""A sensor that has drifted so far is due (night minimum over 550 ppm, rule V11)."""
GAIN_1_PPM, INTEGRAL_S = 1.0 / 400.0, 1800.0
"""PI control of a damper (estimate)."""
PRESENCE_STEP = 0.1
"""Presence opens the damper by so much (estimate)."""


class Rooms:
    """People come and go by a Markov chain; dampers follow the CO2 that their sensors read."""

    def __init__(self, devices: tuple[str, ...], rooms: int, streams: Streams) -> None:
        self._devices, self._streams = devices, streams
        shape = (len(devices), rooms)
        low, high = POPULAR
        draws = [streams.open(f"ventilation/popular/{d}").random(rooms) for d in devices]
        self._popular = low + (high - low) * np.array(draws)
        bias = [streams.open(f"ventilation/bias/{d}").standard_normal(rooms) for d in devices]
        most = SENSOR_BIAS_MOST_PPM
        self.bias_ppm = np.minimum(np.maximum(SENSOR_BIAS_PPM * np.array(bias), -most), most)
        self.persons, self.ppm = np.zeros(shape), np.full(shape, model.OUTDOOR_PPM)
        self.mean_ppm = self.ppm.copy()
        self.asked, self.opening = np.full(shape, model.DAMPER_MIN), np.full(shape, 0.2)
        self.integral = np.zeros(shape)
        self.drift_ppm, self.drift_ppm_s = np.zeros(shape), np.zeros(shape)
        self.stuck = np.full(shape, np.nan)
        self._sticking = self._drifting = False  # so that what never happened costs nothing
        self._block_number = -1
        self._block: NDArray[np.float32] = np.empty(0, dtype=np.float32)

    @property
    def reading_ppm(self) -> Columns:
        """What the rooms' sensors say before noise."""
        return self.ppm + self.bias_ppm + self.drift_ppm

    def people(self, at_ms: int, *, step: int, dt_s: float) -> None:
        """Let people come and go in the step number ``step`` that begins at ``at_ms``."""
        enter, desk, meeting = (rate * dt_s / 3600.0 for rate in model.occupancy_rates(at_ms))
        if enter == 0.0 and not self.persons.any():
            return
        chance = self._row(step)
        present = self.persons > 0
        come = self._popular * (1.0 - np.exp(-enter))
        entered = chance < come
        entered &= ~present
        if entered.any():  # given that somebody came, chance / come is uniform again
            many = 1.0 + np.floor(PERSONS_MAX * chance[entered] / come[entered])
            self.persons[entered] = many
        leave = np.where(self.persons >= MEETING, 1.0 - np.exp(-meeting), 1.0 - np.exp(-desk))
        present &= chance < leave
        self.persons[present] = 0.0

    def control(self, *, on: NDArray[np.bool_], demand: NDArray[np.bool_], set_ppm: Columns,
                dt_s: float) -> Columns:  # fmt: skip
        """Move the dampers; returns the openings. ``on`` and ``demand`` have shape ``(n,)``."""
        if not on.any():
            self.integral[:] = 0.0
            self.asked[:] = model.DAMPER_MIN
            self.opening = self._moved()
            return self.opening
        error = self.reading_ppm - set_ppm[:, None]
        error *= GAIN_1_PPM
        self.integral += error * (dt_s / INTEGRAL_S)
        np.maximum(self.integral, 0.0, out=self.integral)
        np.minimum(self.integral, 1.0 - model.DAMPER_MIN, out=self.integral)
        error += self.integral
        error += PRESENCE_STEP * (self.persons > 0)
        error += model.DAMPER_MIN
        np.maximum(error, model.DAMPER_MIN, out=error)
        self.asked = np.minimum(error, 1.0)
        if not demand.all():
            self.asked[~demand] = 1.0
        if not on.all():
            self.asked[~on] = model.DAMPER_MIN
            self.integral[~on] = 0.0
        self.opening = self._moved()
        return self.opening

    def breathe(self, flow_m3_s: Columns | float, *, dt_s: float) -> None:
        """Balance of CO2 over a step with these flows, shape ``(n, rooms)``; sensors drift on.

        A flow of 0.0 stands for all of them.
        """
        self.ppm, self.mean_ppm = model.co2_step(self.ppm, self.persons, flow_m3_s, dt_s)
        if self._drifting:
            self.drift_ppm += self.drift_ppm_s * dt_s

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
        self._drifting = bool(self.drift_ppm_s.any())

    def _moved(self) -> Columns:
        """Where the dampers are: as asked, but for those that are stuck."""
        if not self._sticking:
            return self.asked
        return np.where(np.isnan(self.stuck), self.asked, self.stuck)

    def _row(self, step: int) -> NDArray[np.float32]:
        number, row = divmod(step, BLOCK)
        if number != self._block_number:
            rooms = self.persons.shape[1]
            block = np.empty((BLOCK, len(self._devices), rooms), dtype=np.float32)
            for index, device in enumerate(self._devices):
                rng = self._streams.block(f"ventilation/people/{device}", number)
                block[:, index] = rng.random((BLOCK, rooms), dtype=np.float32)
            self._block_number, self._block = number, block
        chances: NDArray[np.float32] = self._block[row]
        return chances


_STATE = (
    "persons", "ppm", "mean_ppm", "asked", "opening", "integral", "drift_ppm", "drift_ppm_s",
    "stuck",
)  # fmt: skip


class Dampers:
    """The damper actuators of a unit as one position: damaged if any of them is stuck."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def damage(self, device: int) -> float:
        """1 if a damper is stuck."""
        return float(not np.isnan(self._rooms.stuck[device]).all())

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """The stuck actuators were replaced."""
        self._rooms.stuck[device] = np.nan


class Co2Sensors:
    """The CO2 sensors of a unit as one position."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def damage(self, device: int) -> float:
        """The largest drift over what is due."""
        return float(np.abs(self._rooms.drift_ppm[device]).max() / DRIFT_DUE_PPM)

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """Sensors that drifted were replaced."""
        self._rooms.drift_ppm[device] = 0.0
        self._rooms.drift_ppm_s[device] = 0.0
