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
        eur_per_h: What an hour of standstill costs, by device.
    """

    eur_per_h: Mapping[str, float]
    failures: int = 0
    visits: int = 0
    fitted: int = 0
    booked_eur: dict[str, float] = field(default_factory=dict)
    """By what was paid for."""
    _down_since: dict[str, int] = field(default_factory=dict)
    _down_ms: dict[str, int] = field(default_factory=dict)

    def truth(self, at_ms: int, kind: str, subject: str, data: Mapping[str, Any]) -> None:
        """Count one truth."""
        if kind == "device.down":
            self._down_since.setdefault(subject, at_ms)
        elif kind == "device.up" and subject in self._down_since:
            gone_ms = at_ms - self._down_since.pop(subject)
            self._down_ms[subject] = self._down_ms.get(subject, 0) + gone_ms
        elif kind == "component.failed":
            self.failures += 1
        elif kind == "part.fitted":
            self.fitted += 1
        elif kind == "cost.booked":
            self.visits += data["what"] == "visits"
            what = str(data["what"])
            self.booked_eur[what] = self.booked_eur.get(what, 0.0) + float(data["eur"])

    def _hours(self, now_ms: int) -> dict[str, float]:
        total_ms = dict(self._down_ms)
        for device, since_ms in self._down_since.items():
            total_ms[device] = total_ms.get(device, 0) + max(0, now_ms - since_ms)
        return {device: length_ms / HOUR_MS for device, length_ms in total_ms.items()}

    def downtime_h(self, now_ms: int) -> float:
        """Hours of standstill of all devices together, up to ``now_ms``."""
        return sum(self._hours(now_ms).values())

    def costs_by_kind_eur(self, now_ms: int) -> dict[str, float]:
        """Everything spent or missed up to ``now_ms``, by kind; the dearest first."""
        missed_eur = sum(self.eur_per_h[d] * hours for d, hours in self._hours(now_ms).items())
        kinds = {**self.booked_eur, "standstill": missed_eur}
        return dict(sorted(kinds.items(), key=lambda kind: -kind[1]))

    def costs_eur(self, now_ms: int) -> float:
        """Everything spent or missed up to ``now_ms``."""
        return sum(self.costs_by_kind_eur(now_ms).values())

    def standing(self) -> tuple[str, ...]:
        """The devices that stand still now."""
        return tuple(sorted(self._down_since))
