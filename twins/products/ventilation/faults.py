"""Faults of a ventilation unit that a scenario may inject; ``product.toml`` names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from twins.core.errors import InvalidFault
from twins.core.twin import Wear

if TYPE_CHECKING:
    from twins.products.ventilation.twin import VentilationTwin

HOUR_MS = 3_600_000
FANS = ("supply_fan", "extract_fan")
SUDDEN_MS = 60_000

Fault = Callable[["VentilationTwin", int, Mapping[str, float], Wear], None]


def filter_loading(
    twin: VentilationTwin, unit: int, params: Mapping[str, float], wear: Wear
) -> None:
    """Dust in the air that the unit draws in, ``factor`` times as much for ``duration`` hours."""
    del wear
    twin.storm(unit, factor=params["factor"], duration_ms=round(params["duration"] * HOUR_MS))


def fan_wear(twin: VentilationTwin, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The rolling elements of a fan (1 supply, 2 extract) begin to wear."""
    del twin
    wear.force(
        unit,
        FANS[round(params["fan"]) - 1],
        onset_ms=round(params["onset"] * HOUR_MS),
        pf_ms=round(params["pf_interval"] * HOUR_MS),
    )


def rotor_stop(twin: VentilationTwin, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The belt of the recovery rotor breaks ``after`` hours."""
    if not twin.has_rotor:
        raise InvalidFault(["a unit with a plate recovery has no rotor that could stop"])
    wear.force(unit, "rotor", onset_ms=round(params["after"] * HOUR_MS), pf_ms=SUDDEN_MS)


def damper_stuck(twin: VentilationTwin, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The damper of one room stays at ``opening_pct`` whatever it is told."""
    del wear
    room = _room(twin, params)
    twin.rooms.stick(unit, room, params["opening_pct"] / 100.0)


def sensor_drift(twin: VentilationTwin, unit: int, params: Mapping[str, float], wear: Wear) -> None:
    """The CO2 sensor of one room drifts by ``ppm_per_day``."""
    del wear
    room = _room(twin, params)
    twin.rooms.drift(unit, room, params["ppm_per_day"] / 86_400.0)


def _room(twin: VentilationTwin, params: Mapping[str, float]) -> int:
    rooms = twin.rooms.persons.shape[1]
    room = params["room"]
    if room != round(room) or room > rooms:
        raise InvalidFault([f"there is no room {room:g}; rooms of this unit: 1 to {rooms}"])
    return round(room) - 1


FAULTS: Mapping[str, Fault] = {
    "sensor_drift": sensor_drift,
    "damper_stuck": damper_stuck,
    "fan_wear": fan_wear,
    "filter_loading": filter_loading,
    "rotor_stop": rotor_stop,
}
