"""Faults of a ventilation unit that a scenario may inject; ``product.toml`` names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twins.core.twin import Wear
from twins.products.ventilation.air import STUCK_PA, Air
from twins.products.ventilation.climate import Climate
from twins.products.ventilation.filters import BYPASS

HOUR_MS = 3_600_000
FANS = ("supply_fan", "extract_fan")
SUDDEN_MS = 60_000


class Units(Protocol):
    """What faults touch of the units of a fleet."""

    air: Air
    climate: Climate

    def storm(self, device: int, *, factor: float, duration_ms: int) -> None:
        """Dust from now on for a while, times ``factor``."""
        ...

    def shift(self, device: int, hours: float) -> None:
        """The unit keeps its hours so much too late."""
        ...

    def alarm(self, device: int, duration_ms: int) -> None:
        """Smoke: the unit stands."""
        ...


Fault = Callable[[Units, int, Mapping[str, float], Wear], None]


def filter_loading(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """Dust in the air that the unit draws in, ``factor`` times as much for ``duration`` hours."""
    del wear
    twin.storm(unit, factor=params["factor"], duration_ms=round(params["duration"] * HOUR_MS))


def filter_unseated(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The filters of a stage (1 supply, 2 extract) leak past their frame from now on."""
    del wear
    twin.air.filters.seat[round(params["stage"]) - 1, unit] = BYPASS


def fan_wear(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The rolling elements of a fan (1 supply, 2 extract) begin to wear."""
    del twin
    _wear_out(unit, FANS[round(params["fan"]) - 1], params, wear)


def imbalance(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """Dirt sits on one side of a wheel, or some fell off."""
    del wear
    twin.air.imbalance_mm_s[round(params["fan"]) - 1, unit] += params["mm_s"]


def belt_slip(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The belt of the supply fan slips more and more, and breaks a P-F interval later."""
    del twin
    _wear_out(unit, "belt", params, wear)


def belt_break(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The belt of the supply fan breaks ``after`` hours."""
    del twin
    wear.force(unit, "belt", onset_ms=round(params["after"] * HOUR_MS), pf_ms=SUDDEN_MS)


def rotor_stop(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The belt of the recovery rotor breaks ``after`` hours."""
    del twin
    wear.force(unit, "rotor", onset_ms=round(params["after"] * HOUR_MS), pf_ms=SUDDEN_MS)


def frost(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """Ice on the plate, and a sensor that does not see it: no more defrosting."""
    del wear
    twin.climate.ice[unit] = params["ice_pct"] / 100.0
    twin.climate.ice_blind[unit] = True


def damper_stuck(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The outdoor damper stays at ``opening_pct`` whatever it is told."""
    del wear
    opening = params["opening_pct"] / 100.0
    twin.climate.stuck_damper[unit] = opening
    if twin.climate.recovery != "mixing":  # all air passes it; a mixing box takes more from inside
        twin.air.damper_pa[unit] = STUCK_PA * (1.0 / max(opening, 0.1) ** 2 - 1.0)


def damper_leak(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The outdoor damper does not close any more: ``leak_pct`` pass when it is shut."""
    del wear
    twin.climate.leak[unit] = params["leak_pct"] / 100.0


def valve_stuck(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The heating (1) or cooling (2) valve stays at ``opening_pct`` whatever it is told."""
    del wear
    twin.climate.stuck_valves[round(params["valve"]) - 1, unit] = params["opening_pct"] / 100.0


def simultaneous_heat_cool(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The control lost its dead band: it heats ``overlap_pct`` more and cools that away."""
    del wear
    twin.climate.overlap[unit] = params["overlap_pct"] / 100.0


def wrong_schedule(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The unit's clock is ``shift`` hours late, so it starts and stops late."""
    del wear
    twin.shift(unit, params["shift"])


def smoke_alarm(twin: Units, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The smoke detector trips: local safety stops the unit for ``duration`` hours."""
    del wear
    twin.alarm(unit, round(params["duration"] * HOUR_MS))


def _wear_out(unit: int, component: str, params: Mapping[str, float], wear: Wear) -> None:
    wear.force(
        unit,
        component,
        onset_ms=round(params["onset"] * HOUR_MS),
        pf_ms=round(params["pf_interval"] * HOUR_MS),
    )


FAULTS: Mapping[str, Fault] = {
    "belt_break": belt_break,
    "belt_slip": belt_slip,
    "damper_leak": damper_leak,
    "damper_stuck": damper_stuck,
    "fan_wear": fan_wear,
    "filter_loading": filter_loading,
    "filter_unseated": filter_unseated,
    "frost": frost,
    "imbalance": imbalance,
    "pollen_burst": filter_loading,
    "rotor_stop": rotor_stop,
    "simultaneous_heat_cool": simultaneous_heat_cool,
    "smoke_alarm": smoke_alarm,
    "valve_stuck": valve_stuck,
    "wrong_schedule": wrong_schedule,
}
