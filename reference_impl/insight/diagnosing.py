"""Why something is as it is: causes ranked by how well their signs are seen. Pure (AN3, FS3).

A product says which way each of its faults moves which figures. A figure is one number a day; its
shift is what the last days differ from the days before, less what the peers' figures did in the
same time (weather, demand), in standard deviations of both. Each sign scores between -1 (seen the
other way) and 1; a cause scores the weighted mean of its signs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from reference_impl.insight.domain import MAD_TO_SD
from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.expressions import Formula, formula
from reference_impl.kernel.ports import Floats, Times

Z_FULL = 4.0
"""A shift of so many standard deviations is three quarters of the evidence there can be."""
BASE_DAYS_MIN = 3
NOISE_SHARE = 0.01
"""Figures are not better than a hundredth of themselves, however still they were."""
DAY_MS, H_MS = 86_400_000, 3_600_000


class Way(StrEnum):
    """Which way a cause moves a figure."""

    UP = "up"
    DOWN = "down"
    SAME = "same"


class Figure(StrEnum):
    """How a day of readings becomes one number. ``use`` is that of a counter."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SPREAD = "spread"
    USE = "use"
    COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One figure that a cause moves; ``formula`` over readings of one report, if there is one."""

    name: str
    inputs: Mapping[str, str]
    formula: Formula | None
    figure: Figure
    way: Way
    weight: float
    above: tuple[str, float] | None

    @property
    def key(self) -> tuple[object, ...]:
        """Signs of equal key have the same figures."""
        source = "" if self.formula is None else self.formula.source
        return (*self.inputs.items(), source, self.figure, self.above)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A fault that a product can have. ``alerts``: rules that tell of it, by weight."""

    cause: str
    title: str
    position: str
    remedies: tuple[str, ...]
    signs: tuple[Sign, ...]
    alerts: Mapping[str, float]


def read_cause(fields: Fields, *, signals: Sequence[str]) -> Cause | None:
    """Check a cause; problems go to ``fields``."""
    before = len(fields.problems)
    name, title = fields.text("cause"), fields.text("title", default="")
    position = fields.text("position", default="")
    remedies = [str(text) for text in fields.sequence("remedies")] if fields.has("remedies") else []
    fields.raw("remedies")
    signs = [
        _sign(Fields(body, where=f"{fields.at('signs')}[{n}]", problems=fields.problems), signals)
        for n, body in enumerate(fields.sequence("signs"))
    ]
    told = fields.mapping("alerts", default={})
    inner = Fields(told, where=fields.at("alerts"), problems=fields.problems)
    alerts = {rule: inner.number(rule, low=0) for rule in told}
    if not signs:
        fields.problem("signs", "is empty", "at least one sign")
    fields.done()
    if len(fields.problems) > before:
        return None
    return Cause(
        cause=name,
        title=title,
        position=position,
        remedies=tuple(remedies),
        signs=tuple(signs),
        alerts=alerts,
    )


def _sign(fields: Fields, signals: Sequence[str]) -> Sign:
    inputs, expression = {}, None
    if fields.has("formula"):
        for name, signal in fields.mapping("let").items():
            inputs[name] = str(signal)
            if signal not in signals:
                what = f"{signal!r} is no signal of the model"
                fields.problem(f"let.{name}", what, ", ".join(signals))
        expression, problems = formula(
            fields.raw("formula"), list(inputs), where=fields.at("formula")
        )
        fields.problems.extend(problems)
        shown = fields.text("name")
    else:
        shown = fields.choice("signal", signals)
        inputs["value"] = shown
    gate = None
    if fields.raw("where") is not None:
        inner = Fields(fields.raw("where"), where=fields.at("where"), problems=fields.problems)
        gate = (inner.choice("signal", signals), inner.number("above"))
        inner.done()
    figure = fields.choice("figure", list(Figure), default=Figure.MEAN) or Figure.MEAN
    way = fields.choice("way", list(Way)) or Way.UP
    weight = fields.number("weight", low=0, default=1.0)
    fields.done()
    return Sign(
        name=shown,
        inputs=inputs,
        formula=expression,
        figure=Figure(figure),
        way=Way(way),
        weight=weight,
        above=gate,
    )


def figures(at_ms: Times, values: Floats, figure: Figure, *, end_ms: int, days: int) -> Floats:
    """One number per day of ``days`` that end at ``end_ms``, oldest first; NaN without readings."""
    found = np.full(days, np.nan)
    place = days - 1 - (end_ms - at_ms) // DAY_MS
    if figure is Figure.USE and at_ms.size > 1:
        steps = np.maximum(np.diff(values), 0.0)
        values, place, at_ms = steps, place[1:], at_ms[1:]
    for day in np.unique(place[(place >= 0) & (place < days)]).tolist():
        here = values[place == day]
        found[day] = _FIGURES[figure](here)
    return found


_FIGURES = {
    Figure.MEAN: lambda v: float(v.mean()),
    Figure.MIN: lambda v: float(v.min()),
    Figure.MAX: lambda v: float(v.max()),
    Figure.SPREAD: lambda v: float(v.std()),
    Figure.USE: lambda v: float(v.sum()),
    Figure.COUNT: lambda v: float(v.size),
}


class Shift(NamedTuple):
    """What a figure did: level before and now, what peers did meanwhile, and standard scores."""

    before: float
    now: float
    peers: float
    z: float


def shift(own: Floats, peers: Sequence[Floats], *, recent: int) -> Shift | None:
    """How the last ``recent`` days differ from those before; None without enough of both.

    Args:
        own: The figure by day, oldest first, shape ``(days,)``; NaN: none.
        peers: The same of other things of the model.
        recent: Days that are now.
    """
    mine = _change(own, recent)
    if mine is None:
        return None
    before, now, sd = mine
    others = [found for one in peers if (found := _change(one, recent)) is not None]
    common, between = 0.0, 0.0
    if len(others) > 1:
        changes = np.array([other[1] - other[0] for other in others])
        common = float(np.median(changes))
        between = MAD_TO_SD * float(np.median(np.abs(changes - common)))
        sd = max(sd, float(np.median([other[2] for other in others])))
    noise = NOISE_SHARE * max(abs(before), abs(now), abs(common)) + 1e-9
    z = (now - before - common) / float(np.sqrt(sd**2 / recent + between**2 + noise**2))
    return Shift(before, now, common, z)


def _change(days: Floats, recent: int) -> tuple[float, float, float] | None:
    before, now = days[:-recent], days[-recent:]
    before, now = before[~np.isnan(before)], now[~np.isnan(now)]
    if before.size < BASE_DAYS_MIN or not now.size:
        return None
    level = float(np.median(before))
    sd = MAD_TO_SD * float(np.median(np.abs(before - level)))
    return level, float(np.median(now)), sd


def seen(sign: Sign, found: Shift | None) -> float:
    """How much a shift speaks for a sign, -1 to 1; 0 if nothing is known."""
    if found is None:
        return 0.0
    strength = float(np.tanh(found.z / Z_FULL))
    if sign.way is Way.SAME:
        return 1.0 - 2.0 * abs(strength)
    return strength if sign.way is Way.UP else -strength


def score(
    cause: Cause, shifts: Mapping[tuple[object, ...], Shift | None], raised: Sequence[str]
) -> float:
    """How well a cause fits, -1 to 1: the weighted mean of its signs, and of alerts that stand."""
    told = [(s.weight, seen(s, shifts[s.key])) for s in cause.signs if shifts[s.key] is not None]
    told += [(weight, 1.0) for rule, weight in cause.alerts.items() if rule in raised]
    weights = sum(weight for weight, _ in told)
    whole = sum(sign.weight for sign in cause.signs)
    if weights <= 0:
        return 0.0
    # what could not be looked at makes a cause less sure, not more
    return sum(weight * value for weight, value in told) / max(weights, whole)


def connection_index_pct(at_ms: Times, *, from_ms: int, to_ms: int) -> float:
    """Share of the reports that were due and came, in percent: what is due is usual in an hour.

    Counts from the first report on, if that is later than ``from_ms``.
    """
    if not at_ms.size:
        return 0.0
    begin = max(from_ms, int(at_ms[0]))
    hours = max((to_ms - begin) / H_MS, 1.0)
    numbers = at_ms // H_MS
    counts = np.bincount(numbers - numbers[0])
    usual = float(np.median(counts[counts > 0]))
    came = float(np.minimum(counts, usual).sum()) / usual
    return min(100.0, 100.0 * came / hours)
