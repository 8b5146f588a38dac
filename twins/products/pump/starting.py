"""Which pump starts when: rests between starts, and the float that asks for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from twins.products.pump.model import Columns
from twins.products.pump.rotation import Whole

if TYPE_CHECKING:
    from twins.products.pump.station import Stations


def float_up(
    made: Stations, at: Whole, k: Whole, lead: Whole, now_s: Columns
) -> tuple[Whole, Whole]:
    """The float starts all that can run as soon as they have rested, told to stop or not."""
    rotation = made.rotation
    made.guards.floated[at] = True
    for spot, (station, now) in enumerate(zip(at.tolist(), now_s.tolist(), strict=True)):
        able, most = int(rotation.able[station]), int(rotation.most[station])
        if k[spot] == 0:
            found = another(made, station, int(lead[spot]), 0, now, most or able)
            if found is None:
                continue
            lead[spot] = found
        while k[spot] < able:
            pump = rotation.order[station, lead[spot], k[spot]]
            rested_s = made.last_start_s[station, pump] + made.rest_s
            if rested_s > now + 1e-6:
                made.wait_s[station], made.held = rested_s, True
                break
            k[spot] += 1
            made.starts[station, pump] += 1.0
            made.last_start_s[station, pump] = now
    made.k[at], made.lead[at] = k, lead
    made.join(at[k > 1])
    return k, lead


def another(  # noqa: PLR0917
    made: Stations, station: int, lead: int, k: int, now_s: float, most: int
) -> int | None:
    """A rested pump to lead instead; or ``None``, and a note when to try again."""
    turns = made.rotation.order[station, lead, :most]
    rested = made.last_start_s[station, turns] + made.rest_s
    rested = np.maximum(rested, made.guards.dry_until_s[station])
    if k == 0:
        for pump, rested_s in zip(turns.tolist(), rested.tolist(), strict=True):
            if rested_s <= now_s + 1e-6:
                return int(pump)
        made.wait_s[station] = float(rested.min())
    else:
        made.wait_s[station] = float(rested[k])
    made.held = True
    return None
