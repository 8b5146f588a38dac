"""Lives from what the DPS has stored: the register, alerts, telemetry. Nothing is kept anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.insight.reliability.domain import End, Life, pareto
from reference_impl.kernel.counters import steps_of
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ports import Directory, Floats, TelemetryView, ThingRef, Times
from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import DesignReviewed

HOUR_MS = 3_600_000
FAILURE, UPKEEP = "failure", "upkeep"
"""The severity of an alert that says a machine stands; the kind of work that asks no need."""
CALENDAR = "calendar"
Rows = Callable[[sa.Connection, str], Sequence[Mapping[str, Any]]]
"""Rows about a thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What others know of things."""

    fitted: Rows
    """Parts fitted: ``position``, ``part``, ``serial``, ``fitted_ms`` and ``kind`` of the work."""
    alerts: Rows
    built_with: Callable[[sa.Connection, str, str], str]
    """The part that a model has in a place as it is built."""
    seen: Callable[[Sequence[ThingRef]], Sequence[ThingRef]]
    """The things that the caller sees."""


class Reliability:
    """Use cases of the feedback of the field to design."""

    def __init__(self, *, directory: Directory, telemetry: TelemetryView, fleet: Fleet) -> None:
        self._directory, self._telemetry, self._fleet = directory, telemetry, fleet

    def of(
        self, conn: sa.Connection, model: str, *, at_ms: int, clock: str = CALENDAR
    ) -> dict[str, Any]:
        """The Pareto of a model as of now, with a fit per revision of a part.

        Args:
            conn: A connection that reads.
            model: The model.
            at_ms: Now.
            clock: ``calendar`` (hours in service), or a counter of hours among the signals.

        Raises:
            Unknown: If there is no such model.
            Invalid: If the clock is no signal of it.
        """
        signals = self._directory.signals(conn, model)
        if not signals:
            raise Unknown(f"there is no model {model!r}")
        if clock != CALENDAR and clock not in signals:
            allowed = ", ".join((CALENDAR, *signals))
            problem = Problem(where="clock", what=f"{clock!r} is no signal", allowed=allowed)
            raise Invalid("lives cannot be told by that clock", [problem])
        refs = self._fleet.seen(self._directory.things(conn, model))
        fitted = {ref.thing: self._fleet.fitted(conn, ref.thing) for ref in refs}
        places = sorted({row["position"] for rows in fitted.values() for row in rows})
        lives: list[Life] = []
        for ref in refs:
            signal = signals[0] if clock == CALENDAR else clock
            times, values = self._telemetry.series(ref.thing, signal, after_ms=-1, to_ms=at_ms)
            if not times.size:
                continue

            alerts = [a for a in self._fleet.alerts(conn, ref.thing) if a["severity"] == FAILURE]
            for place in places:
                rows = [row for row in fitted[ref.thing] if row["position"] == place]
                built = self._fleet.built_with(conn, model, place)
                lives += _lives(
                    ref.thing, place, built, rows, alerts, span_ms=(int(times[0]), at_ms),
                    age_h=_clock(times, values, counted=clock != CALENDAR),
                )  # fmt: skip
        return {
            "model": model, "at_ms": at_ms, "clock": clock, "things": len(refs),
            "modes": pareto(lives),
        }  # fmt: skip

    def review(
        self, uow: UnitOfWork, model: str, *, by: str, at_ms: int, clock: str
    ) -> dict[str, Any]:
        """Say in the feed what the field tells as of now; who designs listens there.

        Raises as :meth:`of`.
        """
        found = self.of(uow.conn, model, at_ms=at_ms, clock=clock)
        said = {name: found[name] for name in ("clock", "things", "modes")}
        uow.publish(DesignReviewed(at_ms=at_ms, kind="design.reviewed", subject=model,
                                   data={"by": by, **said}))  # fmt: skip
        return found


def _clock(times: Times, values: Floats, *, counted: bool) -> Callable[[int, int], float]:
    """Hours between two instants: those of the calendar, or what a counter counted."""

    def age_h(from_ms: int, to_ms: int) -> float:
        if not counted:
            return (to_ms - from_ms) / HOUR_MS
        here = (times >= from_ms) & (times <= to_ms)
        return float(steps_of(times[here], values[here]).use.sum())

    return age_h


def _lives(
    thing: str,
    place: str,
    built: str,
    rows: Sequence[Mapping[str, Any]],
    alerts: Sequence[Mapping[str, Any]],
    *,
    span_ms: tuple[int, int],
    age_h: Callable[[int, int], float],
) -> list[Life]:
    """The lives of one place of one thing, from its first report to now."""
    part, serial, begin_ms = built, "", span_ms[0]
    found = []
    for row in sorted(rows, key=lambda row: row["fitted_ms"]):
        end_ms = int(row["fitted_ms"])
        stood = any(
            alert["started_ms"] <= end_ms
            and (alert["cleared_ms"] is None or alert["cleared_ms"] >= end_ms)
            for alert in alerts
        )
        end = End.FAILED if stood else End.RENEWED if row["kind"] == UPKEEP else End.WORN
        if end_ms > begin_ms:
            found.append(Life(
                thing=thing, position=place, part=part, serial=serial, begin_ms=begin_ms,
                end_ms=end_ms, age_h=age_h(begin_ms, end_ms), end=end,
            ))  # fmt: skip
        part, serial, begin_ms = row["part"], row["serial"], end_ms
    if span_ms[1] > begin_ms:
        found.append(Life(
            thing=thing, position=place, part=part, serial=serial, begin_ms=begin_ms,
            end_ms=span_ms[1], age_h=age_h(begin_ms, span_ms[1]), end=End.RUNNING,
        ))  # fmt: skip
    return [life for life in found if life.age_h > 0.0]
