"""A DPS of which the rig knows only what it says on MQTT, and by webhooks (level L0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import InvalidRun, SutError
from harness.sut.port import Call, ClockAnswer, FeedPage, Info, Short, Stored
from twins.core.ports import Intent

if TYPE_CHECKING:
    from harness.sut.webhooks import Webhooks

NAME = "none"
"""What stands in place of the URL of such a DPS."""


class WireOnlySut:
    """The port, as far as there is something behind it.

    Args:
        webhooks: Where it posts what it decides, if it does.
    """

    def __init__(self, webhooks: Webhooks | None) -> None:
        self._webhooks = webhooks

    async def open(self) -> None:
        """See SystemUnderTest."""
        if self._webhooks is not None:
            await self._webhooks.open()

    async def close(self) -> None:
        """See SystemUnderTest."""
        if self._webhooks is not None:
            await self._webhooks.close()

    async def info(self) -> Info:
        """See SystemUnderTest."""
        return Info(name="a DPS on MQTT", version="?", level="L0", driven=False)

    async def install(self, calls: Sequence[Call]) -> None:
        """See SystemUnderTest; nobody can be told, it has to know."""

    async def clock(
        self, now_ms: int, delivered: Mapping[str, int], wait_s: float
    ) -> ClockAnswer | Short:
        """See SystemUnderTest."""
        del now_ms, delivered, wait_s
        raise SutError("a DPS that only reads MQTT follows no clock")

    async def feed(self, after: str) -> FeedPage:
        """See SystemUnderTest: what came by webhook since."""
        return FeedPage([] if self._webhooks is None else self._webhooks.take(), after)

    async def act(self, intent: Intent) -> str | None:
        """See SystemUnderTest."""
        return f"the DPS has no API for {intent.verb}"

    async def stored(self) -> Stored:
        """See SystemUnderTest."""
        return Stored(known=False)

    async def get(self, path: str) -> Any:  # noqa: ANN401
        """See SystemUnderTest."""
        raise SutError(f"GET {path}: a DPS that only reads MQTT has no API")

    async def snapshot(self, path: Path) -> None:
        """See SystemUnderTest."""
        raise InvalidRun(f"a DPS that only reads MQTT cannot be saved to {path}")

    async def go_live(self) -> None:
        """See SystemUnderTest; it knows nothing but what arrives."""

    async def kill(self, point: str) -> None:
        """See SystemUnderTest."""
        raise InvalidRun(f"this scenario kills the DPS ({point}), but it runs elsewhere")

    async def leave(self, how: str) -> None:
        """See SystemUnderTest."""
        raise InvalidRun(f"this scenario takes the DPS away ({how}), but it runs elsewhere")

    async def come_back(self) -> None:
        """See SystemUnderTest."""
        raise InvalidRun("this scenario takes the DPS away, but it runs elsewhere")
