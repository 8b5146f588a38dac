"""Faults of a pump that a scenario may inject; ``product.toml`` names them and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twins.core.twin import Wear

HOUR_MS = 3_600_000

Fault = Callable[[int, Mapping[str, float], Wear], None]


def bearing_wear(pump: int, params: Mapping[str, float], wear: Wear) -> None:
    """Damage of the bearing begins ``onset`` hours from now and runs ``pf_interval`` hours."""
    wear.force(
        pump,
        "bearing",
        onset_ms=round(params["onset"] * HOUR_MS),
        pf_ms=round(params["pf_interval"] * HOUR_MS),
    )


FAULTS: Mapping[str, Fault] = {"bearing_wear": bearing_wear}
