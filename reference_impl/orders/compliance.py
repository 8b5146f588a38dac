"""Were recommended purchases executed, in time and as recommended (3.2, C1 to C7, SP13, SP15)?

The first part is pure: a state table, classes and figures. The second keeps a row per
recommendation and lets it follow what happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import fmean, median
from typing import Any

from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders.ports import OrderRows
from reference_impl.published import RecommendationChanged

DAY_MS = 86_400_000
DUE_MS = 14 * DAY_MS
"""Due period of a recommendation (estimate): who has not decided by then has not complied."""
PREMATURE_PCT = 90.0
"""3.2: replaced before so much wear is premature (estimate)."""
DUE_TIMER = "orders/compliance-due"


class Follow(StrEnum):
    """Where a recommendation stands with who should follow it."""

    ISSUED = "ISSUED"
    SEEN = "SEEN"
    SNOOZED = "SNOOZED"
    ORDERED_AS_RECOMMENDED = "ORDERED_AS_RECOMMENDED"
    ORDERED_MODIFIED = "ORDERED_MODIFIED"
    REPLACED_WITHOUT_ORDER = "REPLACED_WITHOUT_ORDER"
    DISCARDED = "DISCARDED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    OUTCOME_KNOWN = "OUTCOME_KNOWN"


CLASSES = (
    Follow.ORDERED_AS_RECOMMENDED,
    Follow.ORDERED_MODIFIED,
    Follow.REPLACED_WITHOUT_ORDER,
    Follow.DISCARDED,
    Follow.SNOOZED,
    Follow.EXPIRED,
    Follow.WITHDRAWN,
)
"""The final class of a recommendation is one of these (C1). SNOOZED: still put off when the due
period ended. WITHDRAWN: taken back by the service, counted apart (C4)."""
COMPLIANT = frozenset({Follow.ORDERED_AS_RECOMMENDED, Follow.ORDERED_MODIFIED})
_DECIDED: Mapping[Follow, Follow] = {one: one for one in CLASSES if one is not Follow.SNOOZED}
_KNOWN: Mapping[Follow, Follow] = {Follow.OUTCOME_KNOWN: Follow.OUTCOME_KNOWN}
TABLE: Mapping[Follow, Mapping[Follow, Follow]] = {
    Follow.ISSUED: {
        Follow.SEEN: Follow.SEEN,
        Follow.SNOOZED: Follow.SNOOZED,
        **_DECIDED,
    },
    Follow.SEEN: {Follow.SNOOZED: Follow.SNOOZED, **_DECIDED},
    Follow.SNOOZED: {Follow.SEEN: Follow.SEEN, **_DECIDED, **_KNOWN},
    Follow.ORDERED_AS_RECOMMENDED: _KNOWN,
    Follow.ORDERED_MODIFIED: _KNOWN,
    Follow.REPLACED_WITHOUT_ORDER: _KNOWN,
    Follow.DISCARDED: _KNOWN,
    Follow.EXPIRED: _KNOWN,
    Follow.WITHDRAWN: {},
    Follow.OUTCOME_KNOWN: {},
}
assert TABLE.keys() == set(Follow), "every state needs a row"


def class_of_order(rec: Row, line: Mapping[str, Any]) -> Follow:
    """How an order follows a recommendation: as it says, or with other part, number or supplier."""
    same = all(rec[name] == line[name] for name in ("part", "quantity", "supplier"))
    return Follow.ORDERED_AS_RECOMMENDED if same else Follow.ORDERED_MODIFIED


def rates(rows: Sequence[Row], *, now_ms: int) -> dict[str, Any]:
    """Compliance rate and strict rate, over recommendations whose due period has ended.

    Those that are not due yet and those that were withdrawn count in neither (C3, C4).
    """
    judged = [r for r in rows if r["due_ms"] <= now_ms and r["class"] != Follow.WITHDRAWN]
    in_time = [r for r in judged if r["class"] in COMPLIANT and r["ordered_ms"] <= r["due_ms"]]
    strict = [r for r in in_time if r["class"] == Follow.ORDERED_AS_RECOMMENDED]
    return {
        "judged": len(judged),
        "compliance_rate": _share(len(in_time), len(judged)),
        "strict_rate": _share(len(strict), len(judged)),
    }


def kpis(rows: Sequence[Row], *, now_ms: int) -> dict[str, Any]:
    """All figures of 3.2 over compliance rows; None where there is nothing to divide by."""
    classes = Counter(r["class"] for r in rows)
    delays = [(r["ordered_ms"] - r["issued_ms"]) / DAY_MS for r in rows if r["ordered_ms"]]
    replaced = [r for r in rows if r["replaced_ms"] is not None]
    worn = sorted(r["wear_pct"] for r in replaced if r["wear_pct"] is not None)
    kept = [r for r in replaced if r["class"] in COMPLIANT]
    broken = [r for r in replaced if r["class"] not in COMPLIANT]
    errors = [
        abs(r["replaced_ms"] - r["runout_p50_ms"]) / DAY_MS
        for r in replaced
        if r["failed"] and r["runout_p50_ms"] is not None
    ]
    elsewhere = sum(bool(r["off_platform"]) for r in replaced)
    return {
        "total": len(rows),
        "open": classes.pop("", 0),
        "classes": {one.value: classes[one] for one in CLASSES},
        **rates(rows, now_ms=now_ms),
        "median_delay_days": median(delays) if delays else None,
        "wear_at_replacement_mean_pct": fmean(worn) if worn else None,
        "wear_at_replacement_p90_pct": worn[-(-9 * len(worn) // 10) - 1] if worn else None,
        "premature_share": _share(sum(one < PREMATURE_PCT for one in worn), len(worn)),
        "failures_compliant": _share(sum(bool(r["failed"]) for r in kept), len(kept)),
        "failures_others": _share(sum(bool(r["failed"]) for r in broken), len(broken)),
        "off_platform_share": _share(elsewhere, len(replaced)),
        "discard_reasons": dict(
            sorted(Counter(r["reason"] for r in rows if r["class"] == Follow.DISCARDED).items())
        ),
        "forecast_error_days": fmean(errors) if errors else None,
    }


def consumables(rows: Sequence[Row], prices: Mapping[str, float]) -> dict[str, Any]:
    """SP15: how often a consumable ran out before the next was there, and what was thrown away.

    Args:
        rows: Compliance rows of consumables.
        prices: Euros by part.

    Returns:
        ``stock_out_rate`` of the cycles that ended, and ``early_waste_eur``: the share of each
        part that was not used up yet, at its price.
    """
    ended = [r for r in rows if r["replaced_ms"] is not None and r["wear_pct"] is not None]
    out = [r for r in ended if r["failed"] or r["wear_pct"] >= 100.0]
    wasted = sum(
        max(0.0, 100.0 - r["wear_pct"]) / 100.0 * r["quantity"] * prices.get(r["part"], 0.0)
        for r in ended
    )
    return {
        "cycles": len(ended),
        "stock_out_rate": _share(len(out), len(ended)),
        "early_waste_eur": round(wasted, 2),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


class Compliance:
    """A row per recommendation, and the feed's ``compliance.classed`` when its class is final."""

    def __init__(self, *, rows: OrderRows, scheduler: Scheduler) -> None:
        self._rows, self._scheduler = rows, scheduler

    def subscribe(self) -> None:
        """Let due periods end."""
        self._scheduler.on_timer(DUE_TIMER, self._due)

    def begin(self, uow: UnitOfWork, rec: Row, *, partner: str) -> None:
        """A recommendation was issued."""
        names = ("id", "customer", "need_key", "part", "quantity", "supplier", "due_ms")
        row = {
            **{name: rec[name] for name in names},
            "state": Follow.ISSUED.value,
            "partner": partner,
            "issued_ms": rec["issued_ms"],
            "seen_ms": None,
            "class": "",
            "classed_ms": None,
            "ordered_ms": None,
            "reason": "",
            "runout_p50_ms": rec["forecast"].get("runout_p50_ms"),
            "replaced_ms": None,
            "wear_pct": None,
            "failed": None,
            "off_platform": None,
        }
        self._rows.compliance.insert(uow, row)
        set_timer(uow, DUE_TIMER, rec["id"], rec["due_ms"])

    def see(self, uow: UnitOfWork, rec_id: str, at_ms: int) -> None:
        """Somebody looked at it, or it was put off and comes again."""
        row = self._rows.compliance.get(uow.conn, rec_id)
        if row is not None and Follow.SEEN in TABLE[Follow(row["state"])] and not row["class"]:
            seen_ms = at_ms if row["seen_ms"] is None else row["seen_ms"]
            self._move(uow, row, Follow.SEEN, {"seen_ms": seen_ms})

    def snooze(self, uow: UnitOfWork, rec_id: str) -> None:
        """It is put off; that is its class only if the due period ends meanwhile."""
        row = self._rows.compliance.get(uow.conn, rec_id)
        if row is not None and not row["class"]:
            self._move(uow, row, Follow.SNOOZED, {})

    def ordered(self, uow: UnitOfWork, rec_id: str, line: Mapping[str, Any], at_ms: int) -> None:
        """It was ordered; if it has its class already (EXPIRED), only the time is kept."""
        row = self._rows.compliance.get(uow.conn, rec_id)
        if row is None:
            return
        if row["class"]:
            if row["ordered_ms"] is None:
                self._rows.compliance.put(uow, {**row, "ordered_ms": at_ms})
            return
        self.decide(uow, rec_id, class_of_order(row, line), at_ms, ordered_ms=at_ms)

    def decide(
        self, uow: UnitOfWork, rec_id: str, final: Follow, at_ms: int, *, reason: str = "",
        ordered_ms: int | None = None,
    ) -> None:  # fmt: skip
        """Give it its final class, unless it has one (C1)."""
        row = self._rows.compliance.get(uow.conn, rec_id)
        if row is None or row["class"]:
            return
        cancel_timer(uow, DUE_TIMER, rec_id)
        values: Row = {"class": final.value, "classed_ms": at_ms, "reason": reason}
        values["ordered_ms"] = ordered_ms
        if row["state"] == final:
            row |= values
            self._rows.compliance.put(uow, row)
        else:
            self._move(uow, row, final, values)
        data = {
            "need_key": row["need_key"],
            "customer": row["customer"],
            "class": final.value,
            "due_ms": row["due_ms"],
            "reason": reason,
        }
        uow.publish(
            RecommendationChanged(at_ms=at_ms, kind="compliance.classed", subject=rec_id, data=data)
        )

    def replaced(
        self, uow: UnitOfWork, rec_id: str, *, wear_pct: float | None, failed: bool,
        off_platform: bool, at_ms: int,
    ) -> None:  # fmt: skip
        """A part was fitted: the outcome is known (failure before it? residual life wasted?)."""
        self.decide(uow, rec_id, Follow.REPLACED_WITHOUT_ORDER, at_ms)
        row = self._rows.compliance.get(uow.conn, rec_id)
        if row is None or row["class"] == Follow.WITHDRAWN or row["replaced_ms"] is not None:
            return
        values = {"replaced_ms": at_ms, "wear_pct": wear_pct, "failed": failed}
        self._move(uow, row, Follow.OUTCOME_KNOWN, {**values, "off_platform": off_platform})

    def _due(self, uow: UnitOfWork, timer: Timer) -> None:
        row = self._rows.compliance.get(uow.conn, timer.subject)
        assert row is not None, "the timer was set with the row"
        final = Follow.SNOOZED if row["state"] == Follow.SNOOZED else Follow.EXPIRED
        self.decide(uow, timer.subject, final, timer.due_ms)

    def _move(self, uow: UnitOfWork, row: Row, step: Follow, values: Row) -> None:
        target = after(TABLE, subject=row["id"], state=Follow(row["state"]), step=step)
        row |= {"state": target.value, **values}
        self._rows.compliance.put(uow, row)
