"""Ways to look after machines, side by side: one page, a table for terminal and pull request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.grading.compare import Cell
from harness.grading.ways import HAPPENED, KINDS, TOTAL, TRANSFERS, Way, Ways
from harness.report.pages import rendered
from harness.report.words import count, plain, span

TITLES = {
    "total": "in all", "energy": "energy", "service": "price of the service", "parts": "parts",
    "rounds": "planned rounds", "collection": "collection",
    "visits": "visits by day", "night_visits": "visits by night",
    "spills": "spills and overflow", "downtime": "downtime", "other": "other",
    "fee": "fee, customer to provider",
    "credit": "credit, provider to customer", "failures": "failures", "downtime_h": "downtime h",
    "planned_rounds": "planned rounds", "tours": "tours of collection",
    "stops": "stops of collection", "day_visits": "visits by day",
    "night_calls": "visits by night", "orders": "orders by machine or people",
}  # fmt: skip
"""What each figure is called."""
MONEY = (*KINDS, TOTAL)
HUES = (
    "#7b8794",
    "#d4a72c",
    "#0b68a5",
    "#18794e",
    "#3fa39b",
    "#5f6b2d",
    "#8e4ec6",
    "#c2620a",
    "#c62a2f",
    "#b8a200",
)
"""A colour for each kind of money; they are told apart by their order and by the table too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A comparison and what was asked for."""

    ways: Ways
    scenario: Path
    title: str
    story: str
    length_ms: int
    replay: str


def verdict(way: Way, base: Way) -> tuple[str, str]:
    """One sentence on an arm against the first, and its tone: good, bad, or none."""
    gap = way.cells[TOTAL].difference
    assert gap is not None
    more = "costs" if gap.mean > 0 else "saves"
    share = _share(gap.mean, way.cells[TOTAL].base)
    said = f"{more} {abs(gap.mean):,.0f} EUR a run against {base.arm}{share}"
    if gap.low is None or gap.high is None:
        return f"{said}; one seed says nothing of chance", ""
    low, high = sorted((abs(gap.low), abs(gap.high)))
    if gap.certain:
        wins = gap.mean < 0
        tail = f"95 %: {low:,.0f} to {high:,.0f}"
        return f"{said} ({tail}){'' if wins else ': it loses'}", "good" if wins else "bad"
    interval = f"95 %: {gap.low:+,.0f} to {gap.high:+,.0f} EUR"
    return f"cannot be told from {base.arm}: {gap.mean:+,.0f} EUR a run ({interval})", ""


def _share(part: float, whole: float | None) -> str:
    return f", {abs(part) / whole:.0%}" if whole else ""


def amount(value: float | None) -> str:
    """A mean for a table: whole euros, tenths of what is few."""
    if value is None:
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"
    return "0" if text in ("-0", "0.0", "-0.0") else text


def gap_of(cell: Cell) -> tuple[str, str]:
    """The difference, and its interval; both empty where nothing differs."""
    gap = cell.difference
    if gap is None or (gap.mean == 0 and not gap.low):
        return "", ""
    shown = amount(gap.mean) if gap.mean <= 0 else f"+{amount(gap.mean)}"
    if gap.low is None or gap.high is None:
        return shown, ""
    return shown, f"{amount(gap.low)} to {amount(gap.high)}"


def tone_of(cell: Cell) -> str:
    """Less is better in every figure that has a tone; only what is certain has one."""
    gap = cell.difference
    if gap is None or not gap.certain:
        return ""
    return "good" if gap.mean < 0 else "bad"


def used(ways: Ways, figures: Sequence[str]) -> list[str]:
    """Those of the figures that are not 0 in every arm."""
    return [f for f in figures if any(way.cells[f].candidate for way in ways.ways)]


def headline(shown: Shown) -> str:
    """How many worlds these were."""
    seeds, arms = len(shown.ways.seeds), len(shown.ways.ways)
    worlds = f"{count(arms, 'arm')} x {count(seeds, 'seed')}, {span(shown.length_ms)} each"
    same = count(shown.ways.shared, "moment")
    return f"{worlds}; {same} of wear and failure before anybody did anything, same in every arm"


def show(console: Console, shown: Shown) -> None:
    """Print the table and a verdict per arm."""
    ways = shown.ways
    console.print(Text(f"{shown.title}: {headline(shown)}", style="bold"), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("mean per run")
    for way in ways.ways:
        table.add_column(way.arm, justify="right")
    for figure in [*used(ways, MONEY), *used(ways, TRANSFERS), *used(ways, HAPPENED)]:
        unit = " EUR" if figure in (*MONEY, *TRANSFERS) else ""
        row = [amount(way.cells[figure].candidate) for way in ways.ways]
        table.add_row(TITLES[figure] + unit, *row, style="bold" if figure == TOTAL else "")
    console.print(table)
    for way in ways.ways[1:]:
        said, tone = verdict(way, ways.base)
        style = {"good": "green", "bad": "red"}.get(tone, "")
        console.print(Text(f"{way.arm} {said}", style=style), soft_wrap=True)


def markdown(shown: Shown) -> str:
    """The same for a pull request, each figure with its difference to the first arm."""
    ways = shown.ways
    out = [f"## {shown.title}", "", headline(shown) + ".", ""]
    out += [f"- **{way.arm}** {verdict(way, ways.base)[0]}" for way in ways.ways[1:]]
    out += ["", f"| mean per run | {' | '.join(way.arm for way in ways.ways)} |"]
    out.append(f"|---|{'---:|' * len(ways.ways)}")
    for figure in [*used(ways, MONEY), *used(ways, TRANSFERS), *used(ways, HAPPENED)]:
        unit = ", EUR" if figure in (*MONEY, *TRANSFERS) else ""
        cells = []
        for way in ways.ways:
            mean, (gap, _) = amount(way.cells[figure].candidate), gap_of(way.cells[figure])
            cells.append(f"{mean} ({gap})" if gap and way is not ways.base else mean)
        out.append(f"| {TITLES[figure]}{unit} | {' | '.join(cells)} |")
    return "\n".join([*out, "", f"`{shown.replay}`", ""])


def as_data(shown: Shown) -> dict[str, Any]:
    """The comparison for a program."""
    ways = shown.ways
    return {
        "scenario": str(shown.scenario), "title": shown.title, "seeds": list(ways.seeds),
        "base": ways.base.arm, "shared_moments": ways.shared, "replay": shown.replay,
        "arms": {
            way.arm: {
                "verdict": verdict(way, ways.base)[0] if way is not ways.base else "",
                "failures_by_component": dict(way.failed),
                "figures": {name: _data(cell) for name, cell in way.cells.items()},
            }
            for way in ways.ways
        },
        "runs": [
            {"arm": run.arm, "seed": run.seed, "trace_hash": run.trace_hash,
             "figures": dict(run.figures), "failed_checks": list(run.failed_checks)}
            for run in ways.runs
        ],
    }  # fmt: skip


def _data(cell: Cell) -> dict[str, float | None]:
    gap = cell.difference
    return {
        "mean": cell.candidate, "difference": gap.mean if gap else None,
        "low": gap.low if gap else None, "high": gap.high if gap else None,
    }  # fmt: skip


def page(shown: Shown) -> str:
    """One page that needs no internet and no script."""
    ways = shown.ways
    most = max(way.cells[TOTAL].candidate or 0.0 for way in ways.ways) or 1.0
    kinds = used(ways, KINDS)
    hues = dict(zip(KINDS, HUES, strict=True))
    arms = []
    for way in ways.ways:
        said, tone = verdict(way, ways.base) if way is not ways.base else ("", "")
        bars = [
            {"kind": TITLES[kind], "hue": hues[kind], "eur": amount(eur), "width": 100 * eur / most}
            for kind in kinds
            if (eur := way.cells[kind].candidate or 0.0) > 0.0
        ]
        arms.append({
            "name": plain(way.arm), "said": said, "tone": tone, "bars": bars,
            "total": amount(way.cells[TOTAL].candidate),
        })  # fmt: skip
    tables = [
        {"title": title, "note": note, "rows": _rows(ways, used(ways, figures))}
        for title, note, figures in (
            ("Euros by kind", "what the whole costs, whoever pays it", MONEY),
            ("Between the two sides", "who bears it; no part of the sum", TRANSFERS),
            ("What happened", "", HAPPENED),
        )
    ]
    failed = sorted({part for way in ways.ways for part in way.failed})
    return rendered(
        "ways.html.j2", data={}, title=shown.title, story=shown.story.strip(), arms=arms,
        headline=headline(shown), base=plain(ways.base.arm), replay=shown.replay,
        tables=[table for table in tables if table["rows"]],
        legend=[{"kind": TITLES[kind], "hue": hues[kind]} for kind in kinds],
        failed=[
            {"name": plain(part), "means": [amount(way.failed.get(part, 0.0)) for way in ways.ways]}
            for part in failed
        ],
        several=len(ways.seeds) > 1, seeds=", ".join(map(str, ways.seeds)),
    )  # fmt: skip


def _rows(ways: Ways, figures: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for figure in figures:
        cells = []
        for way in ways.ways:
            gap, interval = ("", "") if way is ways.base else gap_of(way.cells[figure])
            tone = "" if figure in (*TRANSFERS, "orders") else tone_of(way.cells[figure])
            mean = amount(way.cells[figure].candidate)
            cells.append({"mean": mean, "gap": gap, "interval": interval, "tone": tone})
        rows.append({"name": TITLES[figure], "total": figure == TOTAL, "cells": cells})
    return rows
