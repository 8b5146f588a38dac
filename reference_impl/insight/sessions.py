"""Work sessions: jobs that readings tell of (DS9, L:work-sessions). Pure.

A session begins at the first evaluation at which the start condition holds, and ends at the first
one at which the stop condition does; if none is named that is the start condition negated. It is
looked at every ``every_s``, on the report that is the newest then, so begin and end are late by up
to one evaluation, never early; sessions of one kind cannot overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.expressions import Expression, compiled
from reference_impl.kernel.ports import Floats, Times


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKind:
    """A kind of job. ``watch``: signals of which initial, min, max and last are kept."""

    id: str
    title: str
    every_ms: int
    stale_ms: int
    inputs: Mapping[str, str]
    start: Expression
    stop: Expression | None
    watch: tuple[str, ...]


def read_session(fields: Fields, *, signals: Sequence[str]) -> SessionKind | None:
    """Check a kind of session; problems go to ``fields``."""
    before = len(fields.problems)
    session_id, title = fields.text("id"), fields.text("title", default="")
    every_s = fields.number("every_s", low=1, default=60.0)
    stale_s = fields.number("stale_s", low=1, default=3600.0)
    inputs = {}
    for name, signal in fields.mapping("let").items():
        inputs[name] = str(signal)
        if signal not in signals:
            what = f"{signal!r} is no signal of the model"
            fields.problem(f"let.{name}", what, ", ".join(signals))
    start, problems = compiled(fields.raw("start"), list(inputs), where=fields.at("start"))
    fields.problems.extend(problems)
    stop = None
    if fields.raw("stop") is not None:
        stop, problems = compiled(fields.raw("stop"), list(inputs), where=fields.at("stop"))
        fields.problems.extend(problems)
    watch = [str(name) for name in fields.sequence("watch")] if fields.has("watch") else []
    fields.raw("watch")
    for name in watch:
        if name not in signals:
            fields.problem("watch", f"{name!r} is no signal of the model", ", ".join(signals))
    fields.done()
    if start is None or len(fields.problems) > before:
        return None
    return SessionKind(
        id=session_id,
        title=title,
        every_ms=round(every_s * 1000),
        stale_ms=round(stale_s * 1000),
        inputs=inputs,
        start=start,
        stop=stop,
        watch=tuple(watch),
    )


def detect(
    kind: SessionKind, columns: Mapping[str, tuple[Times, Floats]], *, from_ms: int, to_ms: int
) -> list[tuple[int, int | None]]:
    """Begin and end (None: still on) of the sessions, oldest first.

    Args:
        kind: What is looked for.
        columns: Readings by name of the kind's inputs, times ascending.
        from_ms: Evaluations from here on (the first multiple of ``every_ms``).
        to_ms: The last one.
    """
    first = -(-from_ms // kind.every_ms) * kind.every_ms
    grid = np.arange(first, to_ms + 1, kind.every_ms, dtype=np.int64)
    known = np.ones(grid.size, dtype=np.bool_)
    values = {}
    for name, (times, readings) in columns.items():
        place = np.searchsorted(times, grid, side="right") - 1
        fresh = place >= 0
        if times.size:
            fresh &= grid - times[np.maximum(place, 0)] <= kind.stale_ms
            values[name] = np.where(fresh, readings[np.maximum(place, 0)], 0.0)
        else:
            values[name] = np.zeros(grid.size)
        known &= fresh
    begins = kind.start.truth(values, known)
    # what is not known neither begins nor ends anything
    ends = begins.fails if kind.stop is None else kind.stop.truth(values, known).holds
    found: list[tuple[int, int | None]] = []
    at, running = 0, False
    while True:
        wanted = ends[at:] if running else begins.holds[at:]
        hits = np.flatnonzero(wanted)
        if not hits.size:
            return found
        at += int(hits[0])
        if running:
            found[-1] = (found[-1][0], int(grid[at]))
        else:
            found.append((int(grid[at]), None))
        running = not running


def summary(
    times: Times, values: Floats, begin_ms: int, end_ms: int | None
) -> Mapping[str, Any] | None:
    """What a signal did in a session: initial, min, max, last; None without a reading."""
    here = times >= begin_ms
    if end_ms is not None:
        here &= times <= end_ms
    inside = values[here]
    if not inside.size:
        return None
    low, high = float(inside.min()), float(inside.max())
    return {"initial": float(inside[0]), "min": low, "max": high, "last": float(inside[-1])}
