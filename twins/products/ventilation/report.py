"""What a unit reports of an interval: sums over its steps, and how things stand at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation.air import AIR_ROWS, Air
from twins.products.ventilation.climate import CLIMATE_ROWS, Climate
from twins.products.ventilation.fan_kernels import Columns, sum_up
from twins.products.ventilation.mesh import Mesh
from twins.products.ventilation.rooms import Rooms

SUMMED = AIR_ROWS + CLIMATE_ROWS + 1
"""Rows of a step that are summed while a unit runs: of the air, of the climate, and that it ran."""
RUN = SUMMED - 1
SIGNALS = 44


class Parts(NamedTuple):
    """What a unit consists of."""

    air: Air
    rooms: Rooms
    climate: Climate
    mesh: Mesh


class Board:
    """All that units report, in one block that is written anew for every report."""

    def __init__(self, parts: Parts, rows: Columns) -> None:
        n = rows.shape[1]
        self._parts, self._rows = parts, rows
        self._sums, self._steps = np.zeros_like(rows), 0
        self._block = np.full((SIGNALS, n), np.nan)
        self.opened = np.zeros(n)
        """Units whose service door somebody opened in this interval."""

    def add(self, on: NDArray[np.bool_]) -> None:
        """A step is over in which the units ``on`` ran."""
        self._steps += 1
        self._rows[RUN] = on
        np.add(self._sums, self._rows, out=self._sums, where=on)

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
        block, (air, rooms, climate, mesh) = self._block, self._parts
        sum_up(self._sums, block, air.make, max(self._steps, 1))
        self._steps = 0
        block[31][wants & ~able] = 100.0
        block[12], block[13] = air.energy_kwh, air.baseline_kwh
        block[16], block[18], block[20] = climate.outdoor_c, climate.supply_c, climate.exhaust_c
        block[19] = climate.zone_c
        if climate.recovery == "mixing":
            block[17] = climate.mixed_c
        for row, share in enumerate(
            (
                climate.heating_asked, climate.heating, climate.cooling_asked, climate.cooling,
                climate.opening_asked, climate.opening,
            ), 23,
        ):  # fmt: skip
            np.multiply(share, 100.0, out=block[row])
        block[29] = climate.defrosting
        block[30] = 0.0 if alarm is None else alarm
        rooms.tell_units(block[32:38])
        block[38], block[39] = mesh.lost, mesh.path_changes
        block[40] = able
        block[41] = air.clean_sfp(block[41])
        block[42], block[43] = mesh.single, self.opened
        self.opened[:] = 0.0
        if climate.recovery != "rotor":
            block[21] = np.nan
        return block.T

    def dump(self) -> dict[str, Any]:
        """Sums of an interval that is not over, its steps so far, and doors opened in it."""
        return {"sums": self._sums, "steps": self._steps, "opened": self.opened}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._sums[...], self._steps = state["sums"], state["steps"]
        self.opened[...] = state["opened"]
