"""What the pages show, read from the services; no page code here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reference_impl.bootstrap import Dps

Row = dict[str, Any]
FINAL = frozenset({"CLOSED", "CANCELLED", "REJECTED", "DELIVERED"})
"""States of orders and work orders in which nobody has anything to do any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One thing with everything a customer wants to see of it."""

    thing: Row
    signals: list[Row]
    conditions: list[Row]
    wear: dict[str, list[tuple[int, float | None]]]
    """Per condition, the history of wear in percent by time; None between two parts."""
    alerts: list[Row]
    orders: list[Row]
    work_orders: list[Row]


def day_and_time(at_ms: int | None) -> str:
    """``2026-01-09 14:20`` (UTC), or a dash."""
    if at_ms is None:
        return "–"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def machines(dps: Dps) -> list[Row]:
    """A row per thing: where it is, its highest wear, what is open."""
    c = dps.contexts
    rows: list[Row] = []
    with dps.store.read() as conn:
        for ref in dps.directory.things(conn):
            conditions = c.insight.conditions_of(conn, ref.thing)
            worn = [k["wear_pct"] for k in conditions if k["wear_pct"] is not None]
            latest = c.ingestion.detail(conn, ref.thing)["latest"]
            alerts = c.rules.listed(conn, "alerts", thing=ref.thing)
            orders = c.orders.listed(conn, "orders", thing=ref.thing)
            work = c.maintenance.listed(conn, "work_orders", thing=ref.thing)
            rows.append(
                {
                    "thing": ref.thing,
                    "title": ref.title or ref.thing,
                    "site": ref.site,
                    "wear": f"{max(worn):.0f} %" if worn else "–",
                    "wear_pct": max(worn, default=0.0),
                    "alerts": sum(alert["state"] == "ACTIVE" for alert in alerts),
                    "order": _newest_open(orders),
                    "work_order": _newest_open(work),
                    "heard": day_and_time(latest["at_ms"] if latest else None),
                }
            )
    return rows


def machine(dps: Dps, thing: str) -> Machine:
    """One machine. Raises Unknown if there is none."""
    c = dps.contexts
    with dps.store.read() as conn:
        row = c.registry.get(conn, "thing", thing)
        model = c.registry.get(conn, "model", row["model"])
        detail = c.ingestion.detail(conn, thing)
        conditions = c.insight.conditions_of(conn, thing)
        return Machine(
            thing={**row, **detail, "product": model["product"]},
            signals=_readings(model["signals"], detail["latest"]),
            conditions=conditions,
            wear={
                k["condition"]: _curve(
                    c.insight.listed(conn, "history", thing=thing, condition=k["condition"])
                )
                for k in conditions
            },
            alerts=c.rules.listed(conn, "alerts", thing=thing),
            orders=c.orders.listed(conn, "orders", thing=thing),
            work_orders=c.maintenance.listed(conn, "work_orders", thing=thing),
        )


def _newest_open(rows: list[Row]) -> str:
    open_rows = [row for row in rows if row["state"] not in FINAL]
    return max(open_rows, key=lambda row: row["changed_ms"])["state"] if open_rows else "–"


def _readings(signals: dict[str, Row], latest: Row | None) -> list[Row]:
    values = latest["signals"] if latest else {}
    return [
        {
            "title": signal["title"] or name,
            "value": f"{values[name]:g} {signal['unit']}" if name in values else "–",
        }
        for name, signal in signals.items()
    ]


def _curve(history: list[Row]) -> list[tuple[int, float | None]]:
    points: list[tuple[int, float | None]] = []
    cycle: int | None = None
    for row in history:
        if cycle is not None and row["cycle"] != cycle:
            points.append((row["at_ms"], None))  # a new part: the line breaks
        cycle = row["cycle"]
        points.append((row["at_ms"], row["wear_pct"]))
    return points
