"""Invariants SU of what may be used: what the DPS answers a look of the scenario, against its feed.

A look is a GET of the scenario's calls (``/v1/things/{id}/features``, ``/v1/subscriptions/{id}``).
What it must answer follows from the plans that were offered and from the steps of subscriptions,
as the feed tells them: a look is judged once the feed has gone on to a later time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from harness.events import ActorActed, Event, FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import DEED, Invariant
from harness.oracles.subscription_invariants import ENDED

LOOKED = "service.looked"
ENTITLED = frozenset({"FREE", "TRIAL", "ACTIVE", "CANCEL_AT_PERIOD_END"})
"""States in which the features of a plan are there (domain 3.7)."""
_FEATURES = re.compile(r"/v1/things/([^/]+)/features")
_SUBSCRIPTION = re.compile(r"/v1/subscriptions/([^/]+)")


class Held(NamedTuple):
    """A subscription as it stands; no ``thing``: all of the customer."""

    customer: str
    thing: str | None
    plan: str
    state: str

    def covers(self, thing: str, owner: str) -> bool:
        """Whether it is of this thing of this owner, and has not ended."""
        return self.customer == owner and self.thing in (None, thing) and self.state not in ENDED


class _Looked(Invariant):
    """Keeps subscriptions as the feed tells them, and looks until they can be judged."""

    families: ClassVar[tuple[str, ...]] = ("subscription", DEED)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self.held: dict[str, Held] = {}
        self._waiting: list[ActorActed] = []

    def other(self, event: Event) -> str | None:
        """See Invariant."""
        if isinstance(event, ActorActed) and event.verb == LOOKED:
            self._waiting.append(event)
        return None

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        wrong = self._judge(event.at_ms)
        data = event.data
        thing = data.get("thing")
        self.held[event.subject] = Held(
            str(data.get("customer")),
            None if thing is None else str(thing),
            str(data.get("plan")),
            str(data.get("state")),
        )
        self.noted(event)
        return wrong

    def close(self, at_ms: int) -> tuple[int, str] | None:
        """See Invariant."""
        wrong = self._judge(at_ms + 1)
        return None if wrong is None else (at_ms, wrong)

    def _judge(self, before_ms: int) -> str | None:
        """Judge looks from before a time; what came later cannot have been answered."""
        found = None
        while self._waiting and self._waiting[0].at_ms < before_ms:
            look = self._waiting.pop(0)
            wrong = self.looked(look.subject, look.data["answer"])
            if wrong is not None and found is None:
                found, self.culprit = wrong, look
        return found

    def plan(self, name: str) -> Mapping[str, Any]:
        """A plan as it was offered; empty if the scenario did not."""
        return self.brief.plans.get(name, {})

    def noted(self, event: FeedSeen) -> None:
        """Take note of a step of a subscription; overridden where more is kept."""

    def looked(self, path: str, answer: Any) -> str | None:  # noqa: ANN401 - of the DPS
        """What is wrong with an answer, if anything is."""
        found = _FEATURES.fullmatch(path)
        owner = None if found is None else self.brief.owners.get(found[1])
        if found is None or owner is None:
            return None
        return self.may_use(found[1], owner, answer)

    def may_use(self, thing: str, owner: str, answer: Mapping[str, Any]) -> str | None:
        """What is wrong with what a thing may use, if anything is."""
        del thing, owner, answer
        return None

    def features(self, one: Held) -> frozenset[str]:
        """The features of a subscription's plan."""
        return frozenset(self.plan(one.plan).get("features", ()))


class FunctionOfPlans(_Looked):
    """Entitlement is a pure function of (plan, add-ons, state, time)."""

    ident = "SU1"

    def may_use(self, thing: str, owner: str, answer: Mapping[str, Any]) -> str | None:
        """See _Looked."""
        covering = [one for one in self.held.values() if one.covers(thing, owner)]
        wanted = frozenset[str]().union(
            *(self.features(one) for one in covering if one.state in ENTITLED)
        )
        if frozenset(answer["features"]) == wanted:
            return None
        return f"{thing} may use {_listed(answer['features'])}, and its plans say {_listed(wanted)}"


class FlatCoversAll(_Looked):
    """Flat mode adds new things automatically, by-thing does not.

    A flat plan is of every thing of its customer, one by thing of none but the thing it names.
    """

    ident = "SU6"

    def may_use(self, thing: str, owner: str, answer: Mapping[str, Any]) -> str | None:
        """See _Looked."""
        told = frozenset(answer["features"])
        mine = [one for one in self.held.values() if one.customer == owner]
        there = [one for one in mine if one.state in ENTITLED]
        for one in there:
            if one.thing is None and not self.features(one) <= told:
                return f"{thing} lacks {_listed(self.features(one) - told)} of the flat {one.plan}"
        due = frozenset[str]().union(
            *(self.features(one) for one in there if one.covers(thing, owner))
        )
        for one in mine:
            if one.thing not in (None, thing) and (more := (self.features(one) & told) - due):
                return f"{thing} may use {_listed(more)} of {one.plan}, which is of {one.thing}"
        return None


class SafetyAsAgreed(_Looked):
    """Safety alerts policy explicit per plan.

    They are withheld only where a plan that is not paid for says so, and no other covers the thing.
    """

    ident = "SU8"

    def may_use(self, thing: str, owner: str, answer: Mapping[str, Any]) -> str | None:
        """See _Looked."""
        told = [
            one.state in ENTITLED or self.plan(one.plan).get("safety_alerts", "always") == "always"
            for one in self.held.values()
            if one.covers(thing, owner)
        ]
        if answer["safety_alerts"] == (any(told) or not told):
            return None
        withheld = "is told" if answer["safety_alerts"] else "is not told"
        return f"the owner of {thing} {withheld} of safety alerts, and its plans say otherwise"


class HistoryKept(_Looked):
    """History kept through suspension, visible after.

    A look at a subscription has every step that was told of it, in order.
    """

    ident = "SU7"

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._steps: dict[str, list[tuple[int, str]]] = {}

    def noted(self, event: FeedSeen) -> None:
        """See _Looked."""
        self._steps.setdefault(event.subject, []).append((event.at_ms, event.kind))

    def looked(self, path: str, answer: Any) -> str | None:  # noqa: ANN401 - see _Looked
        """See _Looked."""
        found = _SUBSCRIPTION.fullmatch(path)
        if found is None:
            return None
        steps = [(int(one["at_ms"]), str(one["kind"])) for one in answer["steps"]]
        told = self._steps.get(found[1], [])
        missing = [kind for at_ms, kind in told if (at_ms, kind) not in steps]
        return f"the history of {found[1]} lacks {', '.join(missing)}" if missing else None


class SuspensionIsDigital(Invariant):
    """Suspended removes digital features but never disables the product's local safe operation, nor
    parts already paid.

    What is seen of it: at the time of a suspension its thing is asked for nothing, and nothing that
    was bought for it is taken back.
    """  # noqa: D205 - the domain's sentence

    ident = "SU5"
    families = ("subscription", "command", "feature", "order", "work_order")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._suspended: dict[str, FeedSeen] = {}
        self._taken: dict[str, FeedSeen] = {}
        """By thing, the newest each."""

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        thing = str(event.data.get("thing"))
        if event.kind == "subscription.suspended":
            self._suspended[thing] = event
        elif event.kind in TAKEN_AWAY:
            self._taken[thing] = event
        else:
            return None
        taken, suspended = self._taken.get(thing), self._suspended.get(thing)
        if taken is None or suspended is None or taken.at_ms != suspended.at_ms:
            return None
        return f"{taken.kind} {taken.subject} when {suspended.subject} was suspended"


TAKEN_AWAY = frozenset(
    {"command.requested", "feature.revoked", "order.cancelled", "work_order.cancelled"}
)
"""What disables a machine, or takes back what was paid for."""


def _listed(names: Any) -> str:  # noqa: ANN401 - any collection of names
    return ", ".join(sorted(names)) or "nothing"
