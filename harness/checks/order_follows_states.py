"""O3: orders and work orders take only the steps that their tables allow."""

from __future__ import annotations

from typing import Any

from harness.checks.base import Brief, Check
from harness.events import Event, FeedSeen
from harness.oracles.steps import ORDER_STEPS, WORK_ORDER_STEPS, Steps


class OrderFollowsStates(Check):
    """Follows each order and work order through the table."""

    name = "order_follows_states"
    title = "Orders and work orders follow their states"
    hears = (FeedSeen,)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._steps = (Steps("order", ORDER_STEPS), Steps("work_order", WORK_ORDER_STEPS))

    def on_event(self, event: Event) -> None:
        """See Check."""
        if not isinstance(event, FeedSeen):
            return
        for steps in self._steps:
            if wrong := steps.take(event):
                self.violate(event.at_ms, "only steps of the table of states", wrong)
