"""A part for a device was ordered and delivered, so many times."""

from __future__ import annotations

from harness.checks.counting import CountingCheck
from harness.events import Event, FeedSeen


class OrderDelivered(CountingCheck):
    """Counts ``order.delivered`` of the device."""

    name = "order_delivered"
    title = "An order is delivered"
    hears = (FeedSeen,)
    what, done = "order", "delivered"

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FeedSeen) and event.kind == "order.delivered":
            self.count(event.data.get("thing"), event.at_ms)
