"""Somebody else connects under a device's client id: the broker throws the device out."""

from __future__ import annotations

from dataclasses import dataclass

from broker.faults.verdict import Fault, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover(Fault):
    """``times`` take-overs of each device's session, evenly spread over the window.

    A broker closes the old connection ([MQTT-3.1.4-2]). The device comes back at once, takes its
    session over again, and says again what it is; nothing is lost. ``will``: the broker publishes
    the old connection's will, as the standard asks for; rumqttd 0.4, mosquitto 2.0 and aMQTT 0.12
    did not when they were tried.
    """

    times: int = 1
    will: bool = False

    def __post_init__(self) -> None:
        problems = [] if self.times >= 1 else [f"times is {self.times}; allowed: 1 or more"]
        require(self, problems)

    def will_times_ms(self) -> tuple[int, ...]:
        """At each take-over."""
        return self.window.moments(self.times)

    def tells(self) -> bool:
        """Whether anybody hears of the loss."""
        return self.will

    def takes_over(self) -> bool:
        """It is done by another client, where devices have connections of their own."""
        return True

    def greets(self) -> bool:
        """A new connection begins with a birth."""
        return True
