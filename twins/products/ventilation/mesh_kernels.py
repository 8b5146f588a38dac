"""Paths, links and batteries of the wireless nodes of each unit, one unit after another.

Node 0 of a unit is its gateway. Columns have shape ``(n, nodes)``. ``S..`` and ``M:..`` are sources
listed in README.md.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]

DELIVERY_BEST, DELIVERY_85DBM, DELIVERY_SLOPE_DB = 0.97, 0.95, 1.5
"""Delivery per transmission: logistic in RSSI, 95 % at -85 dBm, falling fast below (S25); others in
the band cost 3 % on the best link (estimate)."""
_MIDDLE_DBM = -85.0 - DELIVERY_SLOPE_DB * math.log(
    (DELIVERY_85DBM / DELIVERY_BEST) / (1.0 - DELIVERY_85DBM / DELIVERY_BEST)
)
DELIVERY_LEAST = 0.5
"""A worse link is not used."""
_LEAST_DBM = _MIDDLE_DBM - DELIVERY_SLOPE_DB * math.log(DELIVERY_BEST / DELIVERY_LEAST - 1.0)
RETRIES = 12.0
"""Transmissions of a packet over one link before it is given up (TSCH keeps trying, S25)."""
STICKY_ETX = 0.15
"""How much better another path must be. Below one transmission: then no ring of nodes can form."""
FADE_DB = 3.5
"""Spread of what doors, people and furniture do around a node (estimate)."""
PACE_1_H, PACE_SPREAD, CALM_NIGHT = 0.02, 2.2, 0.3
"""How fast that changes: median per hour, log-spread between days, at night. Quiet for days, then a
hundred paths in one: median 26 path changes a day of 21 nodes, p90 89, max 408 (M:peach)."""
SENDS_1_H = 240.0
"""Transmissions an hour of a node, keep-alives included (estimate)."""
LEAF_LIFE_H, RELAY_SHARE = 16.8 * 8766.0, 0.12
"""A node that relays nobody lasts 16.8 years, relays down to 5.0 (S25): so much more per node
behind it (derived)."""


class Radio(NamedTuple):
    """All nodes."""

    links_dbm: Floats
    """Signal between any two nodes of a unit without fading, shape ``(n, nodes, nodes)``."""
    fade: Columns
    shade: Columns
    """Loss by what stands before a node, dB."""
    parent: NDArray[np.int64]
    hops: Columns
    behind: Columns
    """Nodes whose path leads over this one."""
    delivery: Columns
    """Of one transmission to the parent; 0 where the link is not usable."""
    rssi_dbm: Columns
    link_pct: Columns
    """What a node counted itself in the last hour."""
    loss: Columns
    """Chance that a packet is lost on its way to the gateway."""
    joined: Flags
    alive: Flags
    killed: Flags
    used: Columns
    """Charge that is gone."""
    charge: Columns
    """Of new cells, over the usual."""
    path_changes: Columns
    """Of a unit so far, shape ``(n,)``."""
    single: Columns
    """Nodes of a unit that one other node's death would cut off, shape ``(n,)``."""


@compiled
def delivery_at(rssi_dbm: float) -> float:
    """Share of transmissions that arrive."""
    return DELIVERY_BEST / (1.0 + math.exp((_MIDDLE_DBM - rssi_dbm) / DELIVERY_SLOPE_DB))


@compiled
def hear(radio: Radio, u: int, dbm: Columns) -> None:
    """Signal of each link of a unit, shape ``(nodes, nodes)``; -infinity where it is not usable."""
    nodes = len(dbm)
    links_dbm, fade, shade = radio.links_dbm[u], radio.fade[u], radio.shade[u]
    for i in range(nodes):
        dbm[i, i] = -math.inf
        around_dbm, alive = fade[i] - shade[i], radio.alive[u, i]
        for j in range(i):
            rssi_dbm = links_dbm[i, j] + around_dbm + fade[j] - shade[j]
            good = alive & radio.alive[u, j] & (rssi_dbm >= _LEAST_DBM)
            dbm[i, j] = rssi_dbm if good else -math.inf
        for j in range(i):
            dbm[j, i] = dbm[i, j]


@compiled
def find_costs(dbm: Columns, cost: Columns, over: NDArray[np.int64]) -> None:
    """Expected transmissions of the best path to the gateway (Dijkstra 1959).

    What a link takes is worked out only where the best link there is would make a path better.

    Args:
        dbm: Signal of each link: see :func:`hear`.
        cost: Where to write the paths', shape ``(nodes,)``.
        over: Where to write over which node they lead, shape ``(nodes,)``.
    """
    nodes = len(cost)
    ahead = np.empty(nodes)  # costs of what is not known yet, infinite for what is
    for i in range(nodes):
        cost[i], over[i], ahead[i] = math.inf, 0, math.inf
    cost[0] = least = 0.0
    nearest = 0
    while least < math.inf:
        farthest, beyond = 0.0, least + 1.0 / DELIVERY_BEST
        for i in range(nodes):
            if beyond < cost[i] and dbm[nearest, i] > -math.inf:
                etx = 1.0 / delivery_at(dbm[nearest, i])
                if least + etx < cost[i]:
                    cost[i], over[i] = least + etx, nearest
                    ahead[i] = least + etx
            farthest = max(farthest, cost[i])
        ahead[nearest], least = math.inf, math.inf
        for i in range(nodes):
            if ahead[i] < least:
                nearest, least = i, ahead[i]
        if least + 1.0 / DELIVERY_BEST >= farthest:
            break  # what is left makes no path better


@compiled
def walk(radio: Radio, u: int) -> None:
    """Walk every path of a unit to the gateway: hops, losses, nodes behind each node."""
    nodes = radio.parent.shape[1]
    lost = np.empty(nodes)
    for i in range(nodes):
        radio.behind[u, i], lost[i] = 0.0, (1.0 - radio.delivery[u, i]) ** RETRIES
    for i in range(nodes):
        hops, loss, at = 0.0, 0.0, i
        while at != 0 and radio.joined[u, i] and hops < nodes:
            hops += 1.0
            loss += lost[at]
            at = radio.parent[u, at]
            radio.behind[u, at] += 1.0
        radio.hops[u, i], radio.loss[u, i] = hops, loss


@compiled
def all_double(dbm: Columns) -> bool:
    """Whether each node hears the gateway or two nodes that do, which is so nearly always."""
    nodes = len(dbm)
    for i in range(1, nodes):
        ways = 2 if dbm[0, i] > -math.inf else 0
        for j in range(1, nodes):
            ways += dbm[i, j] > -math.inf and dbm[0, j] > -math.inf
        if ways < 2:
            return False
    return True


@compiled
def count_single(dbm: Columns) -> float:
    """How many nodes have but one way to the gateway: no two paths without a node in common.

    A node is cut off by the death of another if that one is an articulation point between it and
    the root of a depth-first search (Hopcroft & Tarjan 1973, CACM 16(6)). Who hears the gateway
    itself needs nobody.

    Args:
        dbm: Signal of each link: see :func:`hear`. The gateway is 0.
    """
    nodes = len(dbm)
    if all_double(dbm):
        return 0.0
    seen, low = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
    above, order = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
    reached, at, tried = 1, 0, np.zeros(nodes, dtype=np.int64)
    seen[0] = low[0] = 1
    while True:
        if tried[at] < nodes:
            other = tried[at]
            tried[at] += 1
            if dbm[at, other] == -math.inf:
                continue
            if seen[other] == 0:
                order[reached] = other
                reached += 1
                seen[other] = low[other] = reached
                above[other], at = at, other
            elif other != above[at]:
                low[at] = min(low[at], seen[other])
        elif at == 0:
            break
        else:
            low[above[at]] = min(low[above[at]], low[at])
            at = above[at]
    cut, single = np.zeros(nodes, dtype=np.bool_), 0.0
    for place in range(1, reached):
        node = order[place]
        over = above[node]
        cut[node] = over != 0 and (cut[over] or low[node] >= seen[over])
        single += cut[node]
    return single


@compiled
def find_paths(radio: Radio, first: int, stop: int) -> None:
    """Parents by least expected transmissions (ETX).

    A node keeps its own unless another is better by STICKY_ETX.

    Args:
        radio: All nodes.
        first: The first unit to look at.
        stop: The unit after the last.
    """
    nodes = radio.parent.shape[1]
    dbm, cost = np.empty((nodes, nodes)), np.empty(nodes)
    over = np.empty(nodes, dtype=np.int64)
    for u in range(first, stop):
        for i in range(nodes):
            radio.alive[u, i] = radio.used[u, i] < 1.0 and not radio.killed[u, i]
        hear(radio, u, dbm)
        find_costs(dbm, cost, over)
        radio.single[u] = count_single(dbm)
        for i in range(nodes):
            joined, parent = cost[i] < math.inf, radio.parent[u, i]
            if not joined:
                parent = 0
            elif i > 0 and parent != over[i]:
                usable = dbm[parent, i] > -math.inf
                etx = 1.0 / delivery_at(dbm[parent, i]) if usable else math.inf
                if etx + cost[parent] > cost[i] + STICKY_ETX:
                    parent = over[i]
            if parent != radio.parent[u, i] and radio.alive[u, i]:
                radio.path_changes[u] += 1.0
            radio.parent[u, i], radio.joined[u, i] = parent, joined
            rssi_dbm = radio.links_dbm[u, i, parent] + radio.fade[u, i] - radio.shade[u, i]
            rssi_dbm += radio.fade[u, parent] - radio.shade[u, parent]
            radio.rssi_dbm[u, i] = rssi_dbm
            usable = i == 0 or dbm[parent, i] > -math.inf
            radio.delivery[u, i] = delivery_at(rssi_dbm) if usable else 0.0
        walk(radio, u)


@compiled
def pass_hour(radio: Radio, paces: Floats, draws: Floats, busy: float) -> None:
    """An hour: fading, cells, paths, and what nodes count of their links.

    Args:
        radio: All nodes.
        paces: Standard normal draws of the day, shape ``(1, n)``.
        draws: Standard normal draws of the hour, shape ``(2 nodes, n)``.
        busy: How fast fading goes at this time of day, over its pace by day.
    """
    n, nodes = radio.parent.shape
    for u in range(n):
        memory = math.exp(-PACE_1_H * busy * math.exp(PACE_SPREAD * float(paces[0, u])))
        push = FADE_DB * math.sqrt(1.0 - memory * memory)
        for i in range(nodes):
            radio.fade[u, i] = memory * radio.fade[u, i] + push * float(draws[i, u])
            if i > 0:
                drawn = 1.0 + RELAY_SHARE * radio.behind[u, i]
                radio.used[u, i] += drawn / (LEAF_LIFE_H * radio.charge[u, i])
    find_paths(radio, 0, n)
    for u in range(n):
        for i in range(nodes):
            delivery = radio.delivery[u, i]
            seen = math.sqrt(delivery * (1.0 - delivery) / SENDS_1_H) * float(draws[nodes + i, u])
            radio.link_pct[u, i] = 100.0 * min(max(delivery + seen, 0.0), 1.0)


@compiled
def tell_volts(used: Columns, volts: Columns) -> None:
    """Voltage of two AA lithium cells, flat, then a fall, by the share that is used up."""
    for u in range(used.shape[0]):
        for i in range(used.shape[1]):
            gone = min(used[u, i], 1.0)
            steep = gone * gone
            steep *= steep
            steep *= steep
            volts[u, i] = steep * -0.55 - 0.35 * gone + 3.2
