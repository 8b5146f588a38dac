"""Some messages get lost on the way; devices still have them, so that a resend brings them."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import DROP, PASS, Fault, Memory, Offer, Verdict, ratio_problems, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Fault):
    """Each message is lost with probability ``ratio``, independently.

    One random stream per device: another device, or another fault, shifts nobody's draws.
    """

    ratio: float

    def __post_init__(self) -> None:
        require(self, ratio_problems(self.ratio))

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Draw, while the fault lasts."""
        draw = memory.draws(f"loss/{self.name}/{offer.device}").random()
        return DROP if draw < self.ratio else PASS
