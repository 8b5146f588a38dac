"""Invariants SU of subscriptions, as far as a feed and the plans that were offered show them.

What may be used (SU1, SU5, SU6, SU8) and what history is kept (SU7) stand in no feed: tests of the
reference DPS assert them.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant

MONTHS_MAX = 1200
"""So many months of renewals are looked through: a century."""
ENDED = ("EXPIRED", "CANCELLED")


def months_after(anchor_ms: int, months: int) -> int:
    """The same day and time of day so many months later, or the last day of a shorter month."""
    begin = datetime.fromtimestamp(anchor_ms / 1000, UTC)
    year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
    day = min(begin.day, monthrange(year, month + 1)[1])
    return round(begin.replace(year=year, month=month + 1, day=day).timestamp() * 1000)


class _OfPlans(Invariant):
    """What knows the plans that were offered."""

    families: ClassVar[tuple[str, ...]] = ("subscription",)

    def plan(self, name: object) -> Mapping[str, Any]:
        """A plan as it was offered; empty if the scenario did not."""
        return self.brief.plans.get(str(name), {})


class OnePlan(_OfPlans):
    """One plan per thing, many add-ons."""

    ident = "SU2"

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._held: dict[tuple[str, str], str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        thing = data.get("thing")
        plan = self.plan(data.get("plan"))
        if not plan or plan.get("kind", "plan") != "plan" or thing is None:
            return None
        place = (str(data.get("customer")), str(thing))
        if event.kind == "subscription.begun":
            other = self._held.setdefault(place, event.subject)
            if other != event.subject:
                return f"{event.subject} was begun for {thing}, which has {other}"
        elif data.get("state") in ENDED and self._held.get(place) == event.subject:
            del self._held[place]
        return None


class SettledUpgrade(_OfPlans):
    """Upgrade effective on settlement (or deferred terms), downgrade makes no payment record."""

    ident = "SU3"
    families = ("subscription", "charge")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._plan: dict[str, str] = {}
        self._settled: set[str] = set()
        self._down_ms: dict[str, int] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data, of = event.data, event.subject
        if event.kind.startswith("charge."):
            return self._charge(event)
        if event.kind == "subscription.change_asked":
            self._settled.discard(of)
            if self._price(data.get("next_plan")) <= self._price(data.get("plan")):
                self._down_ms[of] = event.at_ms
            return None
        before, self._plan[of] = self._plan.get(of), str(data.get("plan"))
        if before is None or self._price(self._plan[of]) <= self._price(before):
            return None
        if of in self._settled:
            return None
        return f"{of} went up from {before} to {self._plan[of]}, and nobody paid for that"

    def _charge(self, event: FeedSeen) -> str | None:
        of = str(event.data.get("subject"))
        if event.kind == "charge.settled":
            self._settled.add(of)
        elif event.kind == "charge.asked" and self._down_ms.get(of) == event.at_ms:
            return f"{event.subject} was asked for, because {of} goes down"
        return None

    def _price(self, plan: object) -> float:
        return float(self.plan(plan).get("price_eur", 0.0))


class PaidOnce(Invariant):
    """Idempotent webhooks: duplicate "paid" charges nothing twice."""

    ident = "SU4"
    families = ("charge", "invoice")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._paid: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind not in ("charge.settled", "invoice.paid"):
            return None
        if event.subject in self._paid:
            return f"{event.subject} was paid twice"
        self._paid.add(event.subject)
        return None


class RenewedRightly(_OfPlans):
    """Renewal over month end/leap day right.

    Periods touch, and each ends on the day on which the first one began, or on the last of a month
    that has no such day.
    """

    ident = "SU9"

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._periods: dict[str, tuple[int, int]] = {}
        """First begin and last end of what runs, by subscription."""

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        begin_ms, end_ms = event.data.get("from_ms"), event.data.get("to_ms")
        if event.kind != "subscription.renewed":
            if event.kind == "subscription.activated" or event.data.get("state") in ENDED:
                self._periods.pop(event.subject, None)
            return None
        if begin_ms is None or end_ms is None:
            return f"{event.subject} was renewed for no time"
        known = self._periods.get(event.subject)
        anchor_ms = begin_ms if known is None else known[0]
        self._periods[event.subject] = (anchor_ms, end_ms)
        if known is None:
            return None
        if begin_ms != known[1]:
            return f"{event.subject} ran until {known[1]}, and was renewed from {begin_ms}"
        ends = {months_after(anchor_ms, months) for months in range(1, self._months(event))}
        return None if end_ms in ends else f"{event.subject} was renewed until {end_ms}"

    @staticmethod
    def _months(event: FeedSeen) -> int:
        spans = int(event.data["to_ms"]) // (28 * 86_400_000)
        return min(MONTHS_MAX, spans)


class OneTrial(Invariant):
    """Trial cannot be restarted by factory reset."""

    ident = "SU10"
    families = ("subscription",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._tried: set[tuple[str, str]] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if event.kind != "subscription.begun" or data.get("state") != "TRIAL":
            return None
        place = (str(data.get("thing")), str(data.get("plan")))
        if data.get("thing") is not None and place in self._tried:
            return f"{place[0]} has a second trial of {place[1]}"
        self._tried.add(place)
        return None
