"""``twinrig conform``: what a DPS offers, its level, and the scenarios that can be run with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from harness.engine.families import Family
    from harness.sut.probe import Conformance

LEVELS = {
    "L0": "it reads MQTT: commands, webhooks and wire can be judged, live",
    "L1": "it offers the feed: what it decides can be judged, live",
    "L2": "it follows the clock: lock-step, as fast as it goes, one hash per seed",
}
SCENARIOS = Path(__file__).parents[2] / "scenarios"


def conform(
    url: Annotated[
        str, typer.Argument(help="The DPS, freshly started; none for one that only speaks MQTT.")
    ],
    *,
    scenarios: Annotated[
        Path, typer.Option(help="Folder of scenarios to sort by what can be run.")
    ] = SCENARIOS,
    level: Annotated[
        str, typer.Option(metavar="L0|L1|L2", help="Exit code 4 if it is below this level.")
    ] = "L0",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which level a DPS has, what is missing for the next, and which scenarios can be run.

    It is asked, not believed. It should have no run behind it: a customer is installed in it, and
    its clock is set to 2026-01-01.
    """
    from harness.engine.families import families  # noqa: PLC0415
    from harness.errors import SutError  # noqa: PLC0415
    from harness.report.console import make_console  # noqa: PLC0415

    if level not in LEVELS:
        raise typer.BadParameter(f"{level!r}; allowed: {', '.join(LEVELS)}", param_hint="--level")
    found = _examine(url)
    sorted_by = list(families(scenarios, found.reach))
    if json:
        _print_json(found, sorted_by)
    else:
        _print(make_console(), found, sorted_by)
    if found.reach.level < level:
        raise SutError(f"the DPS is at {found.reach.level}, not at {level}")


def _examine(url: str) -> Conformance:
    import asyncio  # noqa: PLC0415

    from harness.sut.http import HttpSut  # noqa: PLC0415
    from harness.sut.levels import wire_only  # noqa: PLC0415
    from harness.sut.probe import Conformance, Prober  # noqa: PLC0415
    from harness.sut.wire_only import NAME  # noqa: PLC0415

    if url == NAME:
        reach = wire_only(webhooks=False)
        return Conformance(name="a DPS on MQTT", claims="L0", reach=reach, findings=())

    async def ask() -> Conformance:
        sut = HttpSut.at(url)
        try:
            return await Prober(sut).examine()
        finally:
            await sut.close()

    return asyncio.run(ask())


def _print(console: Console, found: Conformance, sorted_by: list[Family]) -> None:
    from harness.report.console import say  # noqa: PLC0415

    level = found.reach.level
    say(console, f"{found.name}: {level}, {LEVELS[level]}", "bold")
    if found.claims != level:
        say(console, f"it says of itself that it is at {found.claims}", "yellow")
    for finding in found.findings:
        sign, style = ("ok  ", "green") if finding.ok else ("miss", "red")
        seen = f": {finding.seen}" if finding.seen else ""
        say(console, f"  {sign} {finding.call:<32} {finding.wanted}{seen}", style)
    say(console, "scenarios that can be run:", "bold")
    for family in sorted_by:
        total = len(family.whole) + len(family.partly) + len(family.not_at_all)
        partly = f", {len(family.partly)} in part" if family.partly else ""
        say(console, f"  {family.name:<14} {len(family.whole)} of {total}{partly}")
        for reason, names in _by_reason(family).items():
            say(console, f"    {len(names)} lack {reason}", "dim")


def _by_reason(family: Family) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, reason in {**family.partly, **family.not_at_all}.items():
        found.setdefault(reason, []).append(name)
    return found


def _print_json(found: Conformance, sorted_by: list[Family]) -> None:
    from dataclasses import asdict  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    whole: dict[str, Any] = {
        "name": found.name,
        "level": found.reach.level,
        "claims": found.claims,
        "offers": sorted(found.reach.offers),
        "findings": [asdict(finding) for finding in found.findings],
        "families": [asdict(family) for family in sorted_by],
    }
    typer.echo(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode())
