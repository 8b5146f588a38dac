"""What a rule pack is, and the life of one rule on one thing.

A rule's verdict at an evaluation is true, false or UNKNOWN (None: an input is stale). UNKNOWN
neither fires nor clears; while it lasts, the waits of ``for`` and ``keep_for`` stand still: they
neither advance nor start anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reference_impl.kernel.errors import Problem
from reference_impl.kernel.expressions import Expression
from reference_impl.kernel.ports import Take
from reference_impl.rules.variables import ReadingsInput, Variable

CONDITION_FIELDS = ("wear_pct", "runout_p10_h", "runout_p50_h", "runout_p90_h")
"""Run-out fields are hours from the evaluation; without a trend they are infinite."""
PART_FIELDS = ("lead_time_p50_h", "lead_time_p90_h", "price_eur")


class Severity(StrEnum):
    """How bad it is, worst first."""

    FAILURE = "failure"
    MAJOR = "major"
    MINOR = "minor"
    OPERATION = "operation"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalInput:
    """A window of readings: those of the last ``over_ms``."""

    signal: str
    take: Take
    over_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionInput:
    """A field of a condition's newest evaluation."""

    condition: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartInput:
    """A field of a part of the catalogue."""

    part: str
    field: str


Input = SignalInput | ConditionInput | PartInput | Variable


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReaction:
    """Raise an alert.

    Its notices go out ``delay_ms`` after it, and again each ``remind_ms`` while it is not cleared
    (0: never). ``at_night`` says whether mail and SMS may go out in quiet hours; None: if it is a
    failure.
    """

    delay_ms: int = 0
    remind_ms: int = 0
    channels: tuple[str, ...] = ("web",)
    at_night: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendReaction:
    """Advise to replace a part; ``at_once`` sends a crew before the part is there."""

    part: str
    position: str
    quantity: int
    at_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReaction:
    """Ask the device to do something, once per firing."""

    name: str
    args: Mapping[str, Any]
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReaction:
    """Ask a person to do something, once per instance."""

    title: str
    topic: str
    priority: str
    due_ms: int
    work_h: float
    instructions: str
    reason_forced: bool
    done_when: Expression | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackReaction:
    """Call another system, once per firing: ``name`` is the hook that it subscribed."""

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyReaction:
    """Say something to contacts, once per firing; for automations."""

    text: str
    channels: tuple[str, ...]


Reaction = (
    AlertReaction
    | RecommendReaction
    | CommandReaction
    | ActionReaction
    | CallbackReaction
    | NotifyReaction
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A rule that, while it is ACTIVE, stands above another one (A12, SP10).

    ``scope`` is ``thing`` (the same one) or ``site`` (any of the same site).
    """

    pack: str
    rule: str
    scope: str = "thing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    id: str
    inputs: Mapping[str, Input]
    when: Expression
    for_ms: int
    keep_for_ms: int
    stale_after_ms: int
    severity: Severity
    reactions: tuple[Reaction, ...]
    why: str
    clear_when: Expression | None = None
    yields_to: tuple[Cause, ...] = ()
    owner: str = ""
    purpose: str = ""
    expected_per_year: float | None = None
    subject: str = ""
    topic: str = "health"
    remedies: tuple[str, ...] = ()
    family: str = ""
    """The rule that it is a step of, else its own id."""

    @property
    def looks_back_ms(self) -> int:
        """How far back the readings go that it looks at; conditions begin anew with a part."""
        windows = [i.over_ms for i in self.inputs.values() if isinstance(i, SignalInput)]
        windows += [i.back_ms for i in self.inputs.values() if isinstance(i, ReadingsInput)]
        return max(windows, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The rules for one model."""

    pack: str
    version: str
    model: str
    owner: str
    every_ms: int
    rules: tuple[Rule, ...]
    warnings: tuple[Problem, ...] = ()


class Phase(StrEnum):
    """The life of one event instance (domain 3.3): a rule on a thing, and what people did about it.

    The engine moves it up to ACTIVE and ends it; people take it over and shelve it meanwhile. An
    instance that ended is never taken up again: what follows is a new one (A4).
    """

    NORMAL = "NORMAL"
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    TAKEN_OVER = "TAKEN_OVER"
    SHELVED = "SHELVED"
    SUPERSEDED = "SUPERSEDED"
    CLEARED = "CLEARED"
    HISTORICAL = "HISTORICAL"


class Step(StrEnum):
    """What moves an instance."""

    HOLD = "hold"
    LAPSE = "lapse"
    MATURE = "mature"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPERSEDE = "supersede"
    CLEAR = "clear"
    ARCHIVE = "archive"


_ENDS = {Step.CLEAR: Phase.CLEARED, Step.SUPERSEDE: Phase.SUPERSEDED}
PHASES: Mapping[Phase, Mapping[Step, Phase]] = {
    Phase.NORMAL: {Step.HOLD: Phase.PENDING},
    Phase.PENDING: {Step.LAPSE: Phase.NORMAL, Step.MATURE: Phase.ACTIVE},
    Phase.ACTIVE: {Step.TAKE_OVER: Phase.TAKEN_OVER, Step.SHELVE: Phase.SHELVED, **_ENDS},
    Phase.TAKEN_OVER: {
        Step.TAKE_OVER: Phase.TAKEN_OVER,
        Step.HAND_BACK: Phase.ACTIVE,
        Step.SHELVE: Phase.SHELVED,
        **_ENDS,
    },
    Phase.SHELVED: {Step.TAKE_OVER: Phase.TAKEN_OVER, Step.UNSHELVE: Phase.ACTIVE, **_ENDS},
    Phase.SUPERSEDED: {Step.ARCHIVE: Phase.HISTORICAL},
    Phase.CLEARED: {Step.ARCHIVE: Phase.HISTORICAL},
    Phase.HISTORICAL: {},
}
OPEN = (Phase.ACTIVE, Phase.TAKEN_OVER, Phase.SHELVED)
"""States of an alert whose condition is not cleared."""
assert PHASES.keys() == set(Phase), "every state needs a row, final ones an empty one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A rule that is PENDING or ACTIVE on a thing; a rule without one is NORMAL.

    ``started_ms`` is when the condition first held, ``paused_ms`` how long the present wait has
    stood still, ``false_ms`` since when an ACTIVE rule's condition no longer holds, ``fired_ms``
    when it became ACTIVE (-1: it is not).
    """

    phase: Phase
    started_ms: int
    paused_ms: int = 0
    false_ms: int | None = None
    fired_ms: int = -1


def judge(
    instance: Instance | None,
    verdict: bool | None,
    *,
    rule: Rule,
    at_ms: int,
    every_ms: int,
    yields: bool = False,
) -> tuple[Instance | None, tuple[Step, ...]]:
    """One evaluation.

    Args:
        instance: The rule's instance on the thing, None if NORMAL.
        verdict: Whether its condition holds; None for UNKNOWN.
        rule: For ``for_ms`` and ``keep_for_ms``.
        at_ms: Time of the evaluation.
        every_ms: Time since the evaluation before it.
        yields: Whether a rule that stands above it is ACTIVE: this one then does not become so,
            and its wait stands still; if it is ACTIVE it is superseded (A12, SP10).

    Returns:
        The instance after it (None: NORMAL again) and the steps that were taken, in order.
    """
    if yields:
        if instance is None or instance.phase is not Phase.ACTIVE:
            verdict = None
        else:
            assert _next(instance.phase, Step.SUPERSEDE) is Phase.SUPERSEDED
            return None, (Step.SUPERSEDE,)
    if instance is None:
        if not verdict:
            return None, ()
        instance = Instance(phase=_next(Phase.NORMAL, Step.HOLD), started_ms=at_ms)
        held, steps = _pending(instance, verdict, rule=rule, at_ms=at_ms, every_ms=every_ms)
        return held, (Step.HOLD, *steps)
    if instance.phase is Phase.PENDING:
        return _pending(instance, verdict, rule=rule, at_ms=at_ms, every_ms=every_ms)
    return _active(instance, verdict, rule=rule, at_ms=at_ms, every_ms=every_ms)


def _pending(
    instance: Instance, verdict: bool | None, *, rule: Rule, at_ms: int, every_ms: int
) -> tuple[Instance | None, tuple[Step, ...]]:
    if verdict is None:
        return replace(instance, paused_ms=instance.paused_ms + every_ms), ()
    if not verdict:
        assert _next(instance.phase, Step.LAPSE) is Phase.NORMAL
        return None, (Step.LAPSE,)
    if at_ms - instance.started_ms - instance.paused_ms < rule.for_ms:
        return instance, ()
    phase = _next(instance.phase, Step.MATURE)
    return replace(instance, phase=phase, paused_ms=0, fired_ms=at_ms), (Step.MATURE,)


def _active(
    instance: Instance, verdict: bool | None, *, rule: Rule, at_ms: int, every_ms: int
) -> tuple[Instance | None, tuple[Step, ...]]:
    if verdict:
        if instance.false_ms is None:
            return instance, ()
        return replace(instance, false_ms=None, paused_ms=0), ()
    if verdict is None:
        if instance.false_ms is None:
            return instance, ()
        return replace(instance, paused_ms=instance.paused_ms + every_ms), ()
    false_ms = at_ms if instance.false_ms is None else instance.false_ms
    if at_ms - false_ms - instance.paused_ms < rule.keep_for_ms:
        return replace(instance, false_ms=false_ms), ()
    assert _next(instance.phase, Step.CLEAR) is Phase.CLEARED
    return None, (Step.CLEAR,)


def _next(phase: Phase, step: Step) -> Phase:
    return PHASES[phase][step]
