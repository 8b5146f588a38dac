"""Flags of data: looked for every few hours, told when they come and go (O14, domain 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from reference_impl.insight.declared import Declared
from reference_impl.insight.plausible import (
    FROZEN_READINGS_MIN,
    Flag,
    Plausible,
    too_fast,
)
from reference_impl.insight.ports import InsightRows
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.numbers import sig9
from reference_impl.kernel.ports import (
    Bools,
    Directory,
    Floats,
    Reduced,
    Take,
    TelemetryView,
    ThingRef,
)
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import DataFlagged

EVERY_MS = 6 * 3_600_000
RANK = 9
"""Before conditions and rules of the same instant."""
_RANGE = (Take.MIN, Take.MAX)
_FROZEN = (Take.MIN, Take.MAX, Take.COUNT)
Key = tuple[str, str, str]
Seen = tuple[ThingRef, str, Flag, Mapping[str, Any]]


class Quality:
    """Which readings are not to be believed."""

    def __init__(
        self,
        *,
        rows: InsightRows,
        scheduler: Scheduler,
        telemetry: TelemetryView,
        directory: Directory,
        models: Callable[[], Sequence[Declared]],
        positions: Callable[[str, str], Sequence[str]],
    ) -> None:
        """``positions``: those whose conditions read a signal of a model."""
        self._rows, self._telemetry, self._directory = rows, telemetry, directory
        self._models, self._positions = models, positions
        self._open: Cached[Key, Row] = Cached(self._load)
        scheduler.every("insight/quality", EVERY_MS, self.look, rank=RANK)

    def listed(self, conn: sa.Connection, thing: str | None = None) -> list[Row]:
        """Flags, also those that are gone (``until_ms``), by thing and signal."""
        only = {} if thing is None else {"thing": thing}
        return self._rows.flags.items(conn, **only)

    def look(self, uow: UnitOfWork, at_ms: int) -> None:
        """Look at what the models' checks say of all their things."""
        for declared in self._models():
            if not declared.quality:
                continue
            refs = self._directory.things(uow.conn, declared.model)
            seen = {
                (r.thing, s, f): (r, s, f, e) for r, s, f, e in self._seen(declared, refs, at_ms)
            }
            things = {ref.thing for ref in refs}
            for key in sorted(self._open.of(uow)):
                if key[0] in things and key[2] != Flag.JUMP and key not in seen:
                    self._clear(uow, declared.model, key, at_ms)
            for ref, signal, flag, evidence in seen.values():
                self._raise(uow, declared.model, (ref.thing, signal, flag), at_ms, evidence)

    def jump(
        self, uow: UnitOfWork, ref: ThingRef, signal: str, at_ms: int, *, active: bool
    ) -> None:
        """A condition's readings jump, or do not any more; see the port ``JumpSink``."""
        key = (ref.thing, signal, str(Flag.JUMP))
        if active:
            self._raise(uow, ref.model, key, at_ms, {})
        elif key in self._open.of(uow):
            self._clear(uow, ref.model, key, at_ms)

    def _seen(self, declared: Declared, refs: Sequence[ThingRef], at_ms: int) -> list[Seen]:
        found: list[Seen] = []
        if refs:
            told = self._windows(declared.quality, [ref.thing for ref in refs], at_ms)
            for check in declared.quality:
                found += self._flags(check, refs, at_ms, told)
        return found

    def _flags(
        self, check: Plausible, refs: Sequence[ThingRef], at_ms: int, told: Mapping[Reduced, Floats]
    ) -> list[Seen]:
        things = [ref.thing for ref in refs]
        found: list[Seen] = []

        def add(where: Bools, flag: Flag, **evidence: Floats) -> None:
            for place in np.flatnonzero(where).tolist():
                shown = {name: sig9(float(values[place])) for name, values in evidence.items()}
                found.append((refs[place], check.signal, flag, shown))

        low, high = (told[Reduced(check.signal, take, EVERY_MS)] for take in _RANGE)
        out = np.zeros(len(things), dtype=np.bool_)
        if check.low is not None:
            out |= low < check.low
        if check.high is not None:
            out |= high > check.high
        add(out, Flag.RANGE, low=low, high=high)
        if check.frozen_ms:
            low, high, count = (
                told[Reduced(check.signal, take, check.frozen_ms)] for take in _FROZEN
            )
            add((low == high) & (count >= FROZEN_READINGS_MIN), Flag.FROZEN, value=low, count=count)
        if check.rate_max_per_h > 0:
            fast = [
                too_fast(
                    *self._telemetry.series(
                        thing, check.signal, after_ms=at_ms - EVERY_MS, to_ms=at_ms
                    ),
                    check.rate_max_per_h,
                )
                for thing in things
            ]
            add(np.array(fast, dtype=np.bool_), Flag.RATE)
        if check.cross is not None:
            columns = {
                name: told[Reduced(one.signal, one.take, one.over_ms)]
                for name, one in check.inputs.items()
            }
            known = ~np.isnan(np.array(list(columns.values()))).any(axis=0)
            add(check.cross.truth(columns, known).holds, Flag.CROSS, **columns)
        return found

    def _windows(
        self, checks: Sequence[Plausible], things: Sequence[str], at_ms: int
    ) -> dict[Reduced, Floats]:
        """What all checks of a model read, cut out of the readings at once."""
        wanted: dict[Reduced, None] = {}
        for check in checks:
            wanted |= {Reduced(check.signal, take, EVERY_MS): None for take in _RANGE}
            if check.frozen_ms:
                wanted |= {Reduced(check.signal, take, check.frozen_ms): None for take in _FROZEN}
            for one in check.inputs.values():
                wanted[Reduced(one.signal, one.take, one.over_ms)] = None
        found = self._telemetry.windows(things, list(wanted), ends_ms=[at_ms]).values
        return {kind: found[number, 0] for number, kind in enumerate(wanted)}

    def _raise(
        self, uow: UnitOfWork, model: str, key: Key, at_ms: int, evidence: Mapping[str, Any]
    ) -> None:
        opened = self._open.of(uow)
        if key in opened:
            return
        thing, signal, flag = key
        row = {"thing": thing, "signal": signal, "flag": str(flag), "since_ms": at_ms}
        row |= {"until_ms": None, "evidence": dict(evidence)}
        opened[key] = row
        self._rows.flags.put(uow, row)
        self._tell(uow, model, row, at_ms, "data.flagged")

    def _clear(self, uow: UnitOfWork, model: str, key: Key, at_ms: int) -> None:
        row = {**self._open.of(uow).pop(key), "until_ms": at_ms}
        self._rows.flags.put(uow, row)
        self._tell(uow, model, row, at_ms, "data.cleared")

    def _tell(self, uow: UnitOfWork, model: str, row: Row, at_ms: int, kind: str) -> None:
        data = {name: row[name] for name in ("signal", "flag", "since_ms", "evidence")}
        data["positions"] = list(self._positions(model, row["signal"]))
        uow.publish(DataFlagged(at_ms=at_ms, kind=kind, subject=row["thing"], data=data))

    def _load(self, conn: sa.Connection) -> dict[Key, Row]:
        rows = [row for row in self._rows.flags.items(conn) if row["until_ms"] is None]
        return {(row["thing"], row["signal"], row["flag"]): row for row in rows}
