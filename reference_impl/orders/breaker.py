"""The circuit breaker for mass events: too many recommendations of a model in a day (O13).

A firmware bug that sends wear 100 % on a whole fleet must not buy a part for each of it. What comes
beyond the limit is held, in sight, until a person releases or discards it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import IllegalStep
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders.ports import OrderRows
from reference_impl.published import RecommendationChanged

DAY_MS = 86_400_000
HISTORY_DAYS = 28
FACTOR = 5.0
"""O13: more than so many times what is normal (estimate of the domain)."""
PER_THING_DAY = 0.01
"""Recommendations of a thing in a day where no history says better: 3.65 a year (estimate)."""
FLOOR_PER_DAY = 1.0
"""Small fleets: less than one a day is no norm to judge by."""


class State(StrEnum):
    """Whether recommendations of a model go out."""

    CLOSED = "CLOSED"
    TRIPPED = "TRIPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a model's breaker is set; ``normal_per_day`` None: judged by history and fleet size."""

    factor: float = FACTOR
    normal_per_day: float | None = None


def normal_per_day(setting: Setting, *, things: int, earlier: int) -> float:
    """Recommendations of a model in a normal day.

    Args:
        setting: May say it.
        things: How many things there are of the model.
        earlier: Recommendations of the 28 days before the last.
    """
    if setting.normal_per_day is not None:
        return setting.normal_per_day
    return max(earlier / HISTORY_DAYS, things * PER_THING_DAY, FLOOR_PER_DAY)


def trips(setting: Setting, issued_ms: Iterable[int], *, at_ms: int, things: int) -> str:
    """Why one more recommendation would be too many; empty if it would not.

    Args:
        setting: The breaker's.
        issued_ms: When recommendations of the model were issued, the last 29 days.
        at_ms: Now.
        things: How many things there are of the model.
    """
    times = list(issued_ms)
    today = sum(at_ms - DAY_MS < one <= at_ms for one in times)
    norm = normal_per_day(setting, things=things, earlier=len(times) - today)
    if today + 1 <= setting.factor * norm:
        return ""
    return (
        f"{today + 1} recommendations of this model in a day; {norm:.3g} are normal, "
        f"up to {setting.factor * norm:.3g} are let through"
    )


class Breakers:
    """One breaker per model."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows
        self._issued: Cached[str, Mapping[str, int]] = Cached(self._load)

    def _load(self, conn: sa.Connection) -> dict[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for row in self._rows.recommendations.items(conn):
            found.setdefault(row["model"], {})[row["id"]] = row["issued_ms"]
        return {**found}

    def judge(self, uow: UnitOfWork, rec: Row, *, at_ms: int, things: int) -> str:
        """Why a recommendation must be held; empty if it may go out. Counts it."""
        model = rec["model"]
        row = self._rows.breakers.get(uow.conn, model)
        setting = _setting(row)
        issued = self._issued.of(uow)
        since_ms = at_ms - (HISTORY_DAYS + 1) * DAY_MS
        if row is not None and row["closed_ms"] is not None:
            since_ms = max(since_ms, row["closed_ms"])
        counted = {k: ms for k, ms in issued.get(model, {}).items() if ms > since_ms}
        times = tuple(ms for ident, ms in counted.items() if ident != rec["id"])
        issued[model] = {**counted, rec["id"]: at_ms}
        if row is not None and row["state"] == State.TRIPPED:
            return str(row["reason"])
        reason = trips(setting, times, at_ms=at_ms, things=things)
        if reason:
            self._put(uow, model, setting, State.TRIPPED, reason=reason, tripped_ms=at_ms)
            _tell(uow, model, "tripped", at_ms, reason=reason, by="service")
        return reason

    def set(self, uow: UnitOfWork, model: str, setting: Setting) -> Row:
        """Set a model's breaker; it stays as it stands."""
        row = self._rows.breakers.get(uow.conn, model)
        state = State.CLOSED if row is None else State(row["state"])
        tripped_ms, reason = (None, "") if row is None else (row["tripped_ms"], row["reason"])
        return self._put(uow, model, setting, state, reason=reason, tripped_ms=tripped_ms)

    def close(
        self, uow: UnitOfWork, model: str, *, what: str, by: str, reason: str, at_ms: int
    ) -> None:
        """A person has decided. Raises IllegalStep if the breaker has not tripped.

        What was counted until now is no longer: the person has seen it.
        """
        row = self._rows.breakers.get(uow.conn, model)
        if row is None or row["state"] != State.TRIPPED:
            raise IllegalStep(f"breaker {model}", State.CLOSED, what, [])
        self._put(
            uow,
            model,
            _setting(row),
            State.CLOSED,
            reason=reason,
            tripped_ms=None,
            closed_ms=at_ms,
            by=by,
        )
        past = f"{what}d" if what.endswith("e") else f"{what}ed"
        _tell(uow, model, past, at_ms, reason=reason, by=by)

    def _put(
        self,
        uow: UnitOfWork,
        model: str,
        setting: Setting,
        state: State,
        *,
        reason: str,
        tripped_ms: int | None,
        closed_ms: int | None = None,
        by: str = "service",
    ) -> Row:
        row = {
            "model": model,
            "state": state.value,
            "factor": setting.factor,
            "normal_per_day": setting.normal_per_day,
            "tripped_ms": tripped_ms,
            "closed_ms": closed_ms,
            "by": by,
            "reason": reason,
        }
        self._rows.breakers.put(uow, row)
        return row


def _setting(row: Row | None) -> Setting:
    if row is None:
        return Setting()
    return Setting(factor=row["factor"], normal_per_day=row["normal_per_day"])


def _tell(uow: UnitOfWork, model: str, what: str, at_ms: int, *, reason: str, by: str) -> None:
    data = {"by": by, "reason": reason}
    kind = f"breaker.{what}"
    uow.publish(RecommendationChanged(at_ms=at_ms, kind=kind, subject=model, data=data))
