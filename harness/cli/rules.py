"""``twinrig rules``: check and test rule packs, as the DPS itself understands them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Check and test rule packs, through the DPS's own API.", no_args_is_help=True
)

Packs = Annotated[list[Path], typer.Argument(help="Rule packs (YAML).", metavar="PACK")]
Junit = Annotated[Path | None, typer.Option(help="Write JUnit XML here.")]
Sut = Annotated[
    str | None, typer.Option(help="URL of your own DPS; else the reference DPS, in process.")
]


@app.command()
def check(packs: Packs, *, junit: Junit = None, sut: Sut = None) -> None:
    """Show every mistake with file:line:column."""
    from harness.cli import packs as work  # noqa: PLC0415

    raise typer.Exit(work.main(packs, tests=None, with_tests=False, junit=junit, sut=sut))


@app.command("test")
def run_tests(
    packs: Packs,
    *,
    junit: Junit = None,
    sut: Sut = None,
    tests: Annotated[
        Path | None,
        typer.Option(help="The test file, for one pack; else <pack>_test.yaml beside each."),
    ] = None,
) -> None:
    """Run unit tests: signals in, firing rules out."""
    from harness.cli import packs as work  # noqa: PLC0415

    raise typer.Exit(work.main(packs, tests=tests, with_tests=True, junit=junit, sut=sut))
