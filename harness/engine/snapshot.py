"""A run saved at rest into a folder, and taken up from there: it ends with the same hashes.

The state is pickled: a snapshot is a file of one's own, of this version of the rig. Do not open
one that somebody else made.
"""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.engine.assembly import DPS_FILE, Rig
from harness.engine.recorder import EngineRecorder
from harness.errors import ScenarioError
from harness.world.loop import Loop

WORLD_FILE = "world.bin"
STATE_FILE = "state.pickle"
FORMAT = 1


async def save(folder: Path, *, rig: Rig, loop: Loop, recorder: EngineRecorder) -> None:
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
