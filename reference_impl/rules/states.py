"""What rules remember: which are under way on which thing, and when each became active."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.ports import Directory, Floats, ThingRef, Times
from reference_impl.kernel.store import UnitOfWork
from reference_impl.rules.domain import Cause, Instance, Phase
from reference_impl.rules.ports import RuleRows
from reference_impl.rules.variables import HOUR_MS, StateInput

Key = tuple[str, str, str]
"""Pack, rule, thing."""


class States:
    """Instances of rules, in memory as in the store, and the record of firings."""

    def __init__(self, rows: RuleRows) -> None:
        self._rows = rows
        self._instances: Cached[Key, Instance] = Cached(self._load)
        self._fired: Cached[tuple[str, str], tuple[int, Sequence[tuple[str, int]]]] = Cached(
            lambda _conn: {}
        )
        """By pack and rule, if they were asked for: all firings (thing, when) after a moment."""
        self.changes = 0
        """How often a rule became active, or ceased to be."""

    def of(self, uow: UnitOfWork) -> dict[Key, Instance]:
        """All instances, PENDING or ACTIVE; a rule without one is NORMAL."""
        return self._instances.of(uow)

    def keep(self, uow: UnitOfWork, key: Key, instance: Instance | None, *, at_ms: int) -> None:
        """Write where a rule stands now (None: NORMAL), and that it fired, if it did."""
        standing = self._instances.of(uow)
        before = standing.get(key)
        was, now = (one is not None and one.phase is Phase.ACTIVE for one in (before, instance))
        if was != now:
            self.changes += 1
            self._fired.of(uow).pop(key[:2], None)
        row = dict(zip(("pack", "rule", "thing"), key, strict=True))
        if instance is None:
            standing.pop(key, None)
            self._rows.instances.delete(uow, *key)
        else:
            standing[key] = instance
            self._rows.instances.put(
                uow, {**row, **asdict(instance), "phase": instance.phase.value}
            )
        if instance is not None and now and not was:
            self._rows.firings.put(
                uow,
                {**row, "started_ms": instance.started_ms, "fired_ms": at_ms, "ended_ms": None},
            )
        elif before is not None and was and not now:
            self._rows.firings.put(
                uow,
                {
                    **row,
                    "started_ms": before.started_ms,
                    "fired_ms": before.fired_ms,
                    "ended_ms": at_ms,
                },
            )

    def above(
        self, uow: UnitOfWork, directory: Directory, refs: Sequence[ThingRef]
    ) -> Callable[[Cause, int], bool]:
        """Whether a cause of another pack, or of another thing of the site, is ACTIVE."""

        def is_above(cause: Cause, thing: int) -> bool:
            ref = refs[thing]
            things = {ref.thing}
            if cause.scope == "site":
                things = {r.thing for r in directory.things(uow.conn) if r.site == ref.site}
            standing = self._instances.of(uow)
            found = (standing.get((cause.pack, cause.rule, one)) for one in things)
            return any(one is not None and one.phase is Phase.ACTIVE for one in found)

        return is_above

    def rests(self, uow: UnitOfWork, pack: str, wanted: StateInput, end_ms: int) -> bool:
        """Whether the column is 0 everywhere, from ``end_ms`` on: a look at no thing."""
        if wanted.field == "fired":
            return not self._firings(uow, pack, wanted, end_ms - wanted.over_ms)
        return not any(
            one.phase is Phase.ACTIVE and key[0] == pack and key[1] == wanted.rule
            for key, one in self._instances.of(uow).items()
        )

    def column(
        self,
        uow: UnitOfWork,
        pack: str,
        things: Sequence[str],
        wanted: StateInput,
        ends_ms: Times,
    ) -> Floats:
        """How a rule stands, seen from each end, shape ``(ends, things)``."""
        if wanted.field == "fired":
            return self._fired_column(uow, pack, things, wanted, ends_ms)
        standing = self._instances.of(uow)
        found = [standing.get((pack, wanted.rule, thing)) for thing in things]
        since = [
            one.fired_ms if one is not None and one.phase is Phase.ACTIVE else -1 for one in found
        ]
        return active_column(since, wanted, ends_ms)

    def _fired_column(
        self,
        uow: UnitOfWork,
        pack: str,
        things: Sequence[str],
        wanted: StateInput,
        ends_ms: Times,
    ) -> Floats:
        firings = self._firings(uow, pack, wanted, int(ends_ms[0]) - wanted.over_ms)
        place = {thing: number for number, thing in enumerate(things)}
        fired: dict[int, list[int]] = {}
        for thing, fired_ms in firings:
            if thing in place:
                fired.setdefault(place[thing], []).append(fired_ms)
        return fired_column(fired, len(things), wanted, ends_ms)

    def _firings(
        self, uow: UnitOfWork, pack: str, wanted: StateInput, after_ms: int
    ) -> Sequence[tuple[str, int]]:
        """Things and times of the firings of a rule after a time, and maybe some before."""
        fired = self._fired.of(uow)
        known = fired.get((pack, wanted.rule))
        if known is None or known[0] > after_ms:
            known = after_ms, self._rows.fired_after(uow.conn, pack, wanted.rule, after_ms)
            fired[pack, wanted.rule] = known
        return known[1]

    def _load(self, conn: sa.Connection) -> dict[Key, Instance]:
        return {
            (row["pack"], row["rule"], row["thing"]): Instance(
                phase=Phase(row["phase"]),
                started_ms=row["started_ms"],
                paused_ms=row["paused_ms"],
                false_ms=row["false_ms"],
                fired_ms=row["fired_ms"],
            )
            for row in self._rows.instances.items(conn)
        }


def active_column(since_ms: Sequence[int], wanted: StateInput, ends_ms: Times) -> Floats:
    """``active`` or ``active_h`` of each thing, by when the rule became active (-1: it is not)."""
    since: Times = np.array(since_ms, dtype=np.int64)
    shape = (ends_ms.size, since.size)
    if not np.count_nonzero(since >= 0):
        return np.zeros(shape)
    if wanted.field == "active":
        return np.broadcast_to((since >= 0).astype(np.float64), shape)
    hours = (ends_ms[:, None] - since) / HOUR_MS
    return np.where(since >= 0, hours, 0.0)


def fired_column(
    fired_ms: Mapping[int, Sequence[int]], things: int, wanted: StateInput, ends_ms: Times
) -> Floats:
    """How often the rule became active in the time before each end, by number of the thing."""
    found = np.zeros((ends_ms.size, things))
    for place, times in fired_ms.items():
        at: Times = np.sort(np.array(times, dtype=np.int64))
        newest = at.searchsorted(ends_ms, side="right")
        found[:, place] = newest - at.searchsorted(ends_ms - wanted.over_ms, side="right")
    return found
