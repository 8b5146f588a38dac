"""A supplier: confirms an order, makes or picks the part, hands it to a carrier. Or does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twins.core.manifest import Param, Part
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.ports import HOUR_MS, Ground, Handlers, chance, hours, into_day, open_slot, pick

NAME = "supplier"
PARAMS: Mapping[str, Param] = {
    "confirm_p50_h": Param(unit="h", default=2.0, min=0.01, max=720, title="confirms (estimate)"),
    "confirm_p90_h": Param(unit="h", default=8.0, min=0.01, max=720, title="9 of 10 confirm in"),
    "transport_p50_h": Param(unit="h", default=24.0, min=0.01, max=2160, title="on the road"),
    "transport_p90_h": Param(unit="h", default=48.0, min=0.01, max=2160, title="9 of 10 arrive in"),
    "lead_factor": Param(unit="1", default=1.0, min=0.01, max=100, title="times the lead time"),
    "refuse_p": Param(unit="1", default=0.0, min=0, max=1, title="share of orders refused"),
    "mislay_p": Param(unit="1", default=0.0, min=0, max=1, title="share of orders mislaid"),
    "chase_h": Param(unit="h", default=168.0, min=1, max=2160, title="until somebody asks"),
    "price_p": Param(unit="1", default=0.0, min=0, max=1, title="share with another price"),
    "price_rise": Param(unit="1", default=0.15, min=-0.9, max=10, title="by that share"),
    "quantity_p": Param(unit="1", default=0.0, min=0, max=1, title="share with one part more"),
    "late_p": Param(unit="1", default=0.0, min=0, max=1, title="share of orders late"),
    "late_factor": Param(unit="1", default=2.5, min=1, max=20, title="lead time when late"),
    "partial_p": Param(unit="1", default=0.0, min=0, max=1, title="share shipped incomplete"),
    "backorder_h": Param(unit="h", default=120.0, min=1, max=2160, title="the rest comes after"),
    "wrong_part_p": Param(unit="1", default=0.0, min=0, max=1, title="share with a wrong part"),
}
OFFICE_H = (8.0, 17.0)
"""When the supplier's office answers and its ramp loads, on workdays, local time."""
REFUSALS = ("discontinued, no successor named", "credit limit reached", "not before next quarter")
EXCUSES = ("machine breakdown", "no steel from the mill", "short of staff", "stuck at customs")
STEPS = (
    "supplier.confirm",
    "supplier.offer",
    "supplier.reject",
    "supplier.ship",
    "supplier.ship_rest",
    "supplier.backorder",
    "supplier.reship",
    "supplier.send_again",
    "supplier.replace",
)
AGREED = ("order.confirmed", "order.accepted")
"""From then on an order is made ready."""


class Supplier:
    """Every delay and whim comes from a stream named after the order and the habit.

    So the order of arrival does not matter, and one more habit shifts nobody's draws.
    """

    def __init__(self, ground: Ground, params: Mapping[str, float]) -> None:
        self._ground, self._params = ground, params
        self._begun: dict[str, None] = {}

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        return {
            **dict.fromkeys(STEPS[:4], self._on_row),
            "supplier.ship_rest": self._on_rest,
            "supplier.backorder": self._on_backorder,
            "supplier.reship": self._on_reship,
            "supplier.send_again": self._on_send_again,
            "supplier.replace": self._on_replace,
        }

    def observe(self, fact: Fact) -> None:
        """An order was placed, agreed upon, lost on its way, or called off.

        A partner's own order (``replenishment``) is served like any other. A partner ships what it
        had to order itself once that has come.
        """
        known = fact.data.get("part") in self._ground.parts
        kind = fact.kind.replace("replenishment.", "order.")
        if kind == "order.placed":
            self._on_placed(fact, known=known)
        elif kind in AGREED and known and not fact.data.get("backorder"):
            self._begin(fact, "supplier.ship", self._lead_ms(fact))
        elif fact.kind == "replenishment.delivered":
            for line in fact.data.get("lines", ()):
                self._begin(replace(fact, subject=str(line["for_order"])), "supplier.ship", 1)
        elif kind == "order.lost":
            self._begin(fact, "supplier.reship", self._hours(fact, "confirm"), again=fact.at_ms)
        elif kind in {"order.cancelled", "order.rejected"}:
            for step in STEPS:
                self._ground.forget(step, fact.subject)

    def dump(self) -> list[str]:
        """Steps that were begun."""
        return list(self._begun)

    def load(self, state: list[str]) -> None:
        """Take over what :meth:`dump` gave."""
        self._begun = dict.fromkeys(state)

    def claim(self, at_ms: int, order: str, part: Part) -> int:
        """A wrong part came: send the right one. Returns when it will be there."""
        streams, road = self._ground.streams, self._params
        p50_h, p90_h = part.lead_time_p50_h, part.lead_time_p90_h
        lead_ms = hours(streams, f"supplier/replace/{order}", p50_h=p50_h, p90_h=p90_h)
        p50_h, p90_h = road["transport_p50_h"], road["transport_p90_h"]
        road_ms = hours(streams, f"supplier/replace-road/{order}", p50_h=p50_h, p90_h=p90_h)
        there_ms = self._office(at_ms + lead_ms + road_ms, f"replace/{order}")
        sent_ms = min(self._ground.soonest(at_ms + lead_ms), there_ms)
        self._ground.later(sent_ms, "supplier.send_again", order, {})
        self._ground.later(there_ms, "supplier.replace", order, {})
        return there_ms

    def _on_placed(self, fact: Fact, *, known: bool) -> None:
        delay_ms = self._hours(fact, "confirm")
        if not known:
            reason = f"unknown part {fact.data.get('part')!r}"
            self._begin(fact, "supplier.reject", delay_ms, reason=reason)
        elif self._whim(fact, "refuse"):
            reason = pick(self._ground.streams, f"supplier/refusal/{fact.subject}", REFUSALS)
            self._begin(fact, "supplier.reject", delay_ms, reason=reason)
        else:
            mislaid = self._whim(fact, "mislay")
            delay_ms += round(self._params["chase_h"] * HOUR_MS) * mislaid
            changed = self._whim(fact, "price") or self._whim(fact, "quantity")
            step = "supplier.offer" if changed else "supplier.confirm"
            self._begin(fact, step, delay_ms, mislaid=mislaid)

    def _lead_ms(self, fact: Fact) -> int:
        part, factor = self._ground.parts[fact.data["part"]], self._params["lead_factor"]
        lead_ms = hours(
            self._ground.streams,
            f"supplier/lead/{fact.subject}",
            p50_h=part.lead_time_p50_h * factor,
            p90_h=part.lead_time_p90_h * factor,
        )
        late = self._whim(fact, "late") and f"supplier.ship:{fact.subject}" not in self._begun
        if late:
            factor = self._params["late_factor"]
            reason = pick(self._ground.streams, f"supplier/excuse/{fact.subject}", EXCUSES)
            self._ground.tell(fact.at_ms, "order.late", fact.subject, factor=factor, reason=reason)
            lead_ms = round(lead_ms * factor)
            eta_ms = fact.at_ms + lead_ms + round(self._params["transport_p90_h"] * HOUR_MS)
            self._begin(fact, "supplier.backorder", HOUR_MS, reason=reason, eta_ms=eta_ms)
        return lead_ms

    def _whim(self, fact: Fact, habit: str) -> bool:
        stream = f"supplier/{habit}/{fact.subject}"
        return chance(self._ground.streams, stream, self._params[f"{habit}_p"])

    def _hours(self, fact: Fact, what: str) -> int:
        return hours(
            self._ground.streams,
            f"supplier/{what}/{fact.subject}",
            p50_h=self._params[f"{what}_p50_h"],
            p90_h=self._params[f"{what}_p90_h"],
        )

    def _office(self, at_ms: int, what: str) -> int:
        start_h, end_h = OFFICE_H
        slot_ms = open_slot(self._ground.calendar, at_ms, start_h=start_h, end_h=end_h)
        return into_day(self._ground.streams, f"supplier/morning/{what}", at_ms, slot_ms)

    def _begin(
        self, fact: Fact, step: str, delay_ms: int, *, again: int = 0, **more: object
    ) -> None:
        key = f"{step}:{fact.subject}" + (f":{again}" if again else "")
        if key in self._begun:
            return
        self._begun[key] = None
        names = ("part", "quantity", "thing", "supplier", "unit_price_eur")
        args: dict[str, Any] = {name: fact.data[name] for name in names if name in fact.data}
        due_ms = self._office(self._ground.soonest(fact.at_ms + delay_ms), key)
        self._ground.later(due_ms, step, fact.subject, {**args, **more})

    def _on_row(self, row: Row) -> None:
        verb = f"order.{row.kind.removeprefix('supplier.')}"
        by = self._ground.person("clerk", str(row.args.get("supplier", NAME))).name
        more = {"reason": row.args["reason"]} if verb == "order.reject" else {}
        if row.args.get("mislaid"):
            found_h = self._params["chase_h"]
            self._ground.tell(row.due_ms, "order.mislaid", row.subject, found_after_h=found_h)
        if verb == "order.offer":
            more = self._offer(row)
        elif verb == "order.ship":
            verb, more = self._ship(row, by)
        self._ground.intend(row.due_ms, NAME, verb, row.subject, by=by, **more)

    def _offer(self, row: Row) -> dict[str, Any]:
        """Another price or quantity than ordered: the buyer must accept it."""
        ground, params, order = self._ground, self._params, row.subject
        quantity = float(row.args.get("quantity", 1))
        said: dict[str, Any] = {}
        reasons = []
        if chance(ground.streams, f"supplier/price/{order}", params["price_p"]):
            was_eur = float(row.args.get("unit_price_eur", 0.0))
            now_eur = round(was_eur * (1.0 + params["price_rise"]), 2)
            ground.goods.note(order, unit_eur=now_eur)
            ground.tell(row.due_ms, "order.price_changed", order, was_eur=was_eur, now_eur=now_eur)
            said["unit_price_eur"] = now_eur
            reasons.append("prices have changed")
        if chance(ground.streams, f"supplier/quantity/{order}", params["quantity_p"]):
            ground.goods.note(order, quantity=quantity + 1.0)
            told = {"was": quantity, "now": quantity + 1.0, "reason": "sold in pairs only"}
            ground.tell(row.due_ms, "order.quantity_changed", order, **told)
            said["quantity"] = int(quantity) + 1
            reasons.append("sold in pairs only")
        return {**said, "reason": ", ".join(reasons)}

    def _ship(self, row: Row, by: str) -> tuple[str, dict[str, Any]]:
        """All of it, or some now (of one set: it is not complete) and the rest later."""
        ground, params, order = self._ground, self._params, row.subject
        step, said = "order.ship", dict[str, Any]()
        if chance(ground.streams, f"supplier/partial/{order}", params["partial_p"]):
            rest_ms = self._office(row.due_ms + round(params["backorder_h"] * HOUR_MS), order)
            ground.later(rest_ms, "supplier.ship_rest", order, {"by": by})
            ground.tell(row.due_ms, "order.partial", order, rest_after_h=params["backorder_h"])
            step = "order.ship-part"
            said = {"quantity": int(row.args.get("quantity", 1)) // 2, "reason": "out of stock"}
        if chance(ground.streams, f"supplier/wrong_part/{order}", params["wrong_part_p"]):
            ground.goods.note(order, wrong=1)
            ground.tell(row.due_ms, "order.wrong_part", order, part=row.args.get("part", ""))
        return step, said

    def _on_rest(self, row: Row) -> None:
        by = row.args["by"]
        self._ground.intend(row.due_ms, NAME, "order.ship", row.subject, again=2, by=by)

    def _on_backorder(self, row: Row) -> None:
        """It will be late, and the service is told."""
        by = self._ground.person("clerk", str(row.args.get("supplier", NAME))).name
        said = {"reason": row.args["reason"], "eta_ms": row.args["eta_ms"]}
        self._ground.intend(row.due_ms, NAME, "order.backorder", row.subject, by=by, **said)

    def _on_reship(self, row: Row) -> None:
        """A parcel was lost: another one of the same order."""
        by = self._ground.person("clerk", str(row.args.get("supplier", NAME))).name
        again = sum(key.startswith(f"supplier.reship:{row.subject}:") for key in self._begun)
        self._ground.intend(row.due_ms, NAME, "order.reship", row.subject, again=again, by=by)

    def _on_send_again(self, row: Row) -> None:
        by = self._ground.person("clerk", NAME).name
        self._ground.intend(row.due_ms, NAME, "order.replace", row.subject, by=by)

    def _on_replace(self, row: Row) -> None:
        self._ground.goods.note(row.subject, wrong=0)
        self._ground.tell(row.due_ms, "parcel.replaced", row.subject)
        by = self._ground.person("driver", NAME).name
        verb = "order.receive-replacement"
        self._ground.intend(row.due_ms, NAME, verb, row.subject, by=by)
