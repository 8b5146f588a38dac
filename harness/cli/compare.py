"""``twinrig compare``: two runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    one: Annotated[Path, typer.Argument(help="A run's folder.", metavar="RUN")],
    other: Annotated[Path, typer.Argument(help="Another run's folder.", metavar="RUN")],
    *,
    expect_same: Annotated[
        bool, typer.Option("--expect-same", help="Exit 1 if anything differs.")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the table for a pull request here.")
    ] = None,
) -> None:
    """Show where two runs begin to differ, and what each came to."""
    from harness.cli.folders import finished_events  # noqa: PLC0415
    from harness.grading.difference import first_difference, summary, traced  # noqa: PLC0415
    from harness.report import side_by_side  # noqa: PLC0415
    from harness.report.console import make_console, say  # noqa: PLC0415

    events = finished_events(one), finished_events(other)
    sums = summary(events[0]), summary(events[1])
    results = sums[0].result, sums[1].result
    assert results[0] is not None
    assert results[1] is not None
    console = make_console()
    names = (one.name, other.name) if one.name != other.name else (str(one), str(other))
    difference = first_difference(traced(events[0]), traced(events[1]))
    same = results[0].trace_hash == results[1].trace_hash
    side_by_side.show_difference(console, names, difference)
    if difference is None and not same:
        say(console, "the hashes differ: in readings that lie between the hourly ones kept here")
    side_by_side.show(console, names, *sums)
    if markdown is not None:
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text(side_by_side.markdown(names, *sums, difference), "utf-8")
        say(console, f"markdown: {markdown}")
    say(console, "same trace hash" if same else "the runs differ", "bold")
    raise typer.Exit(1 if expect_same and not same else 0)
