"""A site or a device is cut off: its messages wait in the device and come as batches later."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import PASS, Hold, Streams, Verdict, Window

KEEP_ALIVE_MS = 60_000
"""Keep-alive of a device's connection, where a scenario gives no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Nothing gets through in either direction during the window.

    The broker publishes the devices' wills one and a half keep-alive times after the start
    (MQTT 3.1.1, [MQTT-3.1.2-24]), unless the outage is over by then.
    """

    name: str
    window: Window
    keep_alive_ms: int = KEEP_ALIVE_MS

    def __post_init__(self) -> None:
        if self.keep_alive_ms <= 0:
            raise ValueError(
                f"outage {self.name!r}: keep-alive is {self.keep_alive_ms} ms; allowed: above 0"
            )

    @property
    def cuts_off(self) -> bool:
        """Nothing gets through, either way."""
        return True

    def judge(self, site: str, device: str, at_ms: int, streams: Streams) -> Verdict:
        """Hold what is sent while it lasts."""
        del streams  # nothing is drawn
        if self.window.covers(site, device, at_ms):
            return Hold(self.window.to_ms)
        return PASS

    def will_ms(self) -> int | None:
        """When the broker gives the connections up."""
        at_ms = self.window.from_ms + self.keep_alive_ms * 3 // 2
        return at_ms if at_ms < self.window.to_ms else None
