"""Metrics: signals that are computed. What a model declares, and the arithmetic of it. Pure.

``continuous``: a value for each report since the last run. ``sampled``: one at each multiple of
``every_s``, of what stands then; what comes and goes between two of them is not seen (CC5, Q18).
``daily``: one per day of the location's calendar, of its readings; days of a change of clocks have
23 or 25 hours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from reference_impl.insight.algorithms import Of, PointLaw, chosen, read_params
from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.expressions import Formula, formula
from reference_impl.kernel.ports import Floats, Take, Times


class MetricKind(StrEnum):
    """When a metric has a value."""

    CONTINUOUS = "continuous"
    SAMPLED = "sampled"
    DAILY = "daily"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInput:
    """What a formula reads: a report's value (continuous), or a window's or day's number."""

    signal: str
    take: Take
    over_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One computed signal. Either ``formula`` over ``inputs``, or the ``law`` of an algorithm."""

    id: str
    unit: str
    title: str
    kind: MetricKind
    every_ms: int
    inputs: Mapping[str, MetricInput]
    formula: Formula | None
    law: PointLaw | None
    algorithm: str

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that it reads, in the order of its columns."""
        return tuple(one.signal for one in self.inputs.values())

    def of_points(self, at_ms: Times, columns: Sequence[Floats]) -> Floats:
        """Values at reports that have every input, shape ``(n,)``; NaN: there is none."""
        if self.law is not None:
            return self.law(at_ms, columns)
        return self.of_columns(dict(zip(self.inputs, columns, strict=True)))

    def of_columns(self, columns: Mapping[str, Floats]) -> Floats:
        """Values of a formula, of the shape of the columns; NaN: there is none."""
        assert self.formula is not None, "only formulas have columns by name"
        found = self.formula.values(columns)
        return np.where(np.isfinite(found), found, np.nan)


def read_metric(fields: Fields, *, signals: Collection[str]) -> Metric | None:
    """Check a metric of a model; problems go to ``fields``."""
    before = len(fields.problems)
    metric_id, unit = fields.text("id"), fields.text("unit", default="")
    title = fields.text("title", default="")
    kind = MetricKind(fields.choice("kind", list(MetricKind)) or MetricKind.SAMPLED)
    every_s = fields.number("every_s", low=1, default=3600.0)
    if metric_id in signals:
        fields.problem("id", f"{metric_id!r} is a signal that comes before", "a name of its own")
    names = sorted(signals)
    inputs: dict[str, MetricInput] = {}
    law, expression, algorithm = None, None, ""
    if fields.has("algorithm"):
        law, inputs, algorithm = _by_algorithm(fields, kind, names)
    else:
        inputs = _inputs(fields, kind, every_s, names)
        expression, problems = formula(
            fields.raw("formula"), list(inputs), where=fields.at("formula")
        )
        fields.problems.extend(problems)
    fields.done()
    if len(fields.problems) > before:
        return None
    return Metric(
        id=metric_id,
        unit=unit,
        title=title,
        kind=kind,
        every_ms=round(every_s * 1000),
        inputs=inputs,
        formula=expression,
        law=law,
        algorithm=algorithm,
    )


def _by_algorithm(
    fields: Fields, kind: MetricKind, names: Sequence[str]
) -> tuple[PointLaw | None, dict[str, MetricInput], str]:
    algorithm = chosen(fields, Of.METRIC)
    if kind is not MetricKind.CONTINUOUS:
        fields.problem("kind", f"is {kind}", "continuous, as algorithms look at each report")
    given = fields.mapping("params", default={})
    inner = Fields(given, where=fields.at("params"), problems=fields.problems)
    if algorithm is None:
        return None, {}, ""
    law = read_params(inner, algorithm, names)
    inputs = {
        name: MetricInput(signal=str(given.get(name)), take=Take.LAST, over_ms=0)
        for name in algorithm.signals
    }
    return law, inputs, f"{algorithm.name}/{algorithm.version}"


def _inputs(
    fields: Fields, kind: MetricKind, every_s: float, names: Sequence[str]
) -> dict[str, MetricInput]:
    found = {}
    for name, body in fields.mapping("let").items():
        inner = Fields(body, where=fields.at(f"let.{name}"), problems=fields.problems)
        signal = inner.choice("signal", names)
        take, over_s = Take.LAST, every_s
        if kind is not MetricKind.CONTINUOUS:
            default = Take.LAST if kind is MetricKind.SAMPLED else Take.MEAN
            take = Take(inner.choice("take", list(Take), default=default) or default)
        if kind is MetricKind.SAMPLED:
            over_s = inner.number("over_s", low=1, default=max(every_s, 3600.0))
        inner.done()
        found[name] = MetricInput(signal=signal, take=take, over_ms=round(over_s * 1000))
    return found


def read_metrics(
    bodies: Sequence[object], *, signals: Collection[str], problems: list[Problem]
) -> list[Metric]:
    """All metrics of a model: each may read signals and the metrics before it."""
    known = list(signals)
    found = []
    for index, body in enumerate(bodies):
        fields = Fields(body, where=f"metrics[{index}]", problems=problems)
        metric = read_metric(fields, signals=known)
        if metric is not None:
            found.append(metric)
            known.append(metric.id)
    return found
