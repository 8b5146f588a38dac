"""How numbers stand in what others read."""

from __future__ import annotations


def sig9(value: float) -> float:
    """Round to 9 significant digits, so that the last bits of a computation do not show."""
    return float(f"{value:.9g}")
