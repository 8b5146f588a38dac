"""One evaluation of a condition on one thing: readings in, state out. No store."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from reference_impl.insight import domain as d
from reference_impl.insight.conditions import DAY_MS, Condition
from reference_impl.insight.estimates import Past
from reference_impl.insight.states import State
from reference_impl.kernel.counters import IMPLAUSIBLE
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Floats, TelemetryView, Times


class Evaluated(NamedTuple):
    """The state afterwards (the same if there is not enough to go by), and what is news of it.

    ``jump``: the readings tell of something that cannot be (O14); wear and forecast stay then.
    """

    state: State
    runout: d.Runout | None
    jump: bool


def evaluated(
    telemetry: TelemetryView, condition: Condition, state: State, at_ms: int, time_zone: str
) -> Evaluated:
    """Evaluate a condition at ``at_ms``, from readings up to then."""
    if isinstance(condition.params, d.RiseParams):
        return _risen(telemetry, condition, condition.params, state, at_ms)
    return _estimated(telemetry, condition, state, at_ms, time_zone)


def _risen(
    telemetry: TelemetryView, condition: Condition, params: d.RiseParams, state: State, at_ms: int
) -> Evaluated:
    if state.baseline is None:
        state = _learned(telemetry, params, state, at_ms)
    if state.baseline is None:
        return Evaluated(state, None, jump=False)
    after_ms = max(at_ms - params.window_ms, state.reset_ms or -1)
    level = d.level_of(*readings(telemetry, params, state.thing, after_ms, at_ms))
    raw_pct = None if level is None else d.raw_wear_pct(level, state.baseline, params)
    if level is None or raw_pct is None:
        return Evaluated(state, None, jump=False)
    if _leaps(condition, state, raw_pct, level.mid_ms):
        return Evaluated(state, None, jump=True)
    since_ms = at_ms - params.trend_ms
    kept = (p for p in state.points if p.mid_ms > since_ms)
    points = (*kept, d.Point(level.mid_ms, sig9(raw_pct)))
    runout = None
    if d.has_stood(points, params):
        runout = d.forecast(
            points,
            at_ms=at_ms,
            window_ms=params.window_ms,
            every_ms=condition.every_ms,
            model_sd_pct=params.model_sd_pct,
        )
    after = replace(
        state,
        points=points,
        wear_pct=sig9(d.wear_pct(state.wear_pct or 0.0, points, params)),
        level=sig9(level.value),
    )
    return _done(condition, after, runout, at_ms)


def _leaps(condition: Condition, state: State, raw_pct: float, mid_ms: int) -> bool:
    """Whether wear went further than it can since the last evaluation that was believed."""
    if condition.daily_max_pct <= 0 or not state.points:
        return False
    last = state.points[-1]
    days = max((mid_ms - last.mid_ms) / DAY_MS, 1.0)
    return raw_pct - last.raw_pct > IMPLAUSIBLE * condition.daily_max_pct * days


def _done(condition: Condition, state: State, runout: d.Runout | None, at_ms: int) -> Evaluated:
    state = replace(
        state,
        runout_p10_ms=runout and runout.p10_ms,
        runout_p50_ms=runout and runout.p50_ms,
        runout_p90_ms=runout and runout.p90_ms,
        evaluated_ms=at_ms,
        valid_ms=at_ms + condition.every_ms,
    )
    return Evaluated(state, runout, jump=False)


def _estimated(
    telemetry: TelemetryView, condition: Condition, state: State, at_ms: int, time_zone: str
) -> Evaluated:
    params = condition.params
    assert not isinstance(params, d.RiseParams), "a rise has its own way"

    def read(signal: str, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        return telemetry.series(state.thing, signal, after_ms=after_ms, to_ms=to_ms)

    if state.reset_ms is None:
        state = replace(state, reset_ms=_begin_ms(telemetry, condition, state.thing, at_ms))
    if state.reset_ms is None:
        return Evaluated(state, None, jump=False)
    past = Past(at_ms, condition.every_ms, state.reset_ms, state.points, state.memory, time_zone)
    found = params.estimate(read, past)
    if found is None:
        return Evaluated(state, None, jump=False)
    last = d.Point(found.point.mid_ms, sig9(found.point.raw_pct))
    wear_pct = last.raw_pct if params.heals else max(state.wear_pct or 0.0, last.raw_pct)
    after = replace(
        state,
        points=(*found.points[:-1], last),
        wear_pct=wear_pct,
        level=sig9(found.level),
        memory=found.memory,
    )
    done = _done(condition, after, found.runout, at_ms)
    return done._replace(jump=found.jump)


def _begin_ms(telemetry: TelemetryView, condition: Condition, thing: str, at_ms: int) -> int | None:
    """When the first part came into service: before the first reading; by time alone: now."""
    signal = condition.params.signal
    if not signal:
        return at_ms
    times, _ = telemetry.series(thing, signal, after_ms=-1, to_ms=at_ms)
    return int(times[0]) - 1 if times.size else None


def _learned(telemetry: TelemetryView, params: d.RiseParams, state: State, at_ms: int) -> State:
    """Learn the healthy level once ``baseline_s`` have passed since the reset."""
    reset_ms = state.reset_ms
    if reset_ms is None:
        times, _ = readings(telemetry, params, state.thing, -1, at_ms)
        if not times.size:
            return state
        reset_ms = int(times[0]) - 1
    end_ms = reset_ms + params.baseline_ms
    if at_ms < end_ms:
        return replace(state, reset_ms=reset_ms)
    _, values = readings(telemetry, params, state.thing, reset_ms, end_ms)
    baseline = d.baseline_of(values)
    if baseline is None:  # too quiet a time: learn from all there is by now
        _, values = readings(telemetry, params, state.thing, reset_ms, at_ms)
        baseline = d.baseline_of(values)
    return replace(state, reset_ms=reset_ms, baseline=baseline)


def readings(
    telemetry: TelemetryView, params: d.RiseParams, thing: str, after_ms: int, to_ms: int
) -> tuple[Times, Floats]:
    """The readings of a signal that its gate lets through."""
    at_ms, values = telemetry.series(thing, params.signal, after_ms=after_ms, to_ms=to_ms)
    if params.where is None:
        return at_ms, values
    gate = telemetry.series(thing, params.where.signal, after_ms=after_ms, to_ms=to_ms)
    return d.selected(at_ms, values, *gate, params.where.above)
