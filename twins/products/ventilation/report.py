"""What a unit reports of an interval: sums over its steps, and how things stand at its end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation import model
from twins.products.ventilation.air import AIR_ROWS, STANDBY_KW, Air
from twins.products.ventilation.climate import CLIMATE_ROWS, Climate
from twins.products.ventilation.mesh import Mesh
from twins.products.ventilation.model import Columns
from twins.products.ventilation.rooms import Rooms

SUMMED = AIR_ROWS + CLIMATE_ROWS + 1
"""Rows of a step that are summed while a unit runs: of the air, of the climate, and that it ran."""
FLOW, PRESSURE, FAN, MOTOR = slice(0, 2), slice(2, 7), slice(7, 9), 9
VIBRATION, KW, ROTOR, FULL, EFFICIENCY, RUN = slice(10, 12), 12, 13, 14, 15, 16
"""Where what is among them; the first nine rows stand as the first nine signals do."""
SIGNALS = 42
_RPM = np.array([[model.SUPPLY.full_rpm], [model.EXTRACT.full_rpm]])
_NONE_RUNS = np.full(SIGNALS, np.nan)
_NONE_RUNS[[0, 1, 7, 8, 31]], _NONE_RUNS[10] = 0.0, STANDBY_KW
_OF_RUNNING = np.array([*range(12), 14, 15, 21, 22, 31, 41])


class Parts(NamedTuple):
    """What a unit consists of."""

    air: Air
    rooms: Rooms
    climate: Climate
    mesh: Mesh


class Board:
    """All that units report, in one block that is written anew only where something changed."""

    def __init__(self, parts: Parts, rows: Columns) -> None:
        n = rows.shape[1]
        self._parts, self._rows = parts, rows
        self._sums, self._scratch = np.zeros_like(rows), np.empty_like(rows)
        self._steps, self._ran = 0, False
        self._block = np.full((SIGNALS, n), np.nan)
        self._units = np.arange(n)
        self._written: dict[str, int] = {}
        self._blank = self._held = False

    def add(self, on: NDArray[np.bool_], running: int) -> None:
        """A step is over in which ``running`` units ran, those of ``on``."""
        self._steps += 1
        if not running:
            return
        self._rows[RUN] = on
        if running == len(on):
            self._sums += self._rows
        else:
            self._sums += np.multiply(self._rows, on, out=self._scratch)
        self._ran = True

    def tell(
        self, able: NDArray[np.bool_], wants: NDArray[np.bool_], alarm: NDArray[np.bool_] | None
    ) -> Columns:
        """True values of the interval, shape ``(n, signals)``, in the order of ``product.toml``.

        They are good until the next are told. A new interval begins.

        Args:
            able: Units that could run.
            wants: Units that their schedule lets run.
            alarm: Units that smoke holds; ``None`` if it holds none.
        """
        block, climate, air = self._block, self._parts.climate, self._parts.air
        if self._ran:
            self._running(max(self._steps, 1))
            self._sums.fill(0.0)
            self._blank = False
        elif not self._blank:
            block[_OF_RUNNING] = _NONE_RUNS[_OF_RUNNING, None]
            self._blank = True
        self._steps, self._ran = 0, False
        if np.count_nonzero(able) < len(able):
            block[31][wants & ~able] = 100.0
            self._blank = False
        block[12], block[13] = air.energy_kwh, air.baseline_kwh
        block[16], block[18], block[20] = climate.outdoor_c, climate.supply_c, climate.exhaust_c
        block[19] = self._parts.rooms.mean_c
        if climate.recovery == "mixing":
            block[17] = climate.mixed_c
        if self._changed("valves", climate.moves):
            for row, share in enumerate(
                (
                    climate.heating_asked, climate.heating, climate.cooling_asked,
                    climate.cooling, climate.opening_asked, climate.opening,
                ), 23,
            ):  # fmt: skip
                np.multiply(share, 100.0, out=block[row])
        block[29] = climate.defrosting if climate.recovery == "plate" else 0.0
        block[30] = 0.0 if alarm is None else alarm
        self._of_rooms()
        block[40] = able
        return block.T

    def dump(self) -> tuple[Columns, int]:
        """Sums of an interval that is not over, and its steps so far."""
        return self._sums, self._steps

    def load(self, sums: Columns, steps: int) -> None:
        """Take over what :meth:`dump` gave."""
        self._sums[...], self._steps = sums, steps
        self._ran = bool(sums[RUN].any())
        self._written.clear()
        self._blank = False

    def _changed(self, what: str, number: int) -> bool:
        if self._written.get(what) == number:
            return False
        self._written[what] = number
        return True

    def _running(self, steps: int) -> None:
        """What is known only of units that ran; NaN or 0 where one did not."""
        sums, block, air = self._sums, self._block, self._parts.air
        run = sums[RUN]
        most = run
        if np.count_nonzero(run) < len(run):
            most = np.maximum(run, 1.0)
            run = np.where(run > 0.0, run, np.nan)
        np.multiply(sums[FLOW], air.design_m3_s * 3600.0 / steps, out=block[0:2])
        np.divide(sums[PRESSURE], run, out=block[2:7])
        np.divide(sums[FAN], most, out=block[7:9])
        block[7:9] *= _RPM
        if air.belt:
            np.multiply(sums[MOTOR] / run, model.SUPPLY.full_rpm, out=block[9])
        np.divide(sums[KW], steps, out=block[10])
        block[10] += STANDBY_KW
        np.multiply(sums[0] / run, air.design_m3_s / 1000.0, out=block[11])
        np.divide(sums[KW] / run, block[11], out=block[11])
        block[41] = air.clean_sfp(sums[0] / run)
        np.divide(sums[VIBRATION], run, out=block[14:16])
        if self._parts.climate.recovery == "rotor":
            np.divide(sums[ROTOR], run, out=block[21])
        full = sums[FULL]
        if np.count_nonzero(full):
            full = np.where(full > 0.0, full, np.nan)
            np.multiply(sums[EFFICIENCY] / full, 100.0, out=block[22])
        else:
            block[22] = np.nan
        np.multiply(sums[MOTOR], 100.0 / steps, out=block[31])

    def _of_rooms(self) -> None:
        """The best and the worst room, and how many of which there are."""
        block, rooms, mesh = self._block, self._parts.rooms, self._parts.mesh
        reading = rooms.reading_ppm
        worst = reading.argmax(axis=1)
        block[32] = reading[self._units, worst]
        np.minimum.reduce(reading, axis=1, out=block[33])
        opening = rooms.opening
        if self._changed("dampers", rooms.moves):
            np.add.reduce(opening, axis=1, out=block[35])
            block[35] *= 100.0 / opening.shape[1]
            block[36] = 0.0
            if opening is not rooms.asked:
                block[36] = 100.0 * np.abs(rooms.asked - opening).max(axis=1)
        np.multiply(opening[self._units, worst], 100.0, out=block[34])
        if self._changed("people", rooms.comings):
            block[37] = np.count_nonzero(rooms.present, axis=1)
            block[37] *= 100.0 / rooms.present.shape[1]
        if self._changed("paths", mesh.changes):
            block[38] = np.count_nonzero(~mesh.reachable, axis=1)
            block[39] = mesh.path_changes
