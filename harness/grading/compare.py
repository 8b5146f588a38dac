"""Two rule packs on paired worlds: per rule and in all, each figure with its difference.

A pair is one scenario with one seed, run with the baseline and with the candidate. Both worlds
draw the same lives, loads and outages, so that a difference is the packs' doing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from harness.grading.grade import RuleGrade, RunGrade
from harness.grading.lives import HOUR_MS
from harness.grading.stats import Estimate, paired

ALL = "all rules"


class Pair(NamedTuple):
    """One scenario and seed in both arms."""

    scenario: str
    seed: int
    base: RunGrade
    candidate: RunGrade


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure per run: baseline, candidate, and the mean of the paired differences."""

    base: float | None
    candidate: float | None
    difference: Estimate | None

    @property
    def changed(self) -> bool:
        """Whether any difference is there at all."""
        return self.difference is not None and self.difference.mean != 0


@dataclass(frozen=True, slots=True)
class Row:
    """A rule (or all together) and its figures by name."""

    rule: str
    cells: Mapping[str, Cell]


class Turned(NamedTuple):
    """A failure that one pack caught and the other missed."""

    scenario: str
    seed: int
    device: str
    component: str
    life: int
    due_ms: int
    rules: tuple[str, ...]
    """Rules that caught it in the one and not in the other."""
    lead_h: float
    happened: bool
    """Whether it happened in the arm that missed it."""

    def __str__(self) -> str:
        return f"{self.scenario}, seed {self.seed}: {self.device} {self.component} ({self.life})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a candidate changes."""

    pairs: tuple[Pair, ...]
    whole: Row
    rules: tuple[Row, ...]
    newly_missed: tuple[Turned, ...]
    newly_caught: tuple[Turned, ...]
    newly_failed_checks: tuple[tuple[str, int, str], ...]
    """Scenario, seed and title of checks that held with the baseline."""

    @property
    def same(self) -> bool:
        """Whether nothing differs anywhere."""
        rows = (self.whole, *self.rules)
        return not any(cell.changed for row in rows for cell in row.cells.values())


Measure = Callable[[RuleGrade], float | None]


def _lead(rule: RuleGrade) -> float | None:
    return fmean(rule.caught.values()) if rule.caught else None


def _false(rule: RuleGrade) -> float:
    return rule.false_alarms / rule.thing_years if rule.thing_years else 0.0


RULE: Mapping[str, Measure] = {
    "firings": lambda r: float(r.firings),
    "caught": lambda r: float(len(r.caught)),
    "lead_time_h": _lead,
    "false_alarms_per_thing_year": _false,
    "orders": lambda r: float(r.orders),
    "early_orders": lambda r: float(r.early),
    "late_orders": lambda r: float(r.late),
    "duplicate_orders": lambda r: float(r.duplicate),
}
"""Figures of a rule, per run; None where a run has none."""
WHOLE: Mapping[str, Callable[[RunGrade], float | None]] = {
    "failures": lambda g: float(sum(failure.happened for failure in g.failures.values())),
    "prevented": lambda g: float(sum(not failure.happened for failure in g.failures.values())),
    "work_orders": lambda g: float(g.work_orders),
    "visits": lambda g: float(g.visits),
    "first_time_fix": lambda g: g.first_time_fix,
    "downtime_h": lambda g: g.downtime_h,
    "overflow_h": lambda g: g.overflow_h,
    "cost_eur": lambda g: g.cost_eur,
    "failed_checks": lambda g: float(len(g.failed_checks)),
}
"""Figures of a run as a whole."""
FIGURES = (
    "firings", "caught", "missed", "lead_time_h", "false_alarms_per_thing_year", "orders",
    "early_orders", "late_orders", "duplicate_orders", *WHOLE,
)  # fmt: skip
"""All by name, in the order of reports."""


def compare(pairs: Sequence[Pair]) -> Comparison:
    """Put the arms side by side.

    Args:
        pairs: At least one.
    """
    base_rules = {key for pair in pairs for key in pair.base.rules}
    candidate_rules = {key for pair in pairs for key in pair.candidate.rules}
    rows = [_row(key, pairs) for key in sorted(base_rules | candidate_rules)]
    wholes = {
        name: _cell([(measure(p.base), measure(p.candidate)) for p in pairs])
        for name, measure in WHOLE.items()
    }
    whole = _row(ALL, pairs)
    return Comparison(
        pairs=tuple(pairs),
        whole=Row(ALL, {**whole.cells, **wholes}),
        rules=tuple(rows),
        newly_missed=tuple(t for p in pairs for t in _turned(p, p.base, p.candidate)),
        newly_caught=tuple(t for p in pairs for t in _turned(p, p.candidate, p.base)),
        newly_failed_checks=tuple(
            (p.scenario, p.seed, title) for p in pairs
            for title in p.candidate.failed_checks if title not in p.base.failed_checks
        ),
    )  # fmt: skip


def _rule(grade: RunGrade, key: str) -> RuleGrade:
    return grade.whole if key == ALL else grade.rules.get(key) or RuleGrade()


def _row(rule: str, pairs: Sequence[Pair]) -> Row:
    arms = [(_rule(p.base, rule), _rule(p.candidate, rule)) for p in pairs]
    cells = {
        name: _cell([(measure(base), measure(candidate)) for base, candidate in arms])
        for name, measure in RULE.items()
    }
    cells["missed"] = _cell([
        (
            float(len(missed(rule, p.base, p.candidate))),
            float(len(missed(rule, p.candidate, p.base))),
        )
        for p in pairs
    ])  # fmt: skip
    return Row(rule, {name: cells[name] for name in FIGURES if name in cells})


def missed(rule: str, arm: RunGrade, other: RunGrade) -> list[tuple[str, str, int]]:
    """Failures that a rule missed in an arm.

    It did not fire before it happened; or it fired in the other arm at a time when in this one
    nobody had worked on the component yet.
    """
    found, fired = [], _rule(other, rule).caught
    for key, failure in sorted(arm.failures.items()):
        mine = _rule(arm, rule)
        if key in mine.caught or (key not in mine.silent and key not in fired):
            continue
        if key in fired and key in other.failures:
            first_ms = other.failures[key].due_ms - fired[key] * HOUR_MS
            had_time = failure.ended_ms is None or failure.ended_ms > first_ms
        else:
            had_time = False
        if failure.happened or had_time:
            found.append(key)
    return found


def _cell(values: Sequence[tuple[float | None, float | None]]) -> Cell:
    """Means of each arm over the runs that have a value; differences where both have one."""
    base = [b for b, _ in values if b is not None]
    candidate = [c for _, c in values if c is not None]
    both = [c - b for b, c in values if b is not None and c is not None]
    return Cell(
        fmean(base) if base else None, fmean(candidate) if candidate else None, paired(both)
    )


def _turned(pair: Pair, had: RunGrade, lost: RunGrade) -> list[Turned]:
    """Failures that ``had`` caught by some rule, or prevented, and ``lost`` did not."""
    gone: dict[tuple[str, str, int], list[str]] = {}
    for rule, graded in sorted(had.rules.items()):
        for key in missed(rule, lost, had):
            if key in graded.caught:
                gone.setdefault(key, []).append(rule)
    for key, failure in lost.failures.items():
        before = had.failures.get(key)
        if failure.happened and (before is None or not before.happened):
            gone.setdefault(key, [])
    return [
        Turned(
            pair.scenario, pair.seed, *key, lost.failures[key].due_ms, tuple(rules),
            max((had.rules[rule].caught[key] for rule in rules), default=0.0),
            lost.failures[key].happened,
        )
        for key, rules in sorted(gone.items())
    ]  # fmt: skip
