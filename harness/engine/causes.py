"""From what was decided back to why: work order, order, need, rule, readings, truth.

Pure functions over a :class:`~harness.engine.history.History`; failures of checks, ``twinrig
explain`` and the report show the same chain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.engine.history import History, thing_of
from harness.events import ActorActed, Event, FaultApplied, FeedSeen, TruthHappened
from harness.scenario.units import show_instant

SHOWN_DAMAGE = 0.01
"""A component with less damage than this is as good as new, and no cause."""
PATH_FAULTS = ("sensor.", "link.", "power.", "clock.", "buffer.")
"""Truths that spoil what a device says; told if they are not over yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One link of a chain. ``what`` says which: ``order``, ``rule``, ``readings``, ``truth``..."""

    at_ms: int
    what: str
    text: str
    event: Event | None = None

    def __str__(self) -> str:
        return f"{show_instant(self.at_ms)} {self.what:<14} {self.text}"


def chain(history: History, event: Event) -> list[Cause]:
    """The causes of an event, the nearest first, down to what was really the matter.

    Args:
        history: The run.
        event: Of the feed, of truth, a deed, or a fault; other events have no causes.
    """
    if isinstance(event, FeedSeen):
        return _without_repeats(_of_feed(history, event))
    if isinstance(event, ActorActed):
        told = history.feed_of(event.subject, until_ms=event.at_ms)
        rest = [] if told is None else chain(history, told)
        return [Cause(at_ms=event.at_ms, what="deed", text=_deed(event), event=event), *rest]
    if isinstance(event, TruthHappened):
        return _without_repeats(_of_truth(history, event.subject, event.at_ms, None))
    if isinstance(event, FaultApplied):
        return [Cause(at_ms=event.at_ms, what="fault", text=_fault(event), event=event)]
    return []


def explain(history: History, ident: str) -> list[Cause]:
    """The chain of an order, work order, alert, recommendation, command or period by its id.

    Empty if the run has nothing of that name.
    """
    told = [e for e in history.of_subject(ident) if isinstance(e, FeedSeen)]
    return chain(history, told[-1]) if told else []


def whereabouts(history: History, device: str, at_ms: int) -> list[Cause]:
    """For what did not happen to a device: how far it got, from truth up to the latest decision.

    The oldest comes first; the last link says what is missing behind it.
    """
    links = _of_truth(history, device, at_ms, None)
    links = sorted(links, key=lambda cause: cause.at_ms)
    reached = []
    for what, kinds in STAGES:
        found = history.of_thing(device, *kinds, until_ms=at_ms)
        if found is None:
            reached.append(Cause(at_ms=at_ms, what=what, text=f"none for {device} by then"))
            break
        reached.append(Cause(at_ms=found.at_ms, what=what, text=_feed(found), event=found))
    return [*links, *reached]


STAGES = (
    ("alert", ("alert.raised",)),
    ("recommendation", ("recommendation.issued",)),
    ("order", ("order.placed",)),
    ("delivery", ("order.delivered",)),
    ("work order", ("work_order.requested",)),
    ("visit", ("work_order.completed",)),
    ("fitted", ("part.fitted",)),
)
"""What follows on what, from an alert to a new part."""


# Feed events ---------------------------------------------------------------------------------


def _of_feed(history: History, event: FeedSeen) -> Iterator[Cause]:
    what = event.kind.split(".")[0]
    yield Cause(at_ms=event.at_ms, what=NAMES.get(what, what), text=_feed(event), event=event)
    yield from _deed_of(history, event)
    before = BEFORE.get(what)
    if before is not None:
        yield from before(history, event)
    elif (thing := thing_of(event)) is not None:
        yield from _of_truth(history, thing, event.at_ms, None)


def _deed_of(history: History, event: FeedSeen) -> Iterator[Cause]:
    """The deed of a person that made the service take this step."""
    what, _, past = event.kind.partition(".")
    for deed in reversed(history.of_subject(event.subject)):
        if (
            isinstance(deed, ActorActed)
            and deed.refused is None
            and deed.verb.startswith(f"{what}.")
            and past.startswith(deed.verb.partition(".")[2][:3])
            and deed.at_ms <= event.at_ms
        ):
            yield Cause(at_ms=deed.at_ms, what="deed", text=_deed(deed), event=deed)
            return


def _then(history: History, event: FeedSeen | None) -> Iterator[Cause]:
    if event is not None:
        yield from _of_feed(history, event)


def _before_fitted(history: History, event: FeedSeen) -> Iterator[Cause]:
    wo = str(event.data.get("work_order", ""))
    found = history.feed_of(
        wo, "work_order.completed", "work_order.requested", until_ms=event.at_ms
    )
    yield from _then(history, found)


def _first_step(history: History, event: FeedSeen, kind: str) -> FeedSeen | None:
    """The event that a later step of the same process goes back to; None at that one itself."""
    if event.kind == kind:
        return None
    return history.feed_of(event.subject, kind, until_ms=event.at_ms)


def _before_visit(history: History, event: FeedSeen) -> Iterator[Cause]:
    request = _first_step(history, event, "work_order.requested")
    if request is not None:
        yield from _then(history, request)
        return
    order = str(event.data.get("order", ""))
    found = history.feed_of(order, "order.delivered", "order.placed", until_ms=event.at_ms)
    yield from _then(history, found)


def _before_order(history: History, event: FeedSeen) -> Iterator[Cause]:
    placed = _first_step(history, event, "order.placed")
    if placed is not None:
        yield from _then(history, placed)
        return
    need = str(event.data.get("need_key", ""))
    found = history.of_need(
        need, "recommendation.approved", "recommendation.issued", until_ms=event.at_ms
    )
    yield from _then(history, found)


def _before_advice(history: History, event: FeedSeen) -> Iterator[Cause]:
    need, at_ms = str(event.data.get("need_key", "")), event.at_ms
    if event.kind != "recommendation.issued":
        issued = history.of_need(need, "recommendation.issued", until_ms=at_ms)
        if issued is not None:
            yield from _then(history, issued)
            return
    data, thing = event.data, thing_of(event) or ""
    yield Cause(at_ms=at_ms, what="rule", text=_rule(data), event=event)
    alert = history.of_thing(thing, "alert.raised", until_ms=at_ms, rule=data.get("rule"))
    if alert is not None:
        yield Cause(at_ms=alert.at_ms, what="alert", text=_feed(alert), event=alert)
    position = str(data.get("position") or _position(need))
    yield from _readings(history, thing, at_ms, position)
    yield from _of_truth(history, thing, at_ms, position)


def _before_alert(history: History, event: FeedSeen) -> Iterator[Cause]:
    raised = event
    if event.kind != "alert.raised":
        begin = history.feed_of(event.subject, "alert.raised", until_ms=event.at_ms)
        if begin is not None:
            raised = begin
            yield Cause(at_ms=begin.at_ms, what="alert", text=_feed(begin), event=begin)
    thing = thing_of(event) or ""
    yield Cause(at_ms=raised.at_ms, what="rule", text=_rule(raised.data), event=raised)
    yield from _readings(history, thing, raised.at_ms, None)
    yield from _of_truth(history, thing, raised.at_ms, None)


def _before_period(history: History, event: FeedSeen) -> Iterator[Cause]:
    """A credit: the things that were not available all the time, and what was the matter."""
    things: Mapping[str, Any] = event.data.get("things") or {}
    for thing, times in sorted(things.items()):
        down, unknown = times.get("down_ms", 0), times.get("unknown_ms", 0)
        if not down and not unknown:
            continue
        text = f"{thing}: down {_hours(down)}, unknown {_hours(unknown)}"
        yield Cause(at_ms=event.at_ms, what="share", text=text, event=event)
        for truth in history.truths_of(thing, event.at_ms):
            if isinstance(truth, FaultApplied) or truth.kind in ("device.down", "device.up"):
                yield _told(truth)


def _before_evaluation(history: History, event: FeedSeen) -> Iterator[Cause]:
    yield Cause(at_ms=event.at_ms, what="readings", text=_evidence(event.data), event=event)
    position = str(event.data.get("position", ""))
    yield from _of_truth(history, event.subject, event.at_ms, position)


BEFORE: Mapping[str, Callable[[History, FeedSeen], Iterator[Cause]]] = {
    "part": _before_fitted,
    "work_order": _before_visit,
    "order": _before_order,
    "recommendation": _before_advice,
    "alert": _before_alert,
    "outcome": _before_period,
    "condition": _before_evaluation,
}
"""How to go on from each family of feed events."""
NAMES = {
    "work_order": "work order",
    "part": "fitted",
    "condition": "belief",
    "outcome": "period",
}


def _readings(history: History, thing: str, at_ms: int, position: str | None) -> Iterator[Cause]:
    only = {} if position is None else {"position": position}
    belief = history.of_thing(thing, "condition.evaluated", until_ms=at_ms, **only)
    if belief is not None:
        yield Cause(at_ms=belief.at_ms, what="belief", text=_feed(belief), event=belief)
        text = _evidence(belief.data)
        yield Cause(at_ms=belief.at_ms, what="readings", text=text, event=belief)


# Truth ---------------------------------------------------------------------------------------


def _of_truth(history: History, device: str, at_ms: int, component: str | None) -> list[Cause]:
    """Damage at that time, what began and is not over, and the faults that were put in."""
    links = []
    damage = history.damage(device, at_ms)
    for name, share in sorted(damage.items(), key=lambda item: -item[1]):
        if name == component or (component is None and share >= SHOWN_DAMAGE):
            text = f"{device}: {name} is damaged by {100 * share:.0f} %"
            links.append(Cause(at_ms=at_ms, what="truth", text=text))
    open_truths: dict[str, TruthHappened | FaultApplied] = {}
    for event in history.truths_of(device, at_ms):
        if isinstance(event, FaultApplied):
            open_truths[f"fault {event.kind}"] = event
        elif event.kind.startswith(PATH_FAULTS) or event.kind.startswith("device."):
            open_truths[event.kind.split(".")[0]] = event
        elif event.data.get("component") is not None:
            about = str(event.data["component"])
            if component in (None, about):
                open_truths[f"{event.kind} {about}"] = event
    links += [_told(event) for event in reversed(open_truths.values())]
    if not links:
        text = f"{device}: nothing is the matter"
        links.append(Cause(at_ms=at_ms, what="truth", text=text))
    return links


def _told(event: TruthHappened | FaultApplied) -> Cause:
    if isinstance(event, FaultApplied):
        return Cause(at_ms=event.at_ms, what="fault", text=_fault(event), event=event)
    text = f"{event.subject}: {event.kind}{_pairs(event.data)}"
    return Cause(at_ms=event.at_ms, what="truth", text=text, event=event)


def _without_repeats(links: Iterator[Cause] | list[Cause]) -> list[Cause]:
    return list({(c.at_ms, c.what, c.text): c for c in links}.values())


# Words ---------------------------------------------------------------------------------------

_SAID = ("by", "reason", "part", "order", "rule", "supplier", "total_eur", "wear_pct", "period")
_SAID_TOO = ("availability", "credit_eur", "position", "cycle", "serial", "work_order")


def _feed(event: FeedSeen) -> str:
    said = {name: event.data[name] for name in (*_SAID, *_SAID_TOO) if event.data.get(name)}
    return f"{event.kind} {event.subject}{_pairs(said)}"


def _rule(data: Mapping[str, Any]) -> str:
    version = f" {data['pack_version']}" if data.get("pack_version") else ""
    why = f"; {data['why']}" if data.get("why") else ""
    rule = f"{data.get('rule', '?')} of {data.get('pack', '?')}{version}"
    return f"{rule}{_pairs(data.get('values') or {})}{why}"


def _evidence(data: Mapping[str, Any]) -> str:
    return f"{data.get('algorithm', '')}{_pairs(data.get('evidence') or {})}".strip()


def _deed(event: ActorActed) -> str:
    refused = f", refused: {event.refused}" if event.refused else ""
    return f"{event.actor}: {event.verb} {event.subject}{refused}"


def _fault(event: FaultApplied) -> str:
    ended = " is over" if event.ended else ""
    return f"{event.kind} on {event.target}{ended}{_pairs(event.params)} (by {event.by})"


def _pairs(data: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{name} {_short(value)}" for name, value in data.items())
    return f" ({shown})" if shown else ""


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _hours(span_ms: float) -> str:
    return f"{span_ms / 3_600_000:.1f} h"


def _position(need_key: str) -> str:
    parts = need_key.split("/")
    return parts[1] if len(parts) > 1 else ""
