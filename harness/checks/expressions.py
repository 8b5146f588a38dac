"""Expressions of checks: CEL over one event, or over the state of world and service.

An expression that reads ``kind``, ``subject``, ``thing``, ``data`` or ``at_h`` is asked about
every event. Any other is a condition as in a timeline (:mod:`harness.scenario.conditions`) and is
asked after every step.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from harness.events import (
    ActorActed,
    Event,
    FaultApplied,
    FeedSeen,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
)
from harness.scenario.conditions import (
    FEED_KINDS,
    READS,
    TRUTH_KINDS,
    Condition,
    Ref,
    compile_cel,
    read_condition,
)

if TYPE_CHECKING:
    import cel

EVENT_VARIABLES = ("kind", "subject", "thing", "data", "at_h")
"""What an expression about an event reads. ``at_h``: hours since the start of the run."""
DEEDS = tuple(
    f"deed.{verb}"
    for verb in (
        "recommendation.approve", "recommendation.discard", "order.confirm", "order.reject",
        "order.ship", "order.deliver", "order.cancel", "order.offer", "order.accept",
        "order.refuse", "order.backorder", "order.ship-part", "order.receive-part", "order.lose",
        "order.reship", "order.request-return", "order.replace", "order.receive-replacement",
        "work_order.plan", "work_order.depart",
        "work_order.arrive", "work_order.complete", "work_order.cancel",
    )
)  # fmt: skip
"""Deeds of people, as ``kind`` names them."""
_KIND = re.compile(r"""\bkind\s*[!=]=\s*("([^"]*)"|'([^']*)')""")
_SYNTAX = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_MS_PER_H = 3_600_000.0


class Undecidable(Exception):  # noqa: N818 - it names what happened
    """An expression that reads something that an event has not."""


class EventExpression:
    """CEL over one event. Made anew from its source when a snapshot is taken up."""

    __slots__ = ("program", "source")

    def __init__(self, source: str, program: cel.Program) -> None:
        self.source, self.program = source, program

    def __reduce__(self) -> tuple[Any, ...]:
        return expression, (self.source,)

    def holds(self, event: Event, start_ms: int) -> bool:
        """Whether it holds of an event; events that are only numbers are none of its affair.

        Raises:
            Undecidable: If it reads what this event has not.
        """
        values = event_values(event, start_ms)
        if values is None:
            return False
        try:
            answer = self.program.execute(values)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise Undecidable(
                f"{self.source!r} cannot be decided for {values['kind']}: {error}; its data has "
                f"{', '.join(sorted(values['data'])) or 'nothing'}; ask for the kind first, "
                "or has(data.NAME)"
            ) from error
        if not isinstance(answer, bool):
            raise Undecidable(f"{self.source!r} gives {answer!r}, not true or false")
        return answer


class StateExpression:
    """A condition, with the values that it reads as far as they are known."""

    __slots__ = ("condition", "source", "values")

    def __init__(self, condition: Condition) -> None:
        self.source, self.condition = condition.source, condition
        self.values: dict[Ref, float] = {
            ref: 0.0 for ref in condition.names.values() if ref.word in ("events", "truths")
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.source, self.values)

    def take(self, event: Event) -> None:
        """Let the values follow an event."""
        for ref in self.condition.names.values():
            value = _value(ref, event, self.values.get(ref))
            if value is not None:
                self.values[ref] = value

    def holds(self, elapsed_h: float) -> bool | None:
        """Whether it holds now; None as long as something that it reads is not known."""
        if any(ref not in self.values for ref in self.condition.names.values()):
            return None
        return self.condition.holds(self.values, elapsed_h)

    def missing(self) -> list[str]:
        """What was never heard of, in words."""
        refs = [ref for ref in self.condition.names.values() if ref not in self.values]
        return [f"{r.word}({r.about}).{'.'.join(filter(None, (r.kind, r.part)))}" for r in refs]

    def shown(self) -> str:
        """The values, for a person."""
        pairs = (
            f"{ref.word}({ref.about or ref.kind}){'.' + ref.kind if ref.about else ''}"
            f"{'.' + ref.part if ref.part else ''} = {value:.6g}"
            for ref, value in self.values.items()
        )
        return ", ".join(pairs)


Expression = EventExpression | StateExpression


def _restored(source: str, values: dict[Ref, float]) -> Expression:
    found = expression(source)
    assert isinstance(found, StateExpression), "it was one when it was saved"
    found.values = values
    return found


def expression(source: str) -> Expression:
    """Read an expression.

    Raises:
        ValueError: With everything that is wrong with it.
    """
    found = _read(source)
    return StateExpression(found) if isinstance(found, Condition) else found


@cache
def _read(source: str) -> Condition | EventExpression:
    names = _variables(source)
    about_event = sorted(names & set(EVENT_VARIABLES))
    calls = sorted(word for word in READS if re.search(rf"\b{word}\s*\(", source))
    if about_event and calls:
        raise ValueError(
            f"{source!r} reads an event ({', '.join(about_event)}) and the state "
            f"({', '.join(calls)}); an expression reads one of both (until and within join them)"
        )
    if not about_event:
        condition, problems = read_condition(source)
        if condition is None:
            known = f"; about an event it reads {', '.join(EVENT_VARIABLES)}"
            raise ValueError("; ".join(problems) + ("" if calls else known))
        return condition
    return _about_event(source, names)


def _variables(source: str) -> frozenset[str]:
    """The variables, as far as the text can be read; what is in calls is left to conditions."""
    try:
        return frozenset(compile_cel(source).variables())
    except ValueError:
        bare = re.sub(r'"[^"]*"|\'[^\']*\'', "", source)
        return frozenset(re.findall(r"(?<![.\w])[A-Za-z_]\w*", bare)) & set(EVENT_VARIABLES)


def _about_event(source: str, names: frozenset[str]) -> EventExpression:
    try:
        program = compile_cel(source)
    except ValueError as error:
        found = _SYNTAX.search(str(error))
        why = f"line {found[1]} column {found[2]}: {found[3]}" if found else str(error)
        raise ValueError(f"{source!r} is not CEL, {why}") from error
    if strange := sorted(names - set(EVENT_VARIABLES)):
        allowed = ", ".join(EVENT_VARIABLES)
        raise ValueError(f"{strange[0]!r} is nothing that an event has; allowed: {allowed}")
    known = known_kinds()
    for match in _KIND.finditer(source):
        kind = match[2] or match[3] or ""
        if kind not in known and not kind.startswith("fault."):
            close = difflib.get_close_matches(kind, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ValueError(
                f"unknown kind of event {kind!r}; {hint}allowed: those of the feed "
                "(order.placed ...), truth.KIND, deed.VERB, fault.NAME"
            )
    return EventExpression(source, program)


@cache
def known_kinds() -> frozenset[str]:
    """Everything that ``kind`` can be, but for ``fault.NAME``."""
    return frozenset((*FEED_KINDS, *DEEDS, *(f"truth.{kind}" for kind in TRUTH_KINDS)))


def checked(source: str) -> str:
    """For models: the same text, if it can be read."""
    expression(source)
    return source


ExpressionText = Annotated[str, AfterValidator(checked)]
"""An expression in the arguments of a check; mistakes are told when the scenario is loaded."""


def event_expression(source: str) -> str:
    """For models: the same text, if it is an expression about an event."""
    if not isinstance(expression(source), EventExpression):
        raise ValueError(  # noqa: TRY004 - pydantic takes it for a mistake of the author
            f"{source!r} must be about an event: it reads none of {', '.join(EVENT_VARIABLES)}"
        )
    return source


EventText = Annotated[str, AfterValidator(event_expression)]
"""An expression about an event."""


def event_values(event: Event, start_ms: int) -> dict[str, Any] | None:
    """The variables of an event; None for events that are only numbers."""
    data: Mapping[str, Any]
    if isinstance(event, FeedSeen):
        kind, subject, data = event.kind, event.subject, event.data
    elif isinstance(event, TruthHappened):
        kind, subject, data = f"truth.{event.kind}", event.subject, event.data
    elif isinstance(event, ActorActed):
        kind, subject, data = f"deed.{event.verb}", event.subject, dict(event.data)
        data["refused"] = event.refused or ""
        data["actor"] = event.actor
    elif isinstance(event, FaultApplied):
        kind, subject, data = f"fault.{event.kind}", event.target, dict(event.params)
        data["ended"] = event.ended
    else:
        return None
    return {
        "kind": kind,
        "subject": subject,
        "thing": thing_of(event),
        "data": data,
        "at_h": (event.at_ms - start_ms) / _MS_PER_H,
    }


def thing_of(event: FeedSeen | TruthHappened | ActorActed | FaultApplied) -> str:
    """The thing that an event is about; the subject where nothing says more."""
    if isinstance(event, FaultApplied):
        return event.target
    if event.data.get("thing"):
        return str(event.data["thing"])
    if event.data.get("need_key"):
        return str(event.data["need_key"]).split("/", 1)[0]
    return event.subject


def _value(ref: Ref, event: Event, before: float | None) -> float | None:
    """What an event makes of a value; None: it does not touch it."""
    if ref.word == "truth" and isinstance(event, TruthSampled) and event.device == ref.about:
        if not ref.part:
            return event.signals.get(ref.kind)
        return getattr(event, ref.part, None) if event.component == ref.kind else None
    if ref.word == "signal" and isinstance(event, TelemetrySeen) and event.device == ref.about:
        return event.signals.get(ref.kind)
    counted = FeedSeen if ref.word == "events" else TruthHappened if ref.word == "truths" else None
    if counted is not None and isinstance(event, counted) and event.kind == ref.kind:
        about = (thing_of(event), event.subject, str(event.data.get("site", "")))
        return (before or 0.0) + 1.0 if not ref.about or ref.about in about else None
    return None
