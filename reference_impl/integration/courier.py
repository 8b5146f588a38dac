"""Carries deliveries out: at least once, in order per subject, a failing one behind no other.

What is due goes out after the transaction that made it due; what came of it is noted in another. A
crash in between sends it again, under the same ``webhook-id``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby

from standardwebhooks import Webhook

from reference_impl.integration.ports import Poster, Reply
from reference_impl.integration.service import Webhooks
from reference_impl.kernel.crashpoints import crash_point
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store

Pair = tuple[Row, Row]
Result = tuple[Row, Reply]


class Courier:
    """Sends what is due.

    Args:
        store: Where the rows are.
        webhooks: Their use cases.
        new_poster: Makes the HTTP client, once there is something to send.
        wall_s: The wall's clock, seconds since the Unix epoch: receivers compare the signed time
            with their own.
        follows_wall: Whether the clock of attempts moves by itself (a live DPS).
    """

    def __init__(
        self,
        *,
        store: Store,
        webhooks: Webhooks,
        new_poster: Callable[[], Poster],
        wall_s: Callable[[], float],
        follows_wall: bool,
    ) -> None:
        self._store, self._webhooks = store, webhooks
        self._new_poster = new_poster
        self._poster: Poster | None = None
        self._wall_s, self._follows_wall = wall_s, follows_wall
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._next_due_ms: int | None = 0
        """Nothing is due before; None: nothing waits. A store that was opened may hold some."""
        webhooks.on_recorded(self.wake)

    def wake(self) -> None:
        """Something new is due."""
        self._next_due_ms = 0
        self._woken.set()

    async def flush(self) -> int:
        """Try everything that is due once; gives the number of attempts."""
        tried = 0
        async with self._turn:
            while self._next_due_ms is not None and self._next_due_ms <= self._webhooks.now_ms():
                self._next_due_ms = None  # what comes meanwhile sets it again
                with self._store.read() as conn:
                    due = self._webhooks.due(conn)
                    gone = [one for one in due if not self._webhooks.may_go(conn, *one)]
                results = await self._send([one for one in due if one not in gone])
                async with self._store.writing:
                    with self._store.begin() as uow:
                        for row, _ in gone:
                            self._webhooks.withhold(uow, row)
                        for row, reply in results:
                            self._webhooks.note(uow, row, reply)
                        next_due_ms = self._webhooks.next_due_ms(uow.conn)
                tried += len(results)
                if self._next_due_ms is None:
                    self._next_due_ms = next_due_ms
        return tried

    async def _send(self, due: Sequence[Pair]) -> list[Result]:
        if not due:
            return []
        crash_point("before_delivery")
        in_order = sorted(due, key=lambda one: (one[1]["id"], one[0]["number"]))
        groups = [list(group) for _, group in groupby(in_order, key=lambda one: one[1]["id"])]
        results = [
            one for found in await asyncio.gather(*map(self._to_one, groups)) for one in found
        ]
        crash_point("after_delivery")
        return results

    async def _to_one(self, due: Sequence[Pair]) -> list[Result]:
        """Send to one webhook. Behind a failure wait those of the same subject.

        If there is no answer at all, the others are not tried either: their attempt failed, too.
        """
        results: list[Result] = []
        failed: set[str] = set()
        silent: Reply | None = None
        for row, hook in due:
            if row["subject"] in failed:
                continue
            reply = silent or await self._attempt(row, hook)
            results.append((row, reply))
            if reply.status is None:
                silent = reply
            if reply.status is None or not 200 <= reply.status < 300:
                failed.add(row["subject"])
        return results

    async def _attempt(self, row: Row, hook: Row) -> Reply:
        sent_at = datetime.fromtimestamp(int(self._wall_s()), UTC)
        signature = Webhook(hook["secret"]).sign(row["id"], sent_at, row["payload"].decode())
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": row["id"],
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": signature,
        }
        if hook["role"]:
            headers["idempotency-key"] = row["id"]
        if self._poster is None:
            self._poster = self._new_poster()
        return await self._poster.post(hook["url"], row["payload"], headers)

    async def follow(self) -> None:
        """Send whenever something is due, until cancelled."""
        while True:
            self._woken.clear()
            await self.flush()
            wait_s = None
            if self._follows_wall and self._next_due_ms is not None:
                wait_s = max(0.0, (self._next_due_ms - self._webhooks.now_ms()) / 1000)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def close(self) -> None:
        """Close the client's connections."""
        if self._poster is not None:
            await self._poster.close()
