"""Some messages get lost on the way; devices still have them, so that a resend brings them."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import DROP, PASS, Streams, Verdict, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Each message is lost with probability ``ratio``, independently.

    One random stream per device: another device, or another fault, shifts nobody's draws.
    """

    name: str
    window: Window
    ratio: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.ratio <= 1.0:
            raise ValueError(f"loss {self.name!r}: ratio is {self.ratio}; allowed: 0 to 1")

    @property
    def cuts_off(self) -> bool:
        """The way stays open."""
        return False

    def judge(self, site: str, device: str, at_ms: int, streams: Streams) -> Verdict:
        """Draw, while the fault lasts."""
        if not self.window.covers(site, device, at_ms):
            return PASS
        draw = streams(f"loss/{self.name}/{device}").random()
        return DROP if draw < self.ratio else PASS

    def will_ms(self) -> None:
        """Lost messages close no connection."""
        return
