"""The life of a command as a table (domain model 3.8), and what a caller may ask of it.

A command without a policy ends by what its device answers. With one it has a deadline, may be sent
again, and may count as done only once a signal says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a command is. It is never shown as applied before the device confirmed it (R1)."""

    REQUESTED = "REQUESTED"
    SENT = "SENT"
    RUNNING = "RUNNING"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    TIMEOUT = "TIMEOUT"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class Step(StrEnum):
    """What can happen to a command."""

    SEND = "send"
    PROGRESS = "progress"
    ACKNOWLEDGE = "acknowledge"
    TIME_OUT = "time_out"
    RETRY = "retry"
    CONFIRM = "confirm"
    FAIL = "fail"
    EXPIRE = "expire"


_ENDS = {Step.CONFIRM: State.CONFIRMED, Step.FAIL: State.FAILED, Step.EXPIRE: State.EXPIRED}
_ANSWERS = {
    Step.PROGRESS: State.RUNNING,
    Step.ACKNOWLEDGE: State.ACKNOWLEDGED,
    Step.TIME_OUT: State.TIMEOUT,
    **_ENDS,
}
# An answer may overtake the note that the command was sent, so REQUESTED knows all answers.
TRANSITIONS: Mapping[State, Mapping[Step, State]] = {
    State.REQUESTED: {Step.SEND: State.SENT, **_ANSWERS},
    State.SENT: _ANSWERS,
    State.RUNNING: _ANSWERS,
    State.ACKNOWLEDGED: {Step.TIME_OUT: State.TIMEOUT, **_ENDS},
    State.TIMEOUT: {Step.RETRY: State.REQUESTED, **_ENDS},
    State.CONFIRMED: {},
    State.FAILED: {},
    State.EXPIRED: {},
}
assert TRANSITIONS.keys() == set(State), "every state needs a row, final ones an empty one"
STEP_OF_ACK = {
    "running": Step.PROGRESS,
    "done": Step.CONFIRM,
    "refused": Step.FAIL,
    "expired": Step.EXPIRE,
}
KIND_OF_STEP = {
    Step.PROGRESS: "command.progressed",
    Step.ACKNOWLEDGE: "command.acknowledged",
    Step.TIME_OUT: "command.timed_out",
    Step.RETRY: "command.retried",
    Step.CONFIRM: "command.confirmed",
    Step.FAIL: "command.failed",
    Step.EXPIRE: "command.failed",
}
SILENT_MS = 48 * 3_600_000
"""A command under way of which nothing is heard for so long is given up (a device waits a day for
its link or for a safe moment, then says so: twice that, estimate)."""
DURABLE_MS = 30 * 86_400_000
"""How long a durable command waits for its device: as long as what was paid for does (R2)."""
LOOK_MS = 60_000
"""How often the feedback is looked at while a command waits for it (estimate)."""
RETRIES_MAX = 10
"""More tries than this are a person's decision (estimate)."""
ORIGINS = ("rule", "automation", "billing", "firmware", "remedy", "advice")
"""Who asks by itself; anybody else is a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A command is done when a reading after it says so: ``signal`` equals ``equals``.

    ``tolerance`` is in the unit of the signal.
    """

    signal: str
    equals: float
    tolerance: float = 0.0

    def says(self, value: float) -> bool:
        """Whether a reading confirms."""
        return abs(value - self.equals) <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is asked of a command beside its expiry.

    ``timeout_ms`` (0: none) is when a try has failed that was not confirmed; then it is tried again
    ``retries`` times, each ``spacing_ms`` after the last one failed, if it is idempotent (R3).
    ``durable`` is kept for a device that is away (R2).
    """

    timeout_ms: int = 0
    retries: int = 0
    spacing_ms: int = 0
    durable: bool = False
    feedback: Feedback | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored; empty for a command without a policy."""
        if self == Policy():
            return {}
        said = self.feedback
        back = None
        if said is not None:
            back = {"signal": said.signal, "equals": said.equals, "tolerance": said.tolerance}
        return {
            "timeout_ms": self.timeout_ms,
            "retries": self.retries,
            "spacing_ms": self.spacing_ms,
            "durable": self.durable,
            "feedback": back,
        }


def policy_of(stored: Mapping[str, Any]) -> Policy:
    """The policy that :meth:`Policy.as_json` wrote."""
    back = stored.get("feedback")
    return Policy(**{**stored, "feedback": None if back is None else Feedback(**back)})


def origin_of(by: str) -> str:
    """Whether a person asked (``hand``), or what did by itself: ``rule:pack/rule`` is a rule."""
    kind = by.partition(":")[0]
    return kind if kind in ORIGINS else "hand"


def wire_id(command_id: str, attempt: int) -> str:
    """The id of a try on the wire: a device obeys an id once, so each try needs its own."""
    return command_id if attempt == 1 else f"{command_id}~{attempt}"


def command_of(wire: str) -> str:
    """The command of which an id on the wire is a try."""
    return wire.partition("~")[0]
