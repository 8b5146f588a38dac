"""One evaluation of a pack on all its things: inputs as columns, conditions as scalars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import NamedTuple, Protocol

import numpy as np

from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Window
from reference_impl.rules.domain import Input, Instance, Pack, Phase, Rule, Step, judge


class Inputs(Protocol):
    """Where the columns of one evaluation come from."""

    def column(self, wanted: Input) -> Window:
        """``(values, newest_ms)``, one of each per thing; NaN is: nothing there."""
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


def evaluate(
    pack: Pack,
    inputs: Inputs,
    instances: Mapping[tuple[str, int], Instance],
    *,
    things: int,
    at_ms: int,
) -> list[Judged]:
    """Evaluate every rule of a pack on ``things`` things.

    Args:
        pack: The rules.
        inputs: The columns at ``at_ms``; each distinct input is asked for once.
        instances: Those that are PENDING or ACTIVE, by (rule id, index of the thing).
        things: How many things.
        at_ms: Time of the evaluation.

    Returns:
        What changed, and every rule that is ACTIVE, by rule and thing.
    """
    columns: dict[Input, Window] = {}
    found: list[Judged] = []
    for rule in pack.rules:
        for wanted in rule.inputs.values():
            if wanted not in columns:
                columns[wanted] = _column(*inputs.column(wanted))
        names = list(rule.inputs)
        read = [columns[wanted][0] for wanted in rule.inputs.values()]
        rows = list(zip(*read, strict=True)) if read else [()] * things
        known = _known([columns[w][1] for w in rule.inputs.values()], rule, things, at_ms)
        verdicts = rule.when.holds_for(names, rows, known)
        standing = {thing for rule_id, thing in instances if rule_id == rule.id}
        if not standing and not any(verdicts):
            continue
        for thing, verdict in enumerate(verdicts):
            if not verdict and thing not in standing:
                continue
            before = instances.get((rule.id, thing))
            after, steps = judge(before, verdict, rule=rule, at_ms=at_ms, every_ms=pack.every_ms)
            if steps or after != before or (after and after.phase is Phase.ACTIVE):
                now = dict(zip(names, rows[thing], strict=True)) if known[thing] else {}
                found.append(Judged(rule, thing, before, after, steps, verdict, now))
    return found


def _column(values: list[float], newest_ms: list[int]) -> Window:
    """A column whose time is -1 where there is nothing, though there may have been once."""
    if not any(map(isnan, values)):
        return values, newest_ms
    pairs = zip(values, newest_ms, strict=True)
    return values, [-1 if isnan(value) else at_ms for value, at_ms in pairs]


def _known(newest: Sequence[list[int]], rule: Rule, things: int, at_ms: int) -> list[bool]:
    oldest_ms = max(at_ms - rule.stale_after_ms, 0)
    if not newest:
        return [True] * things
    if min(map(min, newest), default=oldest_ms) >= oldest_ms:  # usual: nothing is stale
        return [True] * things
    return [min(times) >= oldest_ms for times in zip(*newest, strict=True)]


def shown(values: Mapping[str, float]) -> dict[str, float]:
    """Values for people and feeds: 9 digits, the infinite ones left out (no JSON number)."""
    return {name: sig9(v) for name, v in values.items() if np.isfinite(v)}
