"""Runs the realism checks and tells their verdicts: as lines, as JSON, as a table for the docs."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer

from harness.errors import ScenarioError, TwinAuthorError
from harness.scenario.said import unknown
from twins.core.errors import InvalidProduct
from twins.core.realism import Figure, Wanted
from twins.history import Owned, Recorded, Verdict, collect, judge, listed
from twins.history.checklist import missing
from twins.products import catalog

BEGIN, END = "<!-- table: twinrig twins realism --deep --markdown -->", "<!-- end of table -->"
"""Between these two lines of a document stands the generated table."""


class Measured(NamedTuple):
    """A verdict and what it cost."""

    verdict: Verdict
    cpu_s: float


def main(
    *, products: Sequence[str], numbers: Sequence[int], deep: bool, as_json: bool,
    markdown: Path | None,
) -> int:  # fmt: skip
    """Measure and tell; returns the exit code.

    Raises:
        ScenarioError: If the call is wrong.
        TwinAuthorError: If a product's folder is.
    """
    try:
        checks = collect()
    except (InvalidProduct, ImportError) as error:
        raise TwinAuthorError(str(error)) from error
    _validate(checks, products=products, numbers=numbers)
    if markdown is not None:
        _check_document(markdown, whole=deep and not products and not numbers)
    chosen = [
        owned
        for owned in checks
        if (not products or owned.owner in products)
        and (not numbers or owned.check.number in numbers)
    ]
    # Whoever names a number wants that check, however long it takes.
    left_out = [owned for owned in chosen if owned.check.deep and not (deep or numbers)]
    results = measure([owned for owned in chosen if owned not in left_out])
    absent = [number for number in missing(checks) if not numbers or number in numbers]
    absent = [] if products else absent
    failed = [result for result in results if not result.verdict.ok]
    if as_json:
        typer.echo(to_json(results, left_out, absent))
    else:
        tell(results, left_out, absent)
    if markdown is not None:
        insert(markdown, table([result.verdict for result in results]))
        typer.echo(f"table: {markdown}", err=True)
    return 1 if failed else 0


def measure(checks: Sequence[Owned]) -> list[Measured]:
    """Measure, owner by owner so that no more histories are kept than one owner needs."""
    results = []
    for owner in sorted({owned.owner for owned in checks}):
        histories = Recorded(_announce)
        for owned in checks:
            if owned.owner == owner:
                typer.echo(f"measuring {owned.check.number} ({owner}) ...", err=True)
                begun = time.process_time()
                verdict = judge(owned, histories)
                results.append(Measured(verdict, time.process_time() - begun))
    return sorted(results, key=lambda result: result.verdict.owned.check.number)


def _announce(wanted: Wanted) -> None:
    devices = wanted.sites * wanted.devices_per_site
    text = f"  simulating {wanted.product}: {devices} devices x {wanted.days:g} days"
    typer.echo(f"{text}, seed {wanted.seed}", err=True)


def _validate(
    checks: Sequence[Owned], *, products: Sequence[str], numbers: Sequence[int]
) -> None:  # fmt: skip
    owners = sorted({owned.owner for owned in checks} | set(catalog()))
    problems = [unknown("product", name, owners) for name in products if name not in owners]
    problems += [
        f"there is no check {number}; the list goes from 1 to {max(listed())}"
        for number in numbers
        if number not in listed() and number not in {owned.check.number for owned in checks}
    ]
    if problems:
        raise ScenarioError("\nerror: ".join(problems))


def _check_document(path: Path, *, whole: bool) -> None:
    if not whole:
        raise ScenarioError("--markdown writes the whole list: give --deep, and no choice")
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ScenarioError(f"{path} must have one line {BEGIN!r} and one line {END!r}")


def tell(results: Sequence[Measured], left_out: Sequence[Owned], absent: Sequence[int]) -> None:
    """Print figures, bands and verdicts."""
    for verdict, cpu_s in results:
        check = verdict.owned.check
        mark = typer.style("ok  ", "green") if verdict.ok else typer.style("FAIL", "red")
        typer.echo(f"{mark} {check.number:>2} {check.title} ({verdict.owned.owner}, {cpu_s:.1f} s)")
        typer.echo(f"        band: {check.expected} | real: {check.source}")
        if verdict.error:
            typer.echo(f"        {verdict.error}")
        for figure in verdict.figures:
            bad = "" if figure.ok else "  <- outside"
            typer.echo(f"        {shown(figure)}{bad}")
    failed = [result.verdict.owned.check.number for result in results if not result.verdict.ok]
    typer.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed{_numbers(failed)}")
    if left_out:
        numbers = [owned.check.number for owned in left_out]
        typer.echo(f"{len(numbers)} left out, they need --deep{_numbers(numbers)}")
    if absent:
        typer.echo(f"{len(absent)} of the list have no check{_numbers(absent)}")


def _numbers(numbers: Sequence[int]) -> str:
    return f": {', '.join(map(str, sorted(set(numbers))))}" if numbers else ""


def shown(figure: Figure) -> str:
    """``name 1.23 mm/s in 1 to 2``."""
    unit = f" {figure.unit}" if figure.unit else ""
    return f"{figure.name}: {number(figure.value)}{unit} {band(figure)}"


def band(figure: Figure) -> str:
    """``in 1 to 2``, ``>= 1``, ``<= 2``, or nothing if there is no band."""
    low, high = figure.low, figure.high
    if math.isinf(low) and math.isinf(high):
        return "(no band)"
    if math.isinf(low) or math.isinf(high):
        return f">= {number(low)}" if math.isinf(high) else f"<= {number(high)}"
    return f"= {number(low)}" if low == high else f"in {number(low)} to {number(high)}"


def number(value: float) -> str:
    """Four significant digits, no more zeros than needed."""
    return f"{value:.4g}"


def to_json(results: Sequence[Measured], left_out: Sequence[Owned], absent: Sequence[int]) -> str:
    """One object for all of it; infinite ends of a band are null."""
    failed = sorted({r.verdict.owned.check.number for r in results if not r.verdict.ok})
    whole = {
        "verdict": "failed" if failed else "passed",
        "exit_code": 1 if failed else 0,
        "checks": [_object(result) for result in results],
        "failed": failed,
        "left_out": sorted({owned.check.number for owned in left_out}),
        "missing": list(absent),
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


def _object(result: Measured) -> dict[str, Any]:
    verdict = result.verdict
    check = verdict.owned.check
    return {
        "number": check.number,
        "owner": verdict.owned.owner,
        "title": check.title,
        "expected": check.expected,
        "source": check.source,
        "deep": check.deep,
        "ok": verdict.ok,
        "error": verdict.error,
        "cpu_s": round(result.cpu_s, 2),
        "figures": [
            {
                "name": figure.name,
                "value": _finite(figure.value),
                "low": _finite(figure.low),
                "high": _finite(figure.high),
                "unit": figure.unit,
                "ok": figure.ok,
            }
            for figure in verdict.figures
        ],
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def table(verdicts: Sequence[Verdict]) -> str:
    """The whole list as Markdown, with what was measured."""
    lines = ["| # | Check | Expected | Real data | Ours | |", "|---|---|---|---|---|---|"]
    for entry in listed().values():
        ours = [verdict for verdict in verdicts if verdict.owned.check.number == entry.number]
        cells = [f"{entry.number}", entry.title, entry.expected, entry.real]
        lines.append(_row(cells, ours))
    own = [verdict for verdict in verdicts if verdict.owned.check.number not in listed()]
    lines += [
        _row(
            [f"{one.owned.check.number}", f"{one.owned.check.title} ({one.owned.owner})",
             one.owned.check.expected, one.owned.check.source], [one],
        )
        for one in own
    ]  # fmt: skip
    return "\n".join(lines)


def _row(cells: list[str], ours: Sequence[Verdict]) -> str:
    """A row of the table: what is asked, what was measured, what is to be said of it."""
    said = [shown(figure) for verdict in ours for figure in verdict.figures]
    said += [verdict.error for verdict in ours if verdict.error]
    verdict = "" if not ours else "ok" if all(one.ok for one in ours) else "**fails**"
    whole = [*cells, "<br>".join(said) or "not measured", verdict]
    return f"| {' | '.join(cell.replace('|', '/') for cell in whole)} |"


def insert(path: Path, text: str) -> None:
    """Put the table between the two lines of a document that frame it."""
    document = path.read_text(encoding="utf-8")
    framed = re.escape(BEGIN) + r".*?" + re.escape(END)
    fresh = re.sub(framed, lambda _: f"{BEGIN}\n\n{text}\n\n{END}", document, flags=re.DOTALL)
    path.write_text(fresh, encoding="utf-8")
