"""What a fault may decide about a message, where and when it applies, and what is noted of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import msgspec
import numpy as np

from broker.wire.messages import TelemetryBatch, Uplink

Streams = Callable[[str], np.random.Generator]
"""Gives the generator of a name: a new one that always starts the same."""
Direction = Literal["up", "down"]
"""From the devices to the broker, or from the broker to the devices."""


class Pass(NamedTuple):
    """The message goes on."""


class Drop(NamedTuple):
    """The message is lost on its way; the device still has it for a resend."""


class Retry(NamedTuple):
    """This attempt is lost; the device, which misses the acknowledgement, tries again."""

    at_ms: int


class Late(NamedTuple):
    """The message is on its way until then; others may overtake it."""

    until_ms: int


class Again(NamedTuple):
    """The message goes on, and comes once more: at once, or later."""

    verdict: str
    """Why, for the record: ``double`` (the way made a copy) or ``no_puback`` (the device did)."""
    at_ms: int
    """When the copy comes."""
    judged: bool
    """Whether the copy is asked about again: one that the device sends is, one of the way not."""


class Behind(NamedTuple):
    """So many later messages of the device overtake this one."""

    others: int
    until_ms: int
    """It comes by then, even if they do not."""


class Spoil(NamedTuple):
    """Other bytes arrive than were sent."""

    payload: bytes


Verdict = Pass | Drop | Retry | Late | Again | Behind | Spoil
PASS, DROP = Pass(), Drop()


class VerdictRecord(msgspec.Struct, frozen=True, array_like=True):
    """One decision of a fault, for the trace. ``seq`` of a batch is that of its first sample."""

    at_ms: int
    fault: str
    verdict: str
    """``drop``, ``fail``, ``delay``, ``double``, ``no_puback``, ``swap`` or ``corrupt`` of a
    message on its way; ``hold`` and ``release`` of one that waits in its device; ``will``, and
    ``takeover`` without one, of a connection."""
    site: str
    device: str
    boot: int
    seq: int


class Offer(NamedTuple):
    """A message that a device sends, as a fault is asked about it."""

    site: str
    message: Uplink
    at_ms: int

    @property
    def device(self) -> str:
        """Who sends it."""
        return self.message.device

    @property
    def seq(self) -> int:
        """Its number; that of the first sample of a batch."""
        return number_of(self.message)


def number_of(message: Uplink) -> int:
    """The number of a message; that of the first sample of a batch."""
    return message.samples[0].seq if isinstance(message, TelemetryBatch) else message.seq


class Memory(Protocol):
    """What faults remember: positions of random streams and counters, saved with the path."""

    def draws(self, name: str) -> np.random.Generator:
        """The generator of a name, at its present position."""
        ...

    def count(self, name: str) -> int:
        """One more under this name; the first is 1."""
        ...

    def once(self, name: str, make: Callable[[np.random.Generator], int]) -> int:
        """A number that is drawn when it is first asked for, and the same ever after."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When and where a fault applies: from ``from_ms`` up to, but not at, ``to_ms``."""

    from_ms: int
    to_ms: int
    site: str | None = None
    """``None``: every site."""
    device: str | None = None
    """``None``: every device of the site."""
    sites: tuple[str, ...] = ()
    """Several sites; empty: as ``site`` says."""

    def __post_init__(self) -> None:
        if self.to_ms <= self.from_ms:
            raise ValueError(
                f"the fault ends at {self.to_ms} ms, not after its start at {self.from_ms} ms"
            )

    def place(self, site: str, device: str) -> bool:
        """Whether the device is one of those concerned."""
        return (
            self.site in (None, site)
            and self.device in (None, device)
            and (not self.sites or site in self.sites)
        )

    def covers(self, site: str, device: str, at_ms: int) -> bool:
        """Whether the fault applies to the device at that time."""
        return self.from_ms <= at_ms < self.to_ms and self.place(site, device)

    def moments(self, times: int) -> tuple[int, ...]:
        """So many moments, evenly spread, the first at the start."""
        return tuple(self.from_ms + (self.to_ms - self.from_ms) * n // times for n in range(times))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong on the way. A kind overrides what it does, one kind per file.

    Attributes:
        name: Unique in a run; part of the names of its random streams.
        window: When and where.
    """

    name: str
    window: Window

    def away_until_ms(
        self, site: str, device: str, at_ms: int, direction: Direction, memory: Memory
    ) -> int | None:
        """Until when the device is cut off, if it is at ``at_ms``."""
        del site, device, at_ms, direction, memory
        return None

    def judge(self, offer: Offer, memory: Memory) -> Verdict:
        """Decide about one message that got away; asked only while the window covers it."""
        del offer, memory
        return PASS

    def will_times_ms(self) -> tuple[int, ...]:
        """When the broker gives the connections of the place up."""
        return ()

    def tells(self) -> bool:
        """Whether the broker publishes wills then; else connections only begin anew."""
        return True

    def takes_over(self) -> bool:
        """Whether another client takes the session over then."""
        return False

    def ends_ms(self) -> int:
        """The last moment at which it matters."""
        return self.window.to_ms

    def greets(self) -> bool:
        """Whether devices say again what they are when they come back."""
        return False


def require(owner: Fault, problems: list[str]) -> None:
    """Raise ValueError with all that is wrong with a fault, if anything is."""
    if problems:
        kind = type(owner).__name__.lower()
        raise ValueError(f"{kind} {owner.name!r}: {'; '.join(problems)}")


def ratio_problems(ratio: float) -> list[str]:
    """What is wrong with a share of messages."""
    return [] if 0.0 <= ratio <= 1.0 else [f"ratio is {ratio}; allowed: 0 to 1"]
