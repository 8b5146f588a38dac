"""Exactly these numbers go wrong, and nothing else: for tests that say what they expect."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain

from broker.faults.corrupt import spoilt
from broker.faults.verdict import (
    DROP,
    PASS,
    Again,
    Behind,
    Fault,
    Memory,
    Offer,
    Spoil,
    Verdict,
    require,
)

_MIDDLE = 0.5
RETRY_MS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Fault):
    """Each number goes wrong once per device and boot, the first time that it comes by.

    ``(40, 41)`` in ``swap`` lets 41 overtake 40. A batch goes by the number of its first sample.
    """

    drop: tuple[int, ...] = ()
    double: tuple[int, ...] = ()
    swap: tuple[tuple[int, int], ...] = ()
    no_puback: tuple[int, ...] = ()
    corrupt: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        numbers = [*self.drop, *self.double, *self.no_puback, *self.corrupt]
        numbers += [first for first, _ in self.swap]
        problems = [
            f"swap takes neighbours such as [40, 41], not [{first}, {second}]"
            for first, second in self.swap
            if second != first + 1
        ]
        if wrong := sorted({n for n in chain(numbers, *self.swap) if n < 1}):
            problems.append(f"numbers are {wrong}; allowed: 1 or more")
        if twice := sorted(n for n, times in Counter(numbers).items() if times > 1):
            problems.append(f"only one thing can happen to a number; twice: {twice}")
        if not numbers:
            problems.append("it has nothing to do; give drop, double, swap, no_puback or corrupt")
        require(self, problems)

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Look the number up."""
        verdict = self._planned(offer)
        if verdict is PASS:
            return PASS
        key = f"script/{self.name}/{offer.device}/{offer.message.boot}/{offer.seq}"
        return verdict if memory.count(key) == 1 else PASS

    def _planned(self, offer: Offer) -> Verdict:
        seq = offer.seq
        if seq in self.drop:
            return DROP
        if seq in self.double:
            return Again("double", offer.at_ms, judged=False)
        if seq in self.no_puback:
            return Again("no_puback", offer.at_ms + RETRY_MS, judged=True)
        if seq in self.corrupt:
            return Spoil(spoilt(offer.message, "flip", _MIDDLE))
        if any(seq == first for first, _ in self.swap):
            return Behind(1, self.window.to_ms)
        return PASS
