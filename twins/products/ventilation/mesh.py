"""The wireless mesh of a unit's room nodes: paths that heal themselves, link quality, batteries.

Node 0 of a unit is its gateway, node ``r`` the one of room ``r``. Arrays are ``(n, nodes)`` or, for
links, ``(nodes, n, nodes)``, the receiving node first: then what is least over all parents is found
in long rows. Paths are chosen by expected transmissions (ETX) once an hour, and at
once when a node dies.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.blocks import Blocks
from twins.core.streams import Streams

HOURS = 24
"""Updates per block of a unit's stream, which is a day."""
SENT_DBM, LOSS_1M_DB, EXPONENT, SHADOW_DB = 0.0, 40.0, 3.5, 5.0
"""Log-distance path loss in an office at 2.4 GHz, with shadowing (K; the node sends 1 mW)."""
BAY_M, AISLE_M, GATEWAY_M = 5.0, 4.0, 6.0
"""Rooms lie on both sides of a corridor, the gateway beyond its end (estimate)."""
DELIVERY_BEST, DELIVERY_85DBM, DELIVERY_SLOPE_DB = 0.97, 0.95, 1.5
"""Delivery per transmission: logistic in RSSI, 95 % at -85 dBm, falling fast below (S25); others in
the band cost 3 % on the best link (estimate)."""
_MIDDLE_DBM = -85.0 - DELIVERY_SLOPE_DB * math.log(
    (DELIVERY_85DBM / DELIVERY_BEST) / (1.0 - DELIVERY_85DBM / DELIVERY_BEST)
)
DELIVERY_LEAST = 0.5
"""A worse link is not used."""
RETRIES = 12
"""Transmissions of a packet over one link before it is given up (TSCH keeps trying, S25)."""
STICKY_ETX = 0.15
"""How much better another path must be. Below one transmission: then no ring of nodes can form."""
HOPS_MOST = 12
FADE_DB = 3.5
"""Spread of what doors, people and furniture do around a node (estimate)."""
PACE_1_H, PACE_SPREAD, CALM_NIGHT = 0.02, 2.2, 0.3
"""How fast that changes: median per hour, log-spread between days, at night. Quiet for days, then a
hundred paths in one: median 26 path changes a day of 21 nodes, p90 89, max 408 (M:peach)."""
SENDS_1_H = 240.0
"""Transmissions an hour of a node, keep-alives included (estimate)."""
LEAF_LIFE_H, RELAY_SHARE, CHARGE_SPREAD = 16.8 * 8766.0, 0.12, 0.15
"""A node that relays nobody lasts 16.8 years, relays down to 5.0 (S25): so much more per node
behind it (derived). Cells differ (Weibull beta 6, section 2)."""


class Mesh:
    """Radio of ``n`` units with ``rooms`` nodes each."""

    def __init__(self, devices: tuple[str, ...], rooms: int, streams: Streams) -> None:
        self._devices, self._streams = devices, streams
        n, nodes = len(devices), rooms + 1
        self._rssi = np.empty((nodes, n, nodes), dtype=np.float32)
        along = _floor(nodes)
        distance = np.hypot(*(axis[:, None] - axis[None, :] for axis in along)) + np.eye(nodes)
        loss = SENT_DBM - LOSS_1M_DB - 10.0 * EXPONENT * np.log10(distance)
        for index, device in enumerate(devices):
            draws = streams.open(f"ventilation/shadow/{device}").standard_normal((nodes, nodes))
            shadow = np.tril(draws, -1)
            self._rssi[:, index] = loss + SHADOW_DB * (shadow + shadow.T)
        self.fade = np.zeros((n, nodes), dtype=np.float32)
        for index, device in enumerate(devices):
            rng = streams.open(f"ventilation/fade/{device}")
            self.fade[index] = FADE_DB * rng.standard_normal(nodes, dtype=np.float32)
        self.shade = np.zeros((n, nodes), dtype=np.float32)
        self.parent = np.zeros((n, nodes), dtype=np.int64)
        self.hops, self.behind = np.zeros((n, nodes)), np.zeros((n, nodes))
        self.delivery = np.ones((n, nodes))
        self.changes = 0
        """Goes up with every look at the radio."""
        self.rssi_dbm, self.link_pct = np.zeros((n, nodes)), np.full((n, nodes), 100.0)
        self.joined = np.ones((n, nodes), dtype=bool)
        self.killed = np.zeros((n, nodes), dtype=bool)
        self.used = np.zeros((n, nodes))
        self.charge = np.ones((n, nodes))
        self.path_changes = np.zeros(n)
        self._alive, self._reachable = self.joined, self.joined[:, 1:]
        self._loss: NDArray[np.float64] | None = None
        self._drain = np.zeros((n, rooms))
        self._places = np.arange(n * nodes).reshape(n, nodes)
        for unit in range(n):
            for room in range(rooms):
                self.new_battery(unit, room, 1)
        names = (f"ventilation/radio/{device}" for device in devices)
        self._day, self._block = -1, np.empty(0, dtype=np.float32)
        self._blocks = Blocks(streams, names)
        self._along(np.arange(n))
        self._paths()
        self.path_changes[:] = 0.0

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Nodes with power, the gateway among them, by the last look at the radio."""
        return self._alive

    @property
    def reachable(self) -> NDArray[np.bool_]:
        """Rooms whose node is alive and has a path to the gateway, shape ``(n, rooms)``."""
        return self._reachable

    @property
    def loss(self) -> NDArray[np.float64]:
        """Chance that a packet is lost on its way to the gateway, shape ``(n, nodes)``."""
        if self._loss is None:
            self._loss = self._lost_along()
        return self._loss

    @property
    def battery_v(self) -> NDArray[np.float64]:
        """Voltage of two AA lithium cells: flat, then a fall; shape ``(n, rooms)``."""
        used = np.minimum(self.used[:, 1:], 1.0)
        volts: NDArray[np.float64] = used * used
        volts *= volts
        volts *= volts
        volts *= -0.55
        volts -= 0.35 * used
        volts += 3.2
        return volts

    def new_battery(self, unit: int, room: int, life: int) -> None:
        """Fresh cells for the node of a room (from 0); life number ``life``."""
        name = f"ventilation/cells/{self._devices[unit]}/{room + 1}"
        self.charge[unit, room + 1] = math.exp(CHARGE_SPREAD * self._streams.normal(name, life))
        self.used[unit, room + 1] = 0.0
        self.killed[unit, room + 1] = False
        self._set_drain()

    def heal(self) -> None:
        """Find paths again at once: a node died or came back."""
        self._paths()

    def hour(self, number: int, at_ms: int) -> None:
        """One hour, number ``number`` from the beginning, that ends at ``at_ms``."""
        day, row = divmod(number, HOURS)
        if day != self._day:
            self._day, nodes = day, self.parent.shape[1]
            self._block = np.empty((2 * HOURS + 1, len(self._devices), nodes), dtype=np.float32)
            for index, rng in enumerate(self._blocks.at(day)):
                self._block[:, index] = rng.standard_normal(
                    (2 * HOURS + 1, nodes), dtype=np.float32
                )
        busy = 1.0 if 7 <= at_ms // 3_600_000 % 24 < 19 else CALM_NIGHT
        pace = PACE_1_H * busy * np.exp(PACE_SPREAD * self._block[-1, :, :1])
        memory = np.exp(-pace)
        self.fade *= memory
        self.fade += self._block[row] * (FADE_DB * np.sqrt(1.0 - memory * memory))
        self.used[:, 1:] += self._drain
        self._paths()
        seen = 1.0 - self.delivery
        seen *= self.delivery
        seen *= 1.0 / SENDS_1_H
        np.sqrt(seen, out=seen)
        seen *= self._block[HOURS + row]
        seen += self.delivery
        np.maximum(seen, 0.0, out=seen)
        np.minimum(seen, 1.0, out=seen)
        seen *= 100.0
        self.link_pct = seen

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])
        self._see()
        self._set_drain()
        self._loss = None

    def _see(self) -> None:
        self._alive = (self.used < 1.0) & ~self.killed
        self._reachable = (self.joined & self._alive)[:, 1:]
        self.changes += 1

    def _set_drain(self) -> None:
        """Charge that each node draws in an hour, with those behind it."""
        drawn = 1.0 + RELAY_SHARE * self.behind[:, 1:]
        self._drain = drawn / (LEAF_LIFE_H * self.charge[:, 1:])

    def _paths(self) -> None:
        """Parents by least ETX; a node keeps its own unless another is better by STICKY_ETX."""
        around = self.fade - self.shade
        rssi = self._rssi + around
        rssi += around.T[:, :, None]
        delivery = _MIDDLE_DBM - rssi
        delivery *= 1.0 / DELIVERY_SLOPE_DB
        np.exp(delivery, out=delivery)
        delivery += 1.0
        np.divide(DELIVERY_BEST, delivery, out=delivery)
        etx: NDArray[np.float32] = np.divide(1.0, delivery, dtype=np.float32)
        np.copyto(etx, np.inf, where=delivery < DELIVERY_LEAST)
        self._alive = alive = (self.used < 1.0) & ~self.killed
        if np.count_nonzero(alive) < alive.size:
            np.copyto(etx, np.inf, where=~(alive & alive.T[:, :, None]))
        cost, total = self._least(etx)
        joined = np.isfinite(cost)
        stay = total.take(self._links())
        move = stay > cost + STICKY_ETX
        move &= joined
        move[:, 0] = False
        parent = self.parent
        moving = np.flatnonzero(move)
        if len(moving):
            parent = parent.copy()
            parent.flat[moving] = total.reshape(len(total), -1)[:, moving].argmin(axis=0)
        if np.count_nonzero(joined) < joined.size:
            parent = np.where(joined, parent, 0)
        other = parent != self.parent
        self.path_changes += np.count_nonzero(other & alive, axis=1)
        other |= joined != self.joined
        self.parent, self.joined = parent, joined
        if np.count_nonzero(other):
            self._along(np.flatnonzero(other.any(axis=1)))
            self._set_drain()
        links = self._links()
        usable = np.isfinite(etx.take(links))
        self.delivery = delivery.take(links).astype(np.float64)
        self.delivery *= usable
        self.rssi_dbm = rssi.take(links).astype(np.float64)
        self._loss = None
        self._see()

    def _links(self) -> NDArray[np.int64]:
        """Where the link of each node to its parent stands in an array of links."""
        links: NDArray[np.int64] = self.parent * self.parent.size
        links += self._places
        return links

    def _least(self, etx: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Least expected transmissions to the gateway ``(n, nodes)``, and by parent.

        Begins with what the paths of the last hour cost now, which is nearly right.
        """
        own = etx.take(self._links())
        own[:, 0] = 0.0
        cost = np.full(self.parent.shape, np.inf, dtype=np.float32)
        cost[:, 0] = 0.0
        at_parent = self.parent + self._places[:, :1]
        for _ in range(int(self.hops.max())):
            cost = own + cost.take(at_parent)
        total = etx
        for _ in range(HOPS_MOST):
            total = etx + cost.T[:, :, None]
            better = np.minimum.reduce(total, axis=0)
            better[:, 0] = 0.0
            if np.array_equal(better, cost):
                break
            cost = better
        return cost, total

    def _along(self, units: NDArray[np.int64]) -> None:
        """Walk every path of some units to the gateway: hops, and nodes behind each node."""
        parent, joined = self.parent[units], self.joined[units]
        at = np.broadcast_to(np.arange(parent.shape[1]), parent.shape)
        rows = self._places[: len(units), :1]
        hops, behind = np.zeros(parent.shape), np.zeros(parent.size)
        for _ in range(parent.shape[1]):
            moving = (at != 0) & joined
            if not np.count_nonzero(moving):
                break
            hops += moving
            at = parent.take(at + rows)
            behind += np.bincount((at + rows)[moving], minlength=behind.size)
        self.hops[units], self.behind[units] = hops, behind.reshape(parent.shape)

    def _lost_along(self) -> NDArray[np.float64]:
        lost = (1.0 - self.delivery) ** RETRIES
        at = np.broadcast_to(self._places - self._places[:, :1], self.parent.shape)
        loss = np.zeros_like(lost)
        for _ in range(int(self.hops.max())):
            loss += lost.take(at + self._places[:, :1]) * ((at != 0) & self.joined)
            at = self.parent.take(at + self._places[:, :1])
        return loss


_STATE = (
    "fade", "shade", "parent", "hops", "behind", "delivery", "rssi_dbm", "link_pct",
    "joined", "killed", "used", "charge", "path_changes",
)  # fmt: skip


def _floor(nodes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the nodes are, metres along and across the corridor."""
    rooms = np.arange(nodes - 1)
    along = np.concatenate(([-GATEWAY_M], (rooms // 2) * BAY_M))
    across = np.concatenate(([0.0], np.where(rooms % 2, AISLE_M, -AISLE_M)))
    return along, across
