"""The network falls apart between some sites and the broker, one way or both, and heals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from broker.faults.outage import KEEP_ALIVE_MS
from broker.faults.verdict import Direction, Fault, Memory, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition(Fault):
    """Packets of one direction, or of both, do not get through until the network heals.

    Unlike an :class:`~broker.faults.outage.Outage` it can be one-sided (devices are heard and hear
    nothing, or the other way round), and it does not end for all at once: each device is back at a
    moment of its own, evenly drawn from the ``heal_ms`` that follow the window.

    While the broker hears nothing for one and a half keep-alive times it publishes the wills.
    """

    direction: Literal["both", "up", "down"] = "both"
    heal_ms: int = 0
    keep_alive_ms: int = KEEP_ALIVE_MS

    def __post_init__(self) -> None:
        problems = []
        if self.direction not in ("both", "up", "down"):
            problems.append(f"direction is {self.direction!r}; allowed: both, up, down")
        if self.heal_ms < 0:
            problems.append(f"heal is {self.heal_ms} ms; allowed: 0 or more")
        if self.keep_alive_ms <= 0:
            problems.append(f"keep-alive is {self.keep_alive_ms} ms; allowed: above 0")
        require(self, problems)

    def away_until_ms(
        self, site: str, device: str, at_ms: int, direction: Direction, memory: Memory
    ) -> int | None:
        """Away until the device's own return."""
        window = self.window
        if self.direction not in ("both", direction) or not window.place(site, device):
            return None
        if not window.from_ms <= at_ms < window.to_ms + self.heal_ms:
            return None
        until_ms = window.to_ms
        if self.heal_ms:
            until_ms += memory.once(f"partition/{self.name}/{device}", self._return)
        return until_ms if at_ms < until_ms else None

    def _return(self, draws: np.random.Generator) -> int:
        return int(draws.integers(0, self.heal_ms + 1))

    def will_times_ms(self) -> tuple[int, ...]:
        """When the broker gives the connections up: it has to miss packets of the devices."""
        at_ms = self.window.from_ms + self.keep_alive_ms * 3 // 2
        return (at_ms,) if self.direction != "down" and at_ms < self.window.to_ms else ()

    def ends_ms(self) -> int:
        """When the last device is back."""
        return self.window.to_ms + self.heal_ms
