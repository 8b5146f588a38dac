"""``twinrig twins plot``: run a few devices and draw truth and telemetry as one HTML page."""

from __future__ import annotations

import webbrowser
from dataclasses import replace
from pathlib import Path

import numpy as np
import typer

from harness.cli import twins_wanted
from harness.cli.twins_show import example
from harness.cli.twins_wanted import Wish
from harness.errors import ScenarioError
from harness.report.twins_page import Page, render
from twins.core.errors import TwinError
from twins.core.realism import History, Wanted
from twins.history import record

PANELS = 5
"""Signals drawn if nobody chose."""


def main(wish: Wish, *, out: Path, browse: bool) -> None:
    """Run, draw, write, open.

    Raises:
        ScenarioError: If the call is wrong or the page cannot be written.
    """
    product = twins_wanted.find(wish.product)
    wanted, names = twins_wanted.resolve(wish, chosen=example(product).twin.truth())
    try:
        history = record(wanted)
        names = names or telling(history, wanted)
    except TwinError as error:
        raise ScenarioError(str(error)) from error
    page = Page(product=product, wanted=wanted, history=history, names=names)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(render(page), encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{out} cannot be written: {error.strerror}") from error
    typer.echo(f"picture: {out}")
    if browse:
        webbrowser.open(out.resolve().as_uri())


def telling(history: History, wanted: Wanted) -> tuple[str, ...]:
    """The signals that a reader should see: those that the faults move most.

    The same world is run without the faults; as chance is the same, every difference is theirs.
    Without faults: those that move most of the time, in the product's order.
    """
    names = list(history.telemetry)
    if wanted.faults:
        healthy = record(replace(wanted, faults=()))
        scores = [_moved(history.telemetry[name], healthy.telemetry[name]) for name in names]
        order = sorted(range(len(names)), key=lambda at: -scores[at])
        chosen = [at for at in order[:PANELS] if scores[at] > 0]
        return tuple(names[at] for at in sorted(chosen)) or tuple(names[:PANELS])
    lively = [name for name in names if _lively(history.telemetry[name])]
    return tuple((lively or names)[:PANELS])


def _moved(seen: np.ndarray, healthy: np.ndarray) -> float:
    """Mean difference in units of the healthy spread; missing on one side only counts as one."""
    gone = np.isnan(seen) != np.isnan(healthy)
    apart = np.abs(np.nan_to_num(seen) - np.nan_to_num(healthy))
    spread = float(np.nanstd(healthy)) if np.isfinite(healthy).any() else 0.0
    return float(np.mean(np.where(gone, 1.0, apart / max(spread, 1e-9))).clip(max=1e9))


def _lively(column: np.ndarray) -> bool:
    """Whether most reports differ from the one before."""
    known = column[np.isfinite(column).all(axis=1)]
    return len(known) > 1 and bool(np.mean(np.diff(known, axis=0) != 0.0) > 0.5)
