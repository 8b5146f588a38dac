"""The first attempts fail, then it works: what a retry is for."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import PASS, Fault, Memory, Offer, Retry, Verdict, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaky(Fault):
    """The first ``times`` publishes of each device fail; after that all pass.

    The device, which gets no acknowledgement, tries the same message again after ``retry_ms``.
    """

    times: int = 2
    retry_ms: int = 20_000

    def __post_init__(self) -> None:
        problems = []
        if self.times < 1:
            problems.append(f"times is {self.times}; allowed: 1 or more")
        if self.retry_ms < 1:
            problems.append(f"retry is {self.retry_ms} ms; allowed: above 0")
        require(self, problems)

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Count the device's attempts."""
        number = memory.count(f"flaky/{self.name}/{offer.device}")
        return Retry(offer.at_ms + self.retry_ms) if number <= self.times else PASS
