"""A run saved at rest into a folder, and taken up from there: it ends with the same hashes.

The state is pickled: a snapshot is a file of one's own, of this version of the rig. Do not open
one that somebody else made.
"""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from harness.engine.assembly import DPS_FILE, Rig
from harness.engine.recorder import EngineRecorder
from harness.errors import ScenarioError
from harness.world.loop import Loop

FOLDER = "snapshots"
"""Where a run's folder has those that it took itself."""
META_FILE = "snapshot.json"
WORLD_FILE = "world.bin"
STATE_FILE = "state.pickle"
FORMAT = 1


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may know of a snapshot without opening it."""

    at_ms: int
    """Simulated time of the rest at which it was taken."""
    wanted_ms: int
    """Since the run's start; the rest is the first one from then on."""
    past_hash: str
    """The trace hash of all that had happened."""


async def save(
    folder: Path, *, rig: Rig, loop: Loop, recorder: EngineRecorder, wanted_ms: int
) -> None:
    """Write world, link, DPS, trace and checks into ``folder``; only between two steps."""
    target = _empty(folder)
    await rig.sut.snapshot(target)
    (folder / WORLD_FILE).write_bytes(rig.world.snapshot())
    state = {
        "format": FORMAT,
        "progress": asdict(loop.progress),
        "outbox": loop.pending(),
        "path": rig.path.snapshot(),
        "recorder": recorder.state(),
    }
    (folder / STATE_FILE).write_bytes(pickle.dumps(state))
    meta = Meta(
        at_ms=loop.progress.now_ms, wanted_ms=wanted_ms, past_hash=recorder.trace.so_far()
    )  # fmt: skip
    (folder / META_FILE).write_bytes(msgspec.json.encode(meta))


def read_meta(folder: Path) -> Meta | None:
    """What a folder's snapshot is of; None if it holds none."""
    try:
        return msgspec.json.decode((folder / META_FILE).read_bytes(), type=Meta)
    except (OSError, msgspec.MsgspecError):
        return None


def _empty(folder: Path) -> Path:
    """Make the folder; the place in it for the DPS's store, with nothing there."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder.resolve() / DPS_FILE
    target.unlink(missing_ok=True)
    return target


def read_world(folder: Path) -> bytes:
    """The world's part of a snapshot.

    Raises:
        ScenarioError: If the folder holds none.
    """
    try:
        return (folder / WORLD_FILE).read_bytes()
    except OSError as error:
        raise ScenarioError(f"{folder} holds no snapshot of a run: {error.strerror}") from error


def restore(folder: Path, *, rig: Rig, loop: Loop, recorder: EngineRecorder) -> None:
    """Let link, trace, checks and progress become what they were.

    Raises:
        ScenarioError: If the snapshot is of another version, or of a scenario with other checks.
    """
    saved = (folder / STATE_FILE).read_bytes()
    state: dict[str, Any] = pickle.loads(saved)  # noqa: S301 - see above
    if state.get("format") != FORMAT:
        raise ScenarioError(f"{folder}: the snapshot is of another version of the rig")
    rig.path.restore(state["path"])
    loop.go_on_from(state["progress"], state["outbox"])
    recorder.restore(state["recorder"])
