"""The hand on a running world: pause, step, speed, jump, faults. Safe from other threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

POLL_S = 0.02
"""How often a held driver looks at its control."""


class WantedFault(NamedTuple):
    """A fault that somebody asked for by hand."""

    fault: str
    device: str
    params: Mapping[str, float | str]


@dataclass(slots=True)
class Control:
    """Shared between a driver and, say, a page. ``speed`` is simulated seconds per second."""

    speed: float = 3600.0
    paused: bool = False
    stopped: bool = False
    on_refused: Callable[[WantedFault, str], None] | None = None
    """Told, on the driver's thread, of a fault that cannot be, and why not."""
    jump_to_ms: int = 0
    """Simulated time up to which nothing is held back."""
    _steps: int = 0
    _faults: deque[WantedFault] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set_speed(self, speed: float) -> None:
        """Change the speed; takes effect at once.

        Raises:
            ValueError: If it is not above 0.
        """
        if not speed > 0:
            raise ValueError(f"speed must be above 0 simulated seconds per second, not {speed}")
        self.speed = speed

    def pause(self) -> None:
        """Hold the world after the step that it is in."""
        self.paused = True

    def resume(self) -> None:
        """Let it go on."""
        self.paused = False

    def step(self) -> None:
        """Let a paused world take one step."""
        with self._lock:
            self._steps += 1

    def jump(self, to_ms: int) -> None:
        """Go to a simulated time as fast as it goes, a pause or not; what lies before is past."""
        self.jump_to_ms = to_ms

    def stop(self) -> None:
        """End the run after the step that it is in; its checks are decided on what there is."""
        self.stopped = True

    def inject(
        self, fault: str, device: str, params: Mapping[str, float | str] | None = None
    ) -> None:
        """Break something at the beginning of the next step."""
        with self._lock:
            self._faults.append(WantedFault(fault, device, dict(params or {})))

    def take_faults(self) -> list[WantedFault]:
        """What was asked for since the last time (for drivers)."""
        with self._lock:
            taken = list(self._faults)
            self._faults.clear()
        return taken

    def refused(self, wanted: WantedFault, why: str) -> None:
        """Tell whoever asked for a fault why it cannot be (for drivers)."""
        if self.on_refused is not None:
            self.on_refused(wanted, why)

    def take_step(self) -> bool:
        """Whether a single step was asked for (for drivers)."""
        with self._lock:
            if self._steps:
                self._steps -= 1
                return True
        return False
