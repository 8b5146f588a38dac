"""One self-contained HTML page of a few devices: what was true and what their sensors said."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.report import words
from harness.report.pages import rendered
from harness.report.truths import said
from twins.core.common_faults import faults_of
from twins.core.ports import Truth
from twins.core.realism import Columns, History, Wanted
from twins.products import Product

Times = NDArray[np.int64]
MOST_POINTS = 4_000
"""Points per curve; of more, each bucket keeps its lowest and its highest."""
GAP_MS = 6 * 3_600_000
"""A longer pause is drawn as a gap."""
MOST_EVENTS = 300
LINES = ("damage.onset", "component.failed", "device.down", "device.up", "part.fitted")
"""Events that stand as a line through all panels; the others are told in the table only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is drawn: signals and true values by ``names``, one panel each."""

    product: Product
    wanted: Wanted
    history: History
    names: Sequence[str]


def render(page: Page) -> str:
    """The page as text; it needs no internet."""
    marks = most_telling(events(page))
    return rendered(
        "twins.html.j2", data=chart(page),
        product=page.product, wanted=page.wanted, history=page.history,
        faults=[_fault(page, index) for index in range(len(page.wanted.faults))],
        marks=[{**mark, "when": words.long_stamp(mark["at_ms"])} for mark in marks],
        more=len(events(page)) - len(marks),
    )  # fmt: skip


def chart(page: Page) -> dict[str, Any]:
    """Panels with their curves, and the moments that stand as lines through all of them."""
    history = page.history
    damaged = {name: 100.0 * column for name, column in history.damage.items() if column.any()}
    panels = [_damage_panel(history, damaged)] if damaged else []
    panels += [_panel(page, name) for name in page.names]
    return {
        "devices": list(history.devices),
        "from_ms": int(history.at_ms[0]),
        "to_ms": int(history.at_ms[-1]),
        "panels": panels,
        "marks": [mark for mark in events(page) if mark["tone"] != "plain"][:MOST_EVENTS],
    }


def events(page: Page) -> list[dict[str, Any]]:
    """What happened, in order: injected faults first, then what the truth ledger tells."""
    told = [_fault(page, index) for index in range(len(page.wanted.faults))]
    told += [mark for event in page.history.events if (mark := _event(event)) is not None]
    return sorted(told, key=lambda mark: (mark["at_ms"], mark["tone"] != "warn"))


def most_telling(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most ``MOST_EVENTS`` in order; what wore, failed or was fitted stays before the rest."""
    ranked = sorted(range(len(marks)), key=lambda at: (marks[at]["tone"] == "plain", at))
    return [marks[at] for at in sorted(ranked[:MOST_EVENTS])]


def _fault(page: Page, index: int) -> dict[str, Any]:
    fault = page.wanted.faults[index]
    start_ms = int(page.history.at_ms[0]) - page.wanted.report_every_s * 1000
    units = faults_of(page.product)[fault.fault].params
    params = ", ".join(
        f"{words.plain(name)} {_short(value, units[name].unit)}"
        for name, value in fault.params.items()
    )
    text = f"fault {words.plain(fault.fault)}{f' ({params})' if params else ''}"
    return {
        "at_ms": start_ms + round(fault.after_h * words.HOUR_MS),
        "device": page.history.devices[fault.device],
        "tone": "warn",
        "text": text,
    }


def _short(value: float | str, unit: str) -> str:
    return value if isinstance(value, str) else f"{value:g} {unit}".removesuffix(" 1")


def _event(event: Truth) -> dict[str, Any] | None:
    words_of_it = said(event.kind, event.data)
    if words_of_it is None:
        return None
    text, tone = words_of_it
    if event.kind == "damage.onset":
        tone = "truth"
    tone = tone if event.kind in LINES else "plain"
    return {"at_ms": event.at_ms, "device": event.subject, "tone": tone, "text": text}


def _damage_panel(history: History, damaged: Mapping[str, Columns]) -> dict[str, Any]:
    several = len(damaged) > 1
    curves = [
        _curve(history.at_ms, column[:, index], device=index, kind="truth")
        | {"name": f"{words.plain(name)}: true damage" if several else "true damage"}
        for name, column in damaged.items()
        for index in np.flatnonzero(column.any(axis=0)).tolist()
    ]
    title = "True damage" if several else f"True damage of the {words.plain(next(iter(damaged)))}"
    return {"title": title, "unit": "%", "curves": curves, "floor": 0.0}


def _panel(page: Page, name: str) -> dict[str, Any]:
    history, signal = page.history, page.product.signals.get(name)
    curves = []
    for kind, columns in (("signal", history.telemetry), ("truth", history.truth)):
        if name in columns:
            curves += [
                _curve(history.at_ms, columns[name][:, index], device=index, kind=kind)
                | {"name": "true value" if kind == "truth" else "telemetry"}
                for index in range(len(history.devices))
            ]
    title = signal.title if signal else f"{words.plain(name)} (true value)"
    unit = signal.unit if signal and signal.unit != "1" else ""
    return {"title": title, "unit": unit, "curves": curves, "floor": None}


def _curve(at_ms: Times, values: Columns, *, device: int, kind: str) -> dict[str, Any]:
    known = np.isfinite(values)
    x, y = thin(at_ms[known], values[known])
    shown: list[float | None] = [float(f"{value:.5g}") for value in y.tolist()]
    times = x.tolist()
    for at in np.flatnonzero(np.diff(x) > GAP_MS)[::-1].tolist():
        times.insert(at + 1, times[at] + 1)
        shown.insert(at + 1, None)
    return {"device": device, "kind": kind, "x": times, "y": shown}


def thin(x: Times, y: Columns) -> tuple[Times, Columns]:
    """At most ``MOST_POINTS`` points, peaks kept."""
    if len(x) <= MOST_POINTS:
        return x, y
    edges = np.linspace(0, len(x), MOST_POINTS // 2 + 1).astype(int)
    kept = [
        index
        for begin, end in itertools.pairwise(edges)
        for index in sorted({begin + y[begin:end].argmin(), begin + y[begin:end].argmax()})
    ]
    return x[kept], y[kept]
