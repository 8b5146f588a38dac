"""What protects pumps by wire: probes, floats and thermistors that need no control and no cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.pump.laws import STATOR_FROM
from twins.products.pump.model import Columns, Heat, Plant

DRY_REST_S = 120.0
"""How long a station rests after its dry-run probe fell dry (estimate)."""
DRY_BACK_M = 0.2
"""So much water over the probe lets the level control start again (estimate)."""
TRIP_C, RESET_C = 140.0, 110.0
"""Winding trip (domain rule P10), and where the thermistor closes again (estimate)."""
LATCH_TRIPS, LATCH_S = 3, 3600.0
"""So many trips within an hour keep the motor off until somebody comes (estimate)."""
WATCH_S = 60.0
"""How closely a motor is watched that may trip (P10: 1 min)."""
_STATE = ("floated", "dry_until_s", "hot", "latched", "trips_s")


class Guards:
    """Columns of shape ``(stations,)`` and ``(stations, pumps)``; seconds as the stations'."""

    def __init__(self, stations: int, pumps: int) -> None:
        shape = stations, pumps
        self.floated = np.zeros(stations, dtype=bool)
        """Stations whose float has started the pumps, until they have emptied the well."""
        self.dry_until_s = np.full(stations, -np.inf)
        self.hot, self.latched = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.trips_s = np.full((LATCH_TRIPS, *shape), -np.inf)
        """When each motor tripped last, the latest first."""

    def standing(self, seal: Columns) -> NDArray[np.bool_]:
        """Pumps that protection keeps off: too hot, latched, or with water in the stator."""
        stands: NDArray[np.bool_] = self.hot | self.latched | (seal >= STATOR_FROM)
        return stands

    def may_trip(
        self,
        motor_c: Columns,
        kw: Columns,
        cooling: Columns,
        *,
        plant: Plant,
        heat: Heat,
        water_c: float,
        span_s: float,
    ) -> bool:
        """Whether any motor could trip or come back within a span, if it ran through it."""
        if self.hot.any():
            return True
        if not cooling.any():
            return False
        end_c = water_c + heat.motor_rise_k / plant.rated_kw * kw * (1.0 + cooling)
        fade = np.exp(-span_s / heat.motor_tau_s)
        return bool((end_c + (motor_c - end_c) * fade >= TRIP_C).any())

    def watch(self, now_s: float, motor_c: Columns) -> NDArray[np.int64]:
        """Trip what is too hot, let go what has cooled; the stations in which that changed."""
        trip = ~self.hot & (motor_c > TRIP_C)
        back = self.hot & (motor_c < RESET_C)
        if not (trip.any() or back.any()):
            return np.zeros(0, dtype=np.int64)
        self.hot = (self.hot | trip) & ~back
        self.trips_s[1:, trip] = self.trips_s[:-1, trip]
        self.trips_s[0, trip] = now_s
        self.latched |= trip & (self.trips_s[-1] > now_s - LATCH_S)
        return np.flatnonzero((trip | back).any(1))

    def stopped(self, stations: NDArray[np.int64], now_s: Columns, dry: NDArray[np.bool_]) -> None:
        """The level stopped these: the control's, or in those that are ``dry`` the probe's.

        Nothing starts again until they have rested.
        """
        self.floated[stations] = False
        fell = dry[stations]
        self.dry_until_s[stations[fell]] = now_s[fell] + DRY_REST_S

    def dry(self, last_start_s: Columns) -> NDArray[np.bool_]:
        """Stations that fell dry and have not started since; ``last_start_s`` by pump."""
        waits: NDArray[np.bool_] = self.dry_until_s - DRY_REST_S > last_start_s.max(1)
        return waits

    def reset(self, station: int, pump: int) -> None:
        """Somebody stands before the panel: a latched motor may start again once it is cool."""
        self.latched[station, pump] = False
        self.trips_s[:, station, pump] = -np.inf

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])
