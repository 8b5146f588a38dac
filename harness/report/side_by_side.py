"""Two runs in a table, for the terminal and for a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.grading.difference import FirstDifference, Summary

Line = tuple[str, str, str, str, str]
"""Group, figure, one, other, difference."""


def lines(one: Summary, other: Summary) -> Iterator[Line]:
    """Every figure that either run has, group by group in the order of the first."""
    before = ""
    keys = list(dict.fromkeys([*one.rows, *other.rows]))
    groups = list(dict.fromkeys(group for group, _ in keys))
    for key in sorted(keys, key=lambda key: groups.index(key[0])):
        group, name = key
        mine, theirs = one.rows.get(key, 0.0), other.rows.get(key, 0.0)
        gap = ""
        if isinstance(mine, float) and isinstance(theirs, float) and mine != theirs:
            gap = f"{theirs - mine:+,.2f}".removesuffix(".00")
        elif mine != theirs:
            gap = "differs"
        yield group if group != before else "", name, _shown(mine), _shown(theirs), gap
        before = group


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.2f}".removesuffix(".00")


def show(console: Console, titles: tuple[str, str], one: Summary, other: Summary) -> None:
    """Print the table; rows that differ are bold."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("")
    for title in (*titles, "difference"):
        table.add_column(title, justify="right", overflow="fold")
    for line in lines(one, other):
        table.add_row(*line, style="bold" if line[-1] else "")
    console.print(table)


def show_difference(
    console: Console, titles: tuple[str, str], difference: FirstDifference | None
) -> None:
    """Say where the runs part."""
    if difference is None:
        console.print(Text("the same happened in both"), soft_wrap=True)
        return
    console.print(Text("first difference:", style="bold"))
    for title, text in zip(titles, (difference.one, difference.other), strict=True):
        console.print(Text(f"  {title}: {text or '(nothing)'}"), soft_wrap=True)


def markdown(
    titles: tuple[str, str], one: Summary, other: Summary, difference: FirstDifference | None
) -> str:
    """The same for a pull request."""
    out = [f"## {titles[0]} and {titles[1]}", ""]
    if difference is None:
        out += ["The same happened in both.", ""]
    else:
        out += ["First difference:", ""]
        for title, text in zip(titles, (difference.one, difference.other), strict=True):
            out.append(f"- {title}: `{text or '(nothing)'}`")
        out.append("")
    out += [f"| | | {titles[0]} | {titles[1]} | difference |", "|---|---|---:|---:|---:|"]
    out += [f"| {' | '.join(line)} |" for line in lines(one, other)]
    return "\n".join([*out, ""])
