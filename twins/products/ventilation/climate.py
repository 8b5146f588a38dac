"""Temperatures of a fleet of units: recovery or mixing box, coils, frost. Columns ``(n,)``."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation.coil_kernels import (
    MIX_LEAK,
    MIXING,
    PLATE,
    ROTOR,
    Coils,
    Columns,
    set_dampers,
    temper,
)

Recovery = Literal["rotor", "plate", "mixing"]
KINDS: dict[Recovery, int] = {"rotor": ROTOR, "plate": PLATE, "mixing": MIXING}
CLIMATE_ROWS = 3
"""Rows of what a step gives: speed of the rotor, whether it gives all it has, how much then."""


class Climate:
    """Recovery as far as it is needed, then the coils; columns are changed in place only."""

    def __init__(self, n: int, recovery: Recovery, rows: Columns | None = None) -> None:
        self.recovery = recovery
        self.supply_c, self.exhaust_c, self.mixed_c = (np.full(n, c) for c in (20.0, 10.0, 15.0))
        self.outdoor_c, self.zone_c = np.full(n, 5.0), np.full(n, 20.0)
        self.heating, self.cooling, self.heating_asked, self.cooling_asked = np.zeros((4, n))
        self.ice, self.defrost_s, self.rotor_slip, self.overlap = np.zeros((4, n))
        self.rotor_stopped, self.ice_blind = np.zeros((2, n), dtype=np.bool_)
        self.stuck_valves = np.full((2, n), np.nan)
        self.opening, self.opening_asked = np.zeros((2, n))
        self.stuck_damper, self.leak = np.full(n, np.nan), np.full(n, MIX_LEAK)
        self.fresh = np.ones(n)
        rows = np.zeros((CLIMATE_ROWS, n)) if rows is None else rows
        self.rotor_rpm, self.full, self.full_efficiency = rows
        self._columns = Coils(**{name: getattr(self, name) for name in Coils._fields})

    @property
    def defrosting(self) -> NDArray[np.bool_]:
        """Plates whose recovery is by-passed now."""
        flags: NDArray[np.bool_] = self.defrost_s > 0.0
        return flags

    def dampers(self, on: NDArray[np.bool_], worst_ppm: Columns) -> None:
        """Set the outdoor dampers; before the fans' step.

        Args:
            on: Units that move air.
            worst_ppm: CO2 of the worst room; only a mixing box asks for it.
        """
        set_dampers(self._columns, KINDS[self.recovery], on, worst_ppm)

    def step(self, x: Columns, *, on: NDArray[np.bool_], dt_s: float) -> None:
        """One step with supply flow ``x`` (share of design, any number where off)."""
        temper(self._columns, KINDS[self.recovery], on, x, dt_s)

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return self._columns._asdict()

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name, column in self._columns._asdict().items():
            column[...] = state[name]
