"""O1: a need is met by one order; a second one only after the first was rejected or cancelled."""

from __future__ import annotations

from typing import Any

from harness.checks.base import Brief, Check
from harness.events import Event, FeedSeen
from harness.oracles.steps import OncePerNeed

ENDS = frozenset({"order.rejected", "order.cancelled", "order.returned"})


class OneOrderPerNeed(Check):
    """Counts ``order.placed`` per ``need_key``."""

    name = "one_order_per_need"
    title = "Never two orders for one need"
    hears = (FeedSeen,)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._count = OncePerNeed("order.placed", ENDS)

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FeedSeen) and (wrong := self._count.take(event)):
            self.violate(event.at_ms, "one order per need", wrong)
