"""What an arm of the demo has cost so far: hours of standstill and euros, from its truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOUR_MS = 3_600_000


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts truths of one world as they come, in the order of their times.

    Args:
        downtime_eur_per_h: What an hour of standstill of one device costs.
    """

    downtime_eur_per_h: float
    failures: int = 0
    visits: int = 0
    fitted: int = 0
    booked_eur: float = 0.0
    _down_since: dict[str, int] = field(default_factory=dict)
    _down_ms: int = 0

    def truth(self, at_ms: int, kind: str, subject: str, data: Mapping[str, Any]) -> None:
        """Count one truth."""
        if kind == "device.down":
            self._down_since.setdefault(subject, at_ms)
        elif kind == "device.up" and subject in self._down_since:
            self._down_ms += at_ms - self._down_since.pop(subject)
        elif kind == "component.failed":
            self.failures += 1
        elif kind == "part.fitted":
            self.fitted += 1
        elif kind == "cost.booked":
            self._book(data)

    def _book(self, data: Mapping[str, Any]) -> None:
        if data.get("kind") == "downtime":
            return  # counted here hour by hour, so that it ticks
        self.visits += data.get("kind") == "visits"
        self.booked_eur += float(data["eur"])

    def downtime_h(self, now_ms: int) -> float:
        """Hours of standstill of all devices together, up to ``now_ms``."""
        open_ms = sum(max(0, now_ms - since_ms) for since_ms in self._down_since.values())
        return (self._down_ms + open_ms) / HOUR_MS

    def costs_eur(self, now_ms: int) -> float:
        """Everything spent or missed up to ``now_ms``."""
        return self.booked_eur + self.downtime_eur_per_h * self.downtime_h(now_ms)

    def standing(self) -> tuple[str, ...]:
        """The devices that stand still now."""
        return tuple(sorted(self._down_since))
