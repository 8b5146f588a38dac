"""The devices were really available for at least this share of the time (truth, not belief)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.events import Event, TruthHappened


class ShareArgs(Args):
    """``share`` of device time, 0 to 1; of all devices, or of one."""

    share: float = Field(ge=0, le=1)
    device: str | None = None


class AvailabilityAtLeast(Check):
    """Adds up the time between ``device.down`` and ``device.up`` in the truth."""

    name = "availability_at_least"
    title = "The devices are really available"
    hears = (TruthHappened,)
    Arguments = ShareArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._down_since_ms: dict[str, int] = {}
        self._down_ms = 0
        self._first_down_ms: int | None = None

    def headline(self) -> str:
        """See Check."""
        who = "The devices are" if self.args.device is None else f"{self.args.device}: it is"
        return f"{who} really available for at least {100 * self.args.share:g} % of the time"

    def on_event(self, event: Event) -> None:
        """See Check."""
        if not isinstance(event, TruthHappened):
            return
        if self.args.device is not None and event.subject != self.args.device:
            return
        if event.kind == "device.down":
            self._down_since_ms.setdefault(event.subject, event.at_ms)
            self._first_down_ms = self._first_down_ms or event.at_ms
        elif event.kind == "device.up" and event.subject in self._down_since_ms:
            self._down_ms += event.at_ms - self._down_since_ms.pop(event.subject)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        still = sum(ending.at_ms - since for since in self._down_since_ms.values())
        devices = 1 if self.args.device is not None else len(self.brief.devices)
        total = devices * (ending.at_ms - self.brief.start_ms)
        share = 1.0 - (self._down_ms + still) / total
        down_h = (self._down_ms + still) / 3_600_000
        return Decision(
            passed=share >= self.args.share,
            expected=f"at least {self.args.share:.4f} of the device time",
            seen=f"{share:.6f}, {down_h:.1f} device hours down",
            at_ms=self._first_down_ms,
        )
