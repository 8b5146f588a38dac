"""``twinrig run``: scenarios, told and judged."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Literal

import typer

SEEDS = 1_000_000
"""A seed chosen for a person is below this: short enough to be read out."""


Link = Literal["memory", "mqtt"]
Clients = Literal["site", "per-device"]
Mode = Literal["virtual", "paced", "live"]
Store = Annotated[
    str | None,
    typer.Option(
        metavar="memory|file|URL",
        help="Of the reference DPS: the URL is that of an empty PostgreSQL database; "
        "else memory for --link memory, a file for mqtt.",
    ),
]
SaveAt = Annotated[
    list[str] | None,
    typer.Option(metavar="T[=NAME]", help="Save a snapshot into the run's folder, such as 30d."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A value of a scenario's parameter."),
]
Port = Annotated[int | None, typer.Option(help="Port of a broker that we start; else a free one.")]
Sut = Annotated[
    str | None,
    typer.Option(
        metavar="URL|none",
        help="Your own DPS, or none for one that only speaks MQTT; else the reference DPS.",
    ),
]
OneVariant = Annotated[
    str | None, typer.Option(metavar="NAME", help="One variant of a scenario's matrix.")
]
Speed = Annotated[
    float | None, typer.Option(help="Simulated seconds per second, for paced and live.")
]
ControlPort = Annotated[
    int | None,
    typer.Option(metavar="PORT", help="A paced run hears HTTP here, on loopback; 0: a free port."),
]
Webhooks = Annotated[
    int | None,
    typer.Option(metavar="PORT", help="With --sut none: the DPS posts here what it decides."),
]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE, such as onset=4d")
    return name.strip(), value.strip()


def run(
    files: Annotated[list[Path], typer.Argument(help="Scenario files (YAML).", metavar="FILE")],
    *,
    seed: Annotated[
        int | None, typer.Option(help="Makes the run repeatable; else one is chosen and printed.")
    ] = None,
    link: Annotated[Link, typer.Option(help="Through a broker, or in memory.")] = "mqtt",
    broker: Annotated[
        str, typer.Option(help="embedded, rumqttd, amqtt, mosquitto, or mqtt://host:port.")
    ] = "embedded",
    broker_port: Port = None,
    sut: Sut = None,
    webhooks: Webhooks = None,
    save_at: SaveAt = None,
    clients: Annotated[
        Clients, typer.Option(help="One MQTT connection per site, or one per device.")
    ] = "site",
    mode: Annotated[
        Mode | None, typer.Option(help="Overrides the scenario's mode (virtual).")
    ] = None,
    speed: Speed = None,
    control_port: ControlPort = None,
    store: Store = None,
    sets: Sets = None,
    variant: OneVariant = None,
    rules: Annotated[
        Path | None, typer.Option(help="A rule pack that replaces the scenario's.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; the story goes to stderr.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.")] = None,
    report_dir: Annotated[
        Path, typer.Option(help="Folder for the runs' folders, each with its report.")
    ] = Path("runs"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdict.")] = False,
) -> None:
    """Run scenarios: a story, a verdict, a report.

    The last line is the command that replays the run exactly.
    """
    from harness.cli import output, running, wiring  # noqa: PLC0415
    from harness.report.console import make_console, say  # noqa: PLC0415

    console = make_console(stderr=json)
    chosen = secrets.randbelow(SEEDS) if seed is None else seed
    if seed is None:
        say(console, f"no --seed given: chose {chosen}", "dim")
    wanted = wiring.RunWish(
        seed=chosen, link=link, broker=broker, broker_port=broker_port, sut=sut, webhooks=webhooks,
        clients=clients, mode=mode, speed=speed, control_port=control_port, store=store,
        rules=rules, runs_dir=report_dir, notice=lambda text: say(console, text, "yellow"),
        sets=[_pair(text) for text in sets or ()], variant=variant, saves=save_at or (),
    )  # fmt: skip
    try:
        outcome = running.run_files(
            files, runner=wiring.runner(wanted), seed=chosen, console=console, quiet=quiet,
            junit=junit, jobs_of=wiring.jobs(wanted),
        )  # fmt: skip
    except Exception as error:
        if json:  # a bug of ours: main tells it on stderr, whoever reads JSON gets an object
            typer.echo(output.as_json([output.bug_object(files, chosen, error)]))
        raise
    if json:
        typer.echo(output.as_json(outcome.runs))
    raise typer.Exit(outcome.exit_code)
