"""What the pages show, read from the services; no page code here.

Like the API it shows what the caller may see: his machines, from when on they are his, and of each
what his role may read (None: nothing of that kind).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from reference_impl.bootstrap import Contexts, Dps
from reference_impl.kernel import access
from reference_impl.kernel.feed import feed
from reference_impl.orders.parties import view

Row = dict[str, Any]
FINAL = frozenset({"CLOSED", "CANCELLED", "REJECTED", "DELIVERED"})
"""States of orders and work orders in which nobody has anything to do any more."""
UNPLACED = frozenset({"CART", "ABANDONED"})
"""States of what is no order yet, or never was."""
HOUR_MS = 3_600_000
LOOK = "things:read"
"""What one needs to see the pages at all."""
_UNITS = {"1": "", "degC": "°C", "deg": "°", "MOhm": "MΩ"}
_YES_OR_NO = re.compile(r"1 (?:if |while )?(?P<yes>.+?)(?:, 0 (?P<no>.+))?")
_POWERS = {"m3": "m³", "m2": "m²", "W s": "W·s"}


def written(unit: str) -> str:
    """A unit as a customer writes it, where that is not how a message does."""
    for plain, proper in _POWERS.items():
        unit = unit.replace(plain, proper)
    return _UNITS.get(unit, unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One thing with everything a customer wants to see of it."""

    thing: Row
    signals: list[tuple[str, str]] | None
    """What each is, and its newest value."""
    conditions: list[Row] | None
    wear: dict[str, list[tuple[int, float | None]]]
    """Per condition, the history of wear in percent by time; None between two parts."""
    foreseen: list[Row] | None
    """When it is full, flat or due, by :data:`hour`; None also if the model declares nothing."""
    hour: int
    """Of the service's time, when that was asked."""
    alerts: list[Row] | None
    orders: list[Row] | None
    """Newest first; ``steps`` has the time of every step that was taken, oldest first."""
    work_orders: list[Row] | None
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


def urgent_first(alerts: Iterable[Row]) -> list[Row]:
    """What is active, then what was, the newest first."""
    return sorted(alerts, key=lambda row: (row["state"] != "ACTIVE", -row["raised_ms"]))


def shown(title: str, unit: str, value: float | None) -> tuple[str, str]:
    """A reading as a person reads it: what it is, and its value.

    How a signal is sampled stands last in its title; that is for engineers. ``1 able to run, 0
    broken, last value`` becomes ``Able to run``: ``yes``, or ``no: broken``.
    """
    plain, sampled, _ = title.partition(", last value")
    title = plain if sampled else title.rpartition(", ")[0] or title
    yes_or_no = _YES_OR_NO.fullmatch(title) if unit == "1" else None
    if yes_or_no:
        title = yes_or_no["yes"][0].upper() + yes_or_no["yes"][1:]
        no = f"no: {yes_or_no['no']}" if yes_or_no["no"] else "no"
        return title, "–" if value is None else "yes" if value else no
    return title, "–" if value is None else _measure(value, unit)


def machines(dps: Dps) -> list[Row]:
    """A row per thing that the caller sees: where it is, its highest wear, what is open."""
    c = dps.contexts
    access.must(LOOK)
    rows: list[Row] = []
    with dps.store.read() as conn:
        for ref in dps.directory.things(conn):
            since_ms = access.seen_from_ms(ref.thing)
            if since_ms is None:
                continue
            conditions = _conditions(c, conn, ref.thing, since_ms) or []
            worn = [k["wear_pct"] for k in conditions if k["wear_pct"] is not None]
            ends = [k["runout_p50_ms"] for k in conditions if k["runout_p50_ms"] is not None]
            latest = _latest(c, conn, ref.thing, since_ms)
            alerts = _alerts(c, conn, ref.thing) or []
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
                    "order": _newest_open(_orders(c, conn, ref.thing) or []),
                    "work_order": _newest_open(_work(c, conn, ref.thing) or []),
                    "heard": day_and_time(latest["at_ms"] if latest else None),
                }
            )
    return rows


def machine(dps: Dps, thing: str, before: Machine | None = None) -> Machine:
    """One machine. Raises Unknown if the caller sees none of this id.

    What is foreseen reads weeks of readings: it is taken from ``before`` within its hour.
    """
    c = dps.contexts
    access.must(LOOK)
    access.must_see_thing(thing)
    since_ms = access.seen_from_ms(thing) or 0
    with dps.store.read() as conn:
        row = c.registry.get(conn, "thing", thing)
        model = c.registry.get(conn, "model", row["model"])
        conditions = _conditions(c, conn, thing, since_ms)
        latest = _latest(c, conn, thing, since_ms)
        now_ms = dps.now_ms()
        hour = now_ms // HOUR_MS
        return Machine(
            thing={**row, "product": model["product"]},
            signals=_readings(model["signals"], latest) if _may("telemetry:read") else None,
            conditions=conditions,
            wear={
                k["condition"]: _curve(
                    [
                        past
                        for past in c.insight.listed(
                            conn, "history", thing=thing, condition=k["condition"]
                        )
                        if past["at_ms"] >= since_ms
                    ]
                )
                for k in conditions or []
            },
            foreseen=before.foreseen
            if before is not None and before.hour == hour
            else _foreseen(c, conn, thing, now_ms),
            hour=hour,
            alerts=_alerts(c, conn, thing),
            orders=_with_steps(conn, _orders(c, conn, thing)),
            work_orders=_with_steps(conn, _work(c, conn, thing)),
        )


def _may(permission: str) -> bool:
    return access.current().may(permission)


def _conditions(c: Contexts, conn: sa.Connection, thing: str, since_ms: int) -> list[Row] | None:
    if not _may("conditions:read"):
        return None
    rows = c.insight.conditions_of(conn, thing)
    return [row for row in rows if since_ms == 0 or row["evaluated_ms"] >= since_ms]


def _foreseen(c: Contexts, conn: sa.Connection, thing: str, now_ms: int) -> list[Row] | None:
    """Forecasts of the model; ``now``: where it stands, as a person reads it."""
    if not _may("conditions:read"):
        return None
    rows = c.analytics.views.forecasts(conn, thing, now_ms)
    return [
        {**row, "now": "" if row["level"] is None else _measure(row["level"], row["unit"])}
        for row in rows
    ] or None


def _latest(c: Contexts, conn: sa.Connection, thing: str, since_ms: int) -> Row | None:
    latest: Row | None = c.ingestion.detail(conn, thing)["latest"]
    seen = latest is not None and latest["at_ms"] >= since_ms and _may("telemetry:read")
    return latest if seen else None


def _alerts(c: Contexts, conn: sa.Connection, thing: str) -> list[Row] | None:
    if not _may("alerts:read"):
        return None
    rows = access.seen_of_things(c.rules.listed(conn, "alerts", thing=thing), at="started_ms")
    seen = rows if _is_operator() else [row for row in rows if row["state"] != "HISTORICAL"]
    return urgent_first(seen)


def _orders(c: Contexts, conn: sa.Connection, thing: str) -> list[Row] | None:
    """Orders as the caller sees them: a partner's price is not the main organisation's (M2)."""
    if not _may("orders:read"):
        return None
    rows = c.orders.all_orders(conn, thing=thing)
    shown = [view(row, access.current()) for row in rows if row["state"] not in UNPLACED]
    return [row for row in shown if row is not None]


def _work(c: Contexts, conn: sa.Connection, thing: str) -> list[Row] | None:
    if not _may("work-orders:read"):
        return None
    rows = c.maintenance.listed(conn, "work_orders", thing=thing)
    return access.seen_of_things(rows, at="requested_ms")


def _is_operator() -> bool:
    return access.current().group is access.Group.OPERATOR


def _with_steps(conn: sa.Connection, rows: list[Row] | None) -> list[Row] | None:
    """The rows with the times of their steps, as the feed has told them; newest first."""
    if rows is None:
        return None
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
    newest = max(open_rows, key=_touched)
    return f"{words(newest['state'])} ({day(_touched(newest))})"


def _touched(row: Row) -> int:
    """When it last changed; of an order of which only a part is seen, when it was placed."""
    return int(row["changed_ms"] if "changed_ms" in row else row["placed_ms"])


def _readings(signals: dict[str, Row], latest: Row | None) -> list[tuple[str, str]]:
    values = latest["signals"] if latest else {}
    return [
        shown(signal["title"] or words(name), signal["unit"], values.get(name))
        for name, signal in signals.items()
    ]


def _measure(value: float, unit: str) -> str:
    return f"{_number(value)} {written(unit)}".rstrip()


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
