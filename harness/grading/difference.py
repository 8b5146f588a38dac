"""Two runs beside each other: where they begin to differ, and what each came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

import msgspec

from harness.engine.lines import line_of
from harness.events import (
    ActorActed,
    Event,
    FaultApplied,
    FeedSeen,
    RunFinished,
    RunResult,
    StepDone,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
)
from harness.grading.lives import downtime_h
from harness.scenario.units import show_instant

TRACED = TelemetrySeen | TruthSampled | TruthHappened | FeedSeen | ActorActed | FaultApplied
"""Events that are part of what happened; wall time and progress are not."""
_text = msgspec.json.Encoder(order="deterministic")


class Traced(NamedTuple):
    """One event of a trace, in an order that does not depend on how the run was cut into steps."""

    at_ms: int
    kind: str
    subject: str
    text: str


class FirstDifference(NamedTuple):
    """The first event that is not the same in both runs; empty where a run has no more."""

    at_ms: int
    one: str
    other: str


def traced(events: Iterable[Event], *, until_ms: int | None = None) -> list[Traced]:
    """What happened, oldest first; up to ``until_ms`` if given."""
    found = []
    for event in events:
        if isinstance(event, TRACED) and (until_ms is None or event.at_ms <= until_ms):
            kind = type(event).__name__
            found.append(Traced(event.at_ms, kind, _subject(event), _shown(event)))
    return sorted(found)


def past(events: Iterable[Event], at_ms: int) -> list[Event]:
    """All events up to the end of the step that ended at ``at_ms``."""
    found = []
    for event in events:
        found.append(event)
        if isinstance(event, StepDone) and event.now_ms >= at_ms:
            break
    return found


def _subject(event: TRACED) -> str:
    if isinstance(event, TelemetrySeen | TruthSampled):
        return event.device
    return event.target if isinstance(event, FaultApplied) else event.subject


def _shown(event: TRACED) -> str:
    line = line_of(event)
    if line is not None:
        return line
    if isinstance(event, TruthSampled):
        what: Any = {"damage": event.damage, **event.signals}
        return (
            f"{show_instant(event.at_ms)} truth     {event.device} {event.component} {_json(what)}"
        )
    assert isinstance(event, TelemetrySeen), "all others have a line"
    return f"{show_instant(event.at_ms)} message   {event.device} {_json(event.signals)}"


def _json(data: object) -> str:
    return _text.encode(data).decode()


def first_difference(one: list[Traced], other: list[Traced]) -> FirstDifference | None:
    """Where two traces part; None if they do not."""
    for mine, theirs in zip_longest(one, other):
        if mine == theirs:
            continue
        if mine is None or (theirs is not None and theirs < mine and theirs[:3] != mine[:3]):
            assert theirs is not None, "one of both has more"
            return FirstDifference(theirs.at_ms, "", theirs.text)
        if theirs is None or theirs[:3] != mine[:3]:
            return FirstDifference(mine.at_ms, mine.text, "")
        return FirstDifference(mine.at_ms, *_apart(mine.text, theirs.text))
    return None


def _apart(one: str, other: str) -> tuple[str, str]:
    """Two lines of one event, with only those of its values that differ."""
    (head, mine), (other_head, theirs) = _split(one), _split(other)
    if not mine or not theirs or head != other_head:
        return one, other
    keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
    equal = len({**mine, **theirs}) - len(keys)
    rest = f" (and {equal} equal values)" if equal > 1 else " (and 1 equal value)" if equal else ""
    shown = [
        f"{head}{_json({key: data[key] for key in keys if key in data})}{rest}"
        for data in (mine, theirs)
    ]
    return shown[0], shown[1]


def _split(line: str) -> tuple[str, dict[str, Any]]:
    """The words of a line, and its values; none if it does not end with a JSON object."""
    head, brace, tail = line.partition("{")
    try:
        data = msgspec.json.decode(brace + tail) if brace else {}
    except msgspec.DecodeError:
        return line, {}
    return head, data if isinstance(data, dict) else {}


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a run came to, as rows of a table: ``(group, name, value)``."""

    result: RunResult | None
    rows: dict[tuple[str, str], float | str]


def summary(events: Iterable[Event]) -> Summary:
    """The figures of a run that tables put beside those of another."""
    result: RunResult | None = None
    truths: list[TruthHappened] = []
    counts: dict[tuple[str, str], float | str] = {}
    credit_eur, ordered_eur = 0.0, 0.0
    for event in events:
        if isinstance(event, TruthHappened):
            truths.append(event)
            if event.kind in ("component.failed", "part.fitted"):
                _count(counts, "truth", event.kind)
        elif isinstance(event, FeedSeen):
            if event.kind in ("alert.raised", "recommendation.issued"):
                _count(counts, "firings", str(event.data.get("rule", "?")))
            elif event.kind == "order.placed":
                ordered_eur += float(event.data.get("total_eur") or 0.0)
                _count(counts, "orders", str(event.data.get("part", "?")))
            elif event.kind == "work_order.requested":
                _count(counts, "work orders", str(event.data.get("position", "?")))
            elif event.kind == "outcome.period_closed":
                credit_eur += float(event.data.get("credit_eur") or 0.0)
        elif isinstance(event, RunFinished):
            result = event.result
    rows: dict[tuple[str, str], float | str] = {}
    if result is not None:
        rows |= _whole(result, truths, ordered_eur, credit_eur)
    return Summary(result=result, rows=rows | dict(sorted(counts.items())))


def _count(counts: dict[tuple[str, str], float | str], group: str, name: str) -> None:
    counts[group, name] = float(counts.get((group, name), 0.0)) + 1


def _whole(
    result: RunResult, truths: list[TruthHappened], ordered_eur: float, credit_eur: float
) -> Mapping[tuple[str, str], float | str]:
    costs = {("cost EUR", name): eur for name, eur in result.costs_eur.items()}
    return {
        ("run", "verdict"): result.verdict,
        ("run", "checks failed"): float(len(result.failed_checks)),
        ("run", "trace hash"): result.trace_hash[:12],
        ("run", "simulated d"): result.simulated_s / 86_400,
        ("run", "messages"): float(result.published),
        ("run", "lost"): float(result.ledger.get("lost", 0)),
        ("all", "orders"): float(result.orders),
        ("all", "ordered EUR"): ordered_eur,
        ("all", "work orders"): float(result.work_orders),
        ("all", "downtime h"): float(sum(downtime_h(truths, result.end_ms).values())),
        ("all", "credits EUR"): credit_eur,
        **costs,
    }
