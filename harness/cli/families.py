"""The variants of one scenario: told a line each, judged together, shown as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.checks.sometimes import ELSEWHERE, Sometimes, over_all
from harness.cli.folders import settle
from harness.events import Event, RunFinished, RunResult
from harness.report.console import say, tell_failures
from harness.report.words import count, number, span

HASH_SHOWN = 12


class Member(NamedTuple):
    """A variant that came to its end."""

    variant: str
    result: RunResult
    page: Path | None


class VariantLine:
    """Says of one variant that it has come to its end; the verdict waits for the others."""

    def __init__(self, console: Console, variant: str, place: str, *, quiet: bool) -> None:
        self._console, self._variant, self._place, self._quiet = console, variant, place, quiet

    def on_event(self, event: Event) -> None:
        """Tell the end."""
        if isinstance(event, RunFinished) and not self._quiet:
            result = event.result
            days = span(1000 * result.simulated_s)
            seed = f"seed {result.seed}"
            text = f"{self._place}  {self._variant}  {seed}: {days} in {result.wall_s:.1f} s"
            say(self._console, text, "dim")

    def close(self) -> None:
        """There is nothing to take away."""


def judged(members: Sequence[Member]) -> list[Member]:
    """The members, where a ``sometimes`` of one holds for all; their folders say so, too."""
    settled = over_all([member.result for member in members])
    out = []
    for member, result in zip(members, settled, strict=True):
        if result is not member.result:
            settle(result)
        out.append(member._replace(result=result))
    return out


def show(console: Console, members: Sequence[Member], *, missing: int, quiet: bool) -> None:
    """Failures one by one, then what came of each variant, side by side.

    Args:
        console: Where to.
        members: Judged, at least one.
        missing: How many variants came to no end.
        quiet: Only failures and the verdict.
    """
    told: set[tuple[str, ...]] = set()
    for member in members:
        if member.result.verdict != "passed":
            console.print()
            say(console, f"{member.variant} · seed {member.result.seed}", "bold")
            tell_failures(console, member.result, told)
            if member.result.error:
                say(console, f"error: {member.result.error}", "bold red")
    if not quiet:
        console.print()
        console.print(_table(members))
        for text in _sometimes(members):
            say(console, text)
    passed = sum(member.result.verdict == "passed" for member in members)
    good = passed == len(members) and not missing
    one = members[0]
    title, of_all = one.result.title.removesuffix(f" [{one.variant}]"), len(members) + missing
    verdict = "PASSED" if good else "FAILED"
    say(
        console,
        f"{verdict}: {title} ({passed} of {of_all} variants pass)",
        "bold green" if good else "bold red",
    )
    if not quiet:
        say(console, f"the story of one: {one.result.replay}", "dim")


def _table(members: Sequence[Member]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("variant", overflow="fold")
    for title in ("seed", "verdict", "orders", "visits", "cost EUR", "trace hash"):
        right = title not in ("verdict", "trace hash")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for member in members:
        result = member.result
        good = result.verdict == "passed"
        table.add_row(
            member.variant, str(result.seed),
            Text(result.verdict, style="green" if good else "bold red"),
            number(result.orders), number(result.work_orders),
            f"{result.costs_eur.get('total', 0.0):,.2f}", result.trace_hash[:HASH_SHOWN],
        )  # fmt: skip
    return table


def _sometimes(members: Sequence[Member]) -> list[str]:
    """For each ``sometimes``, in how many variants it came true by itself."""
    own: dict[str, list[str]] = {}
    for member in members:
        for check in member.result.checks:
            if check.check == Sometimes.name:
                names = own.setdefault(check.where, [])
                if check.passed and check.seen != ELSEWHERE:
                    names.append(member.variant)
    titles = {
        check.where: check.title
        for member in members
        for check in member.result.checks
        if check.check == Sometimes.name
    }
    of_all = count(len(members), "variant")
    return [
        f"{titles[where]}: in {len(names)} of {of_all}{': ' + ', '.join(names) if names else ''}"
        for where, names in own.items()
    ]
