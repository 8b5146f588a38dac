"""When each device was last heard and when it was said to be lost: derived, never edited (Q5)."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from reference_impl.ingestion.adapters import tables as t
from reference_impl.ingestion.adapters.telemetry import RecentTelemetry
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.published import DeviceSeen


class Presence:
    """Answers from memory; the store has all of it."""

    def __init__(self, store: Store, telemetry: RecentTelemetry) -> None:
        self._store, self._telemetry = store, telemetry
        self._lost_ms: dict[str, int] = {}

    def subscribe(self, bus: Bus) -> None:
        """Listen for wills, and take up what the store has."""
        bus.subscribe(DeviceSeen, self._on_seen)
        with self._store.read() as conn:
            lost = sa.select(t.births.c.thing, sa.func.max(t.births.c.lost_ms))
            rows = conn.execute(lost.group_by(t.births.c.thing)).all()
        self._lost_ms = {thing: at_ms for thing, at_ms in rows if at_ms is not None}

    def _on_seen(self, uow: UnitOfWork, event: DeviceSeen) -> None:
        if event.kind == "device.lost":
            uow.after_commit(lambda: self._lose(event.subject, event.at_ms))

    def _lose(self, thing: str, at_ms: int) -> None:
        self._lost_ms[thing] = max(at_ms, self._lost_ms.get(thing, -1))

    def newest_ms(self) -> Mapping[str, int]:
        """The time of the newest report of each thing that ever reported."""
        return self._telemetry.newest_ms

    def is_online(self, thing: str, *, at_ms: int, silent_ms: int) -> bool:
        """Whether a thing reported lately, and not before it was said to be lost.

        What arrives in the very moment of the loss counts: then it is online (A7).
        """
        newest_ms = self._telemetry.newest_ms.get(thing, -1)
        return newest_ms >= max(at_ms - silent_ms, self._lost_ms.get(thing, -1), 0)
