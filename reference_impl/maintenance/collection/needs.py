"""Which containers are worth a stop this morning, and why (rules B1 to B4 and B12 of domain 6.3).

Urgent and overflowing ones must be served, and those of which a citizen has said so. Ready ones,
silent ones and those that may be full before the next route have a prize: what an overflow costs
times its chance. Cleaning goes with a stop: by use and odour, not by the month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from reference_impl.kernel.ports import Floats, Reduced, Take, TelemetryView
from reference_impl.maintenance.collection.ports import Fills
from reference_impl.maintenance.travel import Place

H_MS = 3_600_000
DAY_MS = 24 * H_MS
HEARD_MS = 24 * H_MS
"""Who was silent for longer is not believed any more (rule B12)."""
OVERFLOW, DIRTY = "overflow", "dirty"
FIXES_MS = 7 * DAY_MS
"""A place is the mean of the fixes of so long."""
LAST_MS = 30 * DAY_MS
"""Counters and places may be so old."""


class Want(NamedTuple):
    """A container that somebody should drive to."""

    thing: str
    must: bool
    why: tuple[str, ...]
    """Rules, ``predicted``, ``report`` or ``cleaning``."""
    worth_eur: float
    level: float
    """Share of full; what is taken for it where nobody knows."""
    full_risk: float
    tasks: tuple[str, ...]


class Seen(NamedTuple):
    """What telemetry says of the containers of a collection, in the order of ``things``."""

    things: tuple[str, ...]
    level: Floats
    """Share of full now; NaN: nobody knows."""
    risk: Floats
    """Chance to be full before the next route; NaN: nobody knows."""
    odour: Floats
    used: Floats
    """NaN: no such counter."""


def look(
    conn: sa.Connection, fills: Fills, telemetry: TelemetryView, body: Mapping[str, Any],
    things: Sequence[str], *, at_ms: int, horizon_h: float,
) -> Seen:  # fmt: skip
    """Read what is known of the containers."""
    levels, risk = fills(
        conn, things, body["fill_signal"], full=body["full_at"], at_ms=at_ms, heard_ms=HEARD_MS,
        within_h=horizon_h,
    )  # fmt: skip
    clean = body["cleaning"] or {}
    return Seen(
        tuple(things),
        levels,
        risk,
        newest(telemetry, clean.get("odour_signal", ""), things, at_ms, over_ms=HEARD_MS),
        newest(telemetry, clean.get("use_signal", ""), things, at_ms),
    )


def newest(
    telemetry: TelemetryView, signal: str, things: Sequence[str], at_ms: int, *,
    over_ms: int = LAST_MS,
) -> Floats:  # fmt: skip
    """The last reading of a signal of each, shape ``(things,)``; NaN without one."""
    if not signal:
        return np.full(len(things), np.nan)
    kind = [Reduced(signal, Take.LAST, over_ms)]
    return np.asarray(telemetry.windows(things, kind, ends_ms=[at_ms]).values[0, 0])


def places_of(
    telemetry: TelemetryView, body: Mapping[str, Any], things: Sequence[str], at_ms: int
) -> dict[str, Place]:
    """Where they stand: as surveyed, else the mean of the fixes of a week."""
    kinds = [
        Reduced(body[name], Take.MEAN, FIXES_MS) for name in ("latitude_signal", "longitude_signal")
    ]
    found: dict[str, Place] = {}
    unknown = [thing for thing in things if thing not in body["places"]]
    if unknown:
        fixes = telemetry.windows(unknown, kinds, ends_ms=[at_ms]).values[:, 0]
        for thing, (north, east) in zip(unknown, fixes.T.tolist(), strict=True):
            if isfinite(north) and isfinite(east):
                # five decimals are a metre: what lies below is noise of the mean
                found[thing] = Place(
                    id=thing, latitude_deg=round(north, 5), longitude_deg=round(east, 5)
                )
    for thing, said in body["places"].items():
        found[thing] = Place(id=thing, **said)
    return found


def wants(
    body: Mapping[str, Any],
    seen: Seen,
    *,
    alerts: Mapping[str, frozenset[str]],
    reported: Mapping[str, frozenset[str]],
    care: Mapping[str, Mapping[str, Any]],
    at_ms: int,
) -> list[Want]:
    """Who is worth a stop, in the order of the containers.

    Args:
        body: The collection.
        seen: What telemetry says.
        alerts: Rules whose condition holds, by thing.
        reported: By thing, what citizens complain of: ``overflow``, ``dirty``, ``damaged``.
        care: By thing when it was last cleaned (``cleaned_ms``) and its counter then (``used``).
        at_ms: Now.
    """
    must_rules, ready_rules = frozenset(body["must_rules"]), frozenset(body["ready_rules"])
    found = []
    for number, thing in enumerate(seen.things):
        rules = alerts.get(thing, frozenset())
        level, risk = float(seen.level[number]), float(seen.risk[number])
        urgent = sorted(rules & must_rules)
        ready = sorted(rules & ready_rules)
        told = reported.get(thing, frozenset())
        cleans = DIRTY in told
        cleans |= _to_clean(body["cleaning"], seen, number, care.get(thing, {}), at_ms)
        predicted = isfinite(risk) and risk > body["full_risk"]
        why = [*urgent, *ready]
        why += ["report"] if told & {OVERFLOW, DIRTY} else []
        why += ["predicted"] if predicted else []
        why += ["cleaning"] if cleans else []
        if not why:
            continue
        worth = body["ready_eur"] if ready or cleans else 0.0
        worth = max(worth, body["overflow_eur"] * risk if predicted else 0.0)
        found.append(
            Want(
                thing, bool(urgent) or OVERFLOW in told, tuple(why), worth,
                level if isfinite(level) else 1.0, risk if isfinite(risk) else 1.0,
                ("empty", "clean") if cleans else ("empty",),
            )
        )  # fmt: skip
    return found


def _to_clean(
    clean: Mapping[str, Any] | None, seen: Seen, number: int, care: Mapping[str, Any], at_ms: int
) -> bool:
    if not clean:
        return False
    if seen.odour[number] >= clean["odour_from"]:
        return True
    since_ms = care.get("cleaned_ms", 0)
    used = float(seen.used[number]) - care.get("used", 0.0)
    return bool(used >= clean["use_from"]) or bool(at_ms - since_ms >= clean["days_max"] * DAY_MS)
