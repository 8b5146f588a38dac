"""Acknowledgements get lost: the broker has the message, and the device sends it once more."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import PASS, Again, Fault, Memory, Offer, Verdict, require


@dataclass(frozen=True, slots=True, kw_only=True)
class LostPuback(Fault):
    """Each ``every``-th PUBACK that a device should get is withheld.

    The device waits for ``retry_ms`` and sends the same (device, boot, seq) again; the PUBACK of
    that counts on, so that none is withheld for ever.
    """

    every: int = 3
    retry_ms: int = 20_000

    def __post_init__(self) -> None:
        problems = []
        if self.every < 2:
            problems.append(
                f"every is {self.every}; allowed: 2 or more (1 would acknowledge nothing, ever)"
            )
        if self.retry_ms < 0:
            problems.append(f"retry is {self.retry_ms} ms; allowed: 0 or more")
        require(self, problems)

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Count the device's publishes."""
        number = memory.count(f"puback/{self.name}/{offer.device}")
        if number % self.every:
            return PASS
        return Again("no_puback", offer.at_ms + self.retry_ms, judged=True)
