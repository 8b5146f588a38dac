"""A carrier: brings what a supplier shipped, sometimes late, sometimes not at all at first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.ports import HOUR_MS, Ground, Handlers, chance, hours, into_day, open_slot

NAME = "carrier"
PARAMS: Mapping[str, Param] = {
    "lose_p": Param(unit="1", default=0.0, min=0, max=1, title="share of parcels lost"),
    "claim_h": Param(unit="h", default=120.0, min=1, max=2160, title="until a loss is claimed"),
    "delay_p": Param(unit="1", default=0.0, min=0, max=1, title="share of parcels delayed"),
    "delay_p50_h": Param(unit="h", default=48.0, min=0.01, max=2160, title="delay (estimate)"),
    "delay_p90_h": Param(unit="h", default=168.0, min=0.01, max=2160, title="9 of 10 delays"),
    "absent_p": Param(unit="1", default=0.0, min=0, max=1, title="nobody there: next workday"),
    "express_p": Param(unit="1", default=0.0, min=0, max=1, title="share sent by express"),
    "express_factor": Param(unit="1", default=0.35, min=0.05, max=1, title="time on the road"),
    "freight_eur": Param(unit="EUR", default=12.0, min=0, max=10000, title="a parcel (estimate)"),
    "express_eur": Param(unit="EUR", default=60.0, min=0, max=10000, title="express besides it"),
}
OPEN_H = (8.0, 18.0)
"""Parcels are brought on workdays between these hours, local time."""
STEPS = ("carrier.deliver", "carrier.claim")
SENT = ("shipped_in_part", "shipped", "reshipped")
OF = ("order.", "replenishment.")


class Carrier:
    """Every parcel has streams of its own, named after its order and how often it was sent."""

    def __init__(
        self, ground: Ground, params: Mapping[str, float], *, road: Mapping[str, float]
    ) -> None:
        self._ground, self._params, self._road = ground, params, road
        self._begun: dict[str, None] = {}

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        return {"carrier.deliver": self._on_deliver, "carrier.claim": self._on_claim}

    def observe(self, fact: Fact) -> None:
        """A parcel was handed over, or is not wanted any more."""
        step = fact.kind.rpartition(".")[2]
        key = f"{step}:{fact.subject}"
        if step == "reshipped":
            key += f":{fact.at_ms}"
        if step in SENT and fact.kind.startswith(OF) and key not in self._begun:
            self._begun[key] = None
            names = ("part", "quantity", "thing")
            args: dict[str, Any] = {name: fact.data[name] for name in names if name in fact.data}
            before = [one for one in self._begun if one.split(":")[1] == fact.subject]
            part = step == "shipped_in_part"
            args["stocked"] = fact.kind.startswith("replenishment.")
            self._send(fact.at_ms, fact.subject, {**args, "part_of": part}, sent=len(before))
        elif fact.kind in {"order.cancelled", "order.rejected"}:
            for step in STEPS:
                self._ground.forget(step, fact.subject)

    def dump(self) -> list[str]:
        """Orders whose parcels were handed over."""
        return list(self._begun)

    def load(self, state: list[str]) -> None:
        """Take over what :meth:`dump` gave."""
        self._begun = dict.fromkeys(state)

    def _send(self, at_ms: int, order: str, args: Mapping[str, Any], *, sent: int) -> None:
        ground, params = self._ground, self._params
        tag = order if sent == 1 else f"{order}#{sent}"
        args = {**args, "sent": sent}
        if chance(ground.streams, f"carrier/lose/{tag}", params["lose_p"]):
            claim_ms = at_ms + round(params["claim_h"] * HOUR_MS)
            ground.later(ground.soonest(claim_ms), "carrier.claim", order, args)
            return
        road_ms = self._hours("supplier/transport", "transport", tag, self._road)
        express = chance(ground.streams, f"carrier/express/{tag}", params["express_p"])
        if express:
            road_ms = round(road_ms * params["express_factor"])
        if chance(ground.streams, f"carrier/delay/{tag}", params["delay_p"]):
            late_ms = self._hours("carrier/delay_h", "delay", tag, params)
            ground.tell(at_ms, "parcel.delayed", order, delay_h=late_ms / HOUR_MS)
            road_ms += late_ms
        due_ms = self._open(ground.soonest(at_ms + road_ms), tag)
        if chance(ground.streams, f"carrier/absent/{tag}", params["absent_p"]):
            ground.tell(due_ms, "parcel.redelivered", order, reason="nobody took it in")
            due_ms = self._open(due_ms + self._till_midnight(due_ms), f"{tag}/again")
        ground.later(due_ms, "carrier.deliver", order, {**args, "express": express})

    def _hours(self, stream: str, what: str, tag: str, params: Mapping[str, float]) -> int:
        p50_h, p90_h = params[f"{what}_p50_h"], params[f"{what}_p90_h"]
        return hours(self._ground.streams, f"{stream}/{tag}", p50_h=p50_h, p90_h=p90_h)

    def _open(self, at_ms: int, tag: str) -> int:
        start_h, end_h = OPEN_H
        slot_ms = open_slot(self._ground.calendar, at_ms, start_h=start_h, end_h=end_h)
        return into_day(self._ground.streams, f"carrier/morning/{tag}", at_ms, slot_ms)

    def _till_midnight(self, at_ms: int) -> int:
        return round((24.0 - self._ground.calendar.at(at_ms).hour) * HOUR_MS)

    def _on_claim(self, row: Row) -> None:
        """The parcel never came; of a part of an order another follows without a word."""
        ground, sent = self._ground, row.args["sent"]
        ground.tell(row.due_ms, "parcel.lost", row.subject, sent=sent)
        if row.args["part_of"]:
            return
        by = ground.person("driver", NAME).name
        ground.intend(
            row.due_ms, NAME, "order.lose", row.subject, again=sent, by=by, reason="never arrived"
        )

    def _on_deliver(self, row: Row) -> None:
        ground, order, at_ms = self._ground, row.subject, row.due_ms
        thing = str(row.args.get("thing", NAME))
        ground.book(at_ms, what="freight", eur=self._params["freight_eur"], subject=thing)
        if row.args["express"]:
            ground.book(at_ms, what="express", eur=self._params["express_eur"], subject=thing)
        if row.args["part_of"]:  # what was missing comes in a parcel of its own
            ground.tell(at_ms, "parcel.incomplete", order, part=row.args.get("part", ""))
            by, again = ground.person("driver", NAME).name, row.args["sent"]
            ground.intend(at_ms, NAME, "order.receive-part", order, again=again, by=by)
            return
        if row.args.get("part") in ground.parts and not row.args["stocked"]:
            parcel = ground.goods.parcel(order)
            price_eur = parcel.get("unit_eur", ground.parts[row.args["part"]].price_eur)
            quantity = parcel.get("quantity", row.args.get("quantity", 1))
            ground.book(at_ms, what="parts", eur=price_eur * float(quantity), subject=thing)
        ground.intend(at_ms, NAME, "order.deliver", order, by=ground.person("driver", NAME).name)
