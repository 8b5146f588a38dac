"""Carries notices out, at least once each; one that fails holds no other up (CC7).

What came of an attempt is noted in a transaction of its own. A crash before that sends the notice
again under the same id, by which a receiver knows it (``Message-ID``, ``Idempotency-Key``).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.crashpoints import crash_point
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.published import NoticeChanged
from reference_impl.rules.notices import FAILED, SENT, WAITING
from reference_impl.rules.ports import RuleRows

ATTEMPTS_MAX = 8
BACKOFF_MS, BACKOFF_MS_MAX = 60_000, 3_600_000
"""A minute after the first failure, then twice as long each time, at most an hour."""
TOGETHER_MAX = 200
LOOK_AGAIN_S = 15.0


class Undelivered(Exception):  # noqa: N818 - it says what became of a notice
    """A channel did not take a notice; the text says why."""


class Channel(Protocol):
    """A way to reach somebody."""

    async def send(self, notice: Row) -> None:
        """Hand a notice over. Raises Undelivered."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class NoticeCourier:
    """Sends what is due, by channel.

    Args:
        store: Where the rows are.
        rows: The tables of rules.
        channels: By name; a notice of a channel that is not there is in the list of its reader.
        now_ms: What time the DPS believes it is.
    """

    def __init__(
        self,
        *,
        store: Store,
        rows: RuleRows,
        channels: Mapping[str, Channel],
        now_ms: Callable[[], int],
    ) -> None:
        self._store, self._rows, self._channels, self._now_ms = store, rows, channels, now_ms
        self._turn = asyncio.Lock()
        self._quiet = False
        self._woken = asyncio.Event()

    def subscribe(self, bus: Bus) -> None:
        """Look for what is due after each transaction that wrote a notice."""
        bus.subscribe(NoticeChanged, lambda uow, _event: uow.after_commit(self.wake))

    def wake(self) -> None:
        """Something may be due."""
        self._quiet = False
        self._woken.set()

    async def follow(self) -> None:
        """Live: send what is due, until cancelled."""
        while True:
            self._woken.clear()
            await self.flush()
            with contextlib.suppress(TimeoutError):  # something may have become due meanwhile
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._woken.wait()

    async def flush(self) -> int:
        """Try everything that is due once; gives the number of attempts."""
        if self._quiet:
            return 0
        tried = 0
        async with self._turn:
            while True:
                now_ms = self._now_ms()
                with self._store.read() as conn:
                    due = self._rows.look.notices_due(conn, now_ms, limit=TOGETHER_MAX)
                    waits = bool(due) or bool(self._rows.notices.items(conn, state=WAITING))
                if not due:
                    self._quiet = not waits  # what waits for its time is looked for again
                    return tried
                crash_point("before_delivery")
                results = await asyncio.gather(*map(self._attempt, due))
                crash_point("after_delivery")
                async with self._store.writing:
                    with self._store.begin() as uow:
                        for row, error in zip(due, results, strict=True):
                            changes = noted(row, error, now_ms)
                            self._rows.notices.swap(
                                uow, row["id"], expected=WAITING, values=changes
                            )
                tried += len(due)

    async def _attempt(self, row: Row) -> str:
        """Why it was not taken; empty if it was."""
        channel = self._channels.get(row["channel"])
        if channel is None:
            return ""
        if not row["address"]:
            return f"the contact has no address for {row['channel']}"
        try:
            await channel.send(row)
        except Undelivered as error:
            return str(error)
        return ""

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            await channel.close()


def noted(row: Row, error: str, now_ms: int) -> Row:
    """What to write of an attempt: sent, tried again later, or given up."""
    attempts = row["attempts"] + 1
    if not error:
        return {"state": SENT, "attempts": attempts, "error": ""}
    if attempts >= ATTEMPTS_MAX or not row["address"]:
        return {"state": FAILED, "attempts": attempts, "error": error}
    wait_ms = min(BACKOFF_MS * 2 ** (attempts - 1), BACKOFF_MS_MAX)
    return {"attempts": attempts, "error": error, "due_ms": now_ms + wait_ms}
