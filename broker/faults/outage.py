"""A site or a device is cut off: its messages wait in the device and come as batches later."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import Direction, Fault, Memory, require

KEEP_ALIVE_MS = 60_000
"""Keep-alive of a device's connection, where a scenario gives no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage(Fault):
    """Nothing gets through in either direction during the window.

    The broker publishes the devices' wills one and a half keep-alive times after the start
    (MQTT 3.1.1, [MQTT-3.1.2-24]), unless the outage is over by then.
    """

    keep_alive_ms: int = KEEP_ALIVE_MS

    def __post_init__(self) -> None:
        problems = []
        if self.keep_alive_ms <= 0:
            problems.append(f"keep-alive is {self.keep_alive_ms} ms; allowed: above 0")
        require(self, problems)

    def away_until_ms(
        self, site: str, device: str, at_ms: int, direction: Direction, memory: Memory
    ) -> int | None:
        """Away while it lasts, both ways."""
        del direction, memory
        return self.window.to_ms if self.window.covers(site, device, at_ms) else None

    def will_times_ms(self) -> tuple[int, ...]:
        """When the broker gives the connections up."""
        at_ms = self.window.from_ms + self.keep_alive_ms * 3 // 2
        return (at_ms,) if at_ms < self.window.to_ms else ()
