"""Invariants O of needs, recommendations and orders, as far as a DPS of today can show them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from harness.events import Event, FaultApplied, FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import FAULT, Invariant, cycle_of, need_of, place_of
from harness.oracles.steps import ORDER_STEPS, RECOMMENDATION_STEPS, WORK_ORDER_STEPS, Steps

COOL_DOWN_MS = 24 * 3_600_000
"""Between a lost order and the need's next try (domain O4: 24 h)."""
PATIENCE_MS = 3_600_000
"""How much later than that a service may get round to it."""
LOST = ("order.rejected", "order.cancelled")
ENDED = (*LOST, "order.delivered")
RESET_SHARE = 0.5
"""Wear that falls below this share of itself was reset."""


class TablesOfStates(Invariant):
    """Every machine takes only the steps of its table; no transition out of a terminal state."""

    ident = "S1"
    families = ("recommendation", "order", "work_order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._steps = {
            "recommendation": Steps("recommendation", RECOMMENDATION_STEPS),
            "order": Steps("order", ORDER_STEPS),
            "work_order": Steps("work_order", WORK_ORDER_STEPS),
        }

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        return self._steps[event.kind.split(".", 1)[0]].take(event)


class OneOpenOrder(Invariant):
    """At most one open order line per need key over all channels (auto, portal, partner,
    technician, ERP import, API retry).
    """  # noqa: D205 - the domain's sentence

    ident = "O1"
    families = ("order",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._open: dict[str, list[str]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        there = self._open.setdefault(need_of(event), [])
        if event.kind == "order.placed":
            there.append(event.subject)
            if len(there) > 1:
                return f"need {need_of(event)} has {len(there)} open orders: {', '.join(there)}"
        elif event.kind in ENDED and event.subject in there:
            there.remove(event.subject)
        return None


class NoSecondNeed(Invariant):
    """100 % to tolerance escalation, re-activation after a flap, late, duplicate or out-of-order
    points, counter rollover or replay never create a second need.

    A need is recommended again only after an order of it was lost.
    """  # noqa: D205 - the domain's sentence

    ident = "O2"
    families = ("recommendation", "order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._issued: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        need = need_of(event)
        if event.kind in LOST:
            self._issued.discard(need)
        elif event.kind == "recommendation.issued":
            if need in self._issued:
                return f"need {need} was recommended again, and no order of it was lost"
            self._issued.add(need)
        return None


class DeliveryResetsNothing(Invariant):
    """Delivery does not reset wear; only confirmed replacement (or metric-based auto-done) does;
    delivered-not-installed blocks reordering.
    """  # noqa: D205 - the domain's sentence

    ident = "O3"
    families = ("condition", "recommendation", "order", "part")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._cycles: dict[str, int] = {}
        self._waits: dict[str, str] = {}
        self._wear_pct: dict[str, float] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        place = "/".join(place_of(event))
        cycle, now = cycle_of(event), self._cycles.get(place, 1)
        if event.kind == "part.fitted":
            self._cycles[place] = cycle if cycle is not None else now + 1
            self._waits.pop(place, None)
            self._wear_pct.pop(place, None)
            return None
        if cycle is not None and cycle > now:
            return f"{place} is in cycle {cycle}, and no part was fitted that begins it"
        if event.kind == "condition.evaluated":
            return self._wear(event, place, cycle, now)
        if event.kind == "order.delivered":
            self._waits[place] = event.subject
        elif event.kind == "order.placed" and place in self._waits:
            return (
                f"{event.subject} was placed for {place} while the part of {self._waits[place]} "
                "lies there and waits to be fitted"
            )
        return None

    def _wear(self, event: FeedSeen, place: str, cycle: int | None, now: int) -> str | None:
        wear = event.data.get("wear_pct")
        if cycle is not None and cycle < now:
            return f"{place} is still evaluated as cycle {cycle}; the part fitted began cycle {now}"
        if wear is None:
            return None
        before, self._wear_pct[place] = self._wear_pct.get(place, 0.0), float(wear)
        if place in self._waits and wear < RESET_SHARE * before:
            return f"wear of {place} fell from {before:.0f} to {wear:.0f} %: no part was fitted"
        return None


class LostOrderReopens(Invariant):
    """Cancelled or rejected order re-opens the same need once, after cool-down (24 h), with the
    reason shown.
    """  # noqa: D205 - the domain's sentence

    ident = "O4"
    families = ("recommendation", "order", "part")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._lost_ms: dict[str, int] = {}
        self._reopened: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        need = need_of(event)
        if event.kind in LOST:
            self._lost_ms[need] = event.at_ms
            if not event.data.get("reason"):
                return f"{event.subject} was lost, and no reason is shown"
        elif event.kind == "recommendation.issued" and need in self._lost_ms:
            lost_ms = self._lost_ms.pop(need)
            if event.at_ms - lost_ms < COOL_DOWN_MS:
                hours = (event.at_ms - lost_ms) / 3_600_000
                return f"need {need} was re-opened after {hours:.1f} h, not after 24 h"
            if need in self._reopened:
                return f"need {need} was re-opened a second time"
            self._reopened.add(need)
        elif event.kind in ("recommendation.discarded", "recommendation.fulfilled"):
            self._lost_ms.pop(need, None)
        elif event.kind == "part.fitted":
            here = "/".join(place_of(event)) + "/"
            self._lost_ms = {n: t for n, t in self._lost_ms.items() if not n.startswith(here)}
        return None

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        for need, lost_ms in self._lost_ms.items():
            due_ms = lost_ms + COOL_DOWN_MS + PATIENCE_MS
            if due_ms <= at_ms:
                return due_ms, f"need {need} lost its order, and was not re-opened"
        return None


class PartFits(Invariant):
    """Part is compatible (incl. supersession chain) at order time; superseded part proposed, never
    silently swapped.
    """  # noqa: D205 - the domain's sentence

    ident = "O5"
    families = ("recommendation", "order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._parts: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind not in ("recommendation.issued", "order.placed"):
            return None
        thing, position = place_of(event)
        part, fits = str(event.data.get("part")), self.brief.fits.get(thing)
        if fits is not None and (part, position) not in fits:
            return f"{event.subject}: part {part} does not belong to {position} of {thing}"
        advised = self._parts.setdefault(need_of(event), part)
        if event.kind == "order.placed" and part != advised:
            return f"{event.subject} is of {part}, the recommendation was of {advised}"
        self._parts[need_of(event)] = part
        return None


class TotalsAddUp(Invariant):
    """Provider's change of price or quantity never ships without buyer acceptance; totals =
    quantity x unit price in fixed currency; immutable after acceptance.
    """  # noqa: D205 - the domain's sentence

    ident = "O6"
    families = ("order", "recommendation")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._terms: dict[str, list[float]] = {}
        self._price: dict[str, float] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data, need = event.data, need_of(event)
        if event.kind == "recommendation.issued":
            self._price[need] = float(data.get("unit_price_eur") or 0.0)
            return None
        if not event.kind.startswith("order."):
            return None
        terms = [float(data.get(n) or 0.0) for n in ("quantity", "unit_price_eur", "total_eur")]
        quantity, price, total = terms
        exact = Decimal(str(price)) * Decimal(str(quantity))
        cents = float(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
        if cents != total:
            return (
                f"{event.subject}: {quantity:g} x {price:.2f} EUR is {cents:.2f}, not {total:.2f}"
            )
        before = self._terms.setdefault(event.subject, terms)
        if before != terms:
            return f"{event.subject}: quantity, price and total were {before}, and now are {terms}"
        if event.kind == "order.placed" and price != self._price.get(need, price):
            return f"{event.subject}: {price:.2f} EUR a piece, recommended {self._price[need]:.2f}"
        return None


class PolicyKept(Invariant):
    """Auto-order respects policy: max unit price, monthly budget, max open orders, approver; any
    breach falls back to approval, not to silence.
    """  # noqa: D205 - the domain's sentence

    ident = "O7"
    families = ("order", FAULT)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._open: set[str] = set()
        self._spent: dict[str, float] = {}
        self._placed: dict[str, tuple[str, float]] = {}
        self._changed = False

    def other(self, event: Event) -> str | None:
        """See Invariant. A policy that a scenario changes in mid-run is not known here."""
        self._changed |= isinstance(event, FaultApplied) and "policy" in event.params
        return None

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind in ENDED:
            self._open.discard(event.subject)
            if event.kind in LOST and event.subject in self._placed:
                month, total = self._placed[event.subject]
                self._spent[month] -= total
            return None
        if event.kind != "order.placed":
            return None
        total = float(event.data.get("total_eur") or 0.0)
        month = datetime.fromtimestamp(event.at_ms / 1000, UTC).strftime("%Y-%m")
        self._spent[month] = self._spent.get(month, 0.0) + total
        self._placed[event.subject] = (month, total)
        self._open.add(event.subject)
        by_policy = str(event.data.get("by", "")).startswith("policy")
        return self._breach(event, month) if by_policy and not self._changed else None

    def _breach(self, event: FeedSeen, month: str) -> str | None:
        policy, price = self.brief.policy, float(event.data.get("unit_price_eur") or 0.0)
        if policy.mode != "auto":
            return f"{event.subject} was ordered by policy; the policy is {policy.mode}"
        if price > policy.max_unit_price_eur:
            return f"{event.subject}: {price:.2f} EUR, {policy.max_unit_price_eur:.2f} are allowed"
        if len(self._open) > policy.max_open_orders:
            return f"{len(self._open)} orders are open, {policy.max_open_orders} are allowed"
        spent = self._spent[month]
        if spent > policy.monthly_budget_eur + 1e-6:
            return f"{spent:.2f} EUR in {month}, the budget is {policy.monthly_budget_eur:.2f}"
        return None


class KnownThingsOnly(Invariant):
    """Inactive, reset, unassigned, decommissioned or out-of-contract thing raises no new order;
    ownership change cancels unshipped ones.

    Of these a run of today shows things that were never registered.
    """  # noqa: D205 - the domain's sentence

    ident = "O8"
    families = ("recommendation", "order", "work_order")

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        thing, _ = place_of(event)
        if thing in self.brief.devices:
            return None
        return f"{event.kind} {event.subject} for {thing or 'nothing'}, which is not registered"


class HandOverIsWhole(Invariant):
    """Need to order hand-over is atomic (outboxed): crash at any point gives exactly one order."""

    ident = "O12"
    families = ("recommendation", "order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._approved_ms: dict[str, int] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        need = need_of(event)
        if event.kind == "recommendation.approved":
            self._approved_ms[need] = event.at_ms
        elif event.kind == "order.placed":
            approved_ms = self._approved_ms.pop(need, None)
            if approved_ms is None:
                return f"{event.subject} was placed, and nothing was approved for need {need}"
            if approved_ms != event.at_ms:
                late_s = (event.at_ms - approved_ms) / 1000
                return f"{event.subject} was placed {late_s:.0f} s after the approval, not with it"
        return None

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        del at_ms
        for need, approved_ms in self._approved_ms.items():
            return approved_ms, f"need {need} was approved, and no order was placed"
        return None


class PurchaseExplained(Invariant):
    """Purchase decision is explainable: inputs, rule version, forecast stored."""

    ident = "O15"
    families = ("recommendation",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != "recommendation.issued":
            return None
        wanted = ("rule", "pack", "pack_version", "values")
        missing = [name for name in wanted if not event.data.get(name)]
        return f"{event.subject} does not say its {', '.join(missing)}" if missing else None
