"""The life of a command as a table (domain model 3.8, without retries)."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a command is. It is never shown as applied before the device confirmed it (R1)."""

    REQUESTED = "REQUESTED"
    SENT = "SENT"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class Step(StrEnum):
    """What can happen to a command."""

    SEND = "send"
    CONFIRM = "confirm"
    FAIL = "fail"
    EXPIRE = "expire"


# An answer may overtake the note that the command was sent, so REQUESTED knows all steps.
TRANSITIONS: dict[State, dict[Step, State]] = {
    State.REQUESTED: {
        Step.SEND: State.SENT,
        Step.CONFIRM: State.CONFIRMED,
        Step.FAIL: State.FAILED,
        Step.EXPIRE: State.EXPIRED,
    },
    State.SENT: {
        Step.CONFIRM: State.CONFIRMED,
        Step.FAIL: State.FAILED,
        Step.EXPIRE: State.EXPIRED,
    },
    State.CONFIRMED: {},
    State.FAILED: {},
    State.EXPIRED: {},
}
STEP_OF_ACK = {"done": Step.CONFIRM, "refused": Step.FAIL, "expired": Step.EXPIRE}
KIND_OF_STEP = {
    Step.CONFIRM: "command.confirmed",
    Step.FAIL: "command.failed",
    Step.EXPIRE: "command.failed",
}
