"""Nothing is ordered for devices that need nothing."""

from __future__ import annotations

from pydantic import field_validator

from harness.checks.base import Args, Check
from harness.events import Event, FeedSeen


class DevicesArgs(Args):
    """One device or a list; every device if left out."""

    device: tuple[str, ...] | None = None

    @field_validator("device", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class NoOrders(Check):
    """Watches ``order.placed``."""

    name = "no_orders"
    title = "Nothing is ordered without a need"
    hears = (FeedSeen,)
    Arguments = DevicesArgs

    def headline(self) -> str:
        """See Check."""
        if self.args.device is None:
            return self.title
        return f"{', '.join(self.args.device)}: nothing is ordered"

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FeedSeen) and event.kind == "order.placed":
            thing = event.data.get("thing")
            if self.args.device is None or thing in self.args.device:
                seen = f"{event.subject} for {thing}: {event.data.get('part')}"
                self.violate(event.at_ms, f"no order for {thing}", seen)
