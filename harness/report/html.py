"""One self-contained HTML file per run: verdict, story, plots, tables. No internet needed."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Any

from harness.events import RunResult
from harness.grading.explain import Explanation
from harness.report import shared, words
from harness.report.finished import FinishedReport
from harness.report.packs import packs_of
from harness.report.pages import rendered
from harness.report.runlog import ORDER_STEPS, VISIT_STEPS, Process, RunLog

MOST_DEVICES = 8
"""Devices that can be chosen in the plots."""
TELLING = 0.05
"""Damage below this is a flat line at the bottom of the plot; the table of the fleet has it."""
MOST_EXPLAINED = 200
"""Decisions whose why stands in the page; ``twinrig explain`` knows it of all."""
MOST_POINTS = 1_200
"""Points per curve; a screen shows no more."""
LANES = {
    "alert": "alert", "recommendation": "advice", "order": "order", "work_order": "work order",
}  # fmt: skip
"""Names of the rows of decisions in the plot, short enough for a telephone."""


class HtmlReport(FinishedReport):
    """Gathers a run and writes its page when the run is over."""

    file_name = "report.html"

    def render(self, log: RunLog) -> str:
        """See FinishedReport."""
        return render(log)


def render(log: RunLog) -> str:
    """The page as text.

    Raises:
        ValueError: If the run has not finished.
    """
    if log.result is None:
        raise ValueError("a page is made of a finished run; this one has no result")
    if log.started is not None and log.why.names():
        log.why.packs = packs_of(log.started.run_dir)
    reasons = explanations(log)
    return rendered(
        "report.html.j2", data=chart_data(log),
        result=log.result, started=log.started, lines=log.lines, log=log,
        orders=process_rows(log.of_kind("order"), ORDER_STEPS), order_steps=ORDER_STEPS,
        visits=process_rows(log.of_kind("work_order"), VISIT_STEPS), visit_steps=VISIT_STEPS,
        fleet=fleet_rows(log), fingerprint=fingerprint(log.result),
        reasons=reasons, anchors={why.ident: f"why-{n}" for n, why in enumerate(reasons, 1)},
        untold=len(log.why.names()) - len(reasons),
        periods=[event.data for event in log.periods],
        accounts=shared.accounts(log.between), looks=shared.looks(log.between),
    )  # fmt: skip


def explanations(log: RunLog) -> list[Explanation]:
    """The why of every order, work order, alert and the rest, the story's first."""
    told = dict.fromkeys(line.ident for line in log.lines if line.ident)
    names = list(dict.fromkeys([*told, *log.why.names()]))[:MOST_EXPLAINED]
    found = [log.why.explain(name) for name in names]
    return [why for why in found if why is not None]


def chart_data(log: RunLog) -> dict[str, Any]:
    """Per device its curves (percent, or the signal's unit) and its lanes of decisions."""
    devices = {device: _device_data(log, device) for device in log.telling_devices(MOST_DEVICES)}
    started = log.started
    return {
        "start_ms": started.start_ms if started else 0,
        "until_ms": log.result.end_ms if log.result else 0,
        "devices": devices,
    }


def _device_data(log: RunLog, device: str) -> dict[str, Any]:
    curves = []
    aged = {component: each for (name, component), each in log.damage.items() if name == device}
    worst = sorted(aged, key=lambda component: -max(aged[component].values, default=0.0))
    for component in [name for name in worst if max(aged[name].values) >= TELLING] or worst[:1]:
        at_ms, values = aged[component].thinned(MOST_POINTS)
        percent = [round(100 * value, 3) for value in values]
        curves.append(_curve("truth", f"{words.plain(component)}: true damage", at_ms, percent))
    for (name, position), series in log.wear.items():
        if name == device:
            at_ms, values = series.thinned(MOST_POINTS)
            title = f"{words.plain(position)}: wear as the DPS believes"
            curves.append(_curve("belief", title, at_ms, values))
    for signal in log.watched_signals():
        found = log.telemetry(device, signal)
        if found is not None:
            at_ms, values = found.thinned(MOST_POINTS)
            curves.append(_curve("signal", signal, at_ms, values))
    return {"curves": curves, "lanes": _lanes(log, device), "marks": _marks(log, device)}


def _curve(kind: str, title: str, at_ms: list[int], values: list[float]) -> dict[str, Any]:
    return {"kind": kind, "title": title, "x": at_ms, "y": values}


def _lanes(log: RunLog, device: str) -> list[dict[str, Any]]:
    """Bars from the first to the last step of each alert, order and work order."""
    end_ms = log.result.end_ms if log.result else 0
    bars = []
    for process in log.processes.values():
        if process.thing != device:
            continue
        first_ms, last_ms = min(process.steps.values()), max(process.steps.values())
        if process.what == "alert" and "cleared" not in process.steps:
            last_ms = end_ms
        steps = [
            {"name": words.plain(name), "at_ms": at_ms} for name, at_ms in process.steps.items()
        ]
        bars.append(
            {"lane": LANES[process.what], "title": process.title, "from_ms": first_ms,
             "to_ms": last_ms, "steps": steps}
        )  # fmt: skip
    return bars


def _marks(log: RunLog, device: str) -> list[dict[str, Any]]:
    return [
        {"at_ms": line.at_ms, "who": line.who, "tone": line.tone, "text": line.text}
        for line in log.lines
        if line.subject == device and line.who in ("truth", "rig")
    ]


def process_rows(processes: list[Process], steps: tuple[str, ...]) -> list[dict[str, Any]]:
    """Table rows: the process, its time per step, and every other step it took."""
    rows = []
    for process in processes:
        others = [words.plain(name) for name in process.steps if name not in (*steps, "closed")]
        rows.append(
            {"process": process, "times": [process.steps.get(name) for name in steps],
             "others": ", ".join(others)}
        )  # fmt: skip
    return rows


def fleet_rows(log: RunLog) -> list[dict[str, Any]]:
    """Per device: true damage and believed wear at the end, alerts, parts fitted, hours down."""
    down_h = log.downtime_h()
    fitted: dict[str, int] = {}
    for truth in log.truths:
        fitted[truth.subject] = fitted.get(truth.subject, 0) + (truth.kind == "part.fitted")
    rows = []
    for device in sorted(log.devices):
        damage = [s.values[-1] for (name, _), s in log.damage.items() if name == device]
        wear = [s.values[-1] for (name, _), s in log.wear.items() if name == device]
        alerts = sum(process.thing == device for process in log.of_kind("alert"))
        rows.append(
            {"device": device, "damage_pct": 100 * max(damage) if damage else None,
             "wear_pct": max(wear) if wear else None, "alerts": alerts,
             "fitted": fitted.get(device, 0), "down_h": down_h.get(device, 0.0)}
        )  # fmt: skip
    return rows


def fingerprint(result: RunResult) -> dict[str, str]:
    """What the last bits of a trace may depend on, and what the run was."""
    return {
        "twinrig": _version("twinrig"),
        "python": sys.version.split()[0],
        "numpy": _version("numpy"),
        "simpy": _version("simpy"),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "trace hash": result.trace_hash,
        "outcome hash": result.outcome_hash,
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
