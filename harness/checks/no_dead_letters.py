"""The DPS could read every message: none was put aside."""

from __future__ import annotations

from harness.checks.base import Check, Decision, Ending
from harness.events import Event, FeedSeen


class NoDeadLetters(Check):
    """Watches ``message.dead``, and the count of dead letters at the end."""

    name = "no_dead_letters"
    title = "No message is put aside as unreadable"
    hears = (FeedSeen,)

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FeedSeen) and event.kind == "message.dead":
            seen = f"{event.data.get('topic')}: {event.data.get('reason')}"
            self.violate(event.at_ms, "no dead letters", seen)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self.violation is None and ending.stored.dead:
            self.violate(ending.at_ms, "no dead letters", f"{ending.stored.dead} dead letters")
        return super().decide(ending)
