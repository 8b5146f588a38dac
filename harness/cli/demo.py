"""``twinrig demo``: the presenter's page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEMO_SEED = 7


def demo(
    port: Annotated[int | None, typer.Option(help="Port of the page; else a free one.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    scenario: Annotated[
        Path | None, typer.Option(help="The story to play; else the built-in one.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same story.")] = DEMO_SEED,
) -> None:
    """The presenter's page: with and without the service.

    Play, warp time, break things with a button.

    Works offline. Everything listens on this machine only.
    """
    from harness.demo import app  # noqa: PLC0415 - 0.8 s of imports

    app.serve(scenario=scenario, seed=seed, port=port, browser=browser)
