"""Turns the engine's events into the sentences that people read. Product-agnostic.

The console, the HTML report and the demo page tell the same story because they share this
module. One meaningful event is one line; what only confirms an earlier line is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.events import (
    ActorActed,
    CheckDecided,
    Event,
    FaultApplied,
    FeedSeen,
    TruthHappened,
)
from harness.report.shared import told
from harness.report.truths import said
from harness.report.words import DAY_MS, euros, long_stamp, pairs, plain, span, stamp

WEAR_STEPS_PCT = (10.0, 25.0, 50.0, 75.0, 90.0)
"""A wear estimate is news when it crosses one of these."""
FORECAST_NEWS_MS = 400 * DAY_MS
"""A run-out farther away than this is not worth a sentence."""

TOLD_TIMES = 3
"""What happens over and over is told so many times, and counted from then on."""
ROUTINE = "operation"
"""Severity of alerts that are day's work: after a device's first they count for the fleet."""
DECIDED = frozenset({"order", "work_order", "alert", "recommendation", "outcome"})
"""Families of feed events that a report can say the why of."""
CHANCE = ("sensor.", "link.", "power.", "clock.", "interlock.")
"""Truths that come and go by the hundred when faults come by chance; counted for the fleet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence of the story."""

    at_ms: int
    who: str
    """``truth``, ``service``, ``people`` or ``rig``."""
    subject: str
    text: str
    tone: str = "plain"
    """``plain``, ``good``, ``warn`` or ``bad``."""
    ident: str = ""
    """The order, work order, alert, recommendation or period that it tells of, if it does."""

    def __str__(self) -> str:
        """The line as it stands in a log: date, subject, sentence."""
        return f"{stamp(self.at_ms)}  {self.subject}: {self.text}"


STORY = (FeedSeen, TruthHappened, FaultApplied, ActorActed, CheckDecided)
"""The kinds of events that a story is made of."""


@dataclass(slots=True)
class Storyteller:
    """Keeps what was told already, so that nothing is told twice."""

    untold: int = 0
    """Lines left out because they say what was said :data:`TOLD_TIMES` times already."""
    _wear: dict[tuple[str, str, Any], float] = field(default_factory=dict)
    _dead: set[str] = field(default_factory=set)
    _times: Counter[tuple[str, ...]] = field(default_factory=Counter)
    _open: set[tuple[str, str]] = field(default_factory=set)
    _orders: dict[str, str] = field(default_factory=dict)

    def tell(self, event: Event) -> Line | None:
        """The sentence for ``event``, or None if it is no news."""
        if isinstance(event, FeedSeen):
            if event.kind == "order.placed":
                self._orders[event.subject] = _thing(event.data, event.subject)
            return self._decided(event)
        if isinstance(event, TruthHappened):
            line = _truth(event, self._orders.get(event.subject, event.subject))
            return None if line is None or self._worn_out(event) else line
        if isinstance(event, FaultApplied):
            return _fault(event)
        if isinstance(event, ActorActed):
            return _actor(event)
        if isinstance(event, CheckDecided) and not event.passed:
            return Line(
                at_ms=event.at_ms, who="rig", subject="check", text=f"FAILED: {event.title}",
                tone="bad",
            )  # fmt: skip
        return None

    def _decided(self, event: FeedSeen) -> Line | None:
        line = self._feed(event)
        if line is None or self._worn_out(event):
            return None
        decided = event.kind.partition(".")[0] in DECIDED
        return replace(line, ident=event.subject) if decided else line

    def _worn_out(self, event: FeedSeen | TruthHappened) -> bool:
        """Whether this was told often enough; an alert's end is told if its begin was."""
        rule, kind = str(event.data.get("rule", "")), event.kind
        alert = (_thing(event.data, event.subject), rule)
        if kind == "alert.cleared" and alert not in self._open:
            self.untold += 1
            return True
        if kind == "alert.cleared":
            self._open.discard(alert)
            return False
        if kind == "alert.raised":
            often = self._often(kind, rule, alert[0])
            if event.data.get("severity") == ROUTINE and often > 1:
                often = self._often(kind, rule)
        elif kind.startswith(CHANCE):
            often = self._often(kind, str(event.data.get("fault") or event.data.get("interlock")))
        else:
            return False
        if often > TOLD_TIMES:
            self.untold += 1
            return True
        if kind == "alert.raised":
            self._open.add(alert)
        return False

    def _often(self, *what: str) -> int:
        """How often this came by now, this time too."""
        self._times[what] += 1
        return self._times[what]

    def _feed(self, event: FeedSeen) -> Line | None:
        if event.kind == "condition.evaluated":
            return self._condition(event)
        if event.kind == "message.dead":
            reason = str(event.data.get("reason", ""))
            if reason in self._dead:
                return None
            self._dead.add(reason)
            text = f"cannot read a message and puts it aside: {reason}"
            return _service(event, event.subject, text, "warn")
        teller = FEED.get(event.kind)
        if teller is None and (between := told(event)) is not None:
            return _service(event, *between)
        return teller(event) if teller else None

    def _condition(self, event: FeedSeen) -> Line | None:
        data = event.data
        wear_pct = data.get("wear_pct")
        if wear_pct is None:
            return None
        position = str(data.get("position", ""))
        key = (event.subject, position, data.get("cycle"))
        told = self._wear.get(key, 0.0)
        crossed = [step for step in WEAR_STEPS_PCT if told < step <= wear_pct]
        if not crossed:
            return None
        self._wear[key] = crossed[-1]
        text = f"{plain(position)} wear {wear_pct:.0f} %"
        runout_ms = data.get("runout_p50_ms")
        if runout_ms is not None and runout_ms - event.at_ms < FORECAST_NEWS_MS:
            text += f", run-out in {span(max(0, runout_ms - event.at_ms))}"
            early, late = data.get("runout_p10_ms"), data.get("runout_p90_ms")
            if early is not None and late is not None:
                early_ms, late_ms = max(0, early - event.at_ms), max(0, late - event.at_ms)
                text += f" ({span(early_ms)} to {span(late_ms)})"
        return _service(event, event.subject, text, "warn" if wear_pct >= 50 else "plain")


def _service(event: FeedSeen, subject: str, text: str, tone: str = "plain") -> Line:
    return Line(at_ms=event.at_ms, who="service", subject=subject, text=f"DPS: {text}", tone=tone)


def _thing(data: Mapping[str, Any], otherwise: str) -> str:
    return str(data.get("thing") or otherwise)


def _born(event: FeedSeen) -> Line | None:
    boot = event.data.get("boot", 1)
    if boot in (0, 1):
        return None
    return _service(event, event.subject, f"sees the device back (boot {boot})", "good")


def _lost(event: FeedSeen) -> Line:
    return _service(event, event.subject, "has lost the device's connection", "warn")


def _alert_raised(event: FeedSeen) -> Line:
    data = event.data
    text = f"raises alert {data.get('rule', event.subject)} ({data.get('severity', '?')})"
    if data.get("values"):
        text += f": {pairs(data['values'])}"
    return _service(event, _thing(data, event.subject), text, "warn")


def _alert_cleared(event: FeedSeen) -> Line:
    data = event.data
    text = f"clears alert {data.get('rule', event.subject)}"
    return _service(event, _thing(data, event.subject), text, "good")


def _recommended(event: FeedSeen) -> Line:
    data = event.data
    text = f"recommends {data.get('quantity', 1)} x {data.get('part', '?')}"
    if data.get("why"):
        text += f" ({data['why']})"
    if data.get("policy") == "approval":
        text += "; waits for approval"
    return _service(event, _thing(data, event.subject), text)


def _recommendation_step(step: str) -> Callable[[FeedSeen], Line | None]:
    def tell(event: FeedSeen) -> Line | None:
        data = event.data
        if str(data.get("by", "")).startswith("policy"):
            return None  # the order that it places says so
        text = f"recommendation {step} by {data.get('by', '?')}"
        if data.get("reason"):
            text += f": {data['reason']}"
        return _service(event, _need_thing(data, event.subject), text)

    return tell


def _need_thing(data: Mapping[str, Any], otherwise: str) -> str:
    """A need key is ``thing/position/cycle``; its thing is whom the line is about."""
    need = str(data.get("need_key", ""))
    return _thing(data, need.split("/", 1)[0] or otherwise)


def _by(data: Mapping[str, Any]) -> str:
    """Who decided: a person by name, or the policy."""
    who = str(data.get("by", "?"))
    return "on its own, as the policy allows" if who.startswith("policy") else f"by {who}"


def _order_step(words: str, tone: str = "plain") -> Callable[[FeedSeen], Line | None]:
    def tell(event: FeedSeen) -> Line:
        data = event.data
        text = words.format(part=data.get("part", "part"), supplier=data.get("supplier", "?"))
        if event.kind == "order.placed":
            text += f" for {euros(float(data.get('total_eur', 0.0)))}"
            text += f" ({_by(data)})"
        if data.get("reason"):
            text += f": {data['reason']}"
        return _service(event, _thing(data, event.subject), text, tone)

    return tell


UPKEEP: Mapping[str, str] = {
    "work_order.requested": "asks for a visit in the window that was agreed on",
    "work_order.planned": "the visit is planned",
    "work_order.completed": "the crew reports the planned work done",
    "work_order.verified": "telemetry says nothing against it",
}
"""Words for visits at which nothing is fitted."""


def _work_order_step(words: str, tone: str = "plain") -> Callable[[FeedSeen], Line | None]:
    def tell(event: FeedSeen) -> Line:
        data = event.data
        said_of = UPKEEP.get(event.kind, words) if data.get("kind") == "upkeep" else words
        text = said_of.format(position=plain(str(data.get("position", "part"))))
        if event.kind == "work_order.planned" and data.get("start_ms"):
            text += f" for {stamp(int(data['start_ms']))}"
        return _service(event, _thing(data, event.subject), text, tone)

    return tell


def _fitted(event: FeedSeen) -> Line:
    data = event.data
    text = f"registers the new {plain(str(data.get('position', 'part')))} ({data.get('part', '?')})"
    text += f", cycle {data.get('cycle', '?')} begins at wear 0 %"
    return _service(event, event.subject, text, "good")


def _command(words: str, tone: str = "plain") -> Callable[[FeedSeen], Line | None]:
    def tell(event: FeedSeen) -> Line:
        data = event.data
        text = f"command {data.get('name', event.subject)} {words}"
        if data.get("detail"):
            text += f": {data['detail']}"
        return _service(event, _thing(data, event.subject), text, tone)

    return tell


def _period(event: FeedSeen) -> Line:
    data = event.data
    available_pct = 100 * float(data.get("availability") or 0.0)
    credit_eur = float(data.get("credit_eur") or 0.0)
    text = f"closes {data.get('period', '?')}: availability {available_pct:.2f} %"
    if data.get("target") is not None:
        text += f" (target {100 * float(data['target']):.2f} %)"
    text += f", credit {euros(credit_eur)}"
    subject = str(data.get("contract", event.subject))
    return _service(event, subject, text, "good" if credit_eur == 0 else "warn")


FEED: Mapping[str, Callable[[FeedSeen], Line | None]] = {
    "device.born": _born,
    "device.lost": _lost,
    "alert.raised": _alert_raised,
    "alert.cleared": _alert_cleared,
    "recommendation.issued": _recommended,
    "recommendation.approved": _recommendation_step("approved"),
    "recommendation.discarded": _recommendation_step("discarded"),
    "order.placed": _order_step("orders {part} from {supplier}"),
    "order.confirmed": _order_step("{supplier} confirms the order of {part}"),
    "order.offered": _order_step("{supplier} offers {part} on other terms", "warn"),
    "order.accepted": _order_step("the offer of {part} is accepted"),
    "order.backordered": _order_step("{part} comes later", "warn"),
    "order.shipped_in_part": _order_step("some of {part} is on its way", "warn"),
    "order.delivered_in_part": _order_step("some of {part} has come"),
    "order.lost": _order_step("{part} is lost on its way", "bad"),
    "order.reshipped": _order_step("{part} is sent once more"),
    "order.return_requested": _order_step("{part} is to be given back", "warn"),
    "order.replacement_shipped": _order_step("{part} is replaced"),
    "order.replaced": _order_step("the right {part} has come", "good"),
    "order.returned": _order_step("{part} went back", "warn"),
    "replenishment.placed": _order_step("the partner orders {part} itself"),
    "replenishment.delivered": _order_step("the partner has got {part}", "good"),
    "recommendation.held": _recommendation_step("held: too many at once"),
    "recommendation.withdrawn": _recommendation_step("withdrawn"),
    "order.rejected": _order_step("{supplier} rejects the order of {part}", "bad"),
    "order.shipped": _order_step("{part} is on its way"),
    "order.delivered": _order_step("{part} is delivered", "good"),
    "order.cancelled": _order_step("the order of {part} is cancelled", "warn"),
    "work_order.requested": _work_order_step("asks for a visit to fit the {position}"),
    "work_order.planned": _work_order_step("the visit for the {position} is planned"),
    "work_order.departed": _work_order_step("the crew is on its way"),
    "work_order.arrived": _work_order_step("the crew is on site"),
    "work_order.completed": _work_order_step("the crew reports the {position} fitted", "good"),
    "work_order.verified": _work_order_step("telemetry confirms the repair", "good"),
    "work_order.reopened": _work_order_step("telemetry refutes the repair; reopened", "bad"),
    "work_order.cancelled": _work_order_step("the work order is cancelled", "warn"),
    "part.fitted": _fitted,
    "command.requested": _command("sent"),
    "command.progressed": _command("under way"),
    "command.confirmed": _command("done", "good"),
    "command.failed": _command("failed", "bad"),
    "outcome.period_closed": _period,
}
"""How each kind of feed event is told; a kind that is missing here is no news."""


def _truth(event: TruthHappened, subject: str) -> Line | None:
    words = said(event.kind, event.data)
    if words is None:
        return None
    text, tone = words
    return Line(at_ms=event.at_ms, who="truth", subject=subject, text=f"{text} (truth)", tone=tone)


def _fault(event: FaultApplied) -> Line:
    detail = pairs(event.params)
    text = f"{plain(event.kind)} is over" if event.ended else f"{plain(event.kind)} is injected"
    if detail and not event.ended:
        text += f" ({detail})"
    return Line(
        at_ms=event.at_ms, who="rig", subject=event.target or "rig", text=f"{event.by}: {text}",
        tone="good" if event.ended else "warn",
    )  # fmt: skip


def _actor(event: ActorActed) -> Line | None:
    if event.refused is None:
        return None  # the feed tells what came of it
    text = f"{event.actor} wanted {plain(event.verb)}, the DPS refused: {event.refused}"
    return Line(at_ms=event.at_ms, who="people", subject=event.subject, text=text, tone="bad")


def headline(title: str, start_ms: int, until_ms: int) -> str:
    """``A title: 2026-01-05 00:00 to 2026-03-06 00:00 (60 d)``."""
    length = span(until_ms - start_ms)
    return f"{title}: {long_stamp(start_ms)} to {long_stamp(until_ms)} ({length})"
