"""Places where a test may kill this process, to prove that nothing is lost and nothing done twice.

The variable ``TWINRIG_CRASH_FILE`` names a file. If it exists and contains the name of the point
that is reached, the file is removed (so that the next process lives) and the process kills itself.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final, Literal

Point = Literal[
    "before_commit",
    "after_commit",
    "in_clock",
    "before_publish",
    "before_delivery",
    "after_delivery",
    "before_write",
    "after_write",
]
VARIABLE: Final = "TWINRIG_CRASH_FILE"

_file: Final = Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def crash_point(point: Point) -> None:
    """Die here by SIGKILL if the crash file names ``point``; otherwise do nothing."""
    if _file is None:
        return
    try:
        armed = point in _file.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return
    if armed:
        _file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
