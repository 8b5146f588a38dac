"""What a fault may decide about a message, where and when it applies, and what is noted of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

Streams = Callable[[str], np.random.Generator]
"""Gives the generator of a name: a new one that always starts the same."""


class Pass(NamedTuple):
    """The message goes on."""


class Drop(NamedTuple):
    """The message is lost on its way; the device still has it for a resend."""


class Hold(NamedTuple):
    """The message waits in the device."""

    until_ms: int


Verdict = Pass | Drop | Hold
PASS, DROP = Pass(), Drop()


class VerdictRecord(msgspec.Struct, frozen=True, array_like=True):
    """One decision of a fault, for the trace. ``seq`` of a batch is that of its first sample."""

    at_ms: int
    fault: str
    verdict: str
    """``drop``, ``hold``, ``will`` or ``release``."""
    site: str
    device: str
    boot: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When and where a fault applies: from ``from_ms`` up to, but not at, ``to_ms``."""

    from_ms: int
    to_ms: int
    site: str | None = None
    """``None``: every site."""
    device: str | None = None
    """``None``: every device of the site."""

    def __post_init__(self) -> None:
        if self.to_ms <= self.from_ms:
            raise ValueError(
                f"the fault ends at {self.to_ms} ms, not after its start at {self.from_ms} ms"
            )

    def place(self, site: str, device: str) -> bool:
        """Whether the device is one of those concerned."""
        return self.site in (None, site) and self.device in (None, device)

    def covers(self, site: str, device: str, at_ms: int) -> bool:
        """Whether the fault applies to the device at that time."""
        return self.from_ms <= at_ms < self.to_ms and self.place(site, device)


class Fault(Protocol):
    """Something that goes wrong on the way; one implementation per file."""

    @property
    def name(self) -> str:
        """Unique in a run; part of the names of its random streams."""
        ...

    @property
    def window(self) -> Window:
        """When and where."""
        ...

    @property
    def cuts_off(self) -> bool:
        """Whether it closes the way in both directions: its verdict is Hold for every message."""
        ...

    def judge(self, site: str, device: str, at_ms: int, streams: Streams) -> Verdict:
        """Decide about one message that the device sends at ``at_ms``."""
        ...

    def will_ms(self) -> int | None:
        """When the broker notices that the devices are gone, if it does."""
        ...
