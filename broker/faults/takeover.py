"""Somebody else connects under a device's client id: the broker throws the device out."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import Fault, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover(Fault):
    """``times`` take-overs of each device's session, evenly spread over the window.

    A broker closes the old connection ([MQTT-3.1.4-2]) and publishes its will. The device comes
    back at once, takes its session over again, and says again what it is; nothing is lost.
    """

    times: int = 1

    def __post_init__(self) -> None:
        problems = [] if self.times >= 1 else [f"times is {self.times}; allowed: 1 or more"]
        require(self, problems)

    def will_times_ms(self) -> tuple[int, ...]:
        """At each take-over."""
        return self.window.moments(self.times)

    def greets(self) -> bool:
        """A new connection begins with a birth."""
        return True
