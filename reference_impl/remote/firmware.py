"""Firmware rollouts as tables (domain model 3.6), and the arithmetic of their groups; pure.

The states of a device are those of hawkBit and ThingsBoard; a stage may be skipped where its
message was lost, never repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from reference_impl.kernel.ids import digest

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
VERSION = r"^\d+\.\d+\.\d+$"


class Rollout(StrEnum):
    """Where a rollout is."""

    DRAFT = "DRAFT"
    WAITING_APPROVAL = "WAITING_APPROVAL"
    READY = "READY"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


class Step(StrEnum):
    """What moves a rollout."""

    SUBMIT = "submit"
    WAIVE = "waive"
    APPROVE = "approve"
    REJECT = "reject"
    START = "start"
    BEGIN = "begin"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    STOP = "stop"
    DELETE = "delete"


ROLLOUTS: Mapping[Rollout, Mapping[Step, Rollout]] = {
    Rollout.DRAFT: {
        Step.SUBMIT: Rollout.WAITING_APPROVAL,
        Step.WAIVE: Rollout.READY,
        Step.DELETE: Rollout.DELETED,
    },
    Rollout.WAITING_APPROVAL: {
        Step.APPROVE: Rollout.READY,
        Step.REJECT: Rollout.DRAFT,
        Step.DELETE: Rollout.DELETED,
    },
    Rollout.READY: {Step.START: Rollout.STARTING, Step.DELETE: Rollout.DELETED},
    Rollout.STARTING: {Step.BEGIN: Rollout.RUNNING, Step.STOP: Rollout.STOPPED},
    Rollout.RUNNING: {
        Step.PAUSE: Rollout.PAUSED,
        Step.FINISH: Rollout.FINISHED,
        Step.STOP: Rollout.STOPPED,
    },
    Rollout.PAUSED: {Step.RESUME: Rollout.RUNNING, Step.STOP: Rollout.STOPPED},
    Rollout.FINISHED: {},
    Rollout.STOPPED: {},
    Rollout.DELETED: {},
}
assert ROLLOUTS.keys() == set(Rollout), "every state needs a row, final ones an empty one"
PAST = {
    Step.SUBMIT: "submitted",
    Step.WAIVE: "readied",
    Step.APPROVE: "approved",
    Step.REJECT: "rejected",
    Step.START: "starting",
    Step.BEGIN: "started",
    Step.PAUSE: "paused",
    Step.RESUME: "resumed",
    Step.FINISH: "finished",
    Step.STOP: "stopped",
    Step.DELETE: "deleted",
}
"""The feed's word for each step, after ``firmware.rollout_``."""
assert PAST.keys() == set(Step), "every step needs its word"


class Device(StrEnum):
    """Where the update of one device is."""

    QUEUED = "QUEUED"
    INITIATED = "INITIATED"
    DOWNLOADING = "DOWNLOADING"
    DOWNLOADED = "DOWNLOADED"
    VERIFIED = "VERIFIED"
    UPDATING = "UPDATING"
    UPDATED = "UPDATED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    TIMED_OUT = "TIMED_OUT"
    SKIPPED = "SKIPPED"


class Move(StrEnum):
    """What moves the update of a device. Its value is the feed's word, after ``firmware.``."""

    INITIATE = "initiated"
    DOWNLOAD = "downloading"
    DOWNLOADED = "downloaded"
    VERIFY = "verified"
    UPDATE = "updating"
    REQUEUE = "requeued"
    SUCCEED = "updated"
    FAIL = "failed"
    ROLL_BACK = "rolled_back"
    TIME_OUT = "timed_out"
    SKIP = "skipped"


_STAGES = {
    Move.DOWNLOAD: Device.DOWNLOADING,
    Move.DOWNLOADED: Device.DOWNLOADED,
    Move.VERIFY: Device.VERIFIED,
    Move.UPDATE: Device.UPDATING,
}
_ENDS = {
    Move.SUCCEED: Device.UPDATED,
    Move.FAIL: Device.FAILED,
    Move.ROLL_BACK: Device.ROLLED_BACK,
    Move.TIME_OUT: Device.TIMED_OUT,
}


def _from(stage: Device) -> dict[Move, Device]:
    """Every later stage, and every end."""
    order = list(_STAGES.values())
    later = {m: s for m, s in _STAGES.items() if order.index(s) > order.index(stage)}
    return {**later, **_ENDS}


DEVICES: Mapping[Device, Mapping[Move, Device]] = {
    Device.QUEUED: {
        Move.INITIATE: Device.INITIATED,
        Move.SKIP: Device.SKIPPED,
        Move.SUCCEED: Device.UPDATED,
        Move.TIME_OUT: Device.TIMED_OUT,
    },
    Device.INITIATED: {**_STAGES, **_ENDS, Move.REQUEUE: Device.QUEUED},
    **{stage: _from(stage) for stage in _STAGES.values()},
    **{end: {} for end in (*_ENDS.values(), Device.SKIPPED)},
}
assert DEVICES.keys() == set(Device), "every state needs a row, final ones an empty one"
UNDER_WAY = frozenset({Device.INITIATED, *_STAGES.values()})
ERRORS = frozenset({Device.FAILED, Device.ROLLED_BACK, Device.TIMED_OUT})
ENDED = frozenset({*ERRORS, Device.UPDATED, Device.SKIPPED})
MOVE_OF_STAGE = {
    "downloading": Move.DOWNLOAD,
    "downloaded": Move.DOWNLOADED,
    "verified": Move.VERIFY,
    "updating": Move.UPDATE,
    "testing": Move.UPDATE,
}
"""What a device says of its progress (docs/reference/device.md); ``waiting`` moves nothing."""


def version_key(version: str) -> tuple[int, ...]:
    """A version as numbers that compare; empty if it is none."""
    found = _VERSION.fullmatch(version)
    return () if found is None else tuple(map(int, found.groups()))


def unfit(target: str, runs: str, *, downgrade: bool) -> str:
    """Why a device with version ``runs`` does not get ``target`` (FW5); empty: it does."""
    if runs == target:
        return f"runs {target} already"
    if version_key(target) < version_key(runs) and not downgrade:
        return f"runs {runs}; a downgrade must be said"
    return ""


def fits(package: Mapping[str, Any], model: str, hardware: str) -> bool:
    """Whether a package is for a model and a hardware revision (FW3); unknown ones do not fit."""
    revisions: Sequence[str] = package["hardware"]
    return model in package["models"] and (not revisions or hardware in revisions)


def grouped(rollout: str, things: Sequence[str], plan: Sequence[Mapping[str, Any]]) -> list[int]:
    """The group (from 1) of each thing.

    Listed things go where they are listed. The rest is spread by ``share`` of all that are not
    listed, in an order that follows from ids and favours nobody; what is left is in the last group.
    """
    listed = {name: n for n, group in enumerate(plan, 1) for name in group["things"]}
    rest = sorted((t for t in things if t not in listed), key=lambda t: digest(rollout, t))
    found = dict(listed)
    taken, share = 0, 0.0
    for number, group in enumerate(plan, 1):
        share += group["share"]
        upto = len(rest) if number == len(plan) else min(len(rest), round(share * len(rest)))
        if group["share"] and upto == taken and number < len(plan) and len(rest) > taken:
            upto = taken + 1  # a share is somebody
        found |= dict.fromkeys(rest[taken:upto], number)
        taken = max(taken, upto)
    return [found[thing] for thing in things]


class Tally(NamedTuple):
    """How a group stands. ``judged`` are those that were not skipped."""

    size: int
    judged: int
    updated: int
    errors: int
    ended: int

    @property
    def over(self) -> bool:
        """Whether nobody of it is under way or waits."""
        return self.ended == self.size

    def too_many_errors(self, error_share: float) -> bool:
        """Whether the emergency stop is due (FW7)."""
        return self.errors > error_share * self.judged

    def succeeded(self, success_share: float) -> bool:
        """Whether the next group may begin; a group of which all were skipped forbids nothing."""
        if not self.judged:
            return self.over
        return self.updated >= success_share * self.judged


def tally(states: Sequence[str]) -> Tally:
    """Count a group."""
    skipped = sum(state == Device.SKIPPED for state in states)
    return Tally(
        size=len(states),
        judged=len(states) - skipped,
        updated=sum(state == Device.UPDATED for state in states),
        errors=sum(state in ERRORS for state in states),
        ended=sum(state in ENDED for state in states),
    )


class Report(NamedTuple):
    """What a device says of its update: a stage and why, or a text that is neither."""

    stage: str
    why: str


def report_of(detail: str) -> Report:
    """Read the detail of an acknowledgement."""
    try:
        said = json.loads(detail)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Report("", detail)
    return Report(str(said.get("stage", "")), str(said.get("why", "")))
