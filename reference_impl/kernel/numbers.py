"""How numbers leave the DPS."""

from __future__ import annotations

DIGITS = 9


def sig9(value: float) -> float:
    """Round to 9 significant digits, so that the last bits of a sum do not reach a trace hash.

    Infinity and NaN come back as they are; they have no place in a feed event.
    """
    return float(f"{value:.{DIGITS}g}")
