"""Evaluations of a pack on all its things: many at once as columns, then walked one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from reference_impl.kernel.columnar import Truth
from reference_impl.kernel.expressions import Expression
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Bools, Floats, Window
from reference_impl.rules.domain import Cause, Input, Instance, Pack, Phase, Rule, Step, judge

Above = Callable[[Cause, int], bool]
"""Whether a cause is ACTIVE on the site (or thing) of the thing with this number."""


class Inputs(Protocol):
    """Where the columns of some evaluations come from."""

    def columns(self, wanted: Sequence[Input]) -> Window:
        """The inputs, of shape ``(len(wanted), evaluations, things)``; NaN is: nothing there."""
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
    """What one rule says at some evaluations, in arrays of shape ``(evaluations, things)``."""

    rule: Rule
    truth: Truth
    known: Bools
    clears: Truth | None
    """Where its own clear condition holds and fails, if it has one."""
    columns: Mapping[str, Floats]
    fresh: Mapping[str, Bools]
    """Where each of them is new enough to go by."""
    holding: Mapping[int, Sequence[int]]
    """The things of which it holds, by the number of the evaluation."""

    def verdict(self, number: int, thing: int, *, active: bool = False) -> bool | None:
        """Whether it holds of a thing at an evaluation; None for UNKNOWN.

        A rule that is ACTIVE and has its own clear condition holds until that does.
        """
        if active and self.clears is not None:
            if self.clears.holds[number, thing]:
                return False
            return True if self.clears.fails[number, thing] else None
        if self.truth.holds[number, thing]:
            return True
        return False if self.truth.fails[number, thing] else None

    def holds_of(self, condition: Expression, number: int, thing: int) -> bool:
        """Whether another condition over the rule's variables holds; UNKNOWN does not."""
        if not all(self.fresh[name][number, thing] for name in condition.variables):
            return False
        values = {name: float(self.columns[name][number, thing]) for name in condition.variables}
        return condition.holds(values) is True

    def values(self, number: int, thing: int) -> dict[str, float]:
        """What it looked at, if all of it was known."""
        if not self.known[number, thing]:
            return {}
        return {name: float(column[number, thing]) for name, column in self.columns.items()}


class Plan:
    """Some rules, and each distinct input of theirs once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.inputs = list(dict.fromkeys(one for rule in rules for one in rule.inputs.values()))
        place = {one: number for number, one in enumerate(self.inputs)}
        self.reads = [[(name, place[one]) for name, one in rule.inputs.items()] for rule in rules]
        self.stale_ms = {rule.stale_after_ms for rule in rules}


def decide(plan: Plan, inputs: Inputs, *, ends_ms: Sequence[int]) -> list[Decided]:
    """What the rules of a plan say of things at the evaluations ``ends_ms``."""
    values, newest_ms = inputs.columns(plan.inputs)
    # nothing is as old as can be, though there may have been a reading once
    newest_ms = np.where(np.isnan(values), -1, newest_ms)
    ends = np.array(ends_ms, dtype=np.int64)[:, None]
    fresh = {stale_ms: newest_ms >= np.maximum(ends - stale_ms, 0) for stale_ms in plan.stale_ms}
    always: Bools = np.ones(values.shape[1:], dtype=np.bool_)
    found = []
    for rule, reads in zip(plan.rules, plan.reads, strict=True):
        mine = fresh[rule.stale_after_ms]
        known = _all(always, [mine[p] for name, p in reads if name in rule.when.variables])
        columns = {name: values[place] for name, place in reads}
        truth = rule.when.truth(columns, known)
        clears = None
        if (clear := rule.clear_when) is not None:
            told = _all(always, [mine[p] for name, p in reads if name in clear.variables])
            clears = clear.truth(columns, told)
        new = {name: mine[place] for name, place in reads}
        found.append(Decided(rule, truth, known, clears, columns, new, _where(truth.holds)))
    return found


def _all(known: Bools, others: Iterable[Bools]) -> Bools:
    for other in others:
        known = known & other
    return known


def _where(holds: Bools) -> dict[int, list[int]]:
    """The things of which a rule holds, by evaluation."""
    found: dict[int, list[int]] = {}
    if np.count_nonzero(holds):
        for number, thing in np.argwhere(holds).tolist():
            found.setdefault(number, []).append(thing)
    return found


def walk(
    pack: Pack,
    decided: Iterable[Decided],
    number: int,
    instances: Mapping[tuple[str, int], Instance],
    *,
    at_ms: int,
    above: Above | None = None,
) -> list[Judged]:
    """Let one evaluation act on the instances of a pack.

    Args:
        pack: The rules.
        decided: What they say, in the order of the pack.
        number: Which of the evaluations it is.
        instances: Those that are PENDING or ACTIVE, by (rule id, index of the thing).
        at_ms: Its time.
        above: Whether a cause is ACTIVE that is not of this pack and thing.

    Returns:
        What changed, and every rule that is ACTIVE, by rule and thing.
    """
    active = {key for key, one in instances.items() if one.phase is Phase.ACTIVE}
    standing: dict[str, set[int]] = {}
    for rule_id, thing in instances:
        standing.setdefault(rule_id, set()).add(thing)
    found: list[Judged] = []
    for one in decided:
        rule, holding = one.rule, one.holding.get(number, ())
        if not holding and rule.id not in standing:
            continue
        for thing in sorted(standing.get(rule.id, set()).union(holding)):
            key = (rule.id, thing)
            before = instances.get(key)
            verdict = one.verdict(number, thing, active=key in active)
            after, steps = judge(
                before,
                verdict,
                rule=rule,
                at_ms=at_ms,
                every_ms=pack.every_ms,
                yields=bool(rule.yields_to) and _yields(pack, rule, thing, active, above),
            )
            if after is not None and after.phase is Phase.ACTIVE:
                active.add(key)
            else:
                active.discard(key)
            if steps or after != before or (after and after.phase is Phase.ACTIVE):
                values = one.values(number, thing)
                found.append(Judged(rule, thing, before, after, steps, verdict, values))
    return found


def _yields(
    pack: Pack, rule: Rule, thing: int, active: Collection[tuple[str, int]], above: Above | None
) -> bool:
    """Whether a rule that stands above this one is ACTIVE; causes of a pack are walked first."""
    for cause in rule.yields_to:
        if cause.pack == pack.pack and cause.scope == "thing":
            if (cause.rule, thing) in active:
                return True
        elif above is not None and above(cause, thing):
            return True
    return False


def shown(values: Mapping[str, float]) -> dict[str, float]:
    """Values for people and feeds: 9 digits, the infinite ones left out (no JSON number)."""
    return {name: sig9(v) for name, v in values.items() if np.isfinite(v)}
