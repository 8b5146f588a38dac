"""A supplier: confirms an order, ships it after the part's lead time, delivers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.ports import Ground, Handlers, hours

NAME = "supplier"
PARAMS: Mapping[str, Param] = {
    "confirm_p50_h": Param(unit="h", default=2.0, min=0.01, max=720, title="confirms (estimate)"),
    "confirm_p90_h": Param(unit="h", default=8.0, min=0.01, max=720, title="9 of 10 confirm in"),
    "transport_p50_h": Param(unit="h", default=24.0, min=0.01, max=2160, title="on the road"),
    "transport_p90_h": Param(unit="h", default=48.0, min=0.01, max=2160, title="9 of 10 arrive in"),
    "lead_factor": Param(unit="1", default=1.0, min=0.01, max=100, title="times the lead time"),
}
STEPS = ("supplier.confirm", "supplier.reject", "supplier.ship", "supplier.deliver")


class Supplier:
    """Every delay comes from a stream named after the order, so order of arrival is no matter."""

    def __init__(self, ground: Ground, params: Mapping[str, float]) -> None:
        self._ground, self._params = ground, params
        self._begun: dict[str, None] = {}

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        return dict.fromkeys(STEPS, self._on_row)

    def observe(self, fact: Fact) -> None:
        """An order was placed, confirmed, shipped, or called off."""
        if fact.kind == "order.placed":
            known = fact.data.get("part") in self._ground.parts
            step = "supplier.confirm" if known else "supplier.reject"
            self._begin(fact, step, self._hours(fact, "confirm"))
        elif fact.kind == "order.confirmed" and fact.data.get("part") in self._ground.parts:
            part = self._ground.parts[fact.data["part"]]
            factor = self._params["lead_factor"]
            delay_ms = hours(
                self._ground.streams,
                f"supplier/lead/{fact.subject}",
                p50_h=part.lead_time_p50_h * factor,
                p90_h=part.lead_time_p90_h * factor,
            )
            self._begin(fact, "supplier.ship", delay_ms)
        elif fact.kind == "order.shipped":
            self._begin(fact, "supplier.deliver", self._hours(fact, "transport"))
        elif fact.kind in ("order.cancelled", "order.rejected"):
            for step in STEPS:
                self._ground.forget(step, fact.subject)

    def dump(self) -> list[str]:
        """Steps that were begun."""
        return list(self._begun)

    def load(self, state: list[str]) -> None:
        """Take over what :meth:`dump` gave."""
        self._begun = dict.fromkeys(state)

    def _hours(self, fact: Fact, what: str) -> int:
        return hours(
            self._ground.streams,
            f"supplier/{what}/{fact.subject}",
            p50_h=self._params[f"{what}_p50_h"],
            p90_h=self._params[f"{what}_p90_h"],
        )

    def _begin(self, fact: Fact, step: str, delay_ms: int) -> None:
        key = f"{step}:{fact.subject}"
        if key in self._begun:
            return
        self._begun[key] = None
        args: dict[str, Any] = {
            name: fact.data[name] for name in ("part", "quantity", "thing") if name in fact.data
        }
        self._ground.later(self._ground.soonest(fact.at_ms + delay_ms), step, fact.subject, args)

    def _on_row(self, row: Row) -> None:
        ground, verb = self._ground, f"order.{row.kind.removeprefix('supplier.')}"
        if verb == "order.reject":
            reason = f"unknown part {row.args.get('part')!r}"
            ground.intend(row.due_ms, NAME, verb, row.subject, reason=reason)
            return
        if verb == "order.deliver" and row.args.get("part") in ground.parts:
            price = ground.parts[row.args["part"]].price_eur
            eur = price * float(row.args.get("quantity", 1))
            ground.book(row.due_ms, what="parts", eur=eur, subject=str(row.args.get("thing", NAME)))
        ground.intend(row.due_ms, NAME, verb, row.subject)
