"""``twinrig rules``: check and test rule packs as the DPS understands them, and compare two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.run import Link

app = typer.Typer(
    help="Check and test rule packs through the DPS's own API; compare two by the truth.",
    no_args_is_help=True,
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


@app.command("compare")
def compare(
    base: Annotated[Path, typer.Argument(help="Pack, or folder of packs, as it is.")],
    candidate: Annotated[Path, typer.Argument(help="The same as it shall be.")],
    scenarios: Annotated[
        list[Path], typer.Argument(help="Scenario files, or folders of them.", metavar="SCENARIO")
    ],
    *,
    seeds: Annotated[int, typer.Option(min=1, help="Paired worlds per scenario.")] = 10,
    first_seed: Annotated[int, typer.Option(min=0, help="Seeds are numbered on from here.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; else one per core.")] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="LIMIT", help="Exit 1 if true, e.g. 'missed > 0'; may be repeated."),
    ] = None,
    alarm_eur: Annotated[
        float, typer.Option(min=0.0, help="Cost of looking at one alarm (0: alarms are free).")
    ] = 20.0,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the run folders here, by arm.")
    ] = None,
    link: Annotated[
        Link, typer.Option(help="In memory, or each world through a broker.")
    ] = "memory",
    broker: Annotated[str, typer.Option(help="As at twinrig run, for --link mqtt.")] = "embedded",
    markdown: Annotated[
        Path | None, typer.Option(help="Write a summary for a pull request here.")
    ] = None,
    junit: Junit = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; the table goes to stderr.")
    ] = False,
) -> None:
    """Run both packs on the same worlds and grade them by the truth.

    Per rule: firings, failures caught and missed, lead time, false alarms, orders that were early,
    late or double; in all: downtime, overflow and cost. Each with the mean paired difference and
    its 95 % interval.
    """
    from harness.cli import rules_compare as work  # noqa: PLC0415

    wish = work.CompareWish(
        base=base, candidate=candidate, scenarios=work.expand(scenarios), seeds=seeds,
        first_seed=first_seed, jobs=jobs, fail_on=tuple(fail_on or ()), alarm_eur=alarm_eur,
        keep=keep, link=link, broker=broker, markdown=markdown, junit=junit, json=json,
    )  # fmt: skip
    raise typer.Exit(work.main(wish))
