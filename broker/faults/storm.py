"""All connections of a place break at once and come back in a crowd, once or again and again."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from broker.faults.verdict import Direction, Fault, Memory, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm(Fault):
    """A reconnect storm: ``times`` breaks, evenly spread over the window.

    A break is seen by the broker (a reset, not silence), so that it publishes the wills at once.
    Each device is back at a moment of its own, evenly drawn from ``within_ms``, says again what it
    is, and sends what has waited.
    """

    times: int = 1
    within_ms: int = 60_000

    def __post_init__(self) -> None:
        problems, span_ms = [], self.window.to_ms - self.window.from_ms
        if self.times < 1:
            problems.append(f"times is {self.times}; allowed: 1 or more")
        if self.within_ms < 1:
            problems.append(f"within is {self.within_ms} ms; allowed: above 0")
        elif self.times >= 1 and self.within_ms > span_ms // self.times:
            problems.append(
                f"within is {self.within_ms} ms, but the next break comes after "
                f"{span_ms // self.times} ms; allowed: up to that"
            )
        require(self, problems)

    def away_until_ms(
        self, site: str, device: str, at_ms: int, direction: Direction, memory: Memory
    ) -> int | None:
        """Away from the latest break to the device's return from it."""
        del direction
        if not self.window.covers(site, device, at_ms):
            return None
        breaks = self.window.moments(self.times)
        number = bisect_right(breaks, at_ms) - 1
        name = f"storm/{self.name}/{number}/{device}"
        until_ms = breaks[number] + memory.once(name, self._return)
        return until_ms if at_ms < until_ms else None

    def _return(self, draws: np.random.Generator) -> int:
        return int(draws.integers(1, self.within_ms + 1))

    def will_times_ms(self) -> tuple[int, ...]:
        """At each break."""
        return self.window.moments(self.times)

    def greets(self) -> bool:
        """A new connection begins with a birth."""
        return True
