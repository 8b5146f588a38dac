"""What happened: readings by period, comparisons, benchmarks. Pure (AN2, DS8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import fsum, isnan, nan
from typing import Any

import numpy as np

from reference_impl.kernel.counters import steps_of
from reference_impl.kernel.ports import Floats, Times

GAP_FACTOR = 3.0
"""Between readings that are further apart than so many usual distances something is missing."""


class Kpi(StrEnum):
    """How the readings of a period become one number; ``use`` is that of a counter."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    LAST = "last"
    COUNT = "count"
    USE = "use"


def aggregate(
    at_ms: Times, values: Floats, kpi: Kpi, edges_ms: Sequence[int], *, rollover: float = 0.0
) -> list[dict[str, Any]]:
    """A row per period ``[edge, next edge)``: ``from_ms``, ``to_ms``, ``value``, ``readings``.

    A period without readings has the value None (``count``: 0): nothing is filled in. Use counts
    where its later reading stands, so the periods add up to the whole, whatever is missing.
    """
    if kpi is Kpi.USE:
        values = steps_of(at_ms, values, rollover=rollover).use
    places = np.searchsorted(at_ms, np.array(edges_ms, dtype=np.int64), side="left").tolist()
    rows = []
    for number in range(len(edges_ms) - 1):
        inside = values[places[number] : places[number + 1]].tolist()
        value = _reduced(inside, kpi)
        rows.append(
            {
                "from_ms": edges_ms[number],
                "to_ms": edges_ms[number + 1],
                "value": None if isnan(value) else value,
                "readings": len(inside),
            }
        )
    return rows


def _reduced(values: list[float], kpi: Kpi) -> float:
    if kpi is Kpi.COUNT:
        return float(len(values))
    if not values:
        return nan
    if kpi in (Kpi.SUM, Kpi.USE):
        return fsum(values)
    if kpi is Kpi.MEAN:
        return fsum(values) / len(values)
    if kpi is Kpi.LAST:
        return values[-1]
    return min(values) if kpi is Kpi.MIN else max(values)


def compared(now: float | None, before: float | None) -> dict[str, Any]:
    """A period against the one before: both, the difference and its share in percent."""
    if now is None or before is None:
        return {"value": now, "before": before, "change": None, "change_pct": None}
    change = now - before
    share = None if before == 0 else 100.0 * change / abs(before)
    return {"value": now, "before": before, "change": change, "change_pct": share}


def percentile(own: float, others: Sequence[float]) -> float:
    """The share of all things, this one too, that are not above it, in percent (ties half)."""
    below = sum(other < own for other in others)
    equal = sum(other == own for other in others) + 1
    return 100.0 * (below + 0.5 * equal) / (len(others) + 1)


def gaps(at_ms: Times) -> list[Mapping[str, int]]:
    """Stretches in which readings are missing, so that nobody draws a line through them."""
    if at_ms.size < 3:
        return []
    apart = np.diff(at_ms)
    wide = np.flatnonzero(apart > GAP_FACTOR * float(np.median(apart)))
    return [
        {"after_ms": int(at_ms[place]), "before_ms": int(at_ms[place + 1])}
        for place in wide.tolist()
    ]


def band(wear_pct: float | None, tolerance_pct: float) -> str:
    """Status of a part: ``unknown``, ``good``, ``due`` from 100 %, ``overdue`` past tolerance."""
    if wear_pct is None:
        return "unknown"
    if wear_pct < 100.0:
        return "good"
    return "due" if wear_pct < 100.0 + tolerance_pct else "overdue"
