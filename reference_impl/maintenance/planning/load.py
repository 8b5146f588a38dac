"""How much one technician looks after, and how many alerts reach him a day (FS14). Pure.

Benchmark: domain section 4, H21 (alarm management of EEMUA 191 and ISA 18.2): up to 150 alerts a
day can be managed by one person, 300 are too many; more than 10 in 10 min are a flood; what stands
longer than 24 h is stale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

MANAGEABLE_PER_DAY, TOO_MANY_PER_DAY = 150.0, 300.0
FLOOD_ALERTS, FLOOD_MS = 10, 600_000
DAY_MS = 86_400_000


class Grade(StrEnum):
    """How a day's alerts are to be judged."""

    MANAGEABLE = "manageable"
    STRAINED = "strained"
    TOO_MANY = "too_many"
    NOBODY = "nobody"
    """Alerts, and nobody to look at them."""


def load_of(
    alerts: Sequence[Mapping[str, Any]], *, technicians: int, things: int, from_ms: int, to_ms: int
) -> dict[str, Any]:
    """Alerts per technician and day in ``[from_ms, to_ms)``, judged by the benchmark.

    Args:
        alerts: With ``started_ms``, ``cleared_ms`` and ``severity``.
        technicians: How many look after the things.
        things: How many those are.
        from_ms: Begin, ms.
        to_ms: End, ms, after it.

    Returns:
        ``alerts``, ``per_technician_day`` (None without technicians), ``grade``, ``busiest_day``
        (its alerts by technician), ``flood_share`` (of the time cut into 10 min), ``stale``,
        ``severity_share`` and ``things_per_technician``.
    """
    raised = sorted(
        (one for one in alerts if from_ms <= one["started_ms"] < to_ms),
        key=lambda one: one["started_ms"],
    )
    days = (to_ms - from_ms) / DAY_MS
    by_day: dict[int, int] = {}
    by_slot: dict[int, int] = {}
    severities: dict[str, int] = {}
    for one in raised:
        since_ms = one["started_ms"] - from_ms
        by_day[since_ms // DAY_MS] = by_day.get(since_ms // DAY_MS, 0) + 1
        by_slot[since_ms // FLOOD_MS] = by_slot.get(since_ms // FLOOD_MS, 0) + 1
        severities[one["severity"]] = severities.get(one["severity"], 0) + 1
    stale = sum(
        (to_ms if one["cleared_ms"] is None else min(one["cleared_ms"], to_ms)) - one["started_ms"]
        > DAY_MS
        for one in raised
    )
    slots = -(-(to_ms - from_ms) // FLOOD_MS)
    per_day = len(raised) / technicians / days if technicians else None
    busiest = max(by_day.values(), default=0)
    return {
        "alerts": len(raised),
        "technicians": technicians,
        "things": things,
        "things_per_technician": things / technicians if technicians else None,
        "per_technician_day": per_day,
        "busiest_day": busiest / technicians if technicians else None,
        "grade": graded(per_day, len(raised)).value,
        "flood_share": sum(n > FLOOD_ALERTS for n in by_slot.values()) / slots,
        "stale": stale,
        "severity_share": {name: n / len(raised) for name, n in sorted(severities.items())},
    }


def graded(per_day: float | None, alerts: int) -> Grade:
    """The benchmark's word for alerts per technician and day."""
    if per_day is None:
        return Grade.NOBODY if alerts else Grade.MANAGEABLE
    if per_day >= TOO_MANY_PER_DAY:
        return Grade.TOO_MANY
    return Grade.MANAGEABLE if per_day <= MANAGEABLE_PER_DAY else Grade.STRAINED
