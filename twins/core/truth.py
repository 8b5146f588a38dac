"""The truth ledger: what really happened, what it cost, how long devices were down."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from twins.core.ports import Truth

HOUR_MS = 3_600_000
_MOMENT = attrgetter("at_ms", "kind", "subject")


class TruthLedger:
    """Collects truths until they are handed out, and keeps the running totals."""

    def __init__(self) -> None:
        self._fresh: list[Truth] = []
        self._costs_eur: dict[str, float] = {}
        self._down_since_ms: dict[str, int] = {}
        self._down_ms: dict[str, int] = {}

    def tell(self, at_ms: int, kind: str, subject: str, **data: object) -> None:
        """Note that something happened."""
        self._fresh.append(Truth(at_ms=at_ms, kind=kind, subject=subject, data=data))

    def book(self, at_ms: int, *, what: str, eur: float, subject: str) -> None:
        """Note that money was spent; ``what`` is the line of the bill (``parts``, ``visits``)."""
        self._costs_eur[what] = self._costs_eur.get(what, 0.0) + eur
        self.tell(at_ms, "cost.booked", subject, what=what, eur=eur)

    def down(self, at_ms: int, device: str, *, component: str) -> None:
        """Note that a device stopped being able to work; a second time changes nothing."""
        if device not in self._down_since_ms:
            self._down_since_ms[device] = at_ms
            self.tell(at_ms, "device.down", device, component=component)

    def up(self, at_ms: int, device: str) -> None:
        """Note that a device is able to work again; says nothing if it was not down."""
        since_ms = self._down_since_ms.pop(device, None)
        if since_ms is not None:
            self._down_ms[device] = self._down_ms.get(device, 0) + at_ms - since_ms
            self.tell(at_ms, "device.up", device, down_h=(at_ms - since_ms) / HOUR_MS)

    def is_down(self, device: str) -> bool:
        """Whether a device is down now."""
        return device in self._down_since_ms

    def downtime_h(self, now_ms: int) -> dict[str, float]:
        """Hours down up to now, by device; devices that never were down are left out."""
        total = dict(self._down_ms)
        for device, since_ms in self._down_since_ms.items():
            total[device] = total.get(device, 0) + now_ms - since_ms
        return {device: total[device] / HOUR_MS for device in sorted(total)}

    def costs_eur(self) -> dict[str, float]:
        """What was booked so far, by line of the bill."""
        return dict(sorted(self._costs_eur.items()))

    def take(self) -> list[Truth]:
        """Hand out what happened since the last time, ordered by (at_ms, kind, subject)."""
        fresh, self._fresh = self._fresh, []
        return sorted(fresh, key=_MOMENT)

    def dump(self) -> dict[str, Any]:
        """The ledger as plain data, truths not yet handed out included."""
        return {
            "fresh": [[t.at_ms, t.kind, t.subject, dict(t.data)] for t in self._fresh],
            "costs_eur": self._costs_eur,
            "down_since_ms": self._down_since_ms,
            "down_ms": self._down_ms,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._fresh = [
            Truth(at_ms=at_ms, kind=kind, subject=subject, data=data)
            for at_ms, kind, subject, data in state["fresh"]
        ]
        self._costs_eur = dict(state["costs_eur"])
        self._down_since_ms = dict(state["down_since_ms"])
        self._down_ms = dict(state["down_ms"])
