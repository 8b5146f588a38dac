"""Components of a unit that do not wear by a drawn life: each an ``OwnWear`` of core."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twins.products.ventilation.air import Air
from twins.products.ventilation.climate import Climate
from twins.products.ventilation.coil_kernels import MIX_LEAK, Columns
from twins.products.ventilation.mesh import Mesh
from twins.products.ventilation.rooms import DRIFT_DUE_PPM, Rooms


class Never:
    """Does not wear: this unit has none (a fan with its motor inside has no belt)."""

    def __init__(self, devices: int) -> None:
        self._none = np.zeros(devices)

    def damage(self, device: int) -> float:  # noqa: ARG002 - of no device
        """None, ever."""
        return 0.0

    def damages(self) -> Columns:
        """None, ever."""
        return self._none

    def renew(self, device: int, life: int) -> None:
        """Nothing to renew."""


class Valve:
    """Well, or stuck: the actuator of the heating (0) or cooling (1) valve."""

    def __init__(self, climate: Climate, row: int) -> None:
        self._climate, self._row = climate, row

    def damage(self, device: int) -> float:
        """1 if it is stuck."""
        return float(self.damages()[device])

    def damages(self) -> Columns:
        """Of all units."""
        return np.where(np.isnan(self._climate.stuck_valves[self._row]), 0.0, 1.0)

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new actuator."""
        self._climate.stuck_valves[self._row, device] = np.nan


class OutdoorDamper:
    """Well, leaking, or stuck: the outdoor damper of a unit."""

    def __init__(self, climate: Climate, air: Air) -> None:
        self._climate, self._air = climate, air

    def damage(self, device: int) -> float:
        """1 if it is stuck; else how much more it leaks than a good one, over 0.3."""
        return float(self.damages()[device])

    def damages(self) -> Columns:
        """Of all units."""
        leaks = np.minimum((self._climate.leak - MIX_LEAK) / 0.3, 1.0)
        return np.where(np.isnan(self._climate.stuck_damper), leaks, 1.0)

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new damper and actuator."""
        self._climate.stuck_damper[device] = np.nan
        self._climate.leak[device] = MIX_LEAK
        self._air.damper_pa[device] = 0.0


class RoomDampers:
    """Well, or stuck: the dampers of all rooms, one device each.

    Device ``unit * rooms + room``.
    """

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def damage(self, device: int) -> float:
        """1 if it is stuck."""
        return float(self.damages()[device])

    def damages(self) -> Columns:
        """Of all rooms."""
        return np.where(np.isnan(self._rooms.stuck.ravel()), 0.0, 1.0)

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new actuator."""
        self._rooms.stuck.flat[device] = np.nan


class Co2Sensors:
    """The reading drifts: the CO2 sensors of all rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def damage(self, device: int) -> float:
        """Drift over what is due."""
        return float(self.damages()[device])

    def damages(self) -> Columns:
        """Of all rooms."""
        due: Columns = np.abs(self._rooms.drift_ppm.ravel()) / DRIFT_DUE_PPM
        return due

    def renew(self, device: int, life: int) -> None:  # noqa: ARG002 - all lives are alike
        """A new sensor, or one that was calibrated."""
        self._rooms.drift_ppm.flat[device] = 0.0
        self._rooms.drift_ppm_s.flat[device] = 0.0


class Batteries:
    """Charge is used up: the cells of all room nodes."""

    def __init__(self, mesh: Mesh, rooms: int, heal: Callable[[int], None]) -> None:
        self._mesh, self._rooms, self._heal = mesh, rooms, heal

    def damage(self, device: int) -> float:
        """Charge that is gone; 1 when the node is dead."""
        return float(self.damages()[device])

    def damages(self) -> Columns:
        """Of all rooms."""
        mesh = self._mesh
        return np.where(mesh.killed[:, 1:], 1.0, mesh.used[:, 1:]).ravel()

    def renew(self, device: int, life: int) -> None:
        """New cells; the node joins the mesh again."""
        unit, room = divmod(device, self._rooms)
        self._mesh.new_battery(unit, room, life)
        self._heal(unit)
