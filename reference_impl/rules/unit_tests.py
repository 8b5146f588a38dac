"""Rule packs tested as data, in pure form: series in, firing rules out.

A series has its first sample at ``every`` and then one each ``every``; ``1.0x20`` is twenty samples
of 1.0, ``_x5`` five that are missing, ``inf`` a run-out that is not in sight. The pack is evaluated
at 0 and at each multiple of its own ``every``, by the code that evaluates it in service. ``from``
says what local time 0 is, ``zone`` where; ``peers`` are the series of things beside it, ``model``
constants of its model.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.ports import Floats
from reference_impl.rules.columns import signals_of
from reference_impl.rules.domain import (
    CONDITION_FIELDS,
    PART_FIELDS,
    ConditionInput,
    Input,
    Pack,
    SignalInput,
)
from reference_impl.rules.trials import Case, Expectation, Trial
from reference_impl.rules.variables import ConstantInput

_ITEM = re.compile(r"(_|[-+]?(?:inf|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?))(?:x(\d+))?")
SAMPLES_MAX = 1_000_000
NOTATION = "values such as 1.0, 1.0x20 (twenty times), _x5 (five missing), inf"


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
    body: object,
    pack: Pack,
    parts: Mapping[str, Mapping[str, float]],
    constants: Mapping[str, float],
) -> tuple[list[Case], list[Problem]]:
    """Read the tests of a pack; all problems at once.

    Args:
        body: The list of tests, as data.
        pack: The pack they are for.
        parts: The catalogue's fields by sku; a test's own ``parts`` go before them.
        constants: Those of the model; a test's own ``model`` goes before them.
    """
    problems: list[Problem] = []
    if not isinstance(body, list):
        return [], [Problem(where="tests", what=f"is {body!r}", allowed="a list of tests")]
    cases = []
    for index, entry in enumerate(body):
        fields = Fields(entry, where=f"tests[{index}]", problems=problems)
        cases.append(_case(fields, pack, parts, constants))
    return cases, problems


def _case(
    fields: Fields,
    pack: Pack,
    parts: Mapping[str, Mapping[str, float]],
    constants: Mapping[str, float],
) -> Case:
    inputs = [wanted for rule in pack.rules for wanted in rule.inputs.values()]
    signals = {w.signal for w in inputs if isinstance(w, SignalInput)}
    signals |= {signal for w in inputs for signal in signals_of(w)}
    name = fields.text("name")
    every_ms = fields.duration("every", low_ms=1)
    zone = fields.text("zone", default="UTC")
    if zone not in available_timezones():
        fields.problem("zone", f"{zone!r} is no time zone", "an IANA name such as Europe/Rome")
        zone = "UTC"
    base_ms = _start(fields, zone)
    columns = _of_signals(fields, "signals", signals)
    peers = [
        _of_signals(
            Fields(entry, where=fields.at(f"peers[{i}]"), problems=fields.problems), "", signals
        )
        for i, entry in enumerate(fields.sequence("peers") if fields.has("peers") else [])
    ]
    conditions = _of_conditions(fields, inputs)
    known = {f"{sku}.{f}": value for sku, found in parts.items() for f, value in found.items()}
    prices = _numbers(fields, "parts", known, f"<sku>.<{'|'.join(PART_FIELDS)}>: number", _is_part)
    names = {w.name for w in inputs if isinstance(w, ConstantInput)}
    allowed = ", ".join(sorted(names)) or "no rule reads a constant"
    numbers = _numbers(fields, "model", constants, allowed, names.__contains__)
    expect = tuple(
        _expectation(Fields(e, where=fields.at(f"expect[{i}]"), problems=fields.problems), pack)
        for i, e in enumerate(fields.sequence("expect"))
    )
    fields.done()
    return Case(
        name=name,
        every_ms=every_ms,
        base_ms=base_ms,
        zone=zone,
        signals=[columns, *peers],
        conditions=conditions,
        parts=prices,
        constants=numbers,
        expect=tuple(sorted(expect, key=lambda e: e.at_ms)),
    )


def _start(fields: Fields, zone: str) -> int:
    """The moment that the test calls 0: local time such as ``2026-01-05 06:00``; else the epoch."""
    if not fields.has("from"):
        fields.raw("from")
        return 0
    text = fields.text("from")
    try:
        local = dt.datetime.fromisoformat(text)
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None:
        fields.problem("from", f"is {text!r}", "local time such as 2026-01-05 06:00")
        return 0
    return int(local.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def _of_signals(fields: Fields, key: str, signals: set[str]) -> dict[str, Floats]:
    listed = fields.mapping(key, default={}) if key else _whole(fields)
    prefix = f"{key}." if key else ""
    return {
        signal: _samples(fields, f"{prefix}{signal}", text, signal in signals, sorted(signals))
        for signal, text in listed.items()
    }


def _whole(fields: Fields) -> dict[str, object]:
    """Everything in a mapping."""
    return {name: fields.raw(name) for name in fields.names()}


def _of_conditions(fields: Fields, inputs: Sequence[Input]) -> dict[tuple[str, str], Floats]:
    conditions = {w.condition for w in inputs if isinstance(w, ConditionInput)}
    allowed = [f"{c}.{f}" for c in sorted(conditions) for f in CONDITION_FIELDS]
    found = {}
    for key, text in fields.mapping("conditions", default={}).items():
        condition, _, field = key.partition(".")
        values = _samples(fields, f"conditions.{key}", text, key in allowed, allowed)
        found[condition, field] = values
    return found


def _is_part(name: str) -> bool:
    return name.rpartition(".")[2] in PART_FIELDS


def _numbers(
    fields: Fields,
    key: str,
    known: Mapping[str, float],
    allowed: str,
    fits: Callable[[str], bool],
) -> dict[str, float]:
    """Numbers that hold throughout a test, over those that are known anyway."""
    found = dict(known)
    for name, value in fields.mapping(key, default={}).items():
        if not fits(name) or isinstance(value, bool) or not isinstance(value, int | float):
            fields.problem(f"{key}.{name}", f"is {value!r}", allowed)
        else:
            found[name] = float(value)
    return found


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
    through_ms = max((e.at_ms for e in case.expect), default=-1)
    ends_ms = range(case.base_ms, case.base_ms + through_ms + 1, pack.every_ms)
    trial = Trial(pack, case, ends_ms)
    number = 0
    answer: dict[str, Any] = {"passed": True, "expected": [], "seen": [], "at": ""}
    for wanted in case.expect:
        while number < len(ends_ms) and ends_ms[number] <= case.base_ms + wanted.at_ms:
            trial.evaluate(number)
            number += 1
        seen = trial.firing()
        answer = {
            "passed": seen == wanted.firing,
            "expected": sorted(wanted.firing),
            "seen": sorted(seen),
            "at": wanted.at,
        }
        if not answer["passed"]:
            break
    return {"name": case.name, **answer}
