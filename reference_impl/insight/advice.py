"""Advice for a parameter: whom it is for, what it should bring, what it brought. Pure.

A plan is tried in one round. Some of the machines that it is for are treated, once their customer
agreed; the others, chosen by a digest, are the control group. What counts is how much less each
treated one used after than before, in percent, less the same of the control group: weather and
season change both (AS8: "measured energy or visits drop against a control group").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, isnan, sqrt
from statistics import fmean, variance
from typing import Any, NamedTuple

import numpy as np

from reference_impl.kernel.bodies import unknown_name
from reference_impl.kernel.counters import MS_PER_DAY, steps_of
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.expressions import Expression, Formula, compiled, formula
from reference_impl.kernel.ids import digest
from reference_impl.kernel.ports import Reduced, Take, TelemetryView

NOW = "now"
"""What formulas call the present value of the parameter."""
ADVISED = "advised"
"""What the expected drop calls the value that is advised."""
COMPLETE_SHARE = 0.8
"""Readings must cover so much of a span, or nothing is said of it (estimate)."""
T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""97.5 % quantiles of Student's t for 1 to 30 degrees of freedom (Abramowitz and Stegun, 26.10)."""


Columns = dict[str, float]


class Trial(StrEnum):
    """Where the round of a plan is."""

    WAITING = "WAITING"
    ASKING = "ASKING"
    RUNNING = "RUNNING"
    MEASURED = "MEASURED"


class Move(StrEnum):
    """What moves a plan."""

    ASK = "ask"
    RUN = "run"
    MEASURE = "measure"
    AGAIN = "again"


TRIALS: Mapping[Trial, Mapping[Move, Trial]] = {
    Trial.WAITING: {Move.ASK: Trial.ASKING, Move.AGAIN: Trial.WAITING},
    Trial.ASKING: {Move.RUN: Trial.RUNNING},
    Trial.RUNNING: {Move.MEASURE: Trial.MEASURED},
    Trial.MEASURED: {Move.AGAIN: Trial.WAITING},
}
assert TRIALS.keys() == set(Trial), "every state needs a row"


class Given(StrEnum):
    """Where one advice is."""

    GIVEN = "GIVEN"
    ACCEPTED = "ACCEPTED"
    APPLIED = "APPLIED"
    DECLINED = "DECLINED"
    LAPSED = "LAPSED"
    FAILED = "FAILED"
    KEPT = "KEPT"
    REVERTED = "REVERTED"


class Step(StrEnum):
    """What moves it."""

    ACCEPT = "accept"
    DECLINE = "decline"
    LAPSE = "lapse"
    APPLY = "apply"
    FAIL = "fail"
    KEEP = "keep"
    REVERT = "revert"


ADVICE: Mapping[Given, Mapping[Step, Given]] = {
    Given.GIVEN: {
        Step.ACCEPT: Given.ACCEPTED,
        Step.DECLINE: Given.DECLINED,
        Step.LAPSE: Given.LAPSED,
    },
    Given.ACCEPTED: {Step.APPLY: Given.APPLIED, Step.FAIL: Given.FAILED},
    Given.APPLIED: {Step.KEEP: Given.KEPT, Step.REVERT: Given.REVERTED},
    Given.DECLINED: {},
    Given.LAPSED: {},
    Given.FAILED: {},
    Given.KEPT: {},
    Given.REVERTED: {},
}
assert ADVICE.keys() == set(Given), "every state needs a row, final ones an empty one"
KIND_OF_STEP: Mapping[Step, str] = {
    Step.ACCEPT: "advice.accepted",
    Step.DECLINE: "advice.declined",
    Step.LAPSE: "advice.lapsed",
    Step.APPLY: "advice.applied",
    Step.FAIL: "advice.failed",
    Step.KEEP: "advice.kept",
    Step.REVERT: "advice.reverted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What must not come of it: holds means harm."""

    title: str
    names: tuple[str, ...]
    wanted: tuple[Reduced, ...]
    when: Expression

    def holds(self, telemetry: TelemetryView, thing: str, at_ms: int) -> bool | None:
        """Whether harm shows at a time; None where the readings do not say."""
        values = _windows(telemetry, self.names, self.wanted, thing, at_ms)
        return None if values is None else self.when.holds(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan that was read: its formulas compiled."""

    names: tuple[str, ...]
    wanted: tuple[Reduced, ...]
    when: Expression
    to: Formula
    expected: Formula
    guards: tuple[Guard, ...]

    def seen(self, telemetry: TelemetryView, thing: str, at_ms: int, now: float) -> Columns | None:
        """What the formulas read of a thing; None where something is not known."""
        values = _windows(telemetry, self.names, self.wanted, thing, at_ms)
        return None if values is None else {**values, NOW: now}


class Suggestion(NamedTuple):
    """A value for the parameter, and by how many percent less it should make the measure."""

    value: float
    expected_pct: float


def suggest(plan: Plan, values: Columns, spec: Mapping[str, Any]) -> Suggestion | None:
    """What a plan advises where these values were seen; None: nothing, or nothing new.

    Args:
        plan: The plan.
        values: From :meth:`Plan.seen`.
        spec: What the model says of the parameter: ``min`` and ``max``, each may be None.
    """
    if not plan.when.holds(values):
        return None
    value = _number(plan.to, values)
    low, high = spec.get("min"), spec.get("max")
    value = value if low is None else max(value, low)
    value = value if high is None else min(value, high)
    expected = _number(plan.expected, {**values, ADVISED: value})
    if not (isfinite(value) and isfinite(expected)) or abs(value - values[NOW]) < 1e-9:
        return None
    return Suggestion(value, expected)


def _number(law: Formula, values: Columns) -> float:
    return float(law.values({name: np.array([value]) for name, value in values.items()})[0])


def read_plan(
    body: Mapping[str, Any], *, signals: Sequence[str], settings: Mapping[str, Any]
) -> tuple[Plan | None, list[Problem]]:
    """Compile a plan's formulas; None with everything that is wrong with it."""
    problems: list[Problem] = []
    names = {*body["let"], NOW}
    problems += [
        Problem(where=f"let.{name}", what="has a meaning already", allowed="another name")
        for name in (NOW, ADVISED)
        if name in body["let"]
    ]
    if body["parameter"] not in settings:
        what = unknown_name(body["parameter"], sorted(settings))
        allowed = ", ".join(sorted(settings)) or "the model has no parameters"
        problems.append(Problem(where="parameter", what=what, allowed=allowed))
    measured = [("measure", body["measure"])]
    measured += [("measure.per", body["measure"]["per"])] if body["measure"].get("per") else []
    for where, entry in [*_lets(body, ""), *measured]:
        if entry["signal"] not in signals:
            what = unknown_name(entry["signal"], signals)
            allowed = ", ".join(sorted(signals)) or "the model is not installed"
            problems.append(Problem(where=f"{where}.signal", what=what, allowed=allowed))
    when, wrong = compiled(body["when"], names, where="when")
    problems += wrong
    to, wrong = formula(body["to"], names, where="to")
    problems += wrong
    expected, wrong = formula(body["expected_pct"], {*names, ADVISED}, where="expected_pct")
    problems += wrong
    guards: list[Guard] = []
    for number, one in enumerate(body["guards"]):
        where = f"guards[{number}]"
        harm, wrong = compiled(one["when"], one["let"], where=f"{where}.when")
        problems += wrong
        if harm is not None:
            order, wanted = _wanted(one["let"])
            guards.append(Guard(title=one["title"], names=order, wanted=wanted, when=harm))
    if problems or when is None or to is None or expected is None:
        return None, problems
    order, wanted = _wanted(body["let"])
    return Plan(
        names=order, wanted=wanted, when=when, to=to, expected=expected, guards=tuple(guards)
    ), []


def _lets(body: Mapping[str, Any], before: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = [(f"{before}let.{name}", entry) for name, entry in sorted(body["let"].items())]
    for number, guard in enumerate(body.get("guards", ())):
        found += _lets(guard, f"guards[{number}].")
    return found


def _wanted(let: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Reduced, ...]]:
    names = tuple(sorted(let))
    return names, tuple(
        Reduced(e["signal"], Take(e["take"]), round(e["over_s"] * 1000))
        for e in (let[name] for name in names)
    )


def _windows(
    telemetry: TelemetryView,
    names: Sequence[str],
    wanted: Sequence[Reduced],
    thing: str,
    at_ms: int,
) -> Columns | None:
    found = telemetry.windows([thing], wanted, ends_ms=[at_ms])
    values = dict(zip(names, found.values[:, 0, 0].tolist(), strict=True))
    return None if any(isnan(value) for value in values.values()) else values


class Groups(NamedTuple):
    """Units (things that share the parameter) that are treated, and those they are compared to."""

    treated: tuple[tuple[str, ...], ...]
    control: tuple[tuple[str, ...], ...]


def grouped(units: Sequence[Sequence[str]], *, share: float, by: str) -> Groups:
    """Chance by digest: who is in which group depends on names only, and on nothing it is like.

    Args:
        units: The things of each unit.
        share: The share of units that are compared to; at least one if it is above 0.
        by: What the draw is for.
    """
    drawn = sorted((tuple(unit) for unit in units), key=lambda unit: digest(by, *unit))
    held = min(max(round(share * len(drawn)), 1 if share > 0 else 0), len(drawn) - 1)
    return Groups(tuple(sorted(drawn[held:])), tuple(sorted(drawn[:held])))


class Span(NamedTuple):
    """A stretch of time, ms."""

    after_ms: int
    to_ms: int


def measured(
    telemetry: TelemetryView, measure: Mapping[str, Any], things: Sequence[str], span: Span
) -> float | None:
    """The measure of a unit over a time: the sum over its things; None without enough readings.

    ``use`` is the rise of a counter in a day, ``mean`` the mean of the readings; ``per`` divides by
    the same of another signal.
    """
    whole = [_one(telemetry, measure, thing, span) for thing in things]
    if any(value is None for value in whole):
        return None
    total = sum(value for value in whole if value is not None)
    if not measure.get("per"):
        return total
    under = measured(telemetry, measure["per"], things, span)
    return None if under is None or under <= 0 else total / under


def _one(
    telemetry: TelemetryView, measure: Mapping[str, Any], thing: str, span: Span
) -> float | None:
    at_ms, values = telemetry.series(
        thing, measure["signal"], after_ms=span.after_ms, to_ms=span.to_ms
    )
    if at_ms.size < 2:
        return None
    covered_ms = int(at_ms[-1] - at_ms[0])
    if covered_ms < COMPLETE_SHARE * (span.to_ms - span.after_ms):
        return None
    if measure["take"] == "mean":
        return float(values.mean())
    return float(steps_of(at_ms, values).use.sum()) * MS_PER_DAY / covered_ms


class Effect(NamedTuple):
    """Percent by which the treated changed more than the others, with a 95 % interval.

    Below 0 is less, as was wanted. ``low`` and ``high`` None: too few to say.
    """

    effect_pct: float
    low_pct: float | None
    high_pct: float | None
    treated: int
    control: int

    @property
    def shown(self) -> bool:
        """Whether the drop is beyond chance."""
        return self.high_pct is not None and self.high_pct < 0.0


def effect(treated: Sequence[float], control: Sequence[float]) -> Effect | None:
    """Welch's interval for the difference of two means; without a control group, of one mean.

    Args:
        treated: Change of each treated unit, percent.
        control: Change of each unit of the control group, percent.

    Returns:
        None if nobody was treated.
    """
    if not treated:
        return None
    groups = [group for group in (treated, control) if group]
    difference = fmean(treated) - (fmean(control) if control else 0.0)
    if any(len(group) < 2 for group in groups):
        return Effect(difference, None, None, len(treated), len(control))
    errors = [variance(group) / len(group) for group in groups]
    total = sum(errors)
    if total == 0.0:
        return Effect(difference, difference, difference, len(treated), len(control))
    freedom = total**2 / sum(e**2 / (len(g) - 1) for e, g in zip(errors, groups, strict=True))
    half = T_975[min(max(int(freedom), 1), len(T_975)) - 1] * sqrt(total)
    return Effect(difference, difference - half, difference + half, len(treated), len(control))


def change_pct(before: float, after: float) -> float:
    """By how many percent ``after`` is more than ``before`` (which is above 0)."""
    return 100.0 * (after - before) / before


def means(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return fmean(values) if values else 0.0
