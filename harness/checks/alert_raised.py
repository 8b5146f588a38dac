"""The DPS raised an alert for a device, so many times; of one rule if it is named."""

from __future__ import annotations

from harness.checks.counting import CountArgs, CountingCheck
from harness.events import Event, FeedSeen


class AlertArgs(CountArgs):
    """``rule``: only alerts of this rule count."""

    rule: str | None = None


class AlertRaised(CountingCheck):
    """Counts ``alert.raised`` of the device."""

    name = "alert_raised"
    title = "An alert is raised"
    hears = (FeedSeen,)
    Arguments = AlertArgs
    what, done = "alert", "raised"

    def subject(self) -> str:
        """See CountingCheck."""
        return f"{self.args.rule} alert" if self.args.rule else self.what

    def on_event(self, event: Event) -> None:
        """See Check."""
        if not isinstance(event, FeedSeen) or event.kind != "alert.raised":
            return
        if self.args.rule in (None, event.data.get("rule")):
            self.count(event.data.get("thing"), event.at_ms)
