"""Invariants O of needs, recommendations and orders, as far as a DPS of today can show them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from harness.events import Event, FaultApplied, FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import FAULT, Invariant, cycle_of, need_of, needs_of, place_of
from harness.oracles.steps import ORDER_STEPS, RECOMMENDATION_STEPS, WORK_ORDER_STEPS, Steps

CENT = Decimal("0.01")
COOL_DOWN_MS = 24 * 3_600_000
"""Between a lost order and the need's next try (domain O4: 24 h)."""
PATIENCE_MS = 3_600_000
"""How much later than that a service may get round to it."""
LOST = ("order.rejected", "order.cancelled", "order.returned")
ENDED = (*LOST, "order.delivered")
CLOSED = ("recommendation.discarded", "recommendation.withdrawn", "recommendation.fulfilled")
RESET_SHARE = 0.5
"""Wear that falls below this share of itself was reset."""


class TablesOfStates(Invariant):
    """Every machine takes only the steps of its table; no transition out of a terminal state."""

    ident = "S1"
    families = ("recommendation", "order", "replenishment", "work_order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._steps = {
            "replenishment": Steps("replenishment", ORDER_STEPS),
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
        for need in needs_of(event):
            there = self._open.setdefault(need, [])
            if event.kind == "order.placed":
                there.append(event.subject)
                if len(there) > 1:
                    return f"need {need} has {len(there)} open orders: {', '.join(there)}"
            elif event.kind in ENDED and event.subject in there:
                there.remove(event.subject)
        return None


class NoSecondNeed(Invariant):
    """100 % to tolerance escalation, re-activation after a flap, late, duplicate or out-of-order
    points, counter rollover or replay never create a second need.

    A need is recommended again only after an order of it was lost, when it was put off, or once
    what was recommended to another owner was withdrawn.
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
            self._issued -= set(needs_of(event))
        elif event.kind in ("recommendation.snoozed", "recommendation.withdrawn"):
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
        self._issued: set[str] = set()
        """Needs that somebody recommended: what was bought of own accord is not asked for."""

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        need = need_of(event)
        if event.kind in LOST:
            for one in set(needs_of(event)) & self._issued:
                self._lost_ms[one] = event.at_ms
            if not event.data.get("reason"):
                return f"{event.subject} was lost, and no reason is shown"
        elif event.kind == "recommendation.issued" and need not in self._lost_ms:
            self._issued.add(need)
        elif event.kind == "recommendation.issued":
            lost_ms = self._lost_ms.pop(need)
            if event.at_ms - lost_ms < COOL_DOWN_MS:
                hours = (event.at_ms - lost_ms) / 3_600_000
                return f"need {need} was re-opened after {hours:.1f} h, not after 24 h"
            if need in self._reopened:
                return f"need {need} was re-opened a second time"
            self._reopened.add(need)
        elif event.kind in CLOSED:
            self._lost_ms.pop(need, None)
            self._issued.discard(need)
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
        self._takes_place: set[tuple[str, str]] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind not in ("recommendation.issued", "order.placed"):
            return None
        thing, position = place_of(event)
        part, fits = str(event.data.get("part")), self.brief.fits.get(thing)
        replaced = event.data.get("replaces")
        if event.kind == "recommendation.issued" and replaced:
            self._takes_place.add((part, str(replaced)))
        old = {was for new, was in self._takes_place if new == part}
        if fits is not None and any((was, position) in fits for was in old):
            fits = None
        if fits is not None and (part, position) not in fits:
            return f"{event.subject}: part {part} does not belong to {position} of {thing}"
        advised = self._parts.setdefault(need_of(event), part)
        silent = event.kind == "order.placed" and event.data.get("channel") is None
        if silent and part != advised:
            return f"{event.subject} is of {part}, the recommendation was of {advised}"
        self._parts[need_of(event)] = part
        return None


class TotalsAddUp(Invariant):
    """Provider's change of price or quantity never ships without buyer acceptance; totals = sum of
    quantity x unit price - discount + tax in fixed currency; immutable after acceptance.
    """  # noqa: D205 - the domain's sentence

    ident = "O6"
    families = ("order", "recommendation", "replenishment")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._terms: dict[str, list[object]] = {}
        self._price: dict[str, float] = {}
        self._offered: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data, need = event.data, need_of(event)
        if event.kind == "recommendation.issued":
            self._price[need] = float(data.get("unit_price_eur") or 0.0)
        if event.kind.startswith("recommendation."):
            return None
        wrong = self._sum(event) or self._step(event)
        price = float(data.get("unit_price_eur") or 0.0)
        as_recommended = event.kind == "order.placed" and data.get("channel") is None
        if not wrong and as_recommended and price != self._price.get(need, price):
            return f"{event.subject}: {price:.2f} EUR a piece, recommended {self._price[need]:.2f}"
        return wrong

    def _step(self, event: FeedSeen) -> str | None:
        """Terms stay, but for what an acceptance takes over of an offer."""
        step, order = event.kind.rpartition(".")[2], event.subject
        names = ("quantity", "unit_price_eur", "total_eur", "discount_eur", "tax_eur")
        terms: list[object] = [float(event.data.get(name) or 0.0) for name in names]
        terms += _lines(event)
        before = self._terms.setdefault(order, terms)
        if step == "offered":
            self._offered.add(order)
        elif step in ("accepted", "cancelled"):
            self._offered.discard(order)
        elif order in self._offered:
            return f"{order} is {step}, and nobody has accepted what was offered"
        if step == "accepted":
            self._terms[order] = terms
        elif before != terms:
            return f"{order}: quantity, price and total were {before}, and now are {terms}"
        return None

    @staticmethod
    def _sum(event: FeedSeen) -> str | None:
        data = event.data
        goods = sum(
            (Decimal(str(price)) * Decimal(str(quantity)) for quantity, price in _lines(event)),
            Decimal(0),
        )
        off, tax = (Decimal(str(data.get(n) or 0)) for n in ("discount_eur", "tax_eur"))
        exact = goods.quantize(CENT, ROUND_HALF_UP) - off + tax
        total = Decimal(str(data.get("total_eur") or 0))
        if exact != total:
            return f"{event.subject}: goods {goods:.2f} - {off} + {tax} EUR are not {total:.2f}"
        return None


def _lines(event: FeedSeen) -> list[tuple[float, float]]:
    """Quantity and unit price of each line."""
    return [
        (float(line.get("quantity") or 0.0), float(line.get("unit_price_eur") or 0.0))
        for line in event.data.get("lines", [event.data])
    ]


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
