"""W1: a need is met by one visit; a second work order only after the first was cancelled."""

from __future__ import annotations

from typing import Any

from harness.checks.base import Brief, Check
from harness.events import Event, FeedSeen
from harness.oracles.steps import OncePerNeed


class OneWorkOrderPerNeed(Check):
    """Counts ``work_order.requested`` per ``need_key``."""

    name = "one_work_order_per_need"
    title = "Never two work orders for one need"
    hears = (FeedSeen,)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._count = OncePerNeed("work_order.requested", frozenset({"work_order.cancelled"}))

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FeedSeen) and (wrong := self._count.take(event)):
            self.violate(event.at_ms, "one work order per need", wrong)
