"""What ``twinrig rules compare`` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from harness.errors import ScenarioError
from harness.grading import arms, limits
from harness.grading.compare import compare
from harness.grading.packs import pack_set
from harness.report import junit, rules_compare
from harness.report.console import make_console, say


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareWish:
    """The options of ``twinrig rules compare``, as given."""

    base: Path
    candidate: Path
    scenarios: Sequence[Path]
    seeds: int
    first_seed: int
    jobs: int | None
    fail_on: Sequence[str]
    alarm_eur: float
    keep: Path | None
    link: Literal["memory", "mqtt"]
    broker: str
    markdown: Path | None
    junit: Path | None
    json: bool


def main(wish: CompareWish) -> int:
    """Compare and print; returns the exit code: 1 if a limit is broken.

    Raises:
        HarnessError: If packs, scenarios or limits are wrong, or a world came to no end.
    """
    console = make_console(stderr=wish.json)
    names = limits.blank()
    for text in wish.fail_on:
        limits.limit(text, names)
    seeds = range(wish.first_seed, wish.first_seed + wish.seeds)
    wanted = arms.jobs(
        pack_set(wish.base), pack_set(wish.candidate), wish.scenarios, seeds,
        runs_dir=wish.keep, alarm_eur=wish.alarm_eur, link=wish.link, broker=wish.broker,
    )  # fmt: skip
    processes = min(wish.jobs or arms.cores(), len(wanted))
    with progress(console, len(wanted)) as done:
        comparison = compare(arms.run_pairs(wanted, processes=processes, done=done))
    values = limits.figures(comparison)
    broken = tuple(t for t in wish.fail_on if limits.limit(t, values).broken(values))
    compared = rules_compare.Compared(
        comparison=comparison, base=wish.base, candidate=wish.candidate, seeds=seeds,
        scenarios=wish.scenarios, broken=broken, limits=tuple(wish.fail_on),
    )  # fmt: skip
    rules_compare.show(console, compared)
    _write(wish, compared, console)
    return 1 if broken else 0


def _write(wish: CompareWish, compared: rules_compare.Compared, console: Console) -> None:
    if wish.markdown is not None:
        wish.markdown.parent.mkdir(parents=True, exist_ok=True)
        wish.markdown.write_text(rules_compare.markdown(compared), "utf-8")
        say(console, f"markdown: {wish.markdown}")
    if wish.junit is not None:
        junit.write(wish.junit, [rules_compare.suite(compared)])
        say(console, f"junit: {wish.junit}")
    if wish.json:
        data = msgspec.json.encode(rules_compare.as_data(compared))
        typer.echo(msgspec.json.format(data, indent=2).decode())


@contextmanager
def progress(console: Console, total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar that is told how many worlds are done; nothing where nobody looks."""
    if not console.is_terminal:
        yield lambda _done, _of: None
        return
    columns = (TextColumn("worlds"), BarColumn(bar_width=30), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("worlds", total=total)
        yield lambda done, _of: progress.update(task, completed=done)


def expand(paths: Sequence[Path]) -> list[Path]:
    """Scenario files; a folder stands for all that lie in it.

    Raises:
        ScenarioError: If a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not files:
            raise ScenarioError(f"{path} holds no scenario (*.yaml)")
        found += files
    return found
