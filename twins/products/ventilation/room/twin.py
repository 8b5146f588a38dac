"""The room nodes of a fleet of units: one device a room, all physics in the units' twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.twin import Action, Build, Columns, OwnWear, Wear
from twins.core.wear import WearLaw
from twins.products.ventilation.mesh import ALL
from twins.products.ventilation.twin import VentilationTwin
from twins.products.ventilation.wearing import Batteries, Co2Sensors, RoomDampers

DAY_S = 86_400.0


def build(build: Build) -> RoomTwin:
    """Make the twin of the rooms of one fleet; the ``entry`` of ``product.toml``."""
    assert isinstance(build.host, VentilationTwin), "a room comes with its unit"
    return RoomTwin(build.host)


class RoomTwin:
    """Rooms as columns of shape ``(n,)``: room ``r`` of unit ``u`` is ``u * rooms + r``."""

    def __init__(self, host: VentilationTwin) -> None:
        self._host = host
        self._rooms = host.rooms.persons.shape[1]
        self.laws: Mapping[str, WearLaw | OwnWear] = {
            "damper": RoomDampers(host.rooms),
            "co2_sensor": Co2Sensors(host.rooms),
            "battery": Batteries(host.mesh, self._rooms, host.heal),
        }
        self._told = np.ones((11, *host.rooms.persons.shape))

    def advance(self, to_ms: int) -> None:
        """Bring the units up to ``to_ms``, if they are not there already."""
        self._host.advance(to_ms)

    def reachable(self) -> NDArray[np.bool_]:
        """Nodes that are alive and have a path to their gateway, shape ``(n,)``."""
        return self._host.mesh.reachable.ravel()

    def measure(self) -> Columns:
        """How rooms and nodes stand, shape ``(n, signals)``; NaN where a node is dead.

        Good until the next are told; of the radio only what changed is written anew.
        """
        rooms, mesh, told = self._host.rooms, self._host.mesh, self._told
        rooms.tell(told[:6])
        units = mesh.take_changed()
        if units is not None:
            radio = told[6:, units]
            radio[0], radio[1] = mesh.hops[units, 1:], mesh.rssi_dbm[units, 1:]
            radio[2], radio[3] = mesh.link_pct[units, 1:], mesh.battery_v(units)
            radio[4] = 1.0
            radio[:, ~rooms.alive[units]] = np.nan
            if units is not ALL:  # else they are what they were taken from
                told[6:, units] = radio
        return told.reshape(len(told), -1).T

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """No component of a room has a drawn life."""
        raise AssertionError(f"{component} of {device} has no drawn life: {damage}, {rise}")

    def set_able(self, device: int, *, able: bool) -> None:
        """No component of a room stops it."""

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """A node sleeps nearly always: it takes no commands; the unit does."""
        del device, args
        return f"unknown command {name!r}; a room takes none, its unit does"

    def in_service(self, device: int) -> bool:  # noqa: ARG002 - all rooms are
        """Always."""
        return True

    def maintain(self, device: int, action: Action, component: str) -> None:
        """Adjusting frees a stuck damper and calibrates a sensor."""
        law = self.laws[component]
        if component != "battery" and action in ("adjust", "overhaul"):
            assert not isinstance(law, WearLaw)
            law.renew(device, 1)

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of ``product.toml`` begin."""
        del wear
        unit, room = divmod(device, self._rooms)
        FAULTS[fault](self._host, unit, room, params)

    def truth(self) -> Mapping[str, Columns]:
        """Air and people as they are, and the chance that a packet is lost on its way."""
        rooms, mesh = self._host.rooms, self._host.mesh
        return {
            "co2_ppm": rooms.ppm.ravel(),
            "persons": rooms.persons.ravel(),
            "flow_m3_s": rooms.flow_m3_s.ravel(),
            "temp_c": rooms.temp_c.ravel(),
            "loss": mesh.loss[:, 1:].ravel(),
            "reachable": mesh.reachable.ravel().astype(np.float64),
        }

    def dump(self) -> dict[str, Any]:
        """Nothing: all state is the units'."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to take over."""


def damper_stuck(host: VentilationTwin, unit: int, room: int, params: Mapping[str, float]) -> None:
    """The damper stays at ``opening_pct`` whatever it is told."""
    host.rooms.stuck[unit, room] = params["opening_pct"] / 100.0


def room_sensor_drift(
    host: VentilationTwin, unit: int, room: int, params: Mapping[str, float]
) -> None:
    """The CO2 sensor drifts by ``ppm_per_day``; the control believes it."""
    host.rooms.drift_ppm_s[unit, room] = params["ppm_per_day"] / DAY_S


def node_death(host: VentilationTwin, unit: int, room: int, params: Mapping[str, float]) -> None:
    """The node stops for good; the others find paths around it."""
    del params
    host.mesh.killed[unit, room + 1] = True
    host.heal(unit)


def battery_low(host: VentilationTwin, unit: int, room: int, params: Mapping[str, float]) -> None:
    """The cells of the node are nearly empty."""
    host.mesh.used[unit, room + 1] = 1.0 - params["left_pct"] / 100.0
    host.heal(unit)


def radio_shade(host: VentilationTwin, unit: int, room: int, params: Mapping[str, float]) -> None:
    """A cabinet before the node weakens all its links by ``loss_db``."""
    host.mesh.shade[unit, room + 1] = params["loss_db"]
    host.mesh.heal(unit)


FAULTS: Mapping[str, Callable[[VentilationTwin, int, int, Mapping[str, float]], None]] = {
    "battery_low": battery_low,
    "room_sensor_drift": room_sensor_drift,
    "damper_stuck": damper_stuck,
    "node_death": node_death,
    "radio_shade": radio_shade,
}
