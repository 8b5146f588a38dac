"""One evaluation of a pack on all its things: what it does to what is under way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from reference_impl.kernel.numbers import sig9
from reference_impl.rules.decided import Decided
from reference_impl.rules.domain import Cause, Instance, Pack, Phase, Rule, Step, judge

Above = Callable[[Cause, int], bool]
"""Whether a cause is ACTIVE on the site (or thing) of the thing with this number."""


class Judged(NamedTuple):
    """What one evaluation did to one rule on one thing, where it did anything or it is firing."""

    rule: Rule
    thing: int
    before: Instance | None
    after: Instance | None
    steps: tuple[Step, ...]
    verdict: bool | None
    values: Mapping[str, float]


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
