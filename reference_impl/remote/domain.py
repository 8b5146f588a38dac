"""The life of a command as a table (domain model 3.8, without retries)."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a command is. It is never shown as applied before the device confirmed it (R1)."""

    REQUESTED = "REQUESTED"
    SENT = "SENT"
    RUNNING = "RUNNING"
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class Step(StrEnum):
    """What can happen to a command."""

    SEND = "send"
    PROGRESS = "progress"
    CONFIRM = "confirm"
    FAIL = "fail"
    EXPIRE = "expire"


# An answer may overtake the note that the command was sent, so REQUESTED knows all steps.
TRANSITIONS: dict[State, dict[Step, State]] = {
    State.REQUESTED: {
        Step.SEND: State.SENT,
        Step.PROGRESS: State.RUNNING,
        Step.CONFIRM: State.CONFIRMED,
        Step.FAIL: State.FAILED,
        Step.EXPIRE: State.EXPIRED,
    },
    State.SENT: {
        Step.PROGRESS: State.RUNNING,
        Step.CONFIRM: State.CONFIRMED,
        Step.FAIL: State.FAILED,
        Step.EXPIRE: State.EXPIRED,
    },
    State.RUNNING: {
        Step.PROGRESS: State.RUNNING,
        Step.CONFIRM: State.CONFIRMED,
        Step.FAIL: State.FAILED,
        Step.EXPIRE: State.EXPIRED,
    },
    State.CONFIRMED: {},
    State.FAILED: {},
    State.EXPIRED: {},
}
STEP_OF_ACK = {
    "running": Step.PROGRESS,
    "done": Step.CONFIRM,
    "refused": Step.FAIL,
    "expired": Step.EXPIRE,
}
KIND_OF_STEP = {
    Step.PROGRESS: "command.progressed",
    Step.CONFIRM: "command.confirmed",
    Step.FAIL: "command.failed",
    Step.EXPIRE: "command.failed",
}
SILENT_MS = 48 * 3_600_000
"""A command under way of which nothing is heard for so long is given up (a device waits a day for
its link or for a safe moment, then says so: twice that, estimate)."""
