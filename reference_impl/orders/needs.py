"""Needs: their cycles, and how each stands by the newest forecast (3.1, SP9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.ports import Directory, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders import forecasts as f
from reference_impl.orders.catalogue import Catalogue
from reference_impl.orders.compatibility import Place
from reference_impl.orders.ports import OrderRows, Visits
from reference_impl.orders.steps import Steps
from reference_impl.published import ConditionEvaluated, DataFlagged, ReplacementAdvised

PACK = "part-references"
"""The pack that a need's advice names when the rule is that of its part reference."""
_RUNOUTS = ("runout_p10_ms", "runout_p50_ms", "runout_p90_ms")


def outlook_of(known: Mapping[str, Any]) -> f.Outlook:
    """What a need's row, or the data of an evaluation, say of its part."""
    return f.Outlook(wear_pct=known.get("wear_pct"), **{name: known.get(name) for name in _RUNOUTS})


class Needs:
    """Looks at every evaluation of a condition, quickly past those that change no need."""

    def __init__(
        self, *, rows: OrderRows, steps: Steps, catalogue: Catalogue, directory: Directory,
        visits: Visits,
    ) -> None:  # fmt: skip
        self._rows, self._steps, self._catalogue = rows, steps, catalogue
        self._directory, self._visits = directory, visits
        self._cycles: Cached[tuple[str, str], Row] = Cached(
            lambda conn: {(r["thing"], r["position"]): r for r in rows.cycles.items(conn)}
        )
        self._flags: Cached[tuple[str, str], Row] = Cached(
            lambda conn: {(r["thing"], r["signal"]): r for r in rows.flagged.items(conn)}
        )

    # Cycles ----------------------------------------------------------------------------------

    def cycle(self, uow: UnitOfWork, thing: str, position: str) -> tuple[int, int]:
        """The number of the part's cycle, from 1, and since when it runs; -1: from the start."""
        row = self._cycles.of(uow).get((thing, position))
        return (1, -1) if row is None else (row["cycle"], row["since_ms"])

    def begin_cycle(
        self, uow: UnitOfWork, thing: str, position: str, *, cycle: int, at_ms: int
    ) -> None:
        """A part was fitted."""
        row = {"thing": thing, "position": position, "cycle": cycle, "since_ms": at_ms}
        self._rows.cycles.put(uow, row)
        self._cycles.of(uow)[thing, position] = row

    def get_or_begin(
        self, uow: UnitOfWork, ref: ThingRef, *, position: str, part: str, at_ms: int
    ) -> Row:
        """The need of a position's cycle; LATENT if nothing was heard of it."""
        cycle, _ = self.cycle(uow, ref.thing, position)
        key = d.need_key(ref.thing, position, cycle)
        need = self._rows.needs.get(uow.conn, key)
        if need is None:
            released = self._rows.released.get(uow.conn, ref.thing)
            need = {
                "need_key": key,
                "state": d.Need.LATENT.value,
                "thing": ref.thing,
                "position": position,
                "cycle": cycle,
                "part": part,
                "attempts": 0,
                "changed_ms": at_ms,
                "customer": ref.customer,
                "owner": 1 if released is None else released["owner"],
                "outlook": {},
                "risk": "",
            }
            self._steps.new_need(uow, need)
        return need

    # Plausibility ----------------------------------------------------------------------------

    def on_flag(self, uow: UnitOfWork, event: DataFlagged) -> None:
        """A signal is not to be believed, or is again (O14)."""
        signal = str(event.data["signal"])
        self._rows.flagged.delete(uow, event.subject, signal)
        self._flags.of(uow).pop((event.subject, signal), None)
        if event.kind != "data.flagged":
            return
        row = {
            "thing": event.subject,
            "signal": signal,
            "flag": str(event.data["flag"]),
            "positions": [str(one) for one in event.data.get("positions", ())],
            "from_ms": int(event.data.get("since_ms", event.at_ms)),
        }
        self._rows.flagged.insert(uow, row)
        self._flags.of(uow)[event.subject, signal] = row

    def doubt(self, uow: UnitOfWork, thing: str, position: str) -> str:
        """Why what is said of a part may not be believed now; empty if it may."""
        for (flagged, signal), row in self._flags.of(uow).items():
            if flagged == thing and position in row["positions"]:
                return f"{signal} is flagged ({row['flag']}): not to be believed"
        return ""

    # Forecasts -------------------------------------------------------------------------------

    def on_condition(self, uow: UnitOfWork, event: ConditionEvaluated) -> None:
        """Keep the forecast of an open need, and ask the position's own rule.

        A need falls due at 100 % and is overdue beyond the tolerance; that is one need (O2).
        """
        data = event.data
        wear, thing, position = data.get("wear_pct"), event.subject, str(data["position"])
        cycle, _ = self.cycle(uow, thing, position)
        key = d.need_key(thing, position, cycle)
        state = self._steps.state(uow, key)
        worn = wear is not None and wear >= 100.0
        ruled = self._catalogue.fits.ordering(uow)
        if not (worn or ruled or state in d.OPEN_NEEDS) or data.get("cycle", cycle) != cycle:
            return
        ref = self._directory.thing(uow.conn, thing)
        place = None if ref is None else self._place(uow, ref.model, position)
        if ref is None or place is None:
            return
        rule = place.reference.rule
        doubtful = bool(self.doubt(uow, thing, position))
        if not doubtful and (worn or state in d.OPEN_NEEDS):
            need = self.get_or_begin(
                uow, ref, position=position, part=place.part, at_ms=event.at_ms
            )
            self._forecast(uow, need, data, rule, event.at_ms)
        asks = rule.when is not f.When.RULES and not doubtful
        if asks and self._steps.state(uow, key) in d.ADVISABLE:
            self._ask(uow, ref, place, event)

    def _place(self, uow: UnitOfWork, model: str, position: str) -> Place | None:
        places = self._catalogue.fits.cached(uow, model)
        return next((place for place in places if place.position == position), None)

    def _forecast(
        self, uow: UnitOfWork, need: Row, data: Mapping[str, Any], rule: f.Rule, at_ms: int
    ) -> None:
        wear = data.get("wear_pct")
        if need["state"] in (d.Need.LATENT, d.Need.FORECAST) and wear is not None and wear >= 100:
            self._steps.move_need(uow, need, d.NeedStep.FALL_DUE, at_ms=at_ms)
        late = wear is not None and wear >= 100.0 + rule.tolerance_pct
        if need["state"] == d.Need.DUE and late:
            self._steps.move_need(uow, need, d.NeedStep.ESCALATE, at_ms=at_ms)
        names = ("condition", "algorithm", "wear_pct", *_RUNOUTS)
        outlook = {name: data[name] for name in names if data.get(name) is not None}
        if "failed_ms" in need["outlook"]:
            outlook["failed_ms"] = need["outlook"]["failed_ms"]
        values = {"outlook": {**outlook, "at_ms": at_ms}, "risk": self._risk(uow, need, data)}
        swapped = self._rows.needs.swap(
            uow, need["need_key"], expected=need["state"], values=values
        )
        assert swapped, "the row was read in this transaction"

    def _risk(self, uow: UnitOfWork, need: Row, data: Mapping[str, Any]) -> str:
        """Whether what is on its way comes later than it may run out (O11)."""
        if need["state"] != d.Need.ORDERED:
            return str(need["risk"])
        p10_ms = data.get("runout_p10_ms")
        lines = self._rows.lines.items(uow.conn, need_key=need["need_key"])
        rows = [self._rows.orders.get(uow.conn, line["order"]) for line in lines]
        etas = [
            row["eta_ms"]
            for row in rows
            if row is not None and row["state"] in d.OPEN_ORDERS and row["eta_ms"] is not None
        ]
        if p10_ms is None or not etas or max(etas) <= p10_ms:
            return ""
        return f"comes {(max(etas) - p10_ms) / d.HOUR_MS:.0f} h after it may have run out"

    def _ask(self, uow: UnitOfWork, ref: ThingRef, place: Place, event: ConditionEvaluated) -> None:
        part = self._catalogue.part(uow.conn, place.part)
        if part is None:
            return
        rule, at_ms = place.reference.rule, event.at_ms
        why = f.fires(
            rule,
            outlook_of(event.data),
            at_ms=at_ms,
            lead_p90_h=part["lead_time_p90_h"],
            price_eur=part["price_eur"],
            visit_ms=self.visit_ms(uow.conn, ref.thing, at_ms),
        )
        if not why:
            return
        names = ("wear_pct", *_RUNOUTS)
        values = {name: float(v) for name in names if (v := event.data.get(name)) is not None}
        advised = ReplacementAdvised(
            at_ms=at_ms,
            seen_from_ms=at_ms,
            thing=ref.thing,
            part=place.part,
            position=place.position,
            quantity=place.quantity,
            rule=f"order-by-{rule.when.value}",
            pack=PACK,
            pack_version=str(event.data.get("algorithm", "")),
            why=why,
            values={**values, "lead_time_p90_h": part["lead_time_p90_h"]},
        )
        uow.publish(advised)

    def visit_ms(self, conn: sa.Connection, thing: str, at_ms: int) -> int | None:
        """When somebody is next planned to come to a thing."""
        return self._visits.next_visit_ms(conn, thing, after_ms=at_ms)
