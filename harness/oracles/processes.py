"""Orders and work orders, worked out again from what people did; and how long orders took.

People act through the service's API, and the harness knows each deed that it accepted. So the
state of every order is known without asking: the service's own feed must come to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.events import FeedSeen, TruthHappened
from harness.oracles.log import Log, Row
from harness.scenario.units import show_instant

ORDER_DEEDS: Mapping[str, str] = {
    "order.confirm": "confirmed",
    "order.reject": "rejected",
    "order.ship": "shipped",
    "order.deliver": "delivered",
    "order.cancel": "cancelled",
    "order.refuse": "cancelled",
    "order.offer": "offered",
    "order.accept": "accepted",
    "order.backorder": "backordered",
    "order.ship-part": "shipped_in_part",
    "order.receive-part": "delivered_in_part",
    "order.lose": "lost",
    "order.reship": "reshipped",
    "order.request-return": "return_requested",
    "order.replace": "replacement_shipped",
    "order.receive-replacement": "replaced",
}
WORK_DEEDS: Mapping[str, str] = {
    "work_order.plan": "planned",
    "work_order.depart": "departed",
    "work_order.arrive": "arrived",
    "work_order.complete": "completed",
    "work_order.cancel": "cancelled",
}
OWN_ORDER_STEPS = frozenset({"placed", "cancelled", "accepted"})
"""Steps that a service takes by itself: it places orders, cancels what is not needed, and accepts
an offer that the policy allows. The last two are people's as well."""
EITHERS = ("cancelled", "accepted", "planned")
OWN_WORK_STEPS = frozenset(
    {"requested", "attached", "cancelled", "verified", "reopened", "closed", "planned", "moved",
     "put_back"}
)  # fmt: skip
"""Steps of the service; visits are planned by it or by a crew that plans itself."""


def orders(log: Log) -> Iterator[Row]:
    """Every order: the steps that people took, against those that the service tells."""
    yield from _steps(log, ("order", "replenishment"), ORDER_DEEDS, OWN_ORDER_STEPS)


def work_orders(log: Log) -> Iterator[Row]:
    """Every work order: the same; and a visit that was closed has really fitted a part."""
    yield from _steps(log, ("work_order",), WORK_DEEDS, OWN_WORK_STEPS)
    yield from _really_fitted(log)


def lead_times(log: Log) -> Iterator[Row]:
    """From order to delivery by the service's feed, and by the deed of who brought it."""
    placed = {e.subject: e.at_ms for e in log.of("order") if e.kind == "order.placed"}
    told = {e.subject: e for e in log.of("order") if e.kind == "order.delivered"}
    brought = {
        deed.subject: deed.at_ms
        for deed in log.deeds
        if deed.verb == "order.deliver" and deed.refused is None
    }
    for order in sorted(placed.keys() & (told.keys() | brought.keys())):
        delivered, real_ms = told.get(order), brought.get(order)
        begun_ms = placed[order]
        last_ms = delivered.at_ms if delivered is not None else real_ms or begun_ms
        yield Row(
            key=f"lead time of {order}",
            expected="not delivered" if real_ms is None else _hours(real_ms - begun_ms),
            seen="not delivered" if delivered is None else _hours(delivered.at_ms - begun_ms),
            at_ms=last_ms,
            agrees=delivered is not None and delivered.at_ms == real_ms,
            event=delivered,
            device=None if delivered is None else str(delivered.data.get("thing")),
        )


def _hours(span_ms: int) -> str:
    return f"{span_ms / 3_600_000:.3f} h"


def _steps(
    log: Log, families: tuple[str, ...], deeds: Mapping[str, str], own: frozenset[str]
) -> Iterator[Row]:
    """One row per process: steps with their times, those of the service's own left out."""
    expected: dict[str, list[tuple[int, str]]] = {}
    seen: dict[str, list[tuple[int, str]]] = {}
    last: dict[str, FeedSeen] = {}
    for event in log.of(*families):
        step = event.kind.partition(".")[2]
        seen.setdefault(event.subject, [])
        last[event.subject] = event
        if step not in own or (step in EITHERS and not _by_service(event)):
            seen[event.subject].append((event.at_ms, step))
    for deed in log.deeds:
        if deed.refused is None and deed.verb in deeds:
            expected.setdefault(deed.subject, []).append((deed.at_ms, deeds[deed.verb]))
    for subject in sorted(expected.keys() | seen.keys()):
        ours, theirs = sorted(expected.get(subject, [])), sorted(seen.get(subject, []))
        differs = [pair for pair in (*ours, *theirs) if (pair in ours) != (pair in theirs)]
        latest = last.get(subject)
        yield Row(
            key=subject,
            expected=_shown(ours),
            seen=_shown(theirs),
            at_ms=min(differs)[0] if differs else log.until_ms,
            agrees=not differs,
            event=latest,
            device=None if latest is None else str(latest.data.get("thing")),
        )


def _by_service(event: FeedSeen) -> bool:
    by = str(event.data.get("by", ""))
    return by in ("service", "telemetry", "planner") or by.startswith("policy")


def _shown(steps: list[tuple[int, str]]) -> str:
    return ", ".join(f"{step} {show_instant(at_ms)}" for at_ms, step in steps) or "no deed"


def _really_fitted(log: Log) -> Iterator[Row]:
    """A work order that is closed: a part was really fitted to its place while it was open."""
    fitted = [t for t in log.truths if isinstance(t, TruthHappened) and t.kind == "part.fitted"]
    begun: dict[str, int] = {}
    for event in log.of("work_order"):
        begun.setdefault(event.subject, event.at_ms)
        if event.kind != "work_order.closed":
            continue
        thing, position = str(event.data.get("thing")), str(event.data.get("position"))
        times = [
            t.at_ms
            for t in fitted
            if t.subject == thing
            and position in (t.data.get("position"), t.data.get("component"))
            and begun[event.subject] <= t.at_ms <= event.at_ms
        ]
        yield Row(
            key=f"{event.subject} is closed",
            expected=f"a part was really fitted to {position} of {thing}",
            seen=", ".join(map(show_instant, times)) or "none was",
            at_ms=event.at_ms,
            agrees=bool(times),
            event=event,
        )
