"""What the pages show, read from the services; no page code here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reference_impl.bootstrap import Dps
from reference_impl.kernel.feed import feed

Row = dict[str, Any]
FINAL = frozenset({"CLOSED", "CANCELLED", "REJECTED", "DELIVERED"})
"""States of orders and work orders in which nobody has anything to do any more."""

UNITS = {"1": "", "degC": "°C", "m3/h": "m³/h", "m2": "m²", "m3": "m³"}
"""How a customer writes a unit, where it is not how a message does."""


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
    """Newest first; ``steps`` has the time of every step that was taken, oldest first."""
    work_orders: list[Row]
    """As ``orders``."""


def day_and_time(at_ms: int | None) -> str:
    """``2026-01-09 14:20`` (UTC), or a dash."""
    if at_ms is None:
        return "–"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def day(at_ms: int | None) -> str:
    """``2026-01-09`` (UTC), or a dash."""
    return day_and_time(at_ms)[:10]


def words(name: str) -> str:
    """``PENDING_SHIPPING`` as ``pending shipping``."""
    return name.replace("_", " ").lower()


def machines(dps: Dps) -> list[Row]:
    """A row per thing: where it is, its highest wear, what is open."""
    c = dps.contexts
    rows: list[Row] = []
    with dps.store.read() as conn:
        for ref in dps.directory.things(conn):
            conditions = c.insight.conditions_of(conn, ref.thing)
            worn = [k["wear_pct"] for k in conditions if k["wear_pct"] is not None]
            ends = [k["runout_p50_ms"] for k in conditions if k["runout_p50_ms"] is not None]
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
                    "tone": _tone(max(worn, default=0.0)),
                    "runout": day(min(ends, default=None)),
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
            orders=_with_steps(conn, c.orders.listed(conn, "orders", thing=thing)),
            work_orders=_with_steps(conn, c.maintenance.listed(conn, "work_orders", thing=thing)),
        )


def _with_steps(conn: sa.Connection, rows: list[Row]) -> list[Row]:
    """The rows with the times of their steps, as the feed has told them; newest first."""
    steps: dict[str, dict[str, int]] = {row["id"]: {} for row in rows}
    told = (
        sa.select(feed.c.subject, feed.c.kind, feed.c.at_ms)
        .where(feed.c.subject.in_(steps))
        .order_by(feed.c.number)
    )
    for subject, kind, at_ms in conn.execute(told):
        steps[subject][kind.partition(".")[2]] = at_ms
    full = [{**row, "steps": steps[row["id"]]} for row in rows]
    return sorted(full, key=lambda row: max(row["steps"].values(), default=0), reverse=True)


def _tone(wear_pct: float) -> str:
    return "negative" if wear_pct >= 75 else "warning" if wear_pct >= 50 else "primary"


def _newest_open(rows: list[Row]) -> str:
    open_rows = [row for row in rows if row["state"] not in FINAL]
    if not open_rows:
        return "–"
    newest = max(open_rows, key=lambda row: row["changed_ms"])
    return f"{words(newest['state'])} ({day(newest['changed_ms'])})"


def _readings(signals: dict[str, Row], latest: Row | None) -> list[Row]:
    values = latest["signals"] if latest else {}
    return [
        {
            # How a signal is sampled stands last in its title; that is for engineers.
            "title": (signal["title"] or words(name)).rpartition(", ")[0]
            or signal["title"]
            or name,
            "value": f"{_number(values[name])} {UNITS.get(signal['unit'], signal['unit'])}".rstrip()
            if name in values
            else "–",
        }
        for name, signal in signals.items()
    ]


def _number(value: float) -> str:
    """``3,499``, ``249.5``, ``0.963``: what a person reads, not what a computer stores."""
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _curve(history: list[Row]) -> list[tuple[int, float | None]]:
    points: list[tuple[int, float | None]] = []
    cycle: int | None = None
    for row in history:
        if cycle is not None and row["cycle"] != cycle:
            points.append((row["at_ms"], None))  # a new part: the line breaks
        cycle = row["cycle"]
        points.append((row["at_ms"], row["wear_pct"]))
    return points
