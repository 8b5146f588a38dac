"""Gathers what a period is measured by: readings of whoever stood in a place, and agreements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa

from reference_impl.kernel.errors import Problem
from reference_impl.kernel.expressions import Expression, compiled
from reference_impl.kernel.ports import Bools, Directory, Floats, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.outcomes.contracts import classes as c
from reference_impl.outcomes.contracts import domain as d
from reference_impl.outcomes.contracts.agreement import ContractStep, Terms
from reference_impl.outcomes.contracts.baselines import DAY_MS, Day, Line, Meter, fitted, of_day
from reference_impl.outcomes.contracts.exclusions import Exclusion
from reference_impl.outcomes.contracts.periods import plain
from reference_impl.outcomes.ports import OutcomeRows

_CLAUSES = ("up_when", "degraded_when", "counts_when")
_compiled = lru_cache(maxsize=1024)(compiled)
"""Contracts of a kind share their clauses; the variables are a frozen set."""


class Measuring:
    """Reads what a period depends on, once, into one document."""

    def __init__(
        self, *, rows: OutcomeRows, telemetry: TelemetryView, directory: Directory
    ) -> None:
        self._rows, self._telemetry, self._directory = rows, telemetry, directory

    # What a clause may say -----------------------------------------------------------------------

    def problems(self, conn: sa.Connection, said: Mapping[str, Any]) -> list[Problem]:
        """Everything wrong with the things and clauses of a document of terms."""
        shared, problems = self._shared(conn, said["things"], where="things")
        if shared is None:
            return problems
        for name in _CLAUSES:
            if name == "up_when" or said.get(name):
                problems += _clause(said[name], shared, name)[1]
        for name in ("used", "demand") if said.get("gain") else ():
            meter = said["gain"][name]
            where = f"gain.{name}"
            known, wrong = self._shared(conn, meter["things"], where=f"{where}.things")
            problems += wrong
            if known is not None and meter["signal"] not in known:
                what, allowed = f"{meter['signal']!r} is unknown", ", ".join(sorted(known))
                problems.append(Problem(where=f"{where}.signal", what=what, allowed=allowed))
        return problems

    def _shared(
        self, conn: sa.Connection, things: Sequence[str], *, where: str
    ) -> tuple[frozenset[str] | None, list[Problem]]:
        """The signals that all the things have; None if none of them is known."""
        problems: list[Problem] = []
        shared: frozenset[str] | None = None
        for index, thing in enumerate(things):
            at = f"{where}[{index}]"
            ref = self._directory.thing(conn, thing)
            if thing in things[:index]:
                problems.append(Problem(where=at, what=f"{thing!r} stands twice"))
            if ref is None:
                what = f"there is no thing {thing!r}"
                problems.append(Problem(where=at, what=what, allowed="a registered thing"))
                continue
            signals = frozenset(self._directory.signals(conn, ref.model))
            shared = signals if shared is None else shared & signals
        return shared, problems

    def _clauses(self, conn: sa.Connection, terms: Terms) -> dict[str, Expression]:
        shared, _ = self._shared(conn, terms.things, where="things")
        found = {}
        for name in _CLAUSES:
            if source := getattr(terms, name):
                clause, problems = _clause(source, shared or frozenset(), name)
                assert clause is not None, f"an accepted clause became unreadable: {problems}"
                found[name] = clause
        return found

    # Freezing ------------------------------------------------------------------------------------

    def version_at(self, conn: sa.Connection, contract: str, from_ms: int) -> Row:
        """The version of a contract that counts for a period that begins at ``from_ms``."""
        versions = self._rows.versions.items(conn, contract=contract)
        effective = [row for row in versions if row["from_ms"] <= from_ms]
        return max(effective or versions[:1], key=lambda row: (row["from_ms"], row["number"]))

    def freeze(self, conn: sa.Connection, contract: Row, period: d.Period, to_ms: int) -> Row:
        """The inputs of a period up to ``to_ms``, as plain data.

        A failure that began before the period, or goes on after it, is looked at whole: reports
        of the rectification period around it are taken in, too.
        """
        version = self.version_at(conn, contract["id"], period.from_ms)
        terms = Terms.of(version["terms"])
        begin_ms = max(contract["start_ms"], period.from_ms - terms.rectify_ms)
        later_ms = to_ms + (terms.rectify_ms if to_ms == period.to_ms else 0)
        end_ms = later_ms if contract["end_ms"] is None else min(later_ms, contract["end_ms"])
        clauses = self._clauses(conn, terms)
        stood = self._stood(conn, contract["id"], terms, begin_ms, end_ms)
        steps = self._rows.steps.items(conn, contract=contract["id"])
        reports = {
            thing: plain(self._reported(clauses, stood[thing], terms.hold_ms))
            for thing in terms.things
        }
        signals = {name for clause in clauses.values() for name in clause.variables}
        return {
            "contract": contract["id"],
            "period": period.label,
            "from_ms": period.from_ms,
            "to_ms": to_ms,
            "month_ms": period.month_ms,
            "version": version["number"],
            "customer": version["customer"],
            "terms": version["terms"],
            "baselining": contract["active_ms"] is None or period.from_ms < contract["active_ms"],
            "reports": reports,
            "flags": self._flags(conn, stood, signals, begin_ms, end_ms),
            "windows": self._windows(conn, contract["id"], begin_ms, end_ms),
            "exclusions": self._excluded(conn, contract["id"], begin_ms, end_ms),
            "corrections": [],
            "suspended": suspended(steps, begin_ms, end_ms),
            "gain": self._gain(conn, contract, terms, period.from_ms, to_ms),
        }

    def _stood(
        self, conn: sa.Connection, contract: str, terms: Terms, from_ms: int, to_ms: int
    ) -> dict[str, list[tuple[int, int, str]]]:
        """Which thing stood in each place from when to when (K11)."""
        found: dict[str, list[tuple[int, int, str]]] = {place: [] for place in terms.things}
        rows = self._rows.places.items(conn, contract=contract)
        for place, spans in found.items():
            mine = [row for row in rows if row["place"] == place]
            first = [row for row in mine if row["from_ms"] <= from_ms]
            thing, at_ms = first[-1]["thing"] if first else place, from_ms
            for row in mine:
                if from_ms < row["from_ms"] < to_ms:
                    spans.append((at_ms, row["from_ms"], thing))
                    thing, at_ms = row["thing"], row["from_ms"]
            spans.append((at_ms, to_ms, thing))
        return found

    def _reported(
        self, clauses: Mapping[str, Expression], stood: Sequence[tuple[int, int, str]], hold_ms: int
    ) -> list[d.Interval]:
        names = sorted({name for clause in clauses.values() for name in clause.variables})
        spans: list[d.Interval] = []
        for from_ms, to_ms, thing in stood:
            columns = [
                self._telemetry.series(thing, name, after_ms=from_ms - hold_ms, to_ms=to_ms - 1)
                for name in names
            ]
            at_ms, values = d.reports(columns)
            by_name = dict(zip(names, values.T, strict=True))
            known, flags = _judged(clauses, by_name, at_ms.shape)
            spans += d.classify(
                at_ms[known], flags["up"][known], from_ms=from_ms, to_ms=to_ms, hold_ms=hold_ms,
                degraded=flags["degraded"][known], idle=flags["idle"][known],
            )  # fmt: skip
        return c.merged(spans)

    def _flags(
        self,
        conn: sa.Connection,
        stood: Mapping[str, Sequence[tuple[int, int, str]]],
        signals: set[str],
        from_ms: int,
        to_ms: int,
    ) -> list[Row]:
        """When a signal of the clauses was not to be believed: UNKNOWN, whatever it said (K12)."""
        found = []
        for place, spans in stood.items():
            for begin_ms, end_ms, thing in spans:
                for row in self._rows.doubts.items(conn, thing=thing):
                    since_ms = max(row["since_ms"], begin_ms, from_ms)
                    until_ms = min(row["until_ms"] or end_ms, end_ms, to_ms)
                    if row["signal"] in signals and since_ms < until_ms:
                        found.append(
                            {
                                "thing": place, "from_ms": since_ms, "to_ms": until_ms,
                                "class": d.Klass.UNKNOWN.value, "reason": f"flag:{row['flag']}",
                                "rule": "K12", "evidence": f"data flag {thing}/{row['signal']}",
                            }
                        )  # fmt: skip
        return found

    def _windows(self, conn: sa.Connection, contract: str, from_ms: int, to_ms: int) -> list[Row]:
        return [
            {
                "thing": row["thing"], "from_ms": row["from_ms"], "to_ms": row["to_ms"],
                "class": d.Klass.PLANNED.value, "reason": "agreed_window", "rule": "W10",
                "evidence": f"work order {row['work_order']}",
            }
            for row in self._rows.windows.items(conn, contract=contract)
            if row["from_ms"] < to_ms and from_ms < row["to_ms"]
        ]  # fmt: skip

    def _excluded(self, conn: sa.Connection, contract: str, from_ms: int, to_ms: int) -> list[Row]:
        rows = self._rows.exclusions.items(conn, contract=contract, state=Exclusion.APPROVED.value)
        return [
            {
                "thing": row["thing"], "from_ms": row["from_ms"], "to_ms": row["to_ms"],
                "class": d.Klass.EXCLUDED.value, "reason": row["reason"],
                "rule": f"{row['id']}, approved by {row['approver']}", "evidence": row["evidence"],
            }
            for row in rows
            if row["from_ms"] < to_ms and from_ms < row["to_ms"]
        ]  # fmt: skip

    # Gain share ----------------------------------------------------------------------------------

    def _gain(
        self, conn: sa.Connection, contract: Row, terms: Terms, from_ms: int, to_ms: int
    ) -> Row | None:
        del conn
        if terms.gain is None or contract["baseline"] is None:
            return None
        return {
            "line": contract["baseline"],
            "days": [list(day) for day in self.days(terms, from_ms, to_ms)],
        }

    def days(self, terms: Terms, from_ms: int, to_ms: int) -> list[Day]:
        """The whole UTC days between two times, as the meters of the gain share tell them."""
        assert terms.gain is not None
        first_ms = -(-from_ms // DAY_MS) * DAY_MS
        begins = range(first_ms, to_ms - DAY_MS + 1, DAY_MS)
        used = self._metered(terms.gain.used, begins, terms.hold_ms)
        demand = self._metered(terms.gain.demand, begins, terms.hold_ms)
        return [
            Day(at_ms, used[n][0], demand[n][0], used[n][1] and demand[n][1])
            for n, at_ms in enumerate(begins)
        ]

    def _metered(self, meter: Meter, begins: range, hold_ms: int) -> list[tuple[float, bool]]:
        """For each day the sum over the meter's things, and whether all of them are complete."""
        total = [(0.0, True)] * len(begins)
        if not begins:
            return total
        for thing in meter.things:
            at_ms, values = self._telemetry.series(
                thing, meter.signal, after_ms=begins[0] - 1, to_ms=begins[-1] + DAY_MS
            )
            for n, begin_ms in enumerate(begins):
                # the reading at midnight ends one day's rise and begins the next
                end_ms = begin_ms + DAY_MS + (meter.take == "use")
                low, high = np.searchsorted(at_ms, [begin_ms, end_ms])
                amount, complete = of_day(
                    at_ms[low:high], values[low:high], take=meter.take, hold_ms=hold_ms
                )
                total[n] = (total[n][0] + amount, total[n][1] and complete)
        return total

    def baseline(self, terms: Terms, from_ms: int, to_ms: int) -> Line | None:
        """The line through the days of the baseline, if there are enough."""
        return fitted(self.days(terms, from_ms, to_ms))


def suspended(steps: Sequence[Row], from_ms: int, to_ms: int) -> list[Row]:
    """When a contract was suspended, as intervals that nothing counts in."""
    found, since_ms = [], None
    for row in [*steps, None]:
        if row is not None and row["step"] == ContractStep.SUSPEND:
            since_ms = row["at_ms"]
        elif since_ms is not None and (row is None or row["step"] != ContractStep.SUSPEND):
            begin_ms = max(since_ms, from_ms)
            end_ms = min(to_ms if row is None else row["at_ms"], to_ms)
            if begin_ms < end_ms:
                found.append(
                    {
                        "thing": None, "from_ms": begin_ms, "to_ms": end_ms,
                        "class": d.Klass.EXCLUDED.value, "reason": "suspended", "rule": "K9",
                        "evidence": "the contract's history",
                    }
                )  # fmt: skip
            since_ms = None
    return found


def _clause(
    source: str, signals: frozenset[str], where: str
) -> tuple[Expression | None, list[Problem]]:
    clause, wrong = _compiled(source, signals, where=where)
    if clause is not None and not clause.variables:
        allowed = ", ".join(sorted(signals))
        return None, [Problem(where=where, what="reads no signal", allowed=allowed)]
    return clause, list(wrong)


def _judged(
    clauses: Mapping[str, Expression], columns: Mapping[str, Floats], shape: tuple[int, ...]
) -> tuple[Bools, dict[str, Bools]]:
    """Which reports say something, and what."""
    everywhere: Bools = np.ones(shape, dtype=np.bool_)
    up, not_up = clauses["up_when"].truth(columns, everywhere)
    nowhere = np.zeros(shape, dtype=np.bool_)
    degraded, idle = nowhere, nowhere
    known = up | not_up
    if "degraded_when" in clauses:
        degraded, _ = clauses["degraded_when"].truth(columns, everywhere)
    if "counts_when" in clauses:
        counts, idle = clauses["counts_when"].truth(columns, everywhere)
        known = (known & counts) | idle
    return known, {"up": up, "degraded": degraded, "idle": idle}
