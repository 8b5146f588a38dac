"""What the rules of a pack say at some evaluations, found when somebody asks.

Most rules hold nowhere, and one of their inputs shows it: the others are then never read. What was
read is kept, so that rules share it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from reference_impl.kernel.expressions import Expression
from reference_impl.kernel.ports import Bools, Floats, Range, Times, Window
from reference_impl.kernel.ranges import ANYTHING
from reference_impl.rules.domain import Input, Rule

_LOOKS_MAX = 48
"""After so many looks, at most, the ranges that rules sleep by are begun anew (two days of hours):
what was seen once need not come again. At first it is after one look, then two, four, ..."""


class Inputs(Protocol):
    """Where the columns of some evaluations come from."""

    @property
    def shape(self) -> tuple[int, int]:
        """How many evaluations, and how many things."""
        ...

    def column(self, wanted: Input) -> Window:
        """An input, of shape ``(evaluations, things)``; NaN is: nothing there."""
        ...

    def within(self, wanted: Input) -> Range | None:
        """Between what it lies, where that is known without reading it; None: read it to know."""
        ...


class Plan:
    """Some rules, and each distinct input of theirs once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.inputs = list(dict.fromkeys(one for rule in rules for one in rule.inputs.values()))
        place = {one: number for number, one in enumerate(self.inputs)}
        self.reads = [{name: place[one] for name, one in rule.inputs.items()} for rule in rules]


class Columns:
    """The inputs of a plan at some evaluations, each read once, when it is needed."""

    def __init__(self, plan: Plan, inputs: Inputs, ends_ms: Sequence[int]) -> None:
        self._wanted, self._inputs = plan.inputs, inputs
        self._ends_ms: Times = np.array(ends_ms, dtype=np.int64)[:, None]
        self.always: Bools = np.ones(inputs.shape, dtype=np.bool_)
        self._windows: dict[int, Window] = {}
        self._within: dict[int, Range] = {}
        self._fresh: dict[tuple[int, int], Bools] = {}

    def values(self, place: int) -> Floats:
        """One input, of shape ``(evaluations, things)``."""
        return self._window(place).values

    def within(self, place: int) -> Range:
        """Between what the values of an input lie."""
        found = self._within.get(place)
        if found is None:
            found = self._inputs.within(self._wanted[place])
            if found is None:
                values = self._window(place).values
                low, high = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
                found = ANYTHING if np.isnan(low) else (float(low), float(high))
            self._within[place] = found
        return found

    def fresh(self, place: int, stale_ms: int) -> Bools:
        """Where there is something, and not older than that."""
        found = self._fresh.get((place, stale_ms))
        if found is None:
            values, newest_ms = self._window(place)
            # nothing is as old as can be, though there may have been a reading once
            found = (newest_ms >= np.maximum(self._ends_ms - stale_ms, 0)) & ~np.isnan(values)
            self._fresh[place, stale_ms] = found
        return found

    def forget(self, places: Collection[int]) -> None:
        """Read these inputs anew: what they are made of has changed."""
        for place in places:
            self._windows.pop(place, None)
            self._within.pop(place, None)
        gone = [key for key in self._fresh if key[0] in places]
        for key in gone:
            del self._fresh[key]

    def _window(self, place: int) -> Window:
        found = self._windows.get(place)
        if found is None:
            found = self._windows[place] = self._inputs.column(self._wanted[place])
        return found


class _Named(Mapping[str, Floats]):
    """The columns of one rule by the names that it gives them."""

    def __init__(self, reads: Mapping[str, int], columns: Columns) -> None:
        self._reads, self._columns = reads, columns

    def __getitem__(self, name: str) -> Floats:
        return self._columns.values(self._reads[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._reads)

    def __len__(self) -> int:
        return len(self._reads)


class Decided:
    """What one rule says at some evaluations of some things."""

    def __init__(
        self, rule: Rule, reads: Mapping[str, int], columns: Columns, *, asleep: bool = False
    ) -> None:
        """``asleep``: it is known to hold nowhere."""
        self.rule = rule
        self._reads, self._columns = reads, columns
        self._named = _Named(reads, columns)
        self._holds = None if asleep else self._where(rule.when, True)
        self.holding: Mapping[int, Sequence[int]] = _by_number(self._holds)
        """The things of which it holds, by the number of the evaluation."""

    def verdict(self, number: int, thing: int, *, active: bool = False) -> bool | None:
        """Whether it holds of a thing at an evaluation; None for UNKNOWN.

        A rule that is ACTIVE and has its own clear condition holds until that does.
        """
        if active and self.rule.clear_when is not None:
            if _at(self._clears, number, thing):
                return False
            return True if _at(self._clears_not, number, thing) else None
        if _at(self._holds, number, thing):
            return True
        return False if _at(self._fails, number, thing) else None

    def holds_of(self, condition: Expression, number: int, thing: int) -> bool:
        """Whether another condition over the rule's variables holds; UNKNOWN does not."""
        if not self._known(condition)[number, thing]:
            return False
        values = {name: float(self._named[name][number, thing]) for name in condition.variables}
        return condition.holds(values) is True

    def values(self, number: int, thing: int) -> dict[str, float]:
        """What it looked at, if all of it was known."""
        if not self._known(self.rule.when)[number, thing]:
            return {}
        return {name: float(column[number, thing]) for name, column in self._named.items()}

    @cached_property
    def _fails(self) -> Bools | None:
        return self._where(self.rule.when, False)

    @cached_property
    def _clears(self) -> Bools | None:
        return None if self.rule.clear_when is None else self._where(self.rule.clear_when, True)

    @cached_property
    def _clears_not(self) -> Bools | None:
        return None if self.rule.clear_when is None else self._where(self.rule.clear_when, False)

    def _where(self, condition: Expression, said: bool) -> Bools | None:
        return condition.where(
            said, self._named, known=lambda: self._known(condition), ranges=self._range
        )

    def _range(self, name: str) -> Range:
        return self._columns.within(self._reads[name])

    def _known(self, condition: Expression) -> Bools:
        """Where all that a condition reads is new enough to go by."""
        stale_ms = self.rule.stale_after_ms
        known = self._columns.always
        for name in condition.variables:
            known = known & self._columns.fresh(self._reads[name], stale_ms)
        return known


def _by_number(holds: Bools | None) -> Mapping[int, Sequence[int]]:
    found: dict[int, list[int]] = {}
    if holds is not None:
        for number, thing in np.argwhere(holds).tolist():
            found.setdefault(number, []).append(thing)
    return found


def _at(where: Bools | None, number: int, thing: int) -> bool:
    """Whether a place is among those; None: nowhere."""
    return where is not None and bool(where[number, thing])


class Sleep:
    """Knows which rules of a plan hold nowhere while some inputs stay where they were.

    A rule is asked once whether it may hold within ranges that are grown to all that was seen; if
    not, it sleeps, and rests on the inputs that were looked at to say so. Most rules never come
    near their thresholds: a look then costs them a comparison of a range or two, and what they do
    not rest on is not read. Why that is sound: what holds nowhere within some ranges holds nowhere
    within narrower ones.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._looks = self._looks_left = 0
        self._seen: dict[int, Range] = {}
        """By number of the input."""
        self.rests: dict[int, frozenset[int]] = {}
        """By number of the rules that are asleep: the numbers of the inputs."""

    def look(self, columns: Columns) -> None:
        """Wake and lay to sleep as the inputs of a look say."""
        if self._looks_left:
            moved = {place for place in self._seen if self._has_moved(place, columns)}
            asked = [n for n, places in self.rests.items() if not moved.isdisjoint(places)]
        else:
            self._looks_left = self._looks = min(max(2 * self._looks, 1), _LOOKS_MAX)
            self._seen.clear()
            self.rests.clear()
            asked = list(range(len(self._plan.rules)))
        self._looks_left -= 1
        for number in asked:
            self._ask(number, columns)
        if asked:
            kept = frozenset().union(*self.rests.values())
            self._seen = {place: self._seen[place] for place in sorted(kept)}

    def _has_moved(self, place: int, columns: Columns) -> bool:
        low, high = columns.within(place)
        known_low, known_high = self._seen[place]
        return low < known_low or high > known_high

    def _ask(self, number: int, columns: Columns) -> None:
        reads, looked_at = self._plan.reads[number], set[int]()

        def grown(name: str) -> Range:
            place = reads[name]
            looked_at.add(place)
            low, high = columns.within(place)
            known_low, known_high = self._seen.get(place, (low, high))
            self._seen[place] = min(low, known_low), max(high, known_high)
            return self._seen[place]

        if self._plan.rules[number].when.may_hold(grown):
            self.rests.pop(number, None)
        else:
            self.rests[number] = frozenset(looked_at)


def decide(plan: Plan, columns: Columns, sleep: Sleep | None = None) -> list[Decided]:
    """What the rules of a plan say, in their order."""
    asleep = sleep.rests if sleep else ()
    return [
        Decided(rule, reads, columns, asleep=number in asleep)
        for number, (rule, reads) in enumerate(zip(plan.rules, plan.reads, strict=True))
    ]


def decide_anew(
    plan: Plan,
    columns: Columns,
    said: Sequence[Decided],
    changed: set[int],
    sleep: Sleep | None = None,
) -> list[Decided]:
    """What they say when some inputs have changed: those rules that read none of them as before."""
    columns.forget(changed)
    if sleep:
        sleep.look(columns)
    asleep = sleep.rests if sleep else ()
    both = zip(plan.rules, plan.reads, said, strict=True)
    return [
        before
        if changed.isdisjoint(reads.values())
        else Decided(rule, reads, columns, asleep=number in asleep)
        for number, (rule, reads, before) in enumerate(both)
    ]
