"""The wireless mesh of a unit's room nodes: paths that heal themselves, link quality, batteries.

Node 0 of a unit is its gateway, node ``r`` the one of room ``r``. Paths are chosen by expected
transmissions (ETX) once an hour, and at once when a node dies.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.noise import Noise
from twins.core.streams import Streams, keys
from twins.products.ventilation.mesh_kernels import (
    CALM_NIGHT,
    FADE_DB,
    Columns,
    Radio,
    find_paths,
    pass_hour,
    tell_volts,
)

HOURS_A_DAY, HOUR_MS = 24, 3_600_000
SENT_DBM, LOSS_1M_DB, EXPONENT, SHADOW_DB = 0.0, 40.0, 3.5, 5.0
"""Log-distance path loss in an office at 2.4 GHz, with shadowing (K; the node sends 1 mW)."""
BAY_M, AISLE_M, GATEWAY_M = 5.0, 4.0, 6.0
"""Rooms lie on both sides of a corridor, the gateway beyond its end (estimate)."""
CHARGE_SPREAD = 0.15
"""Cells differ (Weibull beta 6, section 2)."""

Units = slice | NDArray[np.int64]
ALL = slice(None)


class Mesh:
    """Radio of ``n`` units with ``rooms`` nodes each; columns are changed in place only."""

    def __init__(self, devices: tuple[str, ...], rooms: int, streams: Streams) -> None:
        self._streams = streams
        n, nodes = len(devices), rooms + 1
        along = _floor(nodes)
        distance = np.hypot(*(axis[:, None] - axis[None, :] for axis in along)) + np.eye(nodes)
        loss = SENT_DBM - LOSS_1M_DB - 10.0 * EXPONENT * np.log10(distance)
        self.links_dbm = np.empty((n, nodes, nodes), dtype=np.float32)
        self.fade, self.shade = np.zeros((2, n, nodes))
        for index, device in enumerate(devices):
            draws = streams.open(f"ventilation/shadow/{device}").standard_normal((nodes, nodes))
            shadow = np.tril(draws, -1)
            self.links_dbm[index] = loss + SHADOW_DB * (shadow + shadow.T)
            rng = streams.open(f"ventilation/fade/{device}")
            self.fade[index] = FADE_DB * rng.standard_normal(nodes)
        self.parent = np.zeros((n, nodes), dtype=np.int64)
        self.hops, self.behind, self.rssi_dbm, self.loss, self.used = np.zeros((5, n, nodes))
        self.delivery, self.charge = np.ones((2, n, nodes))
        self.link_pct = np.full((n, nodes), 100.0)
        self.joined, self.alive = np.ones((2, n, nodes), dtype=np.bool_)
        self.killed = np.zeros((n, nodes), dtype=np.bool_)
        self.path_changes, self.single = np.zeros((2, n))
        self._changed: set[int] | None = None
        """Units of which something changed since the last :meth:`take_changed`; all if ``None``."""
        self._cells = keys(f"{d}/{room}" for d in devices for room in range(1, nodes))
        self._cells = self._cells.reshape(n, rooms)
        cells = streams.normals("ventilation/cells", self._cells.ravel(), 1)
        self.charge[:, 1:] = np.exp(CHARGE_SPREAD * cells).reshape(n, rooms)
        self._hourly = Noise(streams, "ventilation/radio", devices, 2 * nodes)
        self._daily = Noise(streams, "ventilation/radio/day", devices, 1)
        self._columns = Radio(**{name: getattr(self, name) for name in Radio._fields})
        self.reachable = np.ones((n, rooms), dtype=np.bool_)
        """Rooms whose node is alive and has a path to the gateway; never changed in place."""
        self.lost = np.zeros(n)
        """Rooms of each unit whose node is not."""
        find_paths(self._columns, 0, n)
        self._look()
        self.path_changes[:] = 0.0

    def battery_v(self, units: Units = ALL) -> Columns:
        """Voltages, shape ``(units, rooms)``; see :func:`mesh_kernels.tell_volts`."""
        used = self.used[units, 1:]
        volts = np.empty(used.shape)
        tell_volts(used, volts)
        return volts

    def new_battery(self, unit: int, room: int, life: int) -> None:
        """Fresh cells for the node of a room (from 0); life number ``life``."""
        cell = self._cells[unit, room : room + 1]
        draw = self._streams.normals("ventilation/cells", cell, life)
        self.charge[unit, room + 1] = np.exp(CHARGE_SPREAD * draw[0])
        self.used[unit, room + 1] = 0.0
        self.killed[unit, room + 1] = False

    def heal(self, unit: int) -> None:
        """Find paths again at once: a node of a unit died or came back."""
        find_paths(self._columns, unit, unit + 1)
        there = (self.joined[unit] & self.alive[unit])[1:]
        if not np.array_equal(there, self.reachable[unit]):
            self.reachable = self.reachable.copy()
            self.reachable[unit] = there
            self.lost[unit] = np.count_nonzero(~there)
        if self._changed is not None:
            self._changed.add(unit)

    def take_changed(self) -> Units | None:
        """Units of which something changed since this was asked last; ``None`` if of none."""
        changed, self._changed = self._changed, set()
        if changed is None:
            return ALL
        return np.array(sorted(changed)) if changed else None

    def hour(self, number: int, at_ms: int) -> None:
        """One hour, number ``number`` from the beginning, that ends at ``at_ms``."""
        busy = 1.0 if 7 <= at_ms // HOUR_MS % 24 < 19 else CALM_NIGHT
        paces, draws = self._daily.row(number // HOURS_A_DAY), self._hourly.row(number)
        pass_hour(self._columns, paces, draws, busy)
        self._look()

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            getattr(self, name)[...] = state[name]
        self._look()

    def _look(self) -> None:
        self.reachable = self.joined[:, 1:] & self.alive[:, 1:]
        self.lost = np.count_nonzero(~self.reachable, axis=1).astype(np.float64)
        self._changed = None


_STATE = (
    "fade", "shade", "parent", "hops", "behind", "delivery", "rssi_dbm", "link_pct", "loss",
    "joined", "alive", "killed", "used", "charge", "path_changes",
    "single",
)  # fmt: skip


def _floor(nodes: int) -> tuple[Columns, Columns]:
    """Where the nodes are, metres along and across the corridor."""
    rooms = np.arange(nodes - 1)
    along = np.concatenate(([-GATEWAY_M], (rooms // 2) * BAY_M))
    across = np.concatenate(([0.0], np.where(rooms % 2, AISLE_M, -AISLE_M)))
    return along, across
