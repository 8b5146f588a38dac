"""``twinrig fork``: go back in a run, change something, and see what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.run import Link

EPILOG = (
    "Examples: twinrig fork runs/<run> --at 30d --rules candidate.yaml · "
    "--fault NAME:device=ID,key=value · --price SKU=12.50 · --set policy.mode=approval"
)


def fork(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as runs/<name>-7-1.")],
    *,
    at: Annotated[str, typer.Option(help="When the branches part, such as 30d from the start.")],
    rules: Annotated[
        list[Path] | None, typer.Option(help="A pack that takes the place of its model's.")
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(metavar="SKU=EUR", help="Another price of a part.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:device=ID,...", help="Something breaks then."),
    ] = None,
    changed: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="policy.KEY=VALUE", help="Another policy of ordering."),
    ] = None,
    report_dir: Annotated[
        Path | None, typer.Option(help="Folder for the branches; else that of the run.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the table for a pull request here.")
    ] = None,
    link: Annotated[
        Link, typer.Option(help="In memory, or each branch through a broker.")
    ] = "memory",
    broker: Annotated[str, typer.Option(help="As at twinrig run, for --link mqtt.")] = "embedded",
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; else one per core.")] = None,
) -> None:
    """Run both branches from one moment on, and put them side by side."""
    from harness.cli import forking  # noqa: PLC0415

    wish = forking.ForkWish(
        run=run, at=at, rules=tuple(rules or ()), prices=tuple(price or ()),
        faults=tuple(fault or ()), settings=tuple(changed or ()), runs_dir=report_dir,
        markdown=markdown, jobs=jobs, link=link, broker=broker,
    )  # fmt: skip
    raise typer.Exit(forking.main(wish))
