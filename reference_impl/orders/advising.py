"""Recommendations: one per need, held, served from a shelf, asked for, or ordered at once."""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal

from reference_impl.kernel.errors import Forbidden, Invalid, Problem
from reference_impl.kernel.money import plain, total
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import Directory, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders import forecasts as f
from reference_impl.orders import policies as p
from reference_impl.orders.breaker import Breakers
from reference_impl.orders.catalogue import Catalogue
from reference_impl.orders.compliance import DUE_MS, Compliance, Follow
from reference_impl.orders.needs import Needs, outlook_of
from reference_impl.orders.ports import OrderRows, Told
from reference_impl.orders.steps import Steps
from reference_impl.orders.stock import Stock
from reference_impl.orders.supplies import Supplies
from reference_impl.published import RecommendationChanged, ReplacementAdvised

_log = logging.getLogger(__name__)
WAKE = "orders/wake"
REOPEN = "orders/reopen"
BY_SERVICE = "service"
_SHOWN = (
    "need_key",
    "thing",
    "site",
    "customer",
    "part",
    "position",
    "cycle",
    "quantity",
    "unit_price_eur",
    "rule",
    "pack",
    "pack_version",
    "policy",
    "why",
    "values",
    "supplier",
    "urgency",
    "due_ms",
)
_IF_ANY = ("eta_ms", "risk", "replaces", "contract", "standstill_avoided_h")


class Advising:
    """Makes recommendations of advice, and decides who is asked."""

    def __init__(
        self, *, rows: OrderRows, steps: Steps, scheduler: Scheduler, directory: Directory,
        catalogue: Catalogue, needs: Needs, stock: Stock, supplies: Supplies,
        compliance: Compliance, told: Told,
    ) -> None:  # fmt: skip
        self._rows, self._steps, self._scheduler = rows, steps, scheduler
        self._directory, self._catalogue, self._needs = directory, catalogue, needs
        self._stock, self._supplies, self._compliance = stock, supplies, compliance
        self._told = told
        self.breakers = Breakers(rows=rows)

    def subscribe(self) -> None:
        """Let what was put off come again."""
        self._scheduler.on_timer(WAKE, self._wake)

    # From advice to recommendation -----------------------------------------------------------

    def objection(self, uow: UnitOfWork, thing: ThingRef | None, event: ReplacementAdvised) -> str:
        """Why advice is refused; empty if it is not (O5, O8, O14)."""
        if thing is None:
            return "the thing is not registered"
        released = self._rows.released.get(uow.conn, thing.thing)
        if released is not None and released["away"]:
            return f"the thing is not in service: {released['reason']}"
        doubt = self._needs.doubt(uow, event.thing, event.position)
        return doubt or self._catalogue.misfit(
            uow.conn, model=thing.model, part=event.part, position=event.position
        )

    def refuse(self, uow: UnitOfWork, key: str, event: ReplacementAdvised, why: str) -> None:
        """Keep the refusal, once per need and part."""
        if self._rows.refused.get(uow.conn, key, event.part) is None:
            _log.warning("advice of rule %s for %s refused: %s", event.rule, key, why)
            names = ("part", "rule", "pack", "pack_version", "at_ms")
            row = {name: getattr(event, name) for name in names}
            self._rows.refused.insert(uow, {**row, "need_key": key, "reason": why})

    def recommend(
        self, uow: UnitOfWork, thing: ThingRef, event: ReplacementAdvised, need: Row
    ) -> Row:
        """Write the recommendation for a need: part, quantity, from whom, until when (SP11)."""
        newest, at_ms = self._catalogue.newest(uow.conn, event.part), event.at_ms
        part = self._catalogue.must(uow.conn, newest)
        place = self._catalogue.fits.place(uow.conn, thing.model, event.position)
        assert place is not None, "misfit() has looked it up"
        outlook, rule = self._outlook(uow, need, event), place.reference.rule
        choice = self._choose(uow, thing, part, event, outlook)
        needed_h = f.wait_h(
            rule,
            at_ms=at_ms,
            lead_p90_h=choice.source.lead_p90_h,
            visit_ms=self._needs.visit_ms(uow.conn, thing.thing, at_ms),
        )
        contract = self._supplies.covered(uow.conn, thing=thing.thing, part=newest, at_ms=at_ms)
        row = {
            "id": d.recommendation_id(event.thing, event.position, need["cycle"], need["owner"]),
            "need_key": need["need_key"],
            "state": d.Advice.ISSUED.value,
            "thing": event.thing,
            "site": thing.site,
            "customer": thing.customer,
            "model": thing.model,
            "part": newest,
            "replaces": "" if newest == event.part else event.part,
            "position": event.position,
            "cycle": need["cycle"],
            "quantity": event.quantity,
            "unit_price_eur": Decimal("0.00") if contract else choice.source.price_eur,
            "supplier": choice.source.supplier,
            "contract": contract,
            "rule": event.rule,
            "pack": event.pack,
            "pack_version": event.pack_version,
            "policy": p.Mode.APPROVAL.value,
            "why": event.why,
            "values": {name: sig9(value) for name, value in event.values.items()},
            "forecast": need["outlook"],
            "urgency": f.urgency(rule, outlook, at_ms=at_ms, eta_ms=choice.eta_ms).value,
            "eta_ms": choice.eta_ms,
            "due_ms": at_ms + DUE_MS,
            "risk": choice.risk,
            "standstill_avoided_h": _rounded(
                f.standstill_avoided_h(outlook, at_ms=at_ms, needed_h=needed_h)
            ),
            "snoozed_until_ms": None,
            "by": "",
            "reason": "",
            "issued_ms": at_ms,
            "changed_ms": at_ms,
        }
        self._rows.recommendations.insert(uow, row)
        return row

    def _outlook(self, uow: UnitOfWork, need: Row, event: ReplacementAdvised) -> f.Outlook:
        """The newest forecast; of a need nobody has forecast, what the rule has read.

        A rule that reads a level says nothing of when the part runs out, and the buyer must still
        hear that it comes too late (O11): then it is what was told last.
        """
        if need["outlook"]:
            return outlook_of(need["outlook"])
        runouts = {
            f"runout_{q}_ms": event.at_ms + hours * d.HOUR_MS
            for q in ("p10", "p50", "p90")
            for name, hours in event.values.items()
            if name in (f"runout_{q}_h", *(("runout_h",) if q == "p10" else ()))
            and hours < float("inf")
        }
        told = {} if runouts else self._told(uow.conn, event.thing, event.position)
        if told.get("cycle") == need["cycle"]:
            return outlook_of(told)
        return f.Outlook(wear_pct=event.values.get("wear_pct"), **runouts)

    def _choose(
        self, uow: UnitOfWork, thing: ThingRef, part: Row, event: ReplacementAdvised,
        outlook: f.Outlook,
    ) -> f.Choice:  # fmt: skip
        """Supplier by price, stock and date; a partner sells what it sells itself."""
        terms = self._supplies.of(uow.conn, thing.customer)
        sku = part["sku"]
        listed = self._catalogue.price_eur(uow.conn, terms.model, terms.provider, sku)
        sources = self._catalogue.sources(part)
        regular = replace(sources[0], price_eur=listed)
        if terms.partner:
            sources = [replace(regular, supplier=terms.partner)]
        else:
            sources[0] = regular
        return f.choose(
            [self._stocked(uow, source, sku) for source in sources],
            at_ms=event.at_ms,
            quantity=event.quantity,
            runout_p10_ms=outlook.runout_p10_ms,
        )

    def _stocked(self, uow: UnitOfWork, source: f.Source, sku: str) -> f.Source:
        shelf = self._stock.shelf(uow.conn, source.supplier, sku)
        if shelf is None:
            return source
        return replace(source, free=shelf.free, restock_ms=shelf.restock_ms)

    # Who is asked ----------------------------------------------------------------------------

    def first(self, uow: UnitOfWork, rec: Row, at_ms: int) -> None:
        """Count it, and hold it if there are too many (O13)."""
        terms = self._supplies.of(uow.conn, rec["customer"])
        things = len(self._directory.things(uow.conn, rec["model"]))
        reason = self.breakers.judge(uow, rec, at_ms=at_ms, things=things)
        self._compliance.begin(uow, rec, partner=terms.partner)
        if reason:
            values = {"state": d.Advice.HELD.value, "reason": reason}
            self._rows.recommendations.swap(uow, rec["id"], expected=rec["state"], values=values)
            rec |= values
            more = {name: rec[name] for name in ("thing", "customer", "part", "position")}
            self._steps.tell(uow, rec, "held", by=BY_SERVICE, at_ms=at_ms, **more)

    def judge(self, uow: UnitOfWork, rec: Row, policy: p.Policy, at_ms: int) -> bool:
        """Show the recommendation, and say whether it may be ordered without asking (O7)."""
        reasons = self.reasons(
            uow,
            policy,
            customer=rec["customer"],
            part=rec["part"],
            price=rec["unit_price_eur"],
            quantity=rec["quantity"],
            at_ms=at_ms,
        )
        if rec["replaces"]:
            reasons.append(f"{rec['part']} takes the place of {rec['replaces']}")
        auto = policy.mode is p.Mode.AUTO and not reasons
        values = {"policy": (p.Mode.AUTO if auto else p.Mode.APPROVAL).value}
        if policy.mode is p.Mode.AUTO and reasons:
            values["reason"] = "; ".join(reasons)
        changed = self._rows.recommendations.swap(
            uow, rec["id"], expected=rec["state"], values=values
        )
        assert changed, "the row was written in this transaction"
        rec |= values
        data = {name: rec[name] for name in _SHOWN}
        data |= {name: rec[name] for name in _IF_ANY if rec[name]}
        uow.publish(
            RecommendationChanged(
                at_ms=at_ms, kind="recommendation.issued", subject=rec["id"], data=plain(data)
            )
        )
        return auto

    def reasons(
        self, uow: UnitOfWork, policy: p.Policy, *, customer: str, part: str, price: Decimal,
        quantity: int, at_ms: int, but: str = "",
    ) -> list[str]:  # fmt: skip
        """Why a purchase may not be made without asking; ``but``: an order that does not count."""
        mine = [
            order
            for order in self._rows.orders.items(uow.conn, buyer=customer)
            if order["id"] != but and order["state"] not in (d.Order.CART, d.Order.ABANDONED)
        ]
        spent = total(
            order["total_eur"]
            for order in mine
            if order["state"] not in d.LOST_ORDERS
            and p.month_of(order["placed_ms"]) == p.month_of(at_ms)
        )
        buying = p.Purchase(
            at_ms=at_ms,
            part=part,
            unit_price_eur=price,
            quantity=quantity,
            open_orders=sum(order["state"] in d.OPEN_ORDERS for order in mine),
            spent_eur=spent,
        )
        return p.breaches(policy, buying)

    def serve(self, uow: UnitOfWork, rec: Row, at_ms: int) -> bool:
        """Take the part from the customer's own shelf, if one lies there (O10)."""
        shelf = self._stock.shelf(uow.conn, rec["customer"], rec["part"])
        if shelf is None or shelf.free < rec["quantity"]:
            return False
        self._stock.take(uow, rec["customer"], rec["part"], rec["quantity"])
        step, reason = d.AdviceStep.SERVE, "from the customer's own shelf"
        served = self._steps.move_rec(
            uow, rec["id"], step, by=BY_SERVICE, reason=reason, at_ms=at_ms
        )
        need = self._steps.need(uow, rec["need_key"])
        self._steps.move_need(uow, need, d.NeedStep.SERVE, at_ms=at_ms)
        self._compliance.ordered(uow, rec["id"], rec, at_ms)
        names = ("thing", "site", "customer", "part", "position", "cycle", "quantity")
        more = {name: rec[name] for name in names}
        self._steps.tell(uow, served, "served", by=BY_SERVICE, at_ms=at_ms, **more)
        return True

    # What people do with it ------------------------------------------------------------------

    def check_approver(self, policy: p.Policy, by: str) -> None:
        """Raise Forbidden if somebody else must agree."""
        if policy.approver and by not in (policy.approver, "policy:auto"):
            problem = Problem(where="by", what=by, allowed=policy.approver)
            raise Forbidden("only the approver may order", [problem])

    def discard(self, uow: UnitOfWork, rec_id: str, *, by: str, reason: str, at_ms: int) -> Row:
        """The buyer does not want it; this need raises no other recommendation (C6).

        Raises:
            Unknown: If there is no such recommendation.
            IllegalStep: If its state forbids it.
        """
        before = self._rows.recommendations.get(uow.conn, rec_id)
        rec = self._steps.move_rec(
            uow, rec_id, d.AdviceStep.DISCARD, by=by, reason=reason, at_ms=at_ms
        )
        cancel_timer(uow, WAKE, rec_id)
        self._steps.move_need(
            uow, self._steps.need(uow, rec["need_key"]), d.NeedStep.DISCARD, at_ms=at_ms
        )
        self._steps.tell(uow, rec, "discarded", by=by, at_ms=at_ms)
        held = before is not None and before["state"] == d.Advice.HELD
        final = Follow.WITHDRAWN if held else Follow.DISCARDED
        self._compliance.decide(uow, rec_id, final, at_ms, reason=reason)
        return rec

    def snooze(
        self, uow: UnitOfWork, rec_id: str, *, by: str, reason: str, until_ms: int, at_ms: int
    ) -> Row:
        """Put it off. Raises Invalid if that is for ever, otherwise as :meth:`discard`."""
        if not at_ms < until_ms <= at_ms + d.SNOOZE_MAX_MS:
            allowed = f"after now, at most {d.SNOOZE_MAX_MS // d.DAY_MS} d from now"
            problem = Problem(where="until_ms", what=f"{until_ms}", allowed=allowed)
            raise Invalid("it cannot be put off until then", [problem])
        step = d.AdviceStep.SNOOZE
        rec = self._steps.move_rec(
            uow, rec_id, step, by=by, reason=reason, at_ms=at_ms, snoozed_until_ms=until_ms
        )
        need = self._steps.need(uow, rec["need_key"])
        self._steps.move_need(uow, need, d.NeedStep.SNOOZE, at_ms=at_ms)
        self._compliance.snooze(uow, rec_id)
        set_timer(uow, WAKE, rec_id, until_ms)
        self._steps.tell(uow, rec, "snoozed", by=by, at_ms=at_ms, until_ms=until_ms)
        return rec

    def _wake(self, uow: UnitOfWork, timer: Timer) -> None:
        """It comes again; the buyer is asked, whatever the policy says: a person put it off."""
        at_ms, step = timer.due_ms, d.AdviceStep.WAKE
        rec = self._steps.move_rec(
            uow, timer.subject, step, by=BY_SERVICE, reason="", at_ms=at_ms, snoozed_until_ms=None
        )
        need = self._steps.need(uow, rec["need_key"])
        self._steps.move_need(uow, need, d.NeedStep.WAKE, at_ms=at_ms)
        self._compliance.see(uow, rec["id"], at_ms)
        self.judge(uow, rec, p.Policy(), at_ms)

    def see(self, uow: UnitOfWork, rec_id: str, *, at_ms: int) -> None:
        """Somebody has looked at it."""
        self._compliance.see(uow, rec_id, at_ms)


def _rounded(hours: float | None) -> float | None:
    return None if hours is None else sig9(hours)
