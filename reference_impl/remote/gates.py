"""When a machine may be touched: its maintenance window, and what its telemetry must not say (FW8).

Windows are in the time of the machine's location. A condition is CEL over windows of readings, as
in a rule pack; where there is no reading nobody knows, and what is not known forbids.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isnan
from typing import Any
from zoneinfo import ZoneInfo

from reference_impl.kernel.bodies import unknown_name
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.expressions import Expression, compiled
from reference_impl.kernel.ports import Reduced, Take, TelemetryView

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


def closes_ms(hours: str, days: Collection[str], at_ms: int, zone: str) -> int | None:
    """When a maintenance window that is open now closes; None while it is closed.

    Args:
        hours: ``22:00-05:00``; it may cross midnight, and is all day where both are the same.
        days: Days on which it begins.
        at_ms: Now, ms since 1970 UTC.
        zone: IANA name of the time zone of the location.
    """
    found = _HOURS.fullmatch(hours)
    assert found is not None, "the body was checked by the same pattern"
    from_h, from_min, to_h, to_min = map(int, found.groups())
    now = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    for back in (0, 1):
        day = now - timedelta(days=back)
        if DAYS[day.weekday()] not in days:
            continue
        begins = day.replace(hour=from_h, minute=from_min, second=0, microsecond=0)
        ends = day.replace(hour=to_h, minute=to_min, second=0, microsecond=0)
        if ends <= begins:
            ends += timedelta(days=1)
        if begins <= now < ends:
            return round(ends.timestamp() * 1000)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the telemetry of a machine says, or does not."""

    title: str
    names: tuple[str, ...]
    wanted: tuple[Reduced, ...]
    when: Expression

    def holds(self, telemetry: TelemetryView, thing: str, at_ms: int) -> bool | None:
        """Whether it holds at a time; None where the readings do not say."""
        found = telemetry.windows([thing], self.wanted, ends_ms=[at_ms])
        values = dict(zip(self.names, found.values[:, 0, 0].tolist(), strict=True))
        return None if any(isnan(value) for value in values.values()) else self.when.holds(values)


def read_condition(
    body: Mapping[str, Any], signals: Collection[str], *, where: str
) -> tuple[Condition | None, list[Problem]]:
    """A condition from ``{"title", "let": {name: {signal, take, over_s}}, "when"}``.

    Returns:
        The condition (None if it cannot be used), and everything that is wrong with it.
    """
    problems = []
    for name, entry in sorted(body["let"].items()):
        if entry["signal"] not in signals:
            what = unknown_name(entry["signal"], signals)
            allowed = ", ".join(sorted(signals)) or "there is none"
            problems.append(Problem(where=f"{where}.let.{name}.signal", what=what, allowed=allowed))
    when, wrong = compiled(body["when"], body["let"], where=f"{where}.when")
    if problems or wrong or when is None:
        return None, [*problems, *wrong]
    names = tuple(sorted(body["let"]))
    wanted = tuple(
        Reduced(e["signal"], Take(e["take"]), round(e["over_s"] * 1000))
        for e in (body["let"][name] for name in names)
    )
    return Condition(title=body["title"], names=names, wanted=wanted, when=when), []


def read_conditions(
    bodies: Sequence[Mapping[str, Any]], signals: Collection[str], *, where: str
) -> tuple[list[Condition], list[Problem]]:
    """Several of them, and everything that is wrong with any."""
    found, problems = [], []
    for number, body in enumerate(bodies):
        condition, wrong = read_condition(body, signals, where=f"{where}[{number}]")
        problems += wrong
        if condition is not None:
            found.append(condition)
    return found, problems


def forbidden(
    conditions: Sequence[Condition], telemetry: TelemetryView, thing: str, at_ms: int
) -> str:
    """What forbids to touch a machine now; empty if nothing does."""
    for condition in conditions:
        holds = condition.holds(telemetry, thing, at_ms)
        if holds is None:
            return f"nobody knows whether: {condition.title}"
        if holds:
            return condition.title
    return ""
