"""``twinrig explain``: from a decision back to rule, readings and truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explain(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/<name>-7-1.")],
    ident: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="An order, work order, alert, recommendation, command, need (thing/position/cycle)"
            " or period (contract/2026-01); a part of the id if it is the only one.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show why something was decided, and what was true of the device then.

    Without an id: all that can be asked for.
    """
    from harness.cli import explaining  # noqa: PLC0415

    explaining.main(run, ident, as_json=json)
