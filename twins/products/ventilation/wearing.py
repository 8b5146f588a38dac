"""Components of a unit that do not wear by a drawn life: each an ``OwnWear`` of core."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twins.products.ventilation.air import Air
from twins.products.ventilation.climate import Climate
from twins.products.ventilation.coil_kernels import MIX_LEAK
from twins.products.ventilation.mesh import Mesh
from twins.products.ventilation.rooms import DRIFT_DUE_PPM, Rooms


class Never:
    """A component that this unit does not have (the belt of a fan with its motor inside)."""

    def damage(self, device: int) -> float:  # noqa: ARG002 - of no device
        """None, ever."""
        return 0.0

    def renew(self, device: int, life: int) -> None:
        """Nothing to renew."""


class Valve:
    """The actuator of the heating (0) or cooling (1) valve: well, or stuck."""

    def __init__(self, climate: Climate, row: int) -> None:
        self._climate, self._row = climate, row

    def damage(self, device: int) -> float:
        """1 if it is stuck."""
        return float(not np.isnan(self._climate.stuck_valves[self._row, device]))

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new actuator."""
        self._climate.stuck_valves[self._row, device] = np.nan


class OutdoorDamper:
    """The outdoor damper of a unit: well, leaking, or stuck."""

    def __init__(self, climate: Climate, air: Air) -> None:
        self._climate, self._air = climate, air

    def damage(self, device: int) -> float:
        """1 if it is stuck; else how much more it leaks than a good one, over 0.3."""
        if not np.isnan(self._climate.stuck_damper[device]):
            return 1.0
        return float(min((self._climate.leak[device] - MIX_LEAK) / 0.3, 1.0))

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new damper and actuator."""
        self._climate.stuck_damper[device] = np.nan
        self._climate.leak[device] = MIX_LEAK
        self._air.damper_pa[device] = 0.0


class RoomDampers:
    """The dampers of all rooms, one device each: device ``unit * rooms + room``."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def damage(self, device: int) -> float:
        """1 if it is stuck."""
        return float(not np.isnan(self._rooms.stuck.flat[device]))

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new actuator."""
        self._rooms.stuck.flat[device] = np.nan


class Co2Sensors:
    """The CO2 sensors of all rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def damage(self, device: int) -> float:
        """Drift over what is due."""
        return float(abs(self._rooms.drift_ppm.flat[device]) / DRIFT_DUE_PPM)

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new sensor, or one that was calibrated."""
        self._rooms.drift_ppm.flat[device] = 0.0
        self._rooms.drift_ppm_s.flat[device] = 0.0


class Batteries:
    """The cells of all room nodes."""

    def __init__(self, mesh: Mesh, rooms: int, changed: Callable[[], None]) -> None:
        self._mesh, self._rooms, self._changed = mesh, rooms, changed

    def damage(self, device: int) -> float:
        """Charge that is gone; 1 when the node is dead."""
        unit, room = divmod(device, self._rooms)
        return 1.0 if self._mesh.killed[unit, room + 1] else float(self._mesh.used[unit, room + 1])

    def renew(self, device: int, life: int) -> None:
        """New cells; the node joins the mesh again."""
        self._mesh.new_battery(*divmod(device, self._rooms), life)
        self._mesh.heal()
        self._changed()
