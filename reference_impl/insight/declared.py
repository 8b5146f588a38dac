"""All that a model declares for insight, read together so that every mistake is told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference_impl.insight.conditions import Condition, read_condition
from reference_impl.insight.diagnosing import Cause, read_cause
from reference_impl.insight.forecasts import FORECAST, Forecast, read_forecast
from reference_impl.insight.metrics import Metric, read_metrics
from reference_impl.insight.plausible import Plausible, read_plausible
from reference_impl.insight.sessions import SessionKind, read_session
from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.ids import digest

Bodies = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What insight computes for the things of one model."""

    model: str
    signals: Mapping[str, Mapping[str, Any]]
    conditions: tuple[Condition, ...]
    metrics: tuple[Metric, ...]
    forecasts: tuple[Forecast, ...]
    sessions: tuple[SessionKind, ...]
    causes: tuple[Cause, ...]
    quality: tuple[Plausible, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Signals and metrics."""
        return (*self.signals, *(metric.id for metric in self.metrics))


def read_model(
    model: str,
    signals: Mapping[str, Mapping[str, Any]],
    *,
    conditions: Bodies = (),
    metrics: Bodies = (),
    sessions: Bodies = (),
    diagnosis: Bodies = (),
    quality: Bodies = (),
) -> Declared:
    """Check what a model declares.

    Raises:
        Invalid: With everything that is wrong.
    """
    problems: list[Problem] = []
    computed = read_metrics(
        [body for body in metrics if body.get("kind") != FORECAST],
        signals=list(signals), problems=problems,
    )  # fmt: skip
    names = sorted({*signals, *(metric.id for metric in computed)})

    def fields(where: str, index: int, body: object) -> Fields:
        return Fields(body, where=f"{where}[{index}]", problems=problems)

    read: list[Condition] = []
    for index, body in enumerate(conditions):
        inner = fields("conditions", index, named(body))
        condition = read_condition(inner, model=model, signals=names)
        if condition is not None and condition.id in {one.id for one in read}:
            inner.problem("id", f"{condition.id!r} stands twice", "one condition per id")
        if condition is not None:
            read.append(condition)
    kinds = [
        read_session(fields("sessions", n, body), signals=names) for n, body in enumerate(sessions)
    ]
    causes = [
        read_cause(fields("diagnosis", n, body), signals=names) for n, body in enumerate(diagnosis)
    ]
    checks = [
        read_plausible(fields("quality", n, body), signals=names) for n, body in enumerate(quality)
    ]
    ahead = [
        read_forecast(fields("metrics", n, body), signals=names)
        for n, body in enumerate(metrics)
        if body.get("kind") == FORECAST
    ]
    if problems:
        raise Invalid(f"what model {model!r} computes is refused", problems)
    return Declared(
        model=model,
        signals=signals,
        conditions=tuple(read),
        metrics=tuple(computed),
        forecasts=tuple(one for one in ahead if one is not None),
        sessions=tuple(kind for kind in kinds if kind is not None),
        causes=tuple(cause for cause in causes if cause is not None),
        quality=tuple(check for check in checks if check is not None),
    )


def named(body: Mapping[str, Any]) -> dict[str, Any]:
    """A condition's body with its revision: one that names none is known by what it says."""
    given = dict(body)
    if not given.get("revision"):
        given["revision"] = digest({k: v for k, v in given.items() if k != "revision"})[:8]
    return given
