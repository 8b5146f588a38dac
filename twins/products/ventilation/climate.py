"""Temperatures of a fleet of units: recovery or mixing box, coils, frost. Columns ``(n,)``."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from twins.products.ventilation import model
from twins.products.ventilation.model import Columns

Recovery = Literal["rotor", "plate", "mixing"]
SUPPLY_SET_C = 20.0
HEAT_K, COOL_K = 32.0, 14.0
"""Lift and drop of the coils at a valve that is fully open (estimate)."""
DEAD_BAND_K = 1.0
"""Between heating and cooling (estimate)."""
COIL_S, EXHAUST_S = 180.0, 300.0
"""Lags of supply and exhaust air temperature (estimate)."""
_LAGS_S = 1.0 / np.array([[COIL_S], [EXHAUST_S]])
CLIMATE_ROWS = 3
"""Rows of what a step gives: speed of the rotor, whether it gives all it has, how much then."""
NIGHT_S = 4 * 3600.0
"""Lag of a standing unit towards the rooms' temperature (estimate)."""
FROST_BELOW_C, FROST_OVER_C, FROST_MIN_S = -3.0, 1.0, 900.0
"""Defrosting of a plate: begins, ends, lasts at least (S20)."""
FROST_1_KS = 1.0 / (8.0 * 3600.0)
"""Ice that doubles the plate's pressure drop grows in 8 h at 1 K below zero (estimate)."""
BEST = {"rotor": 0.80, "plate": 0.78, "mixing": 0.0}
"""Temperature efficiency at design flow (section 1B: 0.82 and 0.78 typical)."""
ROTOR_STANDS = 0.03
"""Share that a wheel which stands still recovers (estimate)."""
FRESH_LEAST = 0.3
"""Smallest opening of the outdoor damper of a mixing box while people are in (estimate)."""


class Climate:
    """Recovery as far as it is needed, then the coils; temperatures by exact steps."""

    def __init__(self, n: int, recovery: Recovery, rows: Columns | None = None) -> None:
        self.recovery = recovery
        self._best = np.full(n, BEST[recovery])
        self._air_c = np.array([[20.0], [10.0]]).repeat(n, axis=1)
        self.supply_c, self.exhaust_c = self._air_c
        self.mixed_c = np.full(n, 15.0)
        self.outdoor_c = np.full(n, 5.0)
        self.heating, self.cooling, self.heating_asked, self.cooling_asked = (
            np.zeros(n) for _ in range(4)
        )
        self.ice, self.defrost_s, self.rotor_slip = (np.zeros(n) for _ in range(3))
        self.rotor_stopped, self.ice_blind = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        self.stuck_valves = np.full((2, n), np.nan)
        self.overlap = np.zeros(n)
        self.opening, self.opening_asked, self.stuck_damper, self.leak = (
            np.zeros(n), np.zeros(n), np.full(n, np.nan), np.full(n, model.MIX_LEAK),
        )  # fmt: skip
        self.fresh = np.ones(n)
        self._odd = self._rotor_odd = False
        self._shut = False
        self.moves = 0
        """Goes up whenever a valve or an outdoor damper may have moved."""
        rows = np.zeros((CLIMATE_ROWS, n)) if rows is None else rows
        self.rotor_rpm, self.full, self.full_efficiency = rows
        self._whole = np.zeros(n, dtype=bool)
        self._scratch = np.zeros((2, n))

    def note(self) -> None:
        """Somebody touched valves or dampers: see whether any is not as it should be.

        What is well everywhere needs no look at each; the figures are the same to the last bit.
        """
        self._odd = bool(
            self.overlap.any()
            or not np.isnan(self.stuck_valves).all()
            or not np.isnan(self.stuck_damper).all()
            or (self.leak > model.MIX_LEAK).any()
        )
        self._shut = False
        self._rotor_odd = bool(self.rotor_stopped.any() or self.rotor_slip.any())

    @property
    def defrosting(self) -> NDArray[np.bool_]:
        """Plates whose recovery is by-passed now."""
        flags: NDArray[np.bool_] = self.defrost_s > 0.0
        return flags

    def dampers(self, on: NDArray[np.bool_], zone_c: Columns, worst_ppm: Columns) -> None:
        """Where the outdoor damper is asked to be, and where it is; before the fans' step.

        A mixing box takes outdoor air as it is cool enough to save heating and cooling, more for
        bad air, none while the unit stands. Without one the damper is open or shut.
        """
        if self.recovery == "mixing":
            gap = zone_c - self.outdoor_c
            lift = np.where(gap > 1.0, (zone_c - SUPPLY_SET_C) / np.maximum(gap, 1.0), 0.0)
            asked = np.maximum(lift, (worst_ppm - 700.0) / 500.0)
            asked = np.minimum(np.maximum(asked, FRESH_LEAST), 1.0)
            self.opening_asked = asked * on
            self.moves += 1
        elif not np.array_equal(on, self.opening_asked):
            self.opening_asked = on.astype(np.float64)
            self.moves += 1
        elif not self._odd:
            return
        self.opening = self.opening_asked
        if self._odd:
            free = np.isnan(self.stuck_damper)
            self.opening = np.where(free, self.opening_asked, self.stuck_damper)
        if self.recovery == "mixing":
            self.fresh = model.outdoor_fraction(self.opening, self.leak)

    def step(
        self, x: Columns, *, on: NDArray[np.bool_], dt_s: float, outdoor_c: Columns, zone_c: Columns
    ) -> None:
        """One step with supply flow ``x`` (share of design, any number where off)."""
        self.outdoor_c = outdoor_c
        gap = zone_c - outdoor_c
        lift = SUPPLY_SET_C - outdoor_c
        towards = self._scratch
        if self.recovery == "mixing":
            moved = (1.0 - self.fresh) * gap
            self.mixed_c = outdoor_c + moved
            towards[1] = zone_c
        else:
            moved = self._recover(x, on, dt_s, gap, lift)
            np.subtract(zone_c, moved, out=towards[1])
        lift -= moved
        moved += outdoor_c
        np.add(moved, self._coils(lift, on), out=towards[0])
        before = None if np.count_nonzero(on) == len(on) else self._air_c.copy()
        pace = np.exp(_LAGS_S * -dt_s)
        self._air_c -= towards
        self._air_c *= pace
        self._air_c += towards
        if before is not None:
            np.copyto(self._air_c, self._creep(before, zone_c, dt_s), where=~on)

    def rest(self, dt_s: float, outdoor_c: Columns, zone_c: Columns) -> None:
        """One step in which no unit runs: temperatures creep, valves shut as far as they can."""
        self.outdoor_c = outdoor_c
        if not self._shut:
            self._coils(np.zeros_like(outdoor_c), np.zeros(len(outdoor_c), dtype=bool))
            self._shut = not self._odd
        self._air_c[...] = self._creep(self._air_c, zone_c, dt_s)
        if self.recovery == "mixing":
            self.mixed_c = outdoor_c + (1.0 - self.fresh) * (zone_c - outdoor_c)
        if self.recovery == "plate":
            self._defrost(dt_s, np.zeros(len(outdoor_c), dtype=bool))

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in (*_STATE, *_ROWS)}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])
        for name in _ROWS:
            getattr(self, name)[...] = state[name]

    def _creep(self, before: Columns, zone_c: Columns, dt_s: float) -> Columns:
        """Towards the rooms, and towards outdoors as far as a damper does not shut."""
        towards = zone_c
        if self._odd:
            leak = np.maximum(self.leak - model.MIX_LEAK, 0.0)
            leak = np.maximum(leak, np.nan_to_num(self.stuck_damper))
            towards = zone_c + leak * (self.outdoor_c - zone_c)
        return model.first_order(before, towards, dt_s=dt_s, tau_s=NIGHT_S)

    def _recover(
        self, x: Columns, on: NDArray[np.bool_], dt_s: float, gap: Columns, lift: Columns
    ) -> Columns:
        """Kelvin that the recovery gives to the supply air, only as many as are needed."""
        best = model.effectiveness(self._best, np.maximum(x, 0.05))
        if self.recovery == "plate":
            turning = np.where(self._defrost(dt_s, on), 0.0, 1.0)
            best *= turning * (1.0 - 0.5 * self.ice)
        elif self._rotor_odd:
            rpm = model.ROTOR_RPM * (1.0 - self.rotor_slip)
            best *= np.where(self.rotor_stopped, ROTOR_STANDS, model.rotor_share(rpm))
        reach = best * gap
        asked: Columns = np.maximum(reach, 1e-6)
        np.divide(lift, asked, out=asked)
        np.copyto(asked, 1.0, where=gap <= 0.0)
        np.maximum(asked, 0.0, out=asked)
        np.minimum(asked, 1.0, out=asked)
        if self.recovery == "rotor":
            np.multiply(asked, model.ROTOR_RPM, out=self.rotor_rpm)
            if self._rotor_odd:
                self.rotor_rpm *= np.where(self.rotor_stopped, 0.0, 1.0 - self.rotor_slip)
        full = self._whole
        np.greater_equal(asked, 1.0, out=full)
        full &= gap > 5.0
        full &= on
        if self.recovery == "plate":
            full &= ~self.defrosting
        self.full[...] = full
        np.multiply(best, full, out=self.full_efficiency)
        asked *= reach
        return asked

    def _coils(self, need: Columns, on: NDArray[np.bool_]) -> Columns:
        """Move the valves; returns Kelvin that the coils give (heating over cooling)."""
        asked = np.empty_like(self._air_c)
        np.divide(need, HEAT_K, out=asked[0])
        np.add(need, DEAD_BAND_K, out=asked[1])
        asked[1] /= -COOL_K
        if self._odd:
            asked = self._fight(asked, need)
        np.maximum(asked, 0.0, out=asked)
        np.minimum(asked, 1.0, out=asked)
        asked *= on
        self._shut = False
        self.moves += 1
        self.heating_asked, self.cooling_asked = self.heating, self.cooling = asked
        if self._odd:
            stuck = ~np.isnan(self.stuck_valves)
            self.heating, self.cooling = np.where(stuck, self.stuck_valves, asked)
        warmer: Columns = HEAT_K * self.heating
        warmer -= COOL_K * self.cooling
        return warmer

    def _fight(self, asked: Columns, need: Columns) -> Columns:
        """A lost dead band opens both valves; a valve works against one that is stuck."""
        asked = np.maximum(asked, 0.0)
        asked += np.stack((self.overlap, self.overlap * (HEAT_K / COOL_K)))
        stuck = ~np.isnan(self.stuck_valves)
        given = np.where(stuck, self.stuck_valves, 0.0)
        other = need - HEAT_K * given[0] + COOL_K * given[1]
        against = np.stack((other / HEAT_K, -other / COOL_K))
        fought: Columns = np.where(stuck[::-1], against, asked)
        return fought

    def _defrost(self, dt_s: float, on: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Ice grows below zero; by-pass from -3 degC on, 15 min at least and up to +1 degC."""
        active = self.defrosting
        left = np.where(active, self.defrost_s - dt_s, 0.0)
        stay = active & ((left > 1e-9) | (self.exhaust_c <= FROST_OVER_C)) & on
        begin = on & ~active & (self.exhaust_c < FROST_BELOW_C) & ~self.ice_blind
        self.defrost_s = np.where(begin, FROST_MIN_S, np.where(stay, np.maximum(left, 1e-6), 0.0))
        grow = FROST_1_KS * np.maximum(-self.exhaust_c, 0.0) * on
        melt = np.where(self.defrosting, 1.0 / FROST_MIN_S, 0.0)
        self.ice = np.minimum(np.maximum(self.ice + (grow - melt) * dt_s, 0.0), 1.0)
        return self.defrosting


_STATE = (
    "mixed_c", "outdoor_c", "heating", "cooling", "heating_asked",
    "cooling_asked", "ice", "defrost_s", "rotor_slip", "rotor_stopped", "ice_blind",
    "stuck_valves", "overlap", "opening", "opening_asked", "stuck_damper", "leak", "fresh",
)  # fmt: skip
_ROWS = ("supply_c", "exhaust_c", "rotor_rpm", "full", "full_efficiency")
