"""Supervision of rules: are there too many alarms, and which rules make them (H21, Q12, 6.4)?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.store import Connection
from reference_impl.rules.domain import Rule
from reference_impl.rules.service import Rules

YEAR_MS = 365.25 * 86_400_000
REVIEWED_ABOVE = 3.0
"""A rule that fires so many times as often as expected is reviewed (domain 6.4)."""
STALE_MS = 86_400_000
"""An alarm that stands for longer is stale (H21)."""
CHATTER_MS, CHATTER_MIN = 60_000, 3
"""Chattering: so many transitions in a minute (H21)."""
FLOOD_MS, FLOOD_MIN = 600_000, 10
"""A flood: more than so many alarms in ten minutes (H21)."""
PER_DAY_MANY, PER_DAY_TOO_MANY = 150, 300
"""Alarms a day that one can manage, and that are too many (H21)."""


def supervise(
    rules: Rules, conn: Connection, *, things: Mapping[str, int], from_ms: int, to_ms: int
) -> dict[str, Any]:
    """How each rule did in a time, and how the whole did.

    Args:
        rules: The rules.
        conn: To read the record of firings.
        things: How many things each model has.
        from_ms: Begin (exclusive).
        to_ms: End (inclusive).

    Raises:
        Invalid: If the time is empty.
    """
    if to_ms <= from_ms:
        allowed = f"before {to_ms}"
        raise Invalid("no time", [Problem(where="from_ms", what=f"is {from_ms}", allowed=allowed)])
    fired = rules.firings(conn, from_ms, to_ms)
    by_rule: dict[tuple[str, str], list[Any]] = {}
    for row in fired:
        by_rule.setdefault((row.pack, row.rule), []).append(row)
    years = (to_ms - from_ms) / YEAR_MS
    found = [
        _of_rule(
            pack.pack,
            rule,
            by_rule.get((pack.pack, rule.id), []),
            thing_years=things.get(pack.model, 0) * years,
            to_ms=to_ms,
        )
        for pack in rules.installed()
        for rule in pack.rules
    ]
    return {
        "from_ms": from_ms,
        "to_ms": to_ms,
        "rules": found,
        "whole": _whole(fired, from_ms, to_ms),
    }


def _of_rule(
    pack: str, rule: Rule, fired: Sequence[Any], *, thing_years: float, to_ms: int
) -> dict[str, Any]:
    rate = len(fired) / thing_years if thing_years else 0.0
    expected = rule.expected_per_year
    chattering = {
        thing
        for thing in {row.thing for row in fired}
        if chatters([row for row in fired if row.thing == thing])
    }
    standing = [row for row in fired if row.ended_ms is None]
    lasted = [(to_ms if row.ended_ms is None else row.ended_ms) - row.fired_ms for row in fired]
    return {
        "pack": pack,
        "rule": rule.id,
        "owner": rule.owner,
        "purpose": rule.purpose,
        "severity": rule.severity.value,
        "fired": len(fired),
        "per_thing_year": sig9(rate),
        "expected_per_year": expected,
        "review": expected is not None and rate > REVIEWED_ABOVE * expected,
        "chattering": sorted(chattering),
        "stale": sum(ms > STALE_MS for ms in lasted),
        "standing": len(standing),
    }


def chatters(fired: Sequence[Any]) -> bool:
    """Whether three transitions (raised or ended) of one thing lie within a minute."""
    times = sorted(
        at_ms for row in fired for at_ms in (row.fired_ms, row.ended_ms) if at_ms is not None
    )
    later = times[CHATTER_MIN - 1 :]
    return any(last - first < CHATTER_MS for first, last in zip(times, later, strict=False))


def _whole(fired: Sequence[Any], from_ms: int, to_ms: int) -> dict[str, Any]:
    times = [row.fired_ms for row in fired]
    later = times[FLOOD_MIN:]
    floods = sum(last - first < FLOOD_MS for first, last in zip(times, later, strict=False))
    per_day = len(times) / ((to_ms - from_ms) / 86_400_000)
    days = Counter((at_ms - from_ms - 1) // 86_400_000 for at_ms in times)
    load = "manageable" if per_day <= PER_DAY_MANY else "many"
    return {
        "fired": len(times),
        "per_day": sig9(per_day),
        "busiest_day": max(days.values(), default=0),
        "load": "too many" if per_day >= PER_DAY_TOO_MANY else load,
        "in_floods": floods,
    }
