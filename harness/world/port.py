"""What a driver tells of a run, to whoever takes notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from broker.wire.messages import Uplink
from harness.events import FeedSeen
from twins.core.ports import Intent, Truth

Sent = Sequence[tuple[str, Uplink]]
"""Messages with the site each comes from."""


class Recorder(Protocol):
    """Takes note of everything that happens, in the order in which it happens."""

    def truths(self, truths: Sequence[Truth], now_ms: int) -> None:
        """What really happened up to now."""
        ...

    def messages(
        self,
        messages: Sent,
        now_ms: int,
        sent_ms: Sequence[int] = (),
        payloads: Sequence[bytes] = (),
    ) -> None:
        """What devices sent, before the faults of the link.

        ``sent_ms`` is when each left, ``payloads`` what each is as bytes, where that is known.
        """
        ...

    def arrived(self, messages: Sent, now_ms: int) -> None:
        """What the broker has, after the faults of the link."""
        ...

    def verdicts(self, records: Sequence[Any]) -> None:
        """What the faults of the link decided."""
        ...

    def feed(self, events: Sequence[FeedSeen]) -> None:
        """What the DPS told."""
        ...

    def acted(self, intent: Intent, refused: str | None) -> None:
        """What an actor did, and what the DPS said to it if it refused."""
        ...

    def fault(
        self,
        at_ms: int,
        kind: str,
        target: str,
        params: Mapping[str, Any],
        *,
        ended: bool,
        by: str = "scenario",
    ) -> None:
        """An entry of the timeline took effect or ended, or a hand did it (``by`` is ``you``)."""
        ...

    def sampled(self, samples: Sequence[Any], now_ms: int) -> None:
        """The hidden state of every component."""
        ...

    def step(self, now_ms: int, ingested: int) -> None:
        """A step is over."""
        ...
