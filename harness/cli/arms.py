"""``twinrig arms``: ways to look after the same machines, side by side, in euros."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = "Example: twinrig arms arms.yaml --seeds 6 --html arms.html"


def arms(
    scenario: Annotated[
        Path, typer.Argument(help="A scenario whose matrix has the arms, with seeds: same.")
    ],
    *,
    seeds: Annotated[int, typer.Option(min=1, help="Worlds per arm, the same in each.")] = 3,
    first_seed: Annotated[int, typer.Option(help="Seeds are numbered on from here.")] = 1,
    base: Annotated[
        str | None, typer.Option(help="The arm to compare with; else the first.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the scenario."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; else one per core.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the run folders here, by arm.", metavar="DIR")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page here.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the table for a pull request here.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on stdout; the table goes to stderr.")
    ] = False,
) -> None:
    """Run every arm on the same random numbers, and say what each costs."""
    from harness.cli import arms_compare  # noqa: PLC0415

    wish = arms_compare.ArmsWish(
        scenario=scenario, seeds=seeds, first_seed=first_seed, base=base, sets=tuple(sets or ()),
        jobs=jobs, keep=keep, html=html, markdown=markdown, json=as_json,
    )  # fmt: skip
    raise typer.Exit(arms_compare.main(wish))
