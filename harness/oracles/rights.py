"""When an owner's data may be read by somebody else, from what the owner was seen to say (CC26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FOREVER = 2**62


@dataclass(slots=True)
class Spans:
    """Since when something is allowed, and until when, ms; the last span may be open."""

    spans: list[tuple[int, int]] = field(default_factory=list)

    def say(self, allowed: bool, at_ms: int) -> None:
        """It is allowed or not from now on; saying it again changes nothing."""
        is_open = bool(self.spans) and self.spans[-1][1] == FOREVER
        if allowed and not is_open:
            self.spans.append((at_ms, FOREVER))
        elif not allowed and is_open:
            self.spans[-1] = (self.spans[-1][0], at_ms)

    def since(self, at_ms: int) -> int | None:
        """Since when it is allowed at an instant; None: it is not.

        What is said at an instant holds after it: whoever looked at that very moment came first.
        """
        return next((begin for begin, end in self.spans if begin < at_ms <= end), None)


@dataclass(slots=True)
class Rights:
    """Consents by owner and purpose, grants by owner and recipient; of whole owners or things."""

    consents: dict[tuple[str, str], Spans] = field(default_factory=dict)
    grants: dict[tuple[str, str], Spans] = field(default_factory=dict)
    things: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def called(self, method: str, path: str, body: Mapping[str, Any], at_ms: int) -> None:
        """Take a call of the scenario."""
        match path.removeprefix("/v1/").split("/"):
            case ["customers", owner, "consents", purpose]:
                spans = self.consents.setdefault((owner, purpose), Spans())
                spans.say(bool(body["granted"]), at_ms)
            case ["grants", recipient, owner]:
                key, things = (owner, recipient), list(body.get("things", ()))
                spans = self.grants.setdefault(key, Spans())
                if method == "DELETE" or self.things.get(key, things) != things:
                    spans.say(False, at_ms)  # other things are opened anew
                if method != "DELETE":
                    spans.say(True, at_ms)
                    self.things[key] = things

    def open_since(
        self, *, owner: str, recipient: str, thing: str, purpose: str, at_ms: int
    ) -> int | None:
        """Since when a thing's data may be read at an instant; None: they may not."""
        granted = self.grants.get((owner, recipient), Spans()).since(at_ms)
        consented = self.consents.get((owner, purpose), Spans()).since(at_ms)
        things = self.things.get((owner, recipient), [])
        if granted is None or consented is None or (things and thing not in things):
            return None
        return max(granted, consented)
