"""``twinrig twins``: what the digital twins are, what they do, and how real they look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Look at the digital twins: what there is, how they age, how real they look.",
    no_args_is_help=True,
)

Product = Annotated[str, typer.Argument(help="A product, as `twinrig twins list` names it.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seed = Annotated[int, typer.Option(help="Same seed, same devices, same history.")]
Start = Annotated[str, typer.Option(help="The first day, such as 2026-01-05.")]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME[:key=value,...]",
        help="Let a fault begin: its parameters, `after` (such as 30d; else a third of the span) "
        "and `device` (counted from 1). May be given several times.",
    ),
]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param", metavar="NAME=VALUE", help="A parameter of the product. May be repeated."
    ),
]
RandomFaults = Annotated[
    float, typer.Option(min=0.0, help="Scales the natural rate of every fault; 0: none by chance.")
]
Link = Annotated[str, typer.Option(help="wired, cellular, lora or mesh.")]


@app.command("list")
def list_products(*, json: Json = False) -> None:
    """Show every product with its signals, faults and parts."""
    from harness.cli import twins_show  # noqa: PLC0415

    twins_show.show_all(as_json=json)


@app.command()
def show(product: Product, *, json: Json = False) -> None:
    """Show all of a product: signals, faults, wear, parts, conditions and rules."""
    from harness.cli import twins_show  # noqa: PLC0415

    twins_show.show_one(product, as_json=json)


@app.command()
def plot(
    product: Product,
    *,
    days: Annotated[float, typer.Option(min=0.1, max=3650.0, help="Simulated days.")] = 90.0,
    fault: Faults = None,
    devices: Annotated[int, typer.Option(min=1, max=24, help="Devices, all on one site.")] = 2,
    seed: Seed = 7,
    signals: Annotated[
        str | None,
        typer.Option(help="Signals and true values to draw, by comma; else those that tell most."),
    ] = None,
    report_every: Annotated[str, typer.Option(help="Between two reports of a device.")] = "15m",
    start: Start = "2026-01-05",
    param: Params = None,
    random_faults: RandomFaults = 0.0,
    link: Link = "wired",
    out: Annotated[
        Path | None, typer.Option("--out", help="The page; else <product>.html here.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Draw truth and telemetry of a few devices, with each fault's begin, as one HTML page."""
    from harness.cli import twins_plot, twins_wanted  # noqa: PLC0415

    wish = twins_wanted.Wish(
        product=product, devices=devices, days=days, report_every=report_every, seed=seed,
        start=start, faults=fault or (), params=param or (), random_faults=random_faults,
        link=link, per_site=devices, signals=signals,
    )  # fmt: skip
    twins_plot.main(wish, out=out or Path(f"{product}.html"), browse=open_)


@app.command()
def realism(
    *,
    product: Annotated[
        list[str] | None, typer.Option(help="Only checks of this product. May be repeated.")
    ] = None,
    check: Annotated[
        list[int] | None, typer.Option(help="Only the check of this number. May be repeated.")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also those that need a large or long fleet.")
    ] = False,
    json: Json = False,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write the table of the whole list into this file; needs --deep."),
    ] = None,
) -> None:
    """Measure how real the telemetry looks: band, figure and verdict of each check."""
    from harness.cli import twins_realism  # noqa: PLC0415

    code = twins_realism.main(
        products=product or (), numbers=check or (), deep=deep, as_json=json, markdown=markdown
    )
    raise typer.Exit(code)


@app.command()
def export(
    product: Product,
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder of the data set; made anew.")],
    devices: Annotated[int, typer.Option(min=1, help="Devices in all.")] = 100,
    per_site: Annotated[int, typer.Option(min=1, max=100, help="Devices on each site.")] = 2,
    days: Annotated[float, typer.Option(min=0.01, max=3650.0, help="Simulated days.")] = 365.0,
    report_every: Annotated[str, typer.Option(help="Between two reports of a device.")] = "15m",
    format: Annotated[  # noqa: A002 - the option's name
        Literal["parquet", "csv"],
        typer.Option(help="parquet needs pyarrow: pip install 'twinrig\\[parquet]'."),
    ] = "parquet",
    seed: Seed = 7,
    start: Start = "2026-01-05",
    fault: Faults = None,
    param: Params = None,
    random_faults: RandomFaults = 0.0,
    link: Link = "wired",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Write months of history as a data set: telemetry, truth, events and a dictionary."""
    from harness.cli import twins_export, twins_wanted  # noqa: PLC0415

    wish = twins_wanted.Wish(
        product=product, devices=devices, days=days, report_every=report_every, seed=seed,
        start=start, faults=fault or (), params=param or (), random_faults=random_faults,
        link=link, per_site=min(per_site, devices), signals=None,
    )  # fmt: skip
    twins_export.main(wish, out=out, kind=format, quiet=quiet)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the new product, such as elevator.")],
    *,
    root: Annotated[
        Path | None, typer.Option(help="The project's folder; else where the twins lie.")
    ] = None,
) -> None:
    """Write a folder for a new product: small physics to start from, and a scenario."""
    from harness.cli import twins_new  # noqa: PLC0415

    twins_new.main(name, root=root)
