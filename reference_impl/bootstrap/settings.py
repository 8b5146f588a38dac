"""What whoever starts a DPS may choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

ClockMode = Literal["driven", "live"]
LICENCE_KEY = "twinrig"
"""What a simulated vendor signs with; a real one gives its own (TWINRIG_LICENCE_KEY)."""
IDLE_SITE_S = 30.0
"""Live: a site that said nothing for so long, wall time, no longer holds the others back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything but store and link."""

    clock: ClockMode = "driven"
    """``driven`` by clock calls, or ``live`` by what arrives."""
    broker: str = "memory"
    """What ``/v1/info`` says of the broker."""
    idle_site_s: float | None = IDLE_SITE_S
    """Live: after so long without a message, in wall seconds, a site no longer holds the watermark
    back; None: never."""
    operator_key: str | None = None
    """What the operator sends as ``Authorization: Bearer <key>``; everybody else needs a key or a
    session of their own. None: who sends nothing is the operator."""
    wall_s: Callable[[], float] = time.monotonic
    """A clock of the real world that never goes back, seconds."""
    webhook_ranges: Sequence[str] = ()
    """Networks that webhooks may call besides this machine and the internet."""
    licence_key: str = LICENCE_KEY
    """What the vendor signs licences of features with."""
    smtp: str | None = None
    """``smtp://host:port`` that takes mail; None: it goes into a file beside the store."""
    sms_gateway: str | None = None
    """URL that takes SMS; None: they go into that file."""

    @property
    def live(self) -> bool:
        """Whether what arrives moves time."""
        return self.clock == "live"
