"""How the reports write dates, spans, money and names. One place, so that all faces agree."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def stamp(at_ms: int) -> str:
    """A simulated moment, short: ``Jan 09 14:20`` (UTC)."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%b %d %H:%M")


def long_stamp(at_ms: int) -> str:
    """A simulated moment with its year: ``2026-01-09 14:20`` (UTC)."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def span(length_ms: float) -> str:
    """A length of time in its handiest unit: ``18 d``, ``5 h``, ``12 min``, ``3 s``."""
    size = abs(length_ms)
    for unit_ms, unit in ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (1000, "s")):
        if size >= 2 * unit_ms or unit == "s":
            return f"{length_ms / unit_ms:.0f} {unit}"
    raise AssertionError("the last unit takes everything")


def euros(amount_eur: float) -> str:
    """Money with thousands and cents: ``1,240.50 EUR``."""
    return f"{amount_eur:,.2f} EUR"


def plain(name: str) -> str:
    """An identifier as words: ``oil_leak`` and ``oil-leak`` become ``oil leak``."""
    return name.replace("_", " ").replace("-", " ").replace(".", " ")


def number(value: float) -> str:
    """A number for reading: thousands for counts, four digits for measurements."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4g}"


def count(many: int, what: str) -> str:
    """``1 order``, ``2 orders``."""
    return f"{many:,} {what}" if many == 1 else f"{many:,} {what}s"


def pairs(data: Mapping[str, Any], *, leave_out: tuple[str, ...] = ()) -> str:
    """``a = 1, b = x`` of the plain values in ``data``; numbers at four digits."""
    shown = []
    for key, value in data.items():
        if key in leave_out or value is None or isinstance(value, (dict, list, tuple)):
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        shown.append(f"{key} = {number(value) if is_number else value}")
    return ", ".join(shown)
