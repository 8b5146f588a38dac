"""The benchmark: what the project promises, each figure beside a bare reference of the same run.

Run it as ``make bench`` on a quiet machine. It prints a table and writes ``build/bench.json``: a
list of ``{name, value, unit, goal, least?, beside?, beside_value?, ratio?, ratio_goal?}``
(``least``: more is better, as it always is of a ratio with a goal). The references are the least
that any Python program must do for the same job, so a ratio travels between machines where
seconds do not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bare_loop import bare_loop_s
from bare_mqtt import bare_mqtt_s
from bench_core import command, core_rows
from bench_insight import insight_rows
from bench_money import money_rows
from bench_outcomes import outcome_rows
from bench_routes import route_rows
from bench_rules import rules_rows
from bench_sla import sla_rows
from bench_twins import export_rows, small_rows, speed_rows
from bench_views import view_rows
from rich.console import Console
from rich.table import Table

from broker.servers import open_broker

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = Path(__file__).with_name("20-devices-by-90-days.yaml")
MESSAGES = 259_200
"""20 devices, 90 days, one report per 10 minutes."""


def wall_s(work: Callable[[], object]) -> float:
    """How long a piece of work takes, in seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def over_mqtt() -> list[dict[str, Any]]:
    """90 days x 20 devices through the embedded broker, stored in a file, rules on."""
    ran = command(SCENARIO, "--link", "mqtt")
    with open_broker("embedded") as broker:
        bare_s = bare_mqtt_s(broker.host, broker.port, MESSAGES)
        kind = broker.kind
    return [
        row(
            f"90 d x 20 devices over MQTT ({kind}), durable", ran.wall_s, "s", 45.0,
            f"bare publish and receive of as many messages over {kind}", bare_s,
        ),
        row("messages ingested over MQTT", ran.result["messages_ingested"], "messages", None),
    ]  # fmt: skip


def over_memory() -> list[dict[str, Any]]:
    """The same in one process, over the memory link."""
    ran = command(SCENARIO, "--link", "memory")
    with tempfile.TemporaryDirectory() as folder:
        bare_s = bare_loop_s(Path(folder) / "bare.sqlite", MESSAGES)
    return [
        row(
            "90 d x 20 devices over the memory link, durable", ran.wall_s, "s", 20.0,
            "bare loop: encode, decode, deduplicate, threshold, SQLite", bare_s,
        ),
        row("the same, CPU", round(ran.cpu_s, 1), "s", None),
        row("messages ingested over memory", ran.result["messages_ingested"], "messages", None),
    ]  # fmt: skip


def broker_start() -> list[dict[str, Any]]:
    """From the call to a broker that takes connections."""

    def start_s() -> float:
        begun = time.perf_counter()
        with open_broker("embedded"):
            return time.perf_counter() - begun

    start_s()  # The first one pays for imports and a cold disk.
    ours_ms = statistics.median(start_s() for _ in range(7)) * 1000
    bare = [sys.executable, "-I", "-c", "pass"]
    bare_ms = statistics.median(
        wall_s(lambda: subprocess.run(bare, check=True)) * 1000 for _ in range(7)
    )
    return [
        row(
            "broker fixture up", ours_ms, "ms", 200.0, "a Python process that does nothing", bare_ms
        )
    ]


def row(
    name: str,
    value: float,
    unit: str,
    goal: float | None,
    beside: str | None = None,
    beside_value: float | None = None,
) -> dict[str, Any]:
    """One line of the table and of the file; figures but counts at three significant digits."""
    shown = value if isinstance(value, int) else float(f"{value:.3g}")
    line: dict[str, Any] = {"name": name, "value": shown}
    line |= {"unit": unit} | ({"goal": goal} if goal else {})
    if beside is not None and beside_value:
        line |= {"beside": beside, "beside_value": float(f"{beside_value:.3g}")}
        line |= {"ratio": float(f"{value / beside_value:.3g}")}
    return line


BENCHES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "broker": broker_start,
    "memory": over_memory,
    "mqtt": over_mqtt,
    "core": lambda: core_rows(row),
    "rules": lambda: rules_rows(row),
    "outcomes": lambda: outcome_rows(row),
    "sla": lambda: sla_rows(row),
    "money": lambda: money_rows(row),
    "routes": lambda: route_rows(row),
    "twins": lambda: speed_rows(row),
    "small": lambda: small_rows(row),
    "insight": lambda: insight_rows(row),
    "export": lambda: export_rows(row),
    "views": lambda: view_rows(row),
}


def table(rows: list[dict[str, Any]]) -> Table:
    """The figures for a reader."""
    shown = Table("what", "value", "goal", "beside, in the same run", "its value", "ratio")
    for line in rows:
        least = line.get("least", False)
        goal = f"{'>=' if least else '<='} {line['goal']:g}" if "goal" in line else ""
        ok = "goal" in line and (line["value"] >= line["goal"]) == least
        colour = "" if "goal" not in line else "green" if ok else "red"
        beside = f"{line['beside_value']:g} {line['unit']}" if "beside" in line else ""
        shown.add_row(
            line["name"], f"[{colour}]{line['value']:g} {line['unit']}[/]" if colour else
            f"{line['value']:,} {line['unit']}", goal, line.get("beside", ""), beside,
            ratio(line),
        )  # fmt: skip
    return shown


def ratio(line: dict[str, Any]) -> str:
    """The ratio as a cell, with what it is to be at least."""
    if "ratio" not in line:
        return ""
    goal = line.get("ratio_goal")
    if goal is None:
        return f"{line['ratio']:g}"
    return f"[{'green' if line['ratio'] >= goal else 'red'}]{line['ratio']:g}[/] (>= {goal:g})"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", choices=BENCHES, help="measure one of them")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json")
    asked = parser.parse_args()
    console = Console(stderr=True)
    rows: list[dict[str, Any]] = []
    for name, bench in BENCHES.items():
        if asked.only in (None, name):
            console.print(f"measuring: {name} ...")
            rows += bench()
    Console(width=None if sys.stdout.isatty() else 160).print(table(rows))
    load = " ".join(f"{figure:.1f}" for figure in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average {load} at the end; written to {asked.out}")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
