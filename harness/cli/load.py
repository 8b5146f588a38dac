"""``twinrig load``: honest load on an ingestion, through Locust in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Shape = Literal["constant", "ramp"]


def load(
    *,
    target: Annotated[
        str | None,
        typer.Option(help="mqtt://host:port; else an embedded broker with the reference DPS."),
    ] = None,
    sut: Annotated[
        str | None,
        typer.Option(help="URL of the DPS that says what it stored, or none for a bare broker."),
    ] = None,
    users: Annotated[int, typer.Option(min=1, help="Devices, each with its own connection.")] = 20,
    rate: Annotated[float, typer.Option(help="Messages per second, of all devices.")] = 200.0,
    duration: Annotated[float, typer.Option(help="Seconds of load.")] = 10.0,
    shape: Annotated[Shape, typer.Option(help="Even load, or growing in steps.")] = "constant",
    tape: Annotated[
        Path | None, typer.Option(help="Replay these recorded payloads instead of made ones.")
    ] = None,
    processes: Annotated[int, typer.Option(help="Generators that share the devices.")] = 1,
    json: Annotated[
        str | None, typer.Option("--json", help="Write the ledger here; - for stdout.")
    ] = None,
    i_may_load: Annotated[
        str | None, typer.Option(help="The one host off this machine that you may load.")
    ] = None,
) -> None:
    """Load-test an ingestion with honest accounting.

    Counts what was asked, sent, acknowledged, stored, lost, doubled.

    Exit 1 if something was lost or doubled, 6 if the generator fell short of what was asked.
    """
    from harness.cli import loading  # noqa: PLC0415

    wish = loading.LoadWish(
        target=target, sut=sut, users=users, rate=rate, duration_s=duration, shape=shape,
        processes=processes, tape=tape, json=json, i_may_load=i_may_load,
    )  # fmt: skip
    raise typer.Exit(loading.run(wish))
