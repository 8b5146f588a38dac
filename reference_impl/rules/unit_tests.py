"""Rule packs tested as data, in pure form: series in, firing rules out.

A series has its first sample at ``every`` and then one each ``every``; ``1.0x20`` is twenty samples
of 1.0, ``_x5`` five that are missing, ``inf`` a run-out that is not in sight. The pack is evaluated
at 0 and at each multiple of its own ``every``, by the code that evaluates it in service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.ports import Floats, Take, Window
from reference_impl.rules.domain import (
    CONDITION_FIELDS,
    PART_FIELDS,
    ConditionInput,
    Input,
    Instance,
    Pack,
    PartInput,
    Phase,
    SignalInput,
)
from reference_impl.rules.engine import Plan, decide, walk

_ITEM = re.compile(r"(_|[-+]?(?:inf|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?))(?:x(\d+))?")
SAMPLES_MAX = 1_000_000
NOTATION = "values such as 1.0, 1.0x20 (twenty times), _x5 (five missing), inf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Which rules are firing after the last evaluation at or before ``at_ms``."""

    at_ms: int
    at: str
    firing: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test."""

    name: str
    every_ms: int
    signals: Mapping[str, Floats]
    conditions: Mapping[tuple[str, str], Floats]
    parts: Mapping[tuple[str, str], float]
    expect: tuple[Expectation, ...]


def series(text: str) -> Floats | None:
    """The samples that a series in test notation stands for, NaN where missing; None if wrong."""
    values: list[Floats] = []
    total = 0
    for item in text.split():
        found = _ITEM.fullmatch(item)
        if found is None:
            return None
        times = int(found[2] or 1)
        total += times
        if total > SAMPLES_MAX:
            return None
        values.append(np.full(times, nan if found[1] == "_" else float(found[1])))
    return np.concatenate(values) if values else np.empty(0)


def read(
    body: object, pack: Pack, parts: Mapping[str, Mapping[str, float]]
) -> tuple[list[Case], list[Problem]]:
    """Read the tests of a pack; all problems at once.

    Args:
        body: The list of tests, as data.
        pack: The pack they are for.
        parts: The catalogue's fields by sku; a test's own ``parts`` go before them.
    """
    problems: list[Problem] = []
    if not isinstance(body, list):
        return [], [Problem(where="tests", what=f"is {body!r}", allowed="a list of tests")]
    cases = []
    for index, entry in enumerate(body):
        fields = Fields(entry, where=f"tests[{index}]", problems=problems)
        cases.append(_case(fields, pack, parts))
    return cases, problems


def _case(fields: Fields, pack: Pack, parts: Mapping[str, Mapping[str, float]]) -> Case:
    inputs = [wanted for rule in pack.rules for wanted in rule.inputs.values()]
    signals = {w.signal for w in inputs if isinstance(w, SignalInput)}
    conditions = {w.condition for w in inputs if isinstance(w, ConditionInput)}
    name = fields.text("name")
    every_ms = fields.duration("every", low_ms=1)
    columns = {
        signal: _samples(fields, f"signals.{signal}", text, signal in signals, sorted(signals))
        for signal, text in fields.mapping("signals", default={}).items()
    }
    allowed = [f"{c}.{f}" for c in sorted(conditions) for f in CONDITION_FIELDS]
    evaluated = {}
    for key, text in fields.mapping("conditions", default={}).items():
        condition, _, field = key.partition(".")
        values = _samples(fields, f"conditions.{key}", text, key in allowed, allowed)
        evaluated[condition, field] = values
    prices = {(sku, f): value for sku, known in parts.items() for f, value in known.items()}
    for key, value in fields.mapping("parts", default={}).items():
        sku, _, field = key.rpartition(".")
        if field not in PART_FIELDS or isinstance(value, bool | str) or value is None:
            fields.problem(
                f"parts.{key}", f"is {value!r}", f"<sku>.<{'|'.join(PART_FIELDS)}>: number"
            )
        elif isinstance(value, int | float):
            prices[sku, field] = float(value)
    expect = tuple(
        _expectation(Fields(e, where=fields.at(f"expect[{i}]"), problems=fields.problems), pack)
        for i, e in enumerate(fields.sequence("expect"))
    )
    fields.done()
    return Case(
        name=name,
        every_ms=every_ms,
        signals=columns,
        conditions=evaluated,
        parts=prices,
        expect=tuple(sorted(expect, key=lambda e: e.at_ms)),
    )


def _samples(
    fields: Fields,
    key: str,
    text: object,
    used: bool,
    allowed: list[str],
) -> Floats:
    if not used:
        fields.problem(key, "no rule of the pack reads it", ", ".join(allowed))
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = str(text)
    values = series(text) if isinstance(text, str) else None
    if values is None:
        fields.problem(key, f"is {text!r}", NOTATION)
        return np.empty(0)
    return values


def _expectation(fields: Fields, pack: Pack) -> Expectation:
    at_ms, at = fields.duration("at"), fields.raw("at")
    known = [rule.id for rule in pack.rules]
    firing = set()
    for index, rule_id in enumerate(fields.sequence("firing")):
        if rule_id in known:
            firing.add(str(rule_id))
        else:
            what = f"{rule_id!r} is no rule of the pack"
            fields.problem(f"firing[{index}]", what, ", ".join(known))
    fields.done()
    return Expectation(at_ms=at_ms, at=str(at), firing=frozenset(firing))


def run(pack: Pack, case: Case) -> dict[str, Any]:
    """Run one test.

    Returns:
        ``name``, ``passed``, and the first expectation that failed (or the last one): ``at``,
        ``expected`` and ``seen`` rule ids, sorted.
    """
    instances: dict[tuple[str, int], Instance] = {}
    ends_ms = range(0, max((e.at_ms for e in case.expect), default=-1) + 1, pack.every_ms)
    decided = decide(Plan(pack.rules), _CaseInputs(case, ends_ms), ends_ms=ends_ms)
    number = 0
    answer: dict[str, Any] = {"passed": True, "expected": [], "seen": [], "at": ""}
    for wanted in case.expect:
        while number < len(ends_ms) and ends_ms[number] <= wanted.at_ms:
            for judged in walk(pack, decided, number, instances, at_ms=ends_ms[number]):
                key = (judged.rule.id, judged.thing)
                if judged.after is None:
                    instances.pop(key, None)
                else:
                    instances[key] = judged.after
            number += 1
        seen = {rule for (rule, _), i in instances.items() if i.phase is Phase.ACTIVE}
        answer = {
            "passed": seen == wanted.firing,
            "expected": sorted(wanted.firing),
            "seen": sorted(seen),
            "at": wanted.at,
        }
        if not answer["passed"]:
            break
    return {"name": case.name, **answer}


class _CaseInputs:
    """The columns of a test at some instants; one thing."""

    def __init__(self, case: Case, ends_ms: Sequence[int]) -> None:
        self._case, self._ends_ms = case, ends_ms

    def columns(self, wanted: Sequence[Input]) -> Window:
        """See :class:`reference_impl.rules.engine.Inputs`."""
        shape = (len(wanted), len(self._ends_ms), 1)
        values, newest_ms = np.empty(shape), np.empty(shape, dtype=np.int64)
        for number, one in enumerate(wanted):
            for place, at_ms in enumerate(self._ends_ms):
                values[number, place, 0], newest_ms[number, place, 0] = self._at(one, at_ms)
        return Window(values, newest_ms)

    def _at(self, wanted: Input, at_ms: int) -> tuple[float, int]:
        case = self._case
        if isinstance(wanted, SignalInput):
            return self._window(case.signals.get(wanted.signal, np.empty(0)), wanted, at_ms)
        if isinstance(wanted, PartInput):
            return case.parts.get((wanted.part, wanted.field), nan), at_ms
        samples = case.conditions.get((wanted.condition, wanted.field), np.empty(0))
        return self._last(samples, at_ms)

    def _last(self, samples: Floats, at_ms: int) -> tuple[float, int]:
        seen = np.flatnonzero(~np.isnan(samples[: at_ms // self._case.every_ms]))
        if not seen.size:
            return nan, -1
        newest = int(seen[-1])
        return float(samples[newest]), (newest + 1) * self._case.every_ms

    def _window(self, samples: Floats, wanted: SignalInput, at_ms: int) -> tuple[float, int]:
        _, newest_ms = self._last(samples, at_ms)
        times = np.arange(1, samples.size + 1) * self._case.every_ms
        inside = (times > at_ms - wanted.over_ms) & (times <= at_ms)
        values = samples[inside & ~np.isnan(samples)]
        return _taken(values, wanted.take), newest_ms


def _taken(values: Floats, take: Take) -> float:
    if take is Take.COUNT:
        return float(values.size)
    if take is Take.SUM:
        return float(values.sum())
    if not values.size:
        return nan
    if take is Take.LAST:
        return float(values[-1])
    if take is Take.MEAN:
        return float(values.mean())
    return float(values.min() if take is Take.MIN else values.max())
