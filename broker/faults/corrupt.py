"""Other bytes arrive than were sent; no consumer can read them as a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from broker.faults.verdict import (
    PASS,
    Fault,
    Memory,
    Offer,
    Spoil,
    Verdict,
    ratio_problems,
    require,
)
from broker.wire import codec, topics
from broker.wire.messages import Uplink

_BIT = 0x80
"""A bit that no byte of ASCII has: where it is flipped, JSON ends to be JSON, or a name changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt(Fault):
    """With probability ``ratio`` a payload is spoilt: a bit flips, or its end is cut off."""

    ratio: float
    how: Literal["flip", "cut"] = "flip"

    def __post_init__(self) -> None:
        problems = ratio_problems(self.ratio)
        if self.how not in ("flip", "cut"):
            problems.append(f"how is {self.how!r}; allowed: flip, cut")
        require(self, problems)

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """One draw whether, one where; the second for every message, so that none shifts."""
        draws = memory.draws(f"corrupt/{self.name}/{offer.device}")
        hit, share = draws.random(2)
        if hit >= self.ratio:
            return PASS
        return Spoil(spoilt(offer.message, self.how, share))


def spoilt(message: Uplink, how: Literal["flip", "cut"], share: float) -> bytes:
    """The bytes of a message, so changed that they are no message any more.

    Args:
        message: What was sent.
        how: ``flip`` a bit of one byte, or ``cut`` off the end.
        share: Where, from 0 (the first byte) up to, but not, 1.
    """
    payload = codec.encode(message)
    at = min(int(share * len(payload)), len(payload) - 1)
    if how == "flip":
        changed = bytearray(payload)
        changed[at] ^= _BIT
        try:
            codec.decode_uplink(topics.uplink("any", message), bytes(changed))
        except codec.MalformedMessage:
            return bytes(changed)
        # The name of a field that may be absent was hit: the rest is a message still.
    return payload[: max(at, 1)]
