"""The comparison of two rule packs: for the terminal, a pull request, a CI server, a program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.grading.compare import FIGURES, Cell, Comparison, Row, Turned
from harness.report.junit import Case, Suite
from harness.report.words import count, long_stamp, span

TITLES = {
    "firings": "firings", "caught": "failures caught", "missed": "failures missed",
    "lead_time_h": "lead time h", "false_alarms_per_thing_year": "false alarms / thing-year",
    "orders": "orders", "early_orders": "early orders", "late_orders": "late orders",
    "duplicate_orders": "duplicate orders", "failures": "failures that happened",
    "prevented": "failures prevented", "work_orders": "work orders", "visits": "visits",
    "first_time_fix": "fixed at the first visit (share)", "downtime_h": "downtime h",
    "overflow_h": "overflow h", "cost_eur": "cost EUR", "failed_checks": "checks failed",
}  # fmt: skip
"""What each figure is called; all are means per run."""
MOST_TURNED = 50
"""Failures named in a table for people; the JSON has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A comparison and what was asked for."""

    comparison: Comparison
    base: Path
    candidate: Path
    seeds: Sequence[int]
    scenarios: Sequence[Path]
    broken: tuple[str, ...] = ()
    """Limits of ``--fail-on`` that are broken."""
    limits: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """What the pairs were."""
        pairs = count(len(self.comparison.pairs), "paired world")
        many = count(len(self.scenarios), "scenario")
        return f"{self.base} against {self.candidate}: {pairs} ({many}, {len(self.seeds)} seeds)"

    @property
    def verdict(self) -> str:
        """The last line."""
        if self.broken:
            return f"FAILED: {' and '.join(self.broken)}"
        if self.comparison.same:
            return "PASSED: no figure differs"
        return "PASSED" if self.limits else "compared; no --fail-on was given"


def lines_of(comparison: Comparison) -> Iterable[tuple[str, str, Cell]]:
    """Rule, figure, cell: everything of the whole, and of rules what is not 0 in both arms."""
    for name, cell in comparison.whole.cells.items():
        yield comparison.whole.rule, name, cell
    for row in comparison.rules:
        for name, cell in row.cells.items():
            if cell.base or cell.candidate or cell.changed:
                yield row.rule, name, cell


def number(value: float | None) -> str:
    """A figure for a table; ``-`` where there is none."""
    if value is None:
        return "-"
    text = f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return "0" if text in ("-0", "0") else text


def gap(cell: Cell) -> tuple[str, str]:
    """Difference and interval; the interval is empty where one pair says nothing."""
    if cell.difference is None:
        return "-", ""
    mean, low, high = cell.difference.mean, cell.difference.low, cell.difference.high
    shown = number(mean) if mean <= 0 else f"+{number(mean)}"
    return shown, "" if low is None or high is None else f"{number(low)} to {number(high)}"


def turned_text(turned: Turned, *, lost: str, had: str) -> str:
    """One failure that one pack caught and the other missed, in words."""
    due = long_stamp(turned.due_ms)
    what = f"{turned} fails {due}" if turned.happened else f"{turned} would fail {due}"
    if not turned.rules:
        return f"{what}: prevented with the {had}, not with the {lost}"
    rules = ", ".join(rule.rpartition("/")[2] for rule in turned.rules)
    ahead = span(turned.lead_h * 3_600_000)
    return f"{what}: with the {had} {rules} fired {ahead} ahead, with the {lost} not"


def show(console: Console, compared: Compared) -> None:
    """Print the table, the failures that turned, and the verdict."""
    comparison = compared.comparison
    console.print(Text(compared.headline, style="bold"))
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    table.add_column("per run")
    for title in ("baseline", "candidate", "difference", "95 %"):
        table.add_column(title, justify="right")
    before = ""
    for rule, name, cell in lines_of(comparison):
        difference, interval = gap(cell)
        style = "bold" if cell.difference is not None and cell.difference.certain else ""
        shown = rule.rpartition("/")[2] if rule != before else ""
        table.add_row(
            shown, TITLES[name], number(cell.base), number(cell.candidate), difference, interval,
            style=style,
        )  # fmt: skip
        before = rule
    console.print(table)
    for text, style in _turned(compared):
        console.print(Text(text, style=style), soft_wrap=True)
    style = "bold red" if compared.broken else "bold green"
    console.print(Text(compared.verdict, style=style), soft_wrap=True)


def _turned(compared: Compared) -> Iterable[tuple[str, str]]:
    for title, found, style, lost, had in (
        ("newly missed", compared.comparison.newly_missed, "red", "candidate", "baseline"),
        ("newly caught", compared.comparison.newly_caught, "green", "baseline", "candidate"),
    ):
        for turned in found[:MOST_TURNED]:
            yield f"{title}: {turned_text(turned, lost=lost, had=had)}", style
        if len(found) > MOST_TURNED:
            yield f"{title}: and {len(found) - MOST_TURNED} more; --json has all", style
    for scenario, seed, title in compared.comparison.newly_failed_checks:
        yield f"newly failed check: {scenario}, seed {seed}: {title}", "red"


def markdown(compared: Compared) -> str:
    """The same for a pull request."""
    out = [f"## Rules compared: {compared.verdict}", "", compared.headline, ""]
    out += [
        "Figures are means per run; bold where the 95 % interval of the difference leaves 0 out.",
        "",
    ]
    found = list(_turned(compared))
    out += [f"- {text}" for text, _ in found] + ([""] if found else [])
    comparison = compared.comparison
    out += _table(comparison.whole)
    changed = [row for row in comparison.rules if any(c.changed for c in row.cells.values())]
    for row in changed:
        out += [f"### {row.rule.rpartition('/')[2]}", "", *_table(row)]
    quiet = len(comparison.rules) - len(changed)
    out += [f"{count(quiet, 'rule')} without any difference.", ""] if quiet else []
    packs = f"{compared.base} {compared.candidate} {' '.join(map(str, compared.scenarios))}"
    seeds = compared.seeds
    out += [
        f"Again: `twinrig rules compare {packs} --seeds {len(seeds)} --first-seed {seeds[0]}`",
        "",
    ]
    return "\n".join(out)


def _table(row: Row) -> list[str]:
    out = ["| per run | baseline | candidate | difference | 95 % |", "|---|---:|---:|---:|---:|"]
    for name, cell in row.cells.items():
        if not (cell.base or cell.candidate or cell.changed):
            continue
        difference, interval = gap(cell)
        if cell.difference is not None and cell.difference.certain:
            difference = f"**{difference}**"
        cells = (TITLES[name], number(cell.base), number(cell.candidate), difference, interval)
        out.append(f"| {' | '.join(cells)} |")
    return [*out, ""]


def suite(compared: Compared) -> Suite:
    """For a CI server: a case per limit, and one per rule that caught failures."""
    comparison, group = compared.comparison, f"{compared.candidate}"
    texts = [text for text, _ in _turned(compared)]
    cases = [
        Case(
            name=f"not {text}", group=group,
            failure="\n".join([f"{text} is true", *texts]) if text in compared.broken else "",
        )
        for text in compared.limits
    ]  # fmt: skip
    for row in comparison.rules:
        base, candidate = row.cells["caught"].base, row.cells["caught"].candidate
        if base or candidate:
            lost = [t for t in comparison.newly_missed if row.rule in t.rules]
            told = "\n".join(turned_text(t, lost="candidate", had="baseline") for t in lost)
            cases.append(Case(name=f"{row.rule} misses nothing new", group=group, failure=told))
    cases = cases or [Case(name="the packs were compared", group=group)]
    return Suite(name=compared.headline, cases=tuple(cases))


def as_data(compared: Compared) -> dict[str, Any]:
    """Everything as plain data."""
    comparison = compared.comparison
    return {
        "verdict": "failed" if compared.broken else "passed",
        "exit_code": 1 if compared.broken else 0,
        "base": str(compared.base), "candidate": str(compared.candidate),
        "scenarios": [str(path) for path in compared.scenarios], "seeds": list(compared.seeds),
        "fail_on": list(compared.limits), "broken": list(compared.broken),
        "same": comparison.same,
        "figures": list(FIGURES),
        "all": _data(comparison.whole),
        "rules": {row.rule: _data(row) for row in comparison.rules},
        "newly_missed": [turned._asdict() for turned in comparison.newly_missed],
        "newly_caught": [turned._asdict() for turned in comparison.newly_caught],
        "newly_failed_checks": [list(check) for check in comparison.newly_failed_checks],
        "pairs": [
            {"scenario": p.scenario, "seed": p.seed, "baseline_hash": p.base.trace_hash,
             "candidate_hash": p.candidate.trace_hash, "baseline_cost_eur": p.base.cost_eur,
             "candidate_cost_eur": p.candidate.cost_eur}
            for p in comparison.pairs
        ],
    }  # fmt: skip


def _data(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in row.cells.items():
        gap = cell.difference
        found[name] = {
            "base": cell.base, "candidate": cell.candidate,
            "difference": gap.mean if gap else None, "low": gap.low if gap else None,
            "high": gap.high if gap else None,
        }  # fmt: skip
    return found
