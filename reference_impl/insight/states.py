"""The state of a condition on a thing, as it is kept, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reference_impl.insight import domain as d
from reference_impl.insight.conditions import Condition
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.rows import Row
from reference_impl.published import ConditionEvaluated

TELL_EVERY_MS = 24 * 3_600_000
TELL_CHANGE_PCT = 0.5
"""A change of wear is news from this many points on; otherwise it is told once a day."""
FIELDS = ("wear_pct", "runout_p10_ms", "runout_p50_ms", "runout_p90_ms")


@dataclass(frozen=True, kw_only=True)
class State:
    """A condition on a thing. ``valid_ms``: its evaluation speaks until the next one is due."""

    thing: str
    condition: str
    position: str
    cycle: int = 1
    reset_ms: int | None = None
    baseline: d.Baseline | None = None
    points: tuple[d.Point, ...] = ()
    wear_pct: float | None = None
    level: float | None = None
    runout_p10_ms: int | None = None
    runout_p50_ms: int | None = None
    runout_p90_ms: int | None = None
    evaluated_ms: int = -1
    valid_ms: int = -1
    told_ms: int = -1
    told_pct: float = 0.0
    told_trend: bool = False
    memory: Mapping[str, Any] | None = None
    """What the algorithm carries from one evaluation to the next."""


def row_of(state: State) -> Row:
    """As it is stored."""
    baseline = None if state.baseline is None else list(state.baseline)
    return {**vars(state), "baseline": baseline}


def state_of(row: Row) -> State:
    """As it was stored."""
    baseline = row["baseline"] and d.Baseline(*row["baseline"])
    points = tuple(d.Point(int(mid_ms), raw) for mid_ms, raw in row["points"])
    return State(**{**row, "baseline": baseline, "points": points})


def past_of(state: State, revision: str) -> Row:
    """The evaluation of a state, for the history."""
    return {
        "thing": state.thing,
        "condition": state.condition,
        "at_ms": state.evaluated_ms,
        "cycle": state.cycle,
        "level": state.level,
        "raw_pct": state.points[-1].raw_pct,
        "wear_pct": state.wear_pct,
        "runout_p50_ms": state.runout_p50_ms,
        "revision": revision,
    }


def is_news(state: State, at_ms: int) -> bool:
    """Whether an evaluation is worth telling."""
    moved = abs((state.wear_pct or 0.0) - state.told_pct) >= TELL_CHANGE_PCT
    turned = (state.runout_p50_ms is not None) != state.told_trend
    return state.told_ms < 0 or moved or turned or at_ms - state.told_ms >= TELL_EVERY_MS


def told(
    condition: Condition, state: State, runout: d.Runout | None, at_ms: int
) -> ConditionEvaluated:
    """What the feed says of an evaluation."""
    evidence: dict[str, Any] = {"signal": condition.params.signal, "limit": condition.params.limit}
    if state.baseline is not None:
        evidence |= {"baseline": sig9(state.baseline.level), "noise": sig9(state.baseline.sd)}
    if state.level is not None:
        evidence |= {"level": state.level, "raw_pct": state.points[-1].raw_pct}
    if runout is not None:
        evidence["slope_pct_d"] = sig9(runout.slope_pct_d)
    data = {
        "condition": condition.id,
        "position": condition.position,
        "cycle": state.cycle,
        "algorithm": condition.algorithm_name,
        "evidence": evidence,
        **{name: getattr(state, name) for name in FIELDS},
    }
    return ConditionEvaluated(
        at_ms=at_ms, kind="condition.evaluated", subject=state.thing, data=data
    )
