"""The pending table: everything that is going to happen, as data.

A generator cannot be pickled, so a world has no processes. What is waited for is a row here, and
each row is one SimPy event with its owner's handler as callback. A world restored from its rows
therefore goes on exactly as the one that was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import simpy

RANK_SPAN = 10**9
"""Row ids stay below this, so that rank decides before row id among rows of one millisecond."""
LAST = 10**15
"""Priority after every row of the same millisecond."""


class Row(NamedTuple):
    """Something that is due. ``args`` holds plain numbers, strings, lists and mappings only."""

    row_id: int
    due_ms: int
    kind: str
    subject: str
    args: Mapping[str, Any]


Handler = Callable[[Row], None]


class Wake(simpy.Event):  # type: ignore[misc]
    """An event that fires after ``delay_ms``, in a stated order among those of its millisecond.

    ``then`` is called with it.
    """

    def __init__(
        self,
        env: simpy.Environment,
        *,
        delay_ms: int,
        priority: int,
        then: Callable[[simpy.Event], None] | None = None,
    ) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        if then is not None:
            self.callbacks.append(then)
        env.schedule(self, priority=priority, delay=delay_ms)


class PendingTable:
    """The rows of one world, and the events that wait for their time."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._owners: dict[str, tuple[int, Handler]] = {}
        self._rows: dict[int, dict[int, Row]] = {}
        self._next_id = 1

    @property
    def now_ms(self) -> int:
        """Where the clock of the world stands."""
        return int(self._env.now)

    def serve(self, kind: str, *, rank: int, handler: Handler) -> None:
        """Say who handles rows of ``kind``; ``rank`` (from 1) orders owners within a ms."""
        assert kind not in self._owners, f"two owners for rows of kind {kind}"
        assert rank >= 1
        self._owners[kind] = (rank, handler)
        self._rows.setdefault(rank, {})

    def add(
        self, due_ms: int, kind: str, subject: str, args: Mapping[str, Any] | None = None
    ) -> int:
        """Put a row down, due at ``due_ms`` (not in the past); returns its id."""
        row = Row(self._next_id, due_ms, kind, subject, args or {})
        self._next_id += 1
        self._wait_for(row)
        return row.row_id

    def cancel(self, kind: str, subject: str) -> int:
        """Strike out every row of ``kind`` for ``subject``; returns how many there were."""
        rows = self._rows[self._owners[kind][0]]
        gone = [row.row_id for row in rows.values() if row.kind == kind and row.subject == subject]
        for row_id in gone:
            del rows[row_id]
        return len(gone)

    def due_ms(self, kind: str, subject: str) -> int | None:
        """When the first row of ``kind`` for ``subject`` is due; ``None`` if there is none."""
        rows = self._rows[self._owners[kind][0]].values()
        return min(
            (row.due_ms for row in rows if row.kind == kind and row.subject == subject),
            default=None,
        )

    def earliest_ms(self, rank: int) -> int | None:
        """When the first row of owners of ``rank`` is due; ``None`` if there is none."""
        return min((row.due_ms for row in self._rows.get(rank, {}).values()), default=None)

    def dump(self) -> dict[str, Any]:
        """The whole table as plain data."""
        rows = sorted(row for table in self._rows.values() for row in table.values())
        return {"next_id": self._next_id, "rows": [list(row) for row in rows]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave, row ids included."""
        assert not any(self._rows.values()), "a table is loaded before anything is put down"
        for row in state["rows"]:
            self._wait_for(Row(*row))
        self._next_id = state["next_id"]

    def _wait_for(self, row: Row) -> None:
        assert row.due_ms >= self._env.now, f"{row} is due in the past of {self._env.now}"
        rank, _ = self._owners[row.kind]
        self._rows[rank][row.row_id] = row
        Wake(
            self._env,
            delay_ms=row.due_ms - self._env.now,
            priority=rank * RANK_SPAN + row.row_id,
            then=partial(self._on_due, row),
        )

    def _on_due(self, row: Row, event: simpy.Event) -> None:
        del event
        rank, handler = self._owners[row.kind]
        if self._rows[rank].pop(row.row_id, None) is not None:
            handler(row)
