"""What pages show of alerts and machines: the portal's overview, the control room, the lists.

Everything is computed from the same rows that the API shows. What changes seldom (machines, worst
severities) is kept until it does, so that a list of ten thousand machines is read in milliseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from reference_impl.kernel.access import current, seen, seen_of_things
from reference_impl.kernel.ports import Directory, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection
from reference_impl.rules.actions import Task
from reference_impl.rules.domain import Phase, Severity
from reference_impl.rules.service import Rules

SILENT_MS = 1_800_000
"""A thing that reported nothing for so long is offline, unless its model says otherwise."""
REPORTS_EVERY_S = "reports_every_s"
"""The constant of a model with the interval that its things report in (Q7); three are let pass."""
RANKS = {severity.value: rank for rank, severity in enumerate(Severity)}
WORKING, STANDBY, ERROR = "working", "standby", "error"
OPERATING = (WORKING, STANDBY, ERROR)
ONLINE, OFFLINE = "online", "offline"


class PresenceView(Protocol):
    """Whether things are connected."""

    def newest_ms(self) -> Mapping[str, int]:
        """The time of the newest report of each thing that ever reported."""
        ...

    def is_online(self, thing: str, *, at_ms: int, silent_ms: int) -> bool:
        """Whether a thing reported lately, and not before it was said to be lost."""
        ...


Contracts = Callable[[Connection], Sequence[Row]]
"""All contracts: ``things``, ``start_ms`` and, where there is an end, ``end_ms``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of machines shall have; None: anything."""

    search: str = ""
    connection: str | None = None
    operating: str | None = None
    failures: bool | None = None
    contract: bool | None = None
    customer: str | None = None
    site: str | None = None
    model: str | None = None


class _Known(NamedTuple):
    """What is kept until alerts, rules or the registry change."""

    refs: Sequence[ThingRef]
    changes: int
    texts: Sequence[str]
    ids: Sequence[str]
    alerts: Sequence[Row]
    worst: Mapping[str, str]
    failures: Mapping[str, int]
    working: frozenset[str]
    silent_ms: Mapping[str, int]


class Views:
    """View models of pages."""

    def __init__(
        self, *, rules: Rules, directory: Directory, presence: PresenceView, contracts: Contracts
    ) -> None:
        self.rules, self._directory = rules, directory
        self._presence, self._contracts = presence, contracts
        self._kept: _Known | None = None

    def _known(self, conn: Connection) -> _Known:
        refs, changes = self._directory.things(conn), self.rules.changes
        if self._kept is not None and (self._kept.refs, self._kept.changes) == (refs, changes):
            return self._kept
        alerts = self.rules.open_alerts(conn)
        worst: dict[str, str] = {}
        failures: Counter[str] = Counter()
        for row in alerts:
            if row["state"] == Phase.SHELVED:
                continue  # silenced: it stands in the list, and colours nothing
            before = worst.get(row["thing"], row["severity"])
            worst[row["thing"]] = min(before, row["severity"], key=RANKS.__getitem__)
            failures[row["thing"]] += row["severity"] == Severity.FAILURE
        silent = {}
        for model in {ref.model for ref in refs}:
            every_s = self._directory.constants(conn, model).get(REPORTS_EVERY_S)
            silent[model] = SILENT_MS if every_s is None else round(every_s * 3000)
        self._kept = _Known(
            refs=refs,
            changes=changes,
            texts=[f"{r.thing}\n{r.title}\n{r.site}\n{r.customer}".lower() for r in refs],
            ids=[r.thing for r in refs],
            alerts=alerts,
            worst=worst,
            failures=failures,
            working=frozenset(self.rules.working(conn)),
            silent_ms=silent,
        )
        return self._kept

    def things(self, conn: Connection) -> Mapping[str, int]:
        """How many things each model has."""
        return Counter(ref.model for ref in self._directory.things(conn))

    # Machines --------------------------------------------------------------------------------

    def machines(
        self, conn: Connection, filters: Filters, *, at_ms: int, after: str, limit: int
    ) -> Row:
        """One page of machines that fit, by id, and how many fit at all (FS2)."""
        known = self._known(conn)
        served = self._under_contract(conn, at_ms)
        fitting = list(range(len(known.refs)))
        for check in self._checks(known, filters, served, at_ms):
            fitting = [number for number in fitting if check(number, known.refs[number])]
        begin = 0
        if after:
            ids = [known.ids[number] for number in fitting]
            begin = bisect_right(ids, after)
        shown = fitting[begin : begin + limit]
        rows = [self._machine(known, known.refs[n], served, at_ms) for n in shown]
        more = begin + limit < len(fitting)
        return {
            "items": rows,
            "next": rows[-1]["thing"] if more and rows else None,
            "total": len(fitting),
        }

    def _checks(
        self, known: _Known, filters: Filters, served: frozenset[str], at_ms: int
    ) -> list[Callable[[int, ThingRef], bool]]:
        """A test for each filter that says something; a machine is listed if it passes all."""
        found: list[Callable[[int, ThingRef], bool]] = []
        f, things, search = filters, current().things, filters.search.lower()
        if things is not None:
            found.append(lambda _, ref: ref.thing in things)
        if f.customer is not None:
            found.append(lambda _, ref: ref.customer == f.customer)
        if f.site is not None:
            found.append(lambda _, ref: ref.site == f.site)
        if f.model is not None:
            found.append(lambda _, ref: ref.model == f.model)
        if search:
            found.append(lambda number, _: search in known.texts[number])
        if f.contract is not None:
            found.append(lambda _, ref: (ref.thing in served) is f.contract)
        if f.failures is not None:
            found.append(lambda _, ref: bool(known.failures.get(ref.thing)) is f.failures)
        if f.operating is not None:
            found.append(lambda _, ref: _operating(known, ref.thing) == f.operating)
        if f.connection is not None:
            found.append(lambda _, ref: self._connection(known, ref, at_ms) == f.connection)
        return found

    def _connection(self, known: _Known, ref: ThingRef, at_ms: int) -> str:
        silent_ms = known.silent_ms[ref.model]
        online = self._presence.is_online(ref.thing, at_ms=at_ms, silent_ms=silent_ms)
        return ONLINE if online else OFFLINE

    def _under_contract(self, conn: Connection, at_ms: int) -> frozenset[str]:
        """Things with a contract that has begun and has not ended."""
        return frozenset(
            thing
            for row in self._contracts(conn)
            if row["start_ms"] <= at_ms < (row.get("end_ms") or at_ms + 1)
            for thing in row["things"]
        )

    def _machine(self, known: _Known, ref: ThingRef, served: frozenset[str], at_ms: int) -> Row:
        return {
            "thing": ref.thing,
            "title": ref.title,
            "site": ref.site,
            "customer": ref.customer,
            "model": ref.model,
            "connection": self._connection(known, ref, at_ms),
            "last_report_ms": self._presence.newest_ms().get(ref.thing),
            "operating": _operating(known, ref.thing),
            "failures": known.failures.get(ref.thing, 0),
            "worst": known.worst.get(ref.thing),
            "contract": ref.thing in served,
        }

    # Overviews -------------------------------------------------------------------------------

    def overview(self, conn: Connection, *, customer: str | None, at_ms: int) -> Row:
        """A customer's portal: active alerts and the list of machines, with counts (DS1)."""
        known = self._known(conn)
        titles = {ref.thing: ref.title or ref.thing for ref in known.refs}
        alerts = [
            {
                "alert": row["id"],
                "thing": row["thing"],
                "machine": titles.get(row["thing"], row["thing"]),
                "location": row["site"],
                "title": row["why"],
                "severity": row["severity"],
                "duration_ms": at_ms - row["started_ms"],
            }
            for row in self._seen(known.alerts)
            if row["state"] != Phase.SHELVED and customer in (None, row["customer"])
        ]
        machines = self.machines(
            conn, Filters(customer=customer), at_ms=at_ms, after="", limit=len(known.refs) or 1
        )["items"]
        counts = Counter(row["connection"] for row in machines)
        counts.update(row["operating"] for row in machines)
        return {
            "at_ms": at_ms,
            "alerts": sorted(alerts, key=lambda a: (RANKS[a["severity"]], a["alert"])),
            "machines": machines,
            "counts": {name: counts[name] for name in (ONLINE, OFFLINE, *OPERATING)},
        }

    def control_room(self, conn: Connection, *, at_ms: int) -> Row:
        """Active alerts of all machines in responsibility, and a marker for each machine (FS1)."""
        known = self._known(conn)
        alerts = [
            {
                "alert": row["id"],
                "state": row["state"],
                "customer": row["customer"],
                "thing": row["thing"],
                "site": row["site"],
                "rule": row["rule"],
                "title": row["why"],
                "severity": row["severity"],
                "duration_ms": at_ms - row["started_ms"],
                "taken_by": row["taken_by"],
                "to_takeover_ms": (row["taken_ms"] or at_ms) - row["raised_ms"],
            }
            for row in self._seen(known.alerts)
        ]
        things = current().things
        markers = [
            {"thing": r.thing, "site": r.site, "customer": r.customer,
             "worst": known.worst.get(r.thing)}
            for r in known.refs
            if things is None or r.thing in things
        ]  # fmt: skip
        by_severity = Counter(a["severity"] for a in alerts if a["state"] != Phase.SHELVED)
        return {
            "at_ms": at_ms,
            "alerts": sorted(alerts, key=lambda a: (RANKS[a["severity"]], a["alert"])),
            "markers": markers,
            "counts": {severity: by_severity[severity] for severity in RANKS},
        }

    def customers(self, conn: Connection, *, search: str, at_ms: int) -> list[Row]:
        """Customers with how many machines they have, and how these are (FS2)."""
        whole = self.machines(
            conn, Filters(), at_ms=at_ms, after="", limit=len(self._known(conn).refs) or 1
        )["items"]
        found: dict[str, Row] = {}
        for row in whole:
            one = found.setdefault(
                row["customer"],
                {"customer": row["customer"], "machines": 0, ONLINE: 0, "failures": 0,
                 "contract": False},
            )  # fmt: skip
            one["machines"] += 1
            one[ONLINE] += row["connection"] == ONLINE
            one["failures"] += row["failures"] > 0
            one["contract"] |= row["contract"]
        rows = [row for name, row in sorted(found.items()) if search.lower() in name.lower()]
        return seen(rows)

    def workload(self, conn: Connection, *, at_ms: int) -> list[Row]:
        """Actions that are to be done, most urgent first (FS2)."""
        todo = self.rules.listed(conn, "actions", state=Task.TODO.value)
        rows = [
            {**row, "overdue": row["due_ms"] < at_ms}
            for row in seen_of_things(todo, at="created_ms")
        ]
        return sorted(rows, key=lambda row: (row["due_ms"], row["id"]))

    @staticmethod
    def _seen(alerts: Sequence[Row]) -> list[Row]:
        return seen_of_things(alerts, at="started_ms")


def _operating(known: _Known, thing: str) -> str:
    if known.failures.get(thing):
        return ERROR
    return WORKING if thing in known.working else STANDBY
