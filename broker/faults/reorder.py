"""Messages of a device arrive in another order than they were sent in."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import (
    PASS,
    Behind,
    Fault,
    Memory,
    Offer,
    Verdict,
    ratio_problems,
    require,
)

DEPTH_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder(Fault):
    """With probability ``ratio`` a message is overtaken by the next ``depth`` of its device.

    It arrives when the window closes even if fewer have come by then.
    """

    ratio: float
    depth: int = 1

    def __post_init__(self) -> None:
        problems = ratio_problems(self.ratio)
        if not 1 <= self.depth <= DEPTH_MAX:
            problems.append(f"depth is {self.depth}; allowed: 1 to {DEPTH_MAX}")
        require(self, problems)

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Draw, while the fault lasts."""
        draw = memory.draws(f"reorder/{self.name}/{offer.device}").random()
        return Behind(self.depth, self.window.to_ms) if draw < self.ratio else PASS
