"""Some messages come twice: the way made a copy."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import (
    PASS,
    Again,
    Fault,
    Memory,
    Offer,
    Verdict,
    ratio_problems,
    require,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(Fault):
    """With probability ``ratio`` a message comes once more, ``after_ms`` later (0: at once)."""

    ratio: float
    after_ms: int = 0

    def __post_init__(self) -> None:
        problems = ratio_problems(self.ratio)
        if self.after_ms < 0:
            problems.append(f"after is {self.after_ms} ms; allowed: 0 or more")
        require(self, problems)

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Draw, while the fault lasts."""
        draw = memory.draws(f"duplicate/{self.name}/{offer.device}").random()
        if draw >= self.ratio:
            return PASS
        return Again("double", offer.at_ms + self.after_ms, judged=False)
