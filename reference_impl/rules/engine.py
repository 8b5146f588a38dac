"""Evaluations of a pack on all its things: many at once as columns, then walked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from reference_impl.kernel.expressions import HOLDS, UNKNOWN, Verdicts
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Bools, Floats, Times, Window
from reference_impl.rules.domain import Input, Instance, Pack, Phase, Rule, Step, judge


class Inputs(Protocol):
    """Where the columns of some evaluations come from."""

    def columns(self, wanted: Sequence[Input]) -> Sequence[Window]:
        """Of each input, numbers of shape ``(evaluations, things)`` or, if constant, ``(things,)``.

        NaN is: nothing there.
        """
        ...


class Judged(NamedTuple):
    """What one evaluation did to one rule on one thing, where it did anything or it is firing."""

    rule: Rule
    thing: int
    before: Instance | None
    after: Instance | None
    steps: tuple[Step, ...]
    verdict: bool | None
    values: Mapping[str, float]


class Decided(NamedTuple):
    """What one rule says at some evaluations, of shape ``(evaluations, things)``."""

    rule: Rule
    verdicts: Verdicts
    known: Bools
    columns: Mapping[str, Floats]
    holding: list[list[int]]
    """The things of which it holds, at each evaluation."""

    def verdict(self, number: int, thing: int) -> bool | None:
        """Whether it holds of a thing at an evaluation; None for UNKNOWN."""
        said = self.verdicts[number, thing]
        return None if said == UNKNOWN else bool(said)

    def values(self, number: int, thing: int) -> dict[str, float]:
        """What it looked at, if all of it was known."""
        if not self.known[number, thing]:
            return {}
        return {name: float(column[number, thing]) for name, column in self.columns.items()}


def decide(
    rules: Iterable[Rule], inputs: Inputs, *, things: int, ends_ms: Sequence[int]
) -> list[Decided]:
    """What rules say of ``things`` things at the evaluations ``ends_ms``."""
    rules = list(rules)
    wanted = list(dict.fromkeys(one for rule in rules for one in rule.inputs.values()))
    shape = (len(ends_ms), things)
    found: dict[Input, tuple[Floats, Times]] = {}
    for one, (values, newest_ms) in zip(wanted, inputs.columns(wanted), strict=True):
        whole = np.broadcast_to(values, shape)
        # nothing is as old as can be, though there may have been a reading once
        found[one] = whole, np.where(np.isnan(whole), -1, newest_ms)
    return [_decided(rule, found, ends_ms, shape) for rule in rules]


def _decided(
    rule: Rule,
    found: Mapping[Input, tuple[Floats, Times]],
    ends_ms: Sequence[int],
    shape: tuple[int, int],
) -> Decided:
    oldest_ms = np.maximum(np.asarray(ends_ms) - rule.stale_after_ms, 0)[:, None]
    known: Bools = np.ones(shape, dtype=np.bool_)
    for one in rule.inputs.values():
        known &= found[one][1] >= oldest_ms
    columns = {name: found[one][0] for name, one in rule.inputs.items()}
    verdicts = rule.when.verdicts(columns, known)
    holding: list[list[int]] = [[] for _ in ends_ms]
    where = verdicts == HOLDS
    if where.any():
        for number, thing in np.argwhere(where).tolist():
            holding[number].append(thing)
    return Decided(rule, verdicts, known, columns, holding)


def walk(
    pack: Pack,
    decided: Iterable[Decided],
    number: int,
    instances: Mapping[tuple[str, int], Instance],
    *,
    at_ms: int,
) -> list[Judged]:
    """Let one evaluation act on the instances of a pack.

    Args:
        pack: The rules.
        decided: What they say, in the order of the pack.
        number: Which of the evaluations it is.
        instances: Those that are PENDING or ACTIVE, by (rule id, index of the thing).
        at_ms: Its time.

    Returns:
        What changed, and every rule that is ACTIVE, by rule and thing.
    """
    standing: dict[str, set[int]] = {}
    for rule_id, thing in instances:
        standing.setdefault(rule_id, set()).add(thing)
    found: list[Judged] = []
    for one in decided:
        rule, holding = one.rule, one.holding[number]
        if not holding and rule.id not in standing:
            continue
        for thing in sorted(standing.get(rule.id, set()).union(holding)):
            verdict = one.verdict(number, thing)
            before = instances.get((rule.id, thing))
            after, steps = judge(before, verdict, rule=rule, at_ms=at_ms, every_ms=pack.every_ms)
            if steps or after != before or (after and after.phase is Phase.ACTIVE):
                values = one.values(number, thing)
                found.append(Judged(rule, thing, before, after, steps, verdict, values))
    return found


def shown(values: Mapping[str, float]) -> dict[str, float]:
    """Values for people and feeds: 9 digits, the infinite ones left out (no JSON number)."""
    return {name: sig9(v) for name, v in values.items() if np.isfinite(v)}
