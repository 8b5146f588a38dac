"""``twinrig up``: broker, devices and DPS, live, to develop against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def up(
    *,
    scenario: Annotated[
        Path | None, typer.Option(help="Whose fleet and faults; else the built-in story.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same devices.")] = 7,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="Simulated seconds per second (60; 1 after --backfill)."),
    ] = None,
    backfill: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="History first, such as 90d up to now; then live."),
    ] = None,
    broker: Annotated[
        str, typer.Option(help="embedded, rumqttd, amqtt, mosquitto, or mqtt://host:port.")
    ] = "embedded",
    broker_port: Annotated[int | None, typer.Option(help="Port of a broker that we start.")] = None,
    sut: Annotated[
        str | None, typer.Option(help="URL of your own DPS; else the reference DPS is started.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the addresses.")] = False,
) -> None:
    """Live devices, broker and DPS, until Ctrl-C.

    Each device has its own MQTT connection.

    Prints the addresses of broker, DPS and portal, and the devices.
    """
    from harness.cli import upping  # noqa: PLC0415

    wish = upping.UpWish(
        scenario=scenario, seed=seed, speed=speed, backfill=backfill, broker=broker,
        broker_port=broker_port, sut=sut, quiet=quiet,
    )  # fmt: skip
    raise typer.Exit(upping.run(wish))
