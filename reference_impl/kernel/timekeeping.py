"""What time it is, and what happens when it moves: the one way in which decisions are made.

Time moves by a clock call (``driven``) or by the watermark of what arrives (``live``). Both end in
:meth:`Timekeeper.advance`: one transaction that fires everything due and keeps the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
import sqlalchemy as sa

from reference_impl.kernel.crashpoints import crash_point
from reference_impl.kernel.errors import DpsError, Problem, TimeGoesForward
from reference_impl.kernel.feed import Feed
from reference_impl.kernel.outbox import Outbox
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork, metadata
from reference_impl.kernel.upsert import upsert

clock = sa.Table(
    "clock",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("now_ms", sa.BigInteger, nullable=False),
    sa.Column("answered_to", sa.Integer, nullable=False),  # newest outbox row that was answered
    sa.Column("answer", sa.LargeBinary, nullable=False),
)


class ClockAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a clock call is told; the fields are those of the contract document."""

    now_ms: int
    commands: list[str]
    next_due_ms: int | None
    feed_cursor: str
    ingested: int


class Short(DpsError):  # noqa: N818 - it names what is missing
    """Fewer messages were stored than were delivered, after the whole wait."""

    code = "short"

    def __init__(self, short: Mapping[str, int], wait_s: float) -> None:
        super().__init__(
            f"not all delivered messages are stored after {wait_s:g} s",
            [
                Problem(where=f"delivered.{site}", what=f"{missing} messages not stored yet")
                for site, missing in sorted(short.items())
            ],
        )
        self.short = dict(short)


class ClockIsLive(DpsError):  # noqa: N818
    """A clock call reached a DPS whose clock is moved by what arrives."""

    code = "clock_is_live"


class Intake(Protocol):
    """What the clock needs to know of ingestion."""

    @property
    def total(self) -> int:
        """Distinct messages stored or put aside."""
        ...

    @property
    def first_ms(self) -> int | None:
        """The earliest time any message named; None before the first message."""
        ...

    def short_of(self, delivered: Mapping[str, int]) -> dict[str, int]:
        """Per site, how many messages are still missing; empty if none."""
        ...

    def watermark_ms(self) -> int | None:
        """Up to when every site has told everything; None if that is not known."""
        ...

    def settle(self, uow: UnitOfWork, now_ms: int) -> None:
        """Before anything fires: date what had no time, and ask for what is seen missing."""
        ...

    def ask_for(self, uow: UnitOfWork, now_ms: int, short: Mapping[str, int]) -> None:
        """Ask devices of sites that are short to send again what may be missing."""
        ...

    def on_stored(self, act: Callable[[], None]) -> None:
        """Call ``act`` after each batch that was stored."""
        ...


class Timekeeper:
    """Keeps the time of the DPS; implements the port ``Clock``."""

    def __init__(
        self,
        *,
        store: Store,
        scheduler: Scheduler,
        outbox: Outbox,
        feed: Feed,
        intake: Intake,
        live: bool,
        look_again_s: float | None = None,
    ) -> None:
        self._look_again_s = look_again_s
        self.live = live
        self._store = store
        self._scheduler = scheduler
        self._outbox = outbox
        self._feed = feed
        self._intake = intake
        self._turn = asyncio.Lock()
        self._stored = asyncio.Event()
        self._now_ms: int | None = None
        self._answer: ClockAnswer | None = None
        self._answered_to = 0
        self._on_moved: list[Callable[[], Awaitable[object]]] = []
        intake.on_stored(self._stored.set)

    def on_moved(self, act: Callable[[], Awaitable[object]]) -> None:
        """Await ``act`` before a clock call is answered, once its transaction is durable."""
        self._on_moved.append(act)

    def now_ms(self) -> int:
        """The last clock call or the live watermark; before both, the first message's time."""
        if self._now_ms is not None:
            return self._now_ms
        return self._intake.first_ms or 0

    def load(self) -> None:
        """Take up where the store left off."""
        with self._store.read() as conn:
            row = conn.execute(sa.select(clock)).first()
        self._now_ms = None if row is None else row.now_ms
        self._answered_to = 0 if row is None else row.answered_to
        self._answer = None if row is None else msgspec.json.decode(row.answer, type=ClockAnswer)

    async def call(self, now_ms: int, delivered: Mapping[str, int], wait_s: float) -> ClockAnswer:
        """Move time to ``now_ms`` once as many messages are stored as were ``delivered``.

        Args:
            now_ms: The new time, simulated milliseconds.
            delivered: Running number of distinct messages per site.
            wait_s: How long to wait for them, seconds of wall time.

        Raises:
            TimeGoesForward: If ``now_ms`` is in the past.
            Short: If messages are missing after ``wait_s``; resend requests went out.
            ClockIsLive: If the clock is not driven by calls.
        """
        if self.live:
            raise ClockIsLive("this clock is live: it follows what arrives, no call moves it")
        async with self._turn:
            if self._now_ms is not None and now_ms < self._now_ms:
                raise TimeGoesForward(
                    f"{now_ms} is in the past: it is {self._now_ms}",
                    [Problem(where="now_ms", what=str(now_ms), allowed=f">= {self._now_ms}")],
                )
            if self._answer is None or now_ms != self._now_ms:
                await self._wait_for(now_ms, delivered, wait_s)
                async with self._store.writing:
                    self.advance(now_ms)
            assert self._answer is not None
            answer = self._answer
            crash_point("before_publish")
            await self._outbox.flush()
            for act in self._on_moved:
                await act()
            return answer

    async def _wait_for(self, now_ms: int, delivered: Mapping[str, int], wait_s: float) -> None:
        if not self._intake.short_of(delivered):
            return  # no wait, no timeout to set up
        try:
            async with asyncio.timeout(wait_s):
                while self._intake.short_of(delivered):
                    self._stored.clear()
                    await self._stored.wait()
        except TimeoutError:
            short = self._intake.short_of(delivered)
            if not short:
                return
            async with self._store.writing:
                with self._store.begin() as uow:
                    self._intake.ask_for(uow, now_ms, short)
            await self._outbox.flush()
            raise Short(short, wait_s) from None

    def advance(self, now_ms: int) -> None:
        """Fire all that is due up to ``now_ms`` in one transaction, which keeps the answer."""
        with self._store.begin() as uow:
            self._intake.settle(uow, now_ms)
            from_ms = self._from_ms(now_ms)
            next_due_ms = self._scheduler.advance(uow, from_ms=from_ms, to_ms=now_ms)
            answered_to = self._outbox.newest(uow)
            said = answered_to > self._answered_to
            answer = ClockAnswer(
                now_ms=now_ms,
                commands=self._outbox.ids_after(uow.conn, self._answered_to) if said else [],
                next_due_ms=next_due_ms,
                feed_cursor=str(self._feed.cursor(uow)),
                ingested=self._intake.total,
            )
            upsert(uow.conn, clock, [(1, now_ms, answered_to, msgspec.json.encode(answer))])
            crash_point("in_clock")
        self._now_ms, self._answer, self._answered_to = now_ms, answer, answered_to

    def _from_ms(self, now_ms: int) -> int:
        """Where evaluations begin: at the last time, or just before the first thing known.

        The first message, not the first call, so that the length of a step changes nothing.
        """
        if self._now_ms is not None:
            return self._now_ms
        first_ms = self._intake.first_ms
        return now_ms - 1 if first_ms is None else min(first_ms, now_ms) - 1

    async def follow(self) -> None:
        """Live: move time to the watermark after each stored batch, until cancelled.

        A message of the watermark's own instant may still be on its way (another device of the
        same site), so time moves to just before it.
        """
        while True:
            self._stored.clear()
            watermark_ms = self._intake.watermark_ms()
            now_ms = self._now_ms
            if watermark_ms is not None and (now_ms is None or watermark_ms - 1 > now_ms):
                async with self._store.writing:
                    self.advance(watermark_ms - 1)
            await self._outbox.flush()
            with contextlib.suppress(TimeoutError):  # a site may have become idle
                async with asyncio.timeout(self._look_again_s):
                    await self._stored.wait()

    def wake(self) -> None:
        """Look at the watermark again: something beside a message may have moved it."""
        self._stored.set()
