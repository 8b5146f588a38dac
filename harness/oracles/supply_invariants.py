"""Invariants O8 to O16 of buying: owners, contracts, shelves, risk, mass events, partners."""

from __future__ import annotations

from collections import deque

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant, need_of, needs_of, place_of

DAY_MS = 86_400_000
UNSHIPPED = (
    "order.placed",
    "order.offered",
    "order.accepted",
    "order.confirmed",
    "order.backordered",
)
MASS_FACTOR = 5.0
"""O13: more than so many times what is normal is held."""
PER_THING_DAY = 0.01
"""Recommendations of a thing in a normal day where no history says better (estimate)."""


class KnownThingsOnly(Invariant):
    """Inactive, reset, unassigned, decommissioned or out-of-contract thing raises no new order;
    ownership change cancels unshipped ones.

    Of these a run shows things that were never registered, and those that were released.
    """  # noqa: D205 - the domain's sentence

    ident = "O8"
    families = ("recommendation", "order", "work_order", "thing")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._away: dict[str, int] = {}
        self._unshipped: dict[str, set[str]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "thing.released":
            self._away[event.subject] = event.at_ms
            return None
        if event.kind == "thing.activated":
            self._away.pop(event.subject, None)
            return None
        thing, _ = place_of(event)
        if thing not in self.brief.devices and not event.kind.startswith("thing."):
            return f"{event.kind} {event.subject} for {thing or 'nothing'}, which is not registered"
        if event.kind.startswith("order."):
            self._unshipped.setdefault(thing, set()).discard(event.subject)
        if event.kind in UNSHIPPED:
            self._unshipped[thing].add(event.subject)
        if thing in self._away and event.kind in ("order.placed", "recommendation.issued"):
            return f"{event.kind} {event.subject} for {thing}, which was released"
        return None

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        for thing, since_ms in self._away.items():
            for order in sorted(self._unshipped.get(thing, ())):
                if since_ms <= at_ms:
                    return since_ms, f"{thing} was released, and {order} was not cancelled"
        return None


class HandOverIsWhole(Invariant):
    """Need to order hand-over is atomic (outboxed): crash at any point gives exactly one order."""

    ident = "O12"
    families = ("recommendation", "order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._approved_ms: dict[str, int] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "recommendation.approved":
            self._approved_ms[need_of(event)] = event.at_ms
        elif event.kind == "order.placed":
            for need in needs_of(event):
                approved_ms = self._approved_ms.pop(need, None)
                if approved_ms is None and event.data.get("channel") is None:
                    return f"{event.subject} was placed, and nothing was approved for need {need}"
                if approved_ms not in (None, event.at_ms):
                    assert approved_ms is not None
                    late_s = (event.at_ms - approved_ms) / 1000
                    return f"{event.subject} was placed {late_s:.0f} s after the approval"
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


class ContractPays(Invariant):
    """If the part is covered by contract: buyer price 0, cost booked to the contract."""

    ident = "O9"
    families = ("order", "recommendation")

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if not data.get("contract"):
            return None
        if float(data.get("unit_price_eur") or 0.0) != 0.0:
            return f"{event.subject}: the buyer pays for what {data['contract']} covers"
        if event.kind.startswith("order.") and not data.get("cost_eur"):
            return f"{event.subject}: no cost is booked to {data['contract']}"
        return None


class OneFromTheShelf(Invariant):
    """Shared stock: two things needing one held part get one from shelf, one order.

    A need that was served from a shelf is not ordered as well.
    """

    ident = "O10"
    families = ("order", "recommendation")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._served: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "recommendation.served":
            if need_of(event) in self._served:
                return f"need {need_of(event)} was served from a shelf twice"
            self._served.add(need_of(event))
        elif event.kind == "order.placed":
            for need in needs_of(event):
                if need in self._served:
                    return f"{event.subject} was placed for need {need}, served from a shelf"
        return None


class LateIsSaid(Invariant):
    """ETA later than projected run-out: visible risk and alternative supplier or express."""

    ident = "O11"
    families = ("condition", "recommendation")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._runout_ms: dict[tuple[str, str], float] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if event.kind == "condition.evaluated":
            place = (event.subject, str(data.get("position")))
            runout_ms = data.get("runout_p10_ms")
            if runout_ms is None:
                self._runout_ms.pop(place, None)
            else:
                self._runout_ms[place] = float(runout_ms)
            return None
        if event.kind != "recommendation.issued" or data.get("eta_ms") is None:
            return None
        runout_ms = self._runout_ms.get(place_of(event))
        if runout_ms is not None and data["eta_ms"] > runout_ms and not data.get("risk"):
            late_h = (data["eta_ms"] - runout_ms) / 3_600_000
            return f"{event.subject} comes {late_h:.0f} h after run-out, and does not say so"
        return None


class MassEventsAreHeld(Invariant):
    """Mass events (firmware bug sends wear 100 % on the whole fleet) trip a circuit breaker: more
    than 5 x normal daily recommendations are held for a human.
    """  # noqa: D205 - the domain's sentence

    ident = "O13"
    families = ("recommendation", "breaker")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._issued: deque[int] = deque()
        self._known: set[str] = set()
        self._freed = False

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant. What a person released, and what comes back, does not count."""
        if event.kind.startswith("breaker."):
            self._freed |= event.kind == "breaker.released"
            return None
        if event.kind != "recommendation.issued" or need_of(event) in self._known:
            return None
        self._known.add(need_of(event))
        self._issued.append(event.at_ms)
        while self._issued[0] <= event.at_ms - DAY_MS:
            self._issued.popleft()
        normal = max(1.0, PER_THING_DAY * len(self.brief.devices))
        most = MASS_FACTOR * normal * len(self._models())
        if self._freed or len(self._issued) <= most:
            return None
        return f"{len(self._issued)} recommendations in a day, {most:.0f} may go out unasked"

    def _models(self) -> set[frozenset[tuple[str, str]]]:
        """Things of one model have the same places; a run without any has one model."""
        return set(self.brief.fits.values()) or {frozenset()}


class FlaggedBuysNothing(Invariant):
    """Sensor fault or implausible jump: quality flag, no order."""

    ident = "O14"
    families = ("data", "recommendation", "order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._flags: dict[tuple[str, str], set[str]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind.startswith("data."):
            key = (event.subject, str(event.data.get("signal")))
            self._flags.pop(key, None)
            if event.kind == "data.flagged":
                self._flags[key] = {str(one) for one in event.data.get("positions", ())}
            return None
        if event.kind != "recommendation.issued":
            return None
        thing, position = place_of(event)
        for (flagged, signal), positions in self._flags.items():
            if flagged == thing and position in positions:
                return f"{event.subject} rests on {signal} of {thing}, which is flagged"
        return None


class OneReplenishment(Invariant):
    """In M2/M3 one customer need yields at most one customer order line and at most one linked
    partner replenishment line (a partner may batch lines of many needs into one order).
    """  # noqa: D205 - the domain's sentence

    ident = "O16"
    families = ("replenishment",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._open: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        needs = needs_of(event)
        if event.kind == "replenishment.placed":
            for need in needs:
                if need in self._open or needs.count(need) > 1:
                    other = self._open.get(need, event.subject)
                    return f"{event.subject} and {other} are both for need {need}"
                self._open[need] = event.subject
        elif event.kind in ("replenishment.rejected", "replenishment.cancelled"):
            for need in needs:
                self._open.pop(need, None)
        return None
