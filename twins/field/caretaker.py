"""The old way, without a service: somebody notices, phones, waits for the part, gets a visit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core.pending import Row
from twins.field.ports import Ground, Handlers, hours, open_slot
from twins.field.stock import DEPOT

NAME = "caretaker"
VAN = "van-1"
WORDS = {"notice": "customer", "phone": "customer", "travel": "crew", "work": "crew"}
"""Delays of a repair and whose parameters they are."""


class Caretaker:
    """Sees to failures when nobody hears of a DPS, by day and night: then something stands.

    A visit costs what it costs every crew, more by night (domain 6.1). Delays are named after
    device and life.
    """

    def __init__(
        self, ground: Ground, *, customer: Mapping[str, float], crew: Mapping[str, float]
    ) -> None:
        self._ground = ground
        self._params = {"customer": customer, "crew": crew}

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        return {"caretaker.visit": self._on_visit, "caretaker.fit": self._on_fit}

    def broke(self, at_ms: int, device: str, *, position: str, life: int) -> None:
        """A device broke: the visit follows after noticing, phoning and the part's lead time."""
        parts = [
            part
            for part in self._ground.parts.values()
            if part.position == position and not part.revises
        ]
        job = f"{device}/{position}/{life}"
        wait_ms = self._hours("notice", job) + self._hours("phone", job)
        args: dict[str, Any] = {"device": device, "position": position, "part": ""}
        if parts:
            part = min(parts, key=lambda part: part.sku)
            args["part"] = part.sku
            if any(self._ground.goods.take(at_ms, place, part.sku) for place in (VAN, DEPOT)):
                self._ground.later(at_ms + wait_ms, "caretaker.visit", job, {**args, "eur": 0.0})
                return
            args["eur"] = part.price_eur * part.quantity
            wait_ms += hours(
                self._ground.streams,
                f"{NAME}/lead/{job}",
                p50_h=part.lead_time_p50_h,
                p90_h=part.lead_time_p90_h,
            )
        leave_ms = at_ms + wait_ms
        self._ground.later(leave_ms, "caretaker.visit", job, args)

    def _on_visit(self, row: Row) -> None:
        device = row.args["device"]
        crew = self._params["crew"]
        start_h, end_h = crew["shift_start_h"], crew["shift_end_h"]
        by_day = (
            open_slot(self._ground.calendar, row.due_ms, start_h=start_h, end_h=end_h) == row.due_ms
        )
        fee_eur = crew["visit_eur" if by_day else "emergency_visit_eur"]
        self._ground.book(row.due_ms, what="visits", eur=fee_eur, subject=device)
        if row.args["part"]:  # one from stock is paid when it is replaced there
            self._ground.book(row.due_ms, what="parts", eur=row.args["eur"], subject=device)
        job = row.subject
        travel_ms = round(self._hours("travel", job) * self._ground.far_share(device))
        done_ms = row.due_ms + travel_ms + self._hours("work", job)
        self._ground.later(done_ms, "caretaker.fit", job, row.args)

    def _on_fit(self, row: Row) -> None:
        self._ground.fit(
            row.due_ms,
            row.args["device"],
            position=row.args["position"],
            part=row.args["part"],
        )

    def _hours(self, what: str, job: str) -> int:
        params = self._params[WORDS[what]]
        return hours(
            self._ground.streams,
            f"{NAME}/{what}/{job}",
            p50_h=params[f"{what}_p50_h"],
            p90_h=params[f"{what}_p90_h"],
        )
