"""Forecasts that are asked for: full in, flat in, due in; with an interval, from what is stored.

They decide nothing and are told to nobody, so they cost only who asks (conditions are evaluated by
the clock). A model declares them among its metrics, ``kind: forecast``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reference_impl.insight.algorithms import Of, WearParams, chosen, read_params
from reference_impl.insight.domain import RiseParams
from reference_impl.insight.estimates import Estimate, Past, Readings
from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.numbers import sig9

FORECAST = "forecast"
"""The ``kind`` of a metric that is one."""
DAY_MS = 86_400_000
INTERVAL_PCT = 80
"""Between p10 and p90 lie so many percent of cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One forecast of a model. ``position``: fitting a part there begins it anew; or empty."""

    id: str
    title: str
    unit: str
    position: str
    algorithm: str
    params: WearParams


def read_forecast(fields: Fields, *, signals: Sequence[str]) -> Forecast | None:
    """Check a forecast of a model; problems go to ``fields``."""
    before = len(fields.problems)
    ident, title = fields.text("id"), fields.text("title", default="")
    unit, position = fields.text("unit", default=""), fields.text("position", default="")
    fields.choice("kind", [FORECAST])
    algorithm = chosen(fields, Of.CONDITION)
    inner = Fields(fields.raw("params"), where=fields.at("params"), problems=fields.problems)
    params = None if algorithm is None else read_params(inner, algorithm, sorted(signals))
    if isinstance(params, RiseParams):
        what = f"is {fields.raw('algorithm')!r}, which learns what is healthy"
        fields.problem("algorithm", what, "one of use, filling or charge; or a condition")
    fields.done()
    if algorithm is None or params is None or len(fields.problems) > before:
        return None
    return Forecast(
        id=ident, title=title, unit=unit, position=position,
        algorithm=f"{algorithm.name}/{algorithm.version}", params=params,
    )  # fmt: skip


def asked(
    forecast: Forecast, read: Readings, *, at_ms: int, reset_ms: int, time_zone: str
) -> dict[str, Any]:
    """What a forecast says at a time; without enough readings its numbers are null.

    Args:
        forecast: Which.
        read: Reads signals of the thing.
        at_ms: Now.
        reset_ms: When the part came in, or the thing was first heard of.
        time_zone: Of its location.
    """
    params = forecast.params
    assert not isinstance(params, RiseParams), "read_forecast refuses it"
    past = Past(at_ms, DAY_MS, reset_ms, (), None, time_zone)
    found: Estimate | None = None
    for now_ms in _days(getattr(params, "trend_ms", 0), at_ms, reset_ms):
        past = past._replace(at_ms=now_ms)
        found = params.estimate(read, past)
        if found is not None:
            past = past._replace(points=found.points, memory=found.memory)
    runout = None if found is None else found.runout
    return {
        "forecast": forecast.id,
        "title": forecast.title,
        "ends": params.ends,
        "algorithm": forecast.algorithm,
        "level": None if found is None else sig9(found.level),
        "unit": forecast.unit,
        "share_pct": None if found is None else sig9(found.point.raw_pct),
        "p10_ms": runout and runout.p10_ms,
        "p50_ms": runout and runout.p50_ms,
        "p90_ms": runout and runout.p90_ms,
        "interval_pct": INTERVAL_PCT,
    }


def _days(trend_ms: int, at_ms: int, reset_ms: int) -> range:
    """The days that a trend looks back on, up to now."""
    days = min(trend_ms, max(at_ms - reset_ms, 0)) // DAY_MS
    return range(at_ms - days * DAY_MS, at_ms + 1, DAY_MS)
