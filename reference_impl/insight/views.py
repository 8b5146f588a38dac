"""What people ask insight: readings, aggregates, comparisons, sessions, wear, benchmarks.

All of it is computed from what is stored when it is asked for, so late readings are in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from reference_impl.insight.declared import Declared
from reference_impl.insight.describing import Kpi, aggregate, band, compared, gaps, percentile
from reference_impl.insight.diagnosing import (
    Figure,
    Shift,
    Sign,
    connection_index_pct,
    figures,
    score,
    seen,
    shift,
)
from reference_impl.insight.forecasts import asked
from reference_impl.insight.service import Insight
from reference_impl.insight.sessions import SessionKind, detect, summary
from reference_impl.insight.zones import By, edges
from reference_impl.kernel import access
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Floats, TelemetryView, ThingRef, Times
from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import DiagnosisMade

DAY_MS = 86_400_000
CONNECTION_DAYS = 30
CONNECTION_LOW_PCT = 90.0
"""Below this, a finding says first that it stands on gaps (L:remote-diagnostic-configuration)."""
SESSION_SPAN_MAX_MS = 100 * DAY_MS
PERIODS_MAX = 5000
PEERS_MAX = 50
CAUSES_TOLD = 3
"""So many of the ranked causes stand in the feed."""
Fitted = Callable[[sa.Connection, str, str], Sequence[int]]
"""When parts were fitted at a position of a thing, ms."""


class Views:
    """Answers questions about things that the caller sees."""

    def __init__(
        self,
        *,
        insight: Insight,
        telemetry: TelemetryView,
        declared: Callable[[str], Declared | None],
        raised: Callable[[sa.Connection, str], Sequence[Mapping[str, Any]]],
        flags: Callable[[sa.Connection, str], Sequence[Mapping[str, Any]]],
        fitted: Fitted = lambda _conn, _thing, _position: (),
    ) -> None:
        """``raised`` and ``flags``: alerts and data flags of a thing, by id."""
        self._fitted = fitted
        self._insight, self._directory = insight, insight.directory
        self._telemetry, self._declared = telemetry, declared
        self._raised, self._flags = raised, flags

    def thing(self, conn: sa.Connection, thing: str) -> ThingRef:
        """A thing that the caller sees.

        Raises:
            Unknown: If there is none.
        """
        access.must_see_thing(thing)
        ref = self._directory.thing(conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        return ref

    def signal(self, conn: sa.Connection, ref: ThingRef, *names: str) -> None:
        """Raise Invalid unless the model has these signals or metrics."""
        known = self._directory.signals(conn, ref.model)
        wrong = [name for name in names if name not in known]
        if wrong:
            raise Invalid(
                f"{ref.model} has no signal {wrong[0]!r}",
                [Problem(where="signal", what=name, allowed=", ".join(known)) for name in wrong],
            )

    def data(
        self, conn: sa.Connection, thing: str, signals: Sequence[str], from_ms: int, to_ms: int
    ) -> dict[str, Any]:
        """Readings as they came, with the gaps between them named and nothing filled in (DS2)."""
        ref = self.thing(conn, thing)
        self.signal(conn, ref, *signals)
        series = []
        for name in signals:
            at_ms, values = self._series(thing, name, from_ms, to_ms)
            entry = {"signal": name, "at_ms": at_ms.tolist(), "values": values.tolist()}
            series.append({**entry, "readings": int(at_ms.size), "gaps": gaps(at_ms)})
        return {"thing": thing, "time_zone": ref.time_zone, "series": series}

    def aggregates(
        self,
        conn: sa.Connection,
        thing: str,
        signal: str,
        *,
        kpi: Kpi,
        by: By,
        from_ms: int,
        to_ms: int,
    ) -> dict[str, Any]:
        """Readings by hour, day or month of the location's calendar (AN2)."""
        ref = self.thing(conn, thing)
        self.signal(conn, ref, signal)
        borders = self._edges(from_ms, to_ms, by, ref.time_zone)
        rows = self._periods(thing, signal, kpi, borders)
        head = {"thing": thing, "signal": signal, "kpi": kpi, "by": by}
        return {**head, "time_zone": ref.time_zone, "items": rows}

    def comparison(
        self, conn: sa.Connection, thing: str, signal: str, *, kpi: Kpi, by: By, at_ms: int
    ) -> dict[str, Any]:
        """The period in which ``at_ms`` lies, up to then, against as long of the one before."""
        ref = self.thing(conn, thing)
        self.signal(conn, ref, signal)
        begin, _ = self._edges(at_ms, at_ms + 1, by, ref.time_zone)[:2]
        before = self._edges(begin - 1, begin, by, ref.time_zone)[0]
        same_ms = min(before + (at_ms - begin), begin)
        now = self._periods(thing, signal, kpi, [begin, at_ms + 1])[0]
        then = self._periods(thing, signal, kpi, [before, same_ms + 1])[0]
        head = {"thing": thing, "signal": signal, "kpi": kpi, "by": by, "time_zone": ref.time_zone}
        spans = {
            "from_ms": begin,
            "to_ms": at_ms,
            "before_from_ms": before,
            "before_to_ms": same_ms,
        }
        return {**head, **spans, **compared(now["value"], then["value"])}

    def benchmark(
        self, conn: sa.Connection, thing: str, signal: str, *, kpi: Kpi, from_ms: int, to_ms: int
    ) -> dict[str, Any]:
        """Where a thing stands among all of its model in the same time.

        Of the others only how many they are and their quartiles are told: they may be of customers
        whom the caller does not see.
        """
        ref = self.thing(conn, thing)
        self.signal(conn, ref, signal)
        found = {}
        for other in self._directory.things(conn, ref.model):
            value = self._periods(other.thing, signal, kpi, [from_ms, to_ms + 1])[0]["value"]
            if value is not None:
                found[other.thing] = value
        own = found.pop(thing, None)
        head = {"thing": thing, "signal": signal, "kpi": kpi, "model": ref.model, "value": own}
        if own is None or not found:
            return {**head, "peers": len(found), "percentile": None, "quartiles": None}
        quartiles = np.percentile(list(found.values()), [25, 50, 75]).tolist()
        place = percentile(own, list(found.values()))
        return {**head, "peers": len(found), "percentile": place, "quartiles": quartiles}

    def sessions(
        self, conn: sa.Connection, thing: str, kind: str | None, from_ms: int, to_ms: int
    ) -> list[dict[str, Any]]:
        """Work sessions that began in ``[from_ms, to_ms]`` (DS9)."""
        ref = self.thing(conn, thing)
        declared = self._declared(ref.model)
        kinds = () if declared is None else declared.sessions
        if kind is not None and kind not in {one.id for one in kinds}:
            known = ", ".join(one.id for one in kinds) or "none"
            what = f"{ref.model} has no sessions of kind {kind!r}"
            raise Invalid(what, [Problem(where="kind", what=kind, allowed=known)])
        if to_ms - from_ms > SESSION_SPAN_MAX_MS:
            allowed = f"at most {SESSION_SPAN_MAX_MS} ms after from_ms"
            problem = Problem(where="to_ms", what="is too far from from_ms", allowed=allowed)
            raise Invalid("too long a time for sessions", [problem])
        chosen = [one for one in kinds if kind in (None, one.id)]
        return [row for one in chosen for row in self._sessions(thing, one, from_ms, to_ms)]

    def _sessions(
        self, thing: str, kind: SessionKind, from_ms: int, to_ms: int
    ) -> list[dict[str, Any]]:
        columns = {
            name: self._series(thing, signal, from_ms - kind.stale_ms, to_ms)
            for name, signal in kind.inputs.items()
        }
        rows = []
        for begin_ms, end_ms in detect(kind, columns, from_ms=from_ms, to_ms=to_ms):
            watched = {
                signal: summary(*self._series(thing, signal, begin_ms, to_ms), begin_ms, end_ms)
                for signal in kind.watch
            }
            row = {"thing": thing, "kind": kind.id, "begin_ms": begin_ms, "end_ms": end_ms}
            duration = None if end_ms is None else end_ms - begin_ms
            rows.append({**row, "duration_ms": duration, "metrics": watched})
        return rows

    def wear(self, conn: sa.Connection, thing: str) -> list[dict[str, Any]]:
        """Wear status of each position, with its band, worst first (SP14)."""
        ref = self.thing(conn, thing)
        states = {row["condition"]: row for row in self._insight.conditions_of(conn, thing)}
        rows = []
        for condition in self._insight.conditions(ref.model):
            state = states.get(condition.id, {})
            tolerance_pct = getattr(condition.params, "tolerance_pct", 0.0)
            wear_pct = state.get("wear_pct") if state.get("evaluated_ms", -1) >= 0 else None
            row = {"position": condition.position, "condition": condition.id, "wear_pct": wear_pct}
            row |= {"tolerance_pct": tolerance_pct, "band": band(wear_pct, tolerance_pct)}
            names = ("cycle", "runout_p10_ms", "runout_p50_ms", "runout_p90_ms")
            rows.append({**row, **{name: state.get(name) for name in names}})
        return sorted(rows, key=lambda row: (-(row["wear_pct"] or -1.0), row["condition"]))

    def forecasts(self, conn: sa.Connection, thing: str, at_ms: int) -> list[dict[str, Any]]:
        """When it is full, flat or due, as far as readings up to ``at_ms`` tell."""
        ref = self.thing(conn, thing)
        declared = self._declared(ref.model)

        def read(signal: str, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
            return self._telemetry.series(thing, signal, after_ms=after_ms, to_ms=to_ms)

        found = []
        for forecast in () if declared is None else declared.forecasts:
            fitted = [ms for ms in self._fitted(conn, thing, forecast.position) if ms <= at_ms]
            if forecast.position and fitted:
                reset_ms = max(fitted)
            else:
                first, _ = read(forecast.params.signal or self._any(declared), -1, at_ms)
                reset_ms = int(first[0]) - 1 if first.size else at_ms
            found.append(
                asked(forecast, read, at_ms=at_ms, reset_ms=reset_ms, time_zone=ref.time_zone)
            )
        return found

    @staticmethod
    def _any(declared: Declared | None) -> str:
        """A signal that says since when a thing is there, where a forecast reads none."""
        return "" if declared is None else next(iter(declared.signals), "")

    # Diagnosis -------------------------------------------------------------------------------

    def _flags_seen(self, conn: sa.Connection, thing: str) -> list[Mapping[str, Any]]:
        return access.seen_of_things(self._flags(conn, thing), at="since_ms")

    def diagnosis(
        self, conn: sa.Connection, thing: str, *, at_ms: int, days: int, recent: int
    ) -> dict[str, Any]:
        """Connectivity, then events, then data against the past and peers, then causes (FS3)."""
        ref = self.thing(conn, thing)
        declared = self._declared(ref.model)
        causes = () if declared is None else declared.causes
        refs = [other for other in self._directory.things(conn, ref.model) if other.thing != thing]
        peers = refs[:PEERS_MAX]
        shifts: dict[tuple[object, ...], Shift | None] = {}
        for cause in causes:
            for sign in cause.signs:
                if sign.key not in shifts:
                    own = self._figures(thing, sign, at_ms, days)
                    others = [self._figures(p.thing, sign, at_ms, days) for p in peers]
                    shifts[sign.key] = shift(own, others, recent=recent)
        raised = access.seen_of_things(self._raised(conn, thing), at="raised_ms")
        events = [dict(row) for row in raised if _near(row, at_ms, days)]
        standing = [row["rule"] for row in events if row["cleared_ms"] is None]
        ranked: list[dict[str, Any]] = []
        for cause in causes:
            signs = [_told(sign, shifts[sign.key]) for sign in cause.signs]
            ranked.append(
                {
                    "cause": cause.cause,
                    "title": cause.title,
                    "position": cause.position,
                    "score": sig9(score(cause, shifts, standing)),
                    "signs": signs,
                    "remedies": list(cause.remedies),
                }
            )
        ranked.sort(key=lambda row: (-row["score"], row["cause"]))
        return {
            "thing": thing,
            "at_ms": at_ms,
            "time_zone": ref.time_zone,
            "connection": self.connection(ref, at_ms),
            "flags": [row for row in self._flags_seen(conn, thing) if row["until_ms"] is None],
            "events": events,
            "peers": len(peers),
            "causes": ranked,
        }

    def noted(
        self, uow: UnitOfWork, thing: str, *, at_ms: int, days: int, recent: int, by: str
    ) -> dict[str, Any]:
        """:meth:`diagnosis`, and its first causes in the feed: who was told what, and when."""
        found = self.diagnosis(uow.conn, thing, at_ms=at_ms, days=days, recent=recent)
        first = found["causes"][0] if found["causes"] else {"cause": "", "score": 0.0}
        data = {
            "customer": self.thing(uow.conn, thing).customer,
            "thing": thing,
            "by": by,
            "cause": first["cause"],
            "score": first["score"],
            "causes": [row["cause"] for row in found["causes"][:CAUSES_TOLD]],
            "low": found["connection"]["low"],
        }
        uow.publish(DiagnosisMade(at_ms=at_ms, kind="diagnosis.made", subject=thing, data=data))
        return found

    def connection(self, ref: ThingRef, at_ms: int) -> dict[str, Any]:
        """Connection index of the last 30 days, and whether it is too low to conclude from."""
        from_ms = at_ms - CONNECTION_DAYS * DAY_MS
        declared = self._declared(ref.model)
        names = () if declared is None else declared.signals
        times = [self._series(ref.thing, name, from_ms, at_ms)[0] for name in names]
        at = np.unique(np.concatenate(times)) if times else np.empty(0, dtype=np.int64)
        index_pct = connection_index_pct(at, from_ms=from_ms, to_ms=at_ms)
        newest_ms = int(at[-1]) if at.size else None
        low = index_pct < CONNECTION_LOW_PCT
        found = {"index_pct": sig9(index_pct), "low": low, "days": CONNECTION_DAYS}
        return {**found, "newest_ms": newest_ms}

    def _figures(self, thing: str, sign: Sign, at_ms: int, days: int) -> Floats:
        from_ms = at_ms - days * DAY_MS
        read = [self._series(thing, name, from_ms + 1, at_ms) for name in sign.inputs.values()]
        times, values = read[0]
        if sign.formula is not None:
            for other, _ in read[1:]:
                times = np.intersect1d(times, other)
            columns = [column[np.searchsorted(at, times)] for at, column in read]
            values = sign.formula.values(dict(zip(sign.inputs, columns, strict=True)))
            there = np.isfinite(values)
            times, values = times[there], values[there]
        if sign.above is not None:
            gate_ms, gate = self._series(thing, sign.above[0], from_ms + 1, at_ms)
            keep = np.isin(times, gate_ms[gate > sign.above[1]])
            times, values = times[keep], values[keep]
        return figures(times, values, sign.figure, end_ms=at_ms, days=days)

    # -----------------------------------------------------------------------------------------

    def _series(self, thing: str, signal: str, from_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """Readings since the caller's party owns the thing; peers are never told of one by one."""
        from_ms = max(from_ms, access.seen_from_ms(thing) or 0)
        return self._telemetry.series(thing, signal, after_ms=from_ms - 1, to_ms=to_ms)

    def _periods(
        self, thing: str, signal: str, kpi: Kpi, borders: Sequence[int]
    ) -> list[dict[str, Any]]:
        before_ms = DAY_MS * CONNECTION_DAYS if kpi is Kpi.USE else 0
        readings = self._series(thing, signal, borders[0] - before_ms, borders[-1] - 1)
        return aggregate(*readings, kpi, borders)

    @staticmethod
    def _edges(from_ms: int, to_ms: int, by: By, time_zone: str) -> list[int]:
        most_ms = PERIODS_MAX * (3_600_000 if by is By.HOUR else DAY_MS)
        if not 0 < to_ms - from_ms <= most_ms:
            allowed = f"after from_ms, at most {most_ms} ms"
            problem = Problem(where="to_ms", what=f"is {to_ms - from_ms} ms after", allowed=allowed)
            raise Invalid("no such time", [problem])
        return edges(from_ms, to_ms, by, time_zone)


def _near(row: Mapping[str, Any], at_ms: int, days: int) -> bool:
    ended = row["cleared_ms"] is not None and row["cleared_ms"] < at_ms - days * DAY_MS
    return row["started_ms"] <= at_ms and not ended


def _told(sign: Sign, found: Shift | None) -> dict[str, Any]:
    head: dict[str, Any] = {"name": sign.name, "figure": Figure(sign.figure), "way": sign.way}
    head["weight"] = sign.weight
    if found is None:
        return {**head, "before": None, "now": None, "peers": None, "z": None, "seen": None}
    shown = {name: sig9(value) for name, value in found._asdict().items()}
    return {**head, **shown, "seen": sig9(seen(sign, found))}
