"""Messages take their time on the way, each its own, so that they overtake each other."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import PASS, Fault, Late, Memory, Offer, Verdict, ratio_problems, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Fault):
    """A share of the messages arrives ``by_ms`` later, and up to ``jitter_ms`` more (even draw).

    With a jitter above the interval of the reports, later ones overtake earlier ones.
    """

    by_ms: int
    jitter_ms: int = 0
    ratio: float = 1.0

    def __post_init__(self) -> None:
        problems = ratio_problems(self.ratio)
        if self.by_ms < 0 or self.jitter_ms < 0 or self.by_ms + self.jitter_ms == 0:
            problems.append(
                f"it delays by {self.by_ms} ms and up to {self.jitter_ms} ms more; allowed: "
                "0 or more each, and not both 0"
            )
        require(self, problems)

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Two draws for each message, so that a ratio shifts nobody's delay."""
        hit, share = memory.draws(f"delay/{self.name}/{offer.device}").random(2)
        if hit >= self.ratio:
            return PASS
        return Late(offer.at_ms + self.by_ms + round(self.jitter_ms * share))
