"""Service levels: what is promised to whom, and which promise a machine has (AS3, CC27).

A level names, for each priority, how soon somebody acknowledges, comes and restores; in which
hours that counts; and what makes it wait. It covers customers, contracts and things. The closest
counts: a thing's own before its contract's before its customer's; of two as close, the higher tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec
import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ids import canonical
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance.calendars import Calendar, read_calendar
from reference_impl.maintenance.domain import NEVER_PAUSES, Hold
from reference_impl.maintenance.ports import ContractsOf, MaintenanceRows


class Priority(StrEnum):
    """How much hurry there is, most first."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class Tier(StrEnum):
    """How much is promised, least first (CC27)."""

    STANDARD = "standard"
    EXTENDED = "extended"
    PREMIUM = "premium"


class Begins(StrEnum):
    """When the clocks start."""

    EVENT = "event"
    """When the fault began, as telemetry or whoever reports it says."""
    REPORT = "report"
    """When it was reported."""


class Limit(StrEnum):
    """What is promised within a time."""

    ACKNOWLEDGE = "acknowledge"
    RESPOND = "respond"
    RESTORE = "restore"


SCOPES = ("things", "contracts", "customers")
"""What a level covers, closest first."""
DEFAULT_PRIORITIES: Mapping[str, Priority] = {
    "failure": Priority.P2,
    "major": Priority.P3,
    "minor": Priority.P4,
    "operation": Priority.P4,
    "maintenance": Priority.P4,
}
"""Priority of a fault by the severity of its alert, where a level says nothing (an estimate)."""
OF_TICKETS: Mapping[str, str] = {"high": "failure", "normal": "major", "low": "minor"}
"""A ticket's priority as the severity that it stands for."""
_MINUTE_MS = 60_000


class ServiceLevels:
    """Keeps levels, and says which one a thing has."""

    def __init__(self, *, rows: MaintenanceRows, contracts: ContractsOf) -> None:
        self._rows, self._contracts = rows, contracts

    def listed(self, conn: sa.Connection) -> list[Row]:
        """All levels, by id."""
        return self._rows.service_levels.items(conn)

    def get(self, conn: sa.Connection, level: str) -> Row:
        """One level. Raises Unknown."""
        row = self._rows.service_levels.get(conn, level)
        if row is None:
            what = [Problem(where="service_level", what=level)]
            raise Unknown(f"there is no service level {level!r}", what)
        return row

    def put(self, uow: UnitOfWork, level: str, terms: Mapping[str, Any]) -> Row:
        """Install or amend a level; incidents that run keep the terms that they began with.

        Raises:
            Invalid: With all that is wrong: its calendar, its limits, what may make it wait.
        """
        row = {"id": level, **terms}
        _, problems = read_calendar(
            time_zone=row["time_zone"], hours=row["hours"], holidays=row["holidays"]
        )
        problems += _limits(row["priorities"])
        never = sorted(NEVER_PAUSES & set(row["pause_reasons"]))
        if never:
            allowed = ", ".join(reason for reason in Hold if reason not in NEVER_PAUSES)
            what = f"{', '.join(never)}: the provider's own lack"
            problems.append(Problem(where="pause_reasons", what=what, allowed=allowed))
        if problems:
            raise Invalid(f"the service level {level!r} is refused", problems)
        self._rows.service_levels.put(uow, row)
        return row

    def of_thing(self, conn: sa.Connection, thing: str, customer: str) -> Row | None:
        """The level that a thing has; None: nothing is promised."""
        levels = self.listed(conn)
        contracts: Sequence[str] = ()
        if any(row["covers"]["contracts"] for row in levels):
            contracts = self._contracts(conn, thing)
        names: Mapping[str, Iterable[str]] = {
            "things": (thing,), "contracts": contracts, "customers": (customer,),
        }  # fmt: skip
        for scope in SCOPES:
            found = [row for row in levels if set(names[scope]) & set(row["covers"][scope])]
            if found:
                return max(found, key=lambda row: (list(Tier).index(row["tier"]), row["id"]))
        return None


def _limits(priorities: Mapping[str, Mapping[str, int]]) -> list[Problem]:
    """Limits of one priority follow each other; a higher priority is promised no later."""
    problems = []
    order = list(Limit)
    for name, limits in priorities.items():
        for sooner, later in pairwise(order):
            first, then = limits.get(sooner), limits.get(later)
            if first is not None and then is not None and first > then:
                what = f"{first} min, later than {later} ({then} min)"
                where = f"priorities.{name}.{sooner}_min"
                problems.append(Problem(where=where, what=what, allowed=f"at most {then}"))
    for limit in order:
        promised = [(n, priorities[n][limit]) for n in Priority if limit in priorities.get(n, {})]
        for (higher, soon), (lower, late) in pairwise(promised):
            if soon > late:
                where = f"priorities.{higher}.{limit}_min"
                what = f"{soon} min, later than that of {lower} ({late} min)"
                problems.append(Problem(where=where, what=what, allowed=f"at most {late}"))
    return problems


def priority_of(level: Mapping[str, Any], severity: str) -> Priority:
    """The priority that a level gives a fault by its severity: its tier decides (CC27)."""
    said = level["priority_of"].get(severity)
    return DEFAULT_PRIORITIES.get(severity, Priority.P3) if said is None else Priority(said)


def limit_ms(level: Mapping[str, Any], priority: str, limit: str) -> int | None:
    """How long a limit is, in ms of the level's hours; None: not promised.

    A priority that the level does not name has the limits of the next one with less hurry that it
    does, or else of its last.
    """
    named = sorted(level["priorities"])
    nearest = next((name for name in named if name >= priority), named[-1])
    minutes = level["priorities"][nearest].get(limit)
    return None if minutes is None else int(minutes) * _MINUTE_MS


def calendar_of(level: Mapping[str, Any]) -> Calendar:
    """The calendar of a level that was accepted."""
    return _calendar(canonical([level["time_zone"], level["hours"], level["holidays"]]))


@lru_cache(maxsize=256)
def _calendar(text: bytes) -> Calendar:
    time_zone, hours, holidays = msgspec.json.decode(text)
    calendar, problems = read_calendar(time_zone=time_zone, hours=hours, holidays=holidays)
    assert not problems, "a level is checked before it is kept"
    return calendar
