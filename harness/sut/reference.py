"""The reference DPS: in this process over the memory link, or as a process of its own.

The only module of the harness that knows ``reference_impl``.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from broker.link.port import ServiceLink
from harness.errors import InvalidRun, SutError
from harness.sut.callers import Answer, AsgiCaller, HttpCaller, NoAnswer
from harness.sut.http import KEY_VARIABLE, HttpSut
from harness.sut.port import ClockAnswer, Short
from harness.sut.process import ChildProcess, python_module

if TYPE_CHECKING:
    from reference_impl.bootstrap import Dps

RESTARTS_PER_CALL = 3
"""A call is tried again this often after the DPS was killed on the scenario's order."""
DIES_WITHIN_S = 5.0
"""How long after a broken connection or call the process may take to be seen dead."""


def store_url(store: Path | str) -> str:
    """The URL of a store: a path is that of a SQLite file."""
    return store if isinstance(store, str) else f"sqlite:///{store}"


def restore_store(store: Path | str, copy: Path) -> None:
    """Put a copy (``SystemUnderTest.snapshot``) into a store that nobody has open."""
    from reference_impl.kernel.bus import Bus  # noqa: PLC0415 - the database package, if used
    from reference_impl.kernel.store import Store  # noqa: PLC0415

    opened = Store(store_url(store), Bus())
    try:
        opened.restore(copy)
    except ValueError as error:
        raise InvalidRun(str(error)) from error
    finally:
        opened.close()


class InProcessReference(HttpSut):
    """In this process: same code, same answers, no sockets."""

    def __init__(
        self,
        link: Callable[[], ServiceLink],
        *,
        store_url: str,
        clock: Literal["driven", "live"],
        restore_from: Path | None = None,
    ) -> None:
        super().__init__(AsgiCaller(None))
        self._link, self._store_url, self._clock = link, store_url, clock
        self._restore_from = restore_from
        self._key = secrets.token_hex(16)
        self._dps: Dps | None = None
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See SystemUnderTest."""
        from reference_impl.bootstrap import (  # noqa: PLC0415 - imports for 0.6 s, if used
            Settings,
            build,
        )
        from reference_impl.kernel.errors import StoreUnusable  # noqa: PLC0415

        restore, self._restore_from = self._restore_from, None
        try:
            self._dps = build(
                self._store_url,
                self._link(),
                Settings(clock=self._clock, operator_key=self._key),
                restore_from=restore,
            )
            await self._dps.start()
        except (ValueError, StoreUnusable) as error:
            raise InvalidRun(str(error)) from error
        self._watch = asyncio.create_task(self._dps.ended())
        self._caller = AsgiCaller(self._dps.app, key=self._key)

    async def close(self) -> None:
        """See SystemUnderTest."""
        dps, self._dps = self._dps, None
        if dps is not None:
            await dps.stop()
        watch, self._watch = self._watch, None
        if watch is not None:
            await asyncio.wait([watch])
            watch.exception()  # it was told where it mattered

    async def clock(
        self, now_ms: int, delivered: Mapping[str, int], wait_s: float
    ) -> ClockAnswer | Short:
        """See SystemUnderTest; a DPS that has ended says why instead of being short."""
        answer = await super().clock(now_ms, delivered, wait_s)
        if isinstance(answer, Short) and self._watch is not None and self._watch.done():
            error = self._watch.exception()
            raise SutError(f"the DPS has ended: {type(error).__name__}: {error}") from error
        return answer

    async def kill(self, point: str) -> None:
        """Drop the application and open its store anew: in one process, that is what dies."""
        del point  # at rest, where the timeline acts, every point is this one
        await self.close()
        await self.open()

    async def go_live(self) -> None:
        """See SystemUnderTest."""
        await self.close()
        self._clock = "live"
        await self.open()

    async def leave(self, how: str) -> None:
        """See SystemUnderTest; one that is only held is here, and nobody tells it the time."""
        if how != "pause":
            await self.close()

    async def come_back(self) -> None:
        """See SystemUnderTest."""
        if self._dps is None:
            await self.open()


class ChildReference(HttpSut):
    """As a process of its own: killed on order it comes back, else its death is told.

    ``with_key``: nobody else may call it; without, everybody on this machine may.
    """

    def __init__(
        self,
        *,
        broker_url: str,
        store: Path | str,
        clock: str,
        log: Path,
        crash_file: Path,
        web: bool = False,
        with_key: bool = False,
    ) -> None:
        self._web = web
        self._key = secrets.token_hex(16) if with_key else ""
        self._broker_url, self._store, self._log = broker_url, store_url(store), log
        self._crash_file = crash_file
        self._process = self._child(clock, port=0)
        self._armed = False
        self.url = ""
        super().__init__(_Nobody())

    def _child(self, clock: str, *, port: int) -> ChildProcess:
        command = python_module(
            "reference_impl",
            *("--broker", self._broker_url, "--store", self._store, "--port", str(port)),
            *("--clock", clock, "--exit-with-parent", *(("--web",) if self._web else ())),
        )
        env = {"TWINRIG_CRASH_FILE": str(self._crash_file), KEY_VARIABLE: self._key}
        return ChildProcess(command, log=self._log, env=env)

    async def open(self) -> None:
        """See SystemUnderTest."""
        self.url = await self._process.start()
        self._caller = HttpCaller(self.url, key=self._key or None)

    @property
    def portal_url(self) -> str:
        """Its page for people, if it was told to serve pages; known once it is up."""
        return f"{self.url}/portal" if self._web and self.url else ""

    async def close(self) -> None:
        """See SystemUnderTest."""
        await self._caller.close()
        await self._process.end()

    async def kill(self, point: str) -> None:
        """See SystemUnderTest."""
        if point == "now":
            await self._process.kill()
            await self._reopen()
        else:
            self._crash_file.write_text(point, "utf-8")
            self._armed = True

    async def go_live(self) -> None:
        """See SystemUnderTest; it keeps its address."""
        await self.close()
        self._process = self._child("live", port=urlsplit(self.url).port or 0)
        await self.open()

    async def leave(self, how: str) -> None:
        """See SystemUnderTest."""
        if how == "pause":
            self._process.hold()
        elif how == "kill":
            await self._process.kill()
        else:
            await self._caller.close()
            await self._process.end()

    async def come_back(self) -> None:
        """See SystemUnderTest."""
        if not self._process.go_on():
            await self._reopen()

    async def _reopen(self) -> None:
        await self._caller.close()
        await self._process.end()
        await self.open()

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        for _ in range(RESTARTS_PER_CALL):
            answer, silence = None, None
            try:
                answer = await super()._call(method, path, body, headers)
            except SutError as error:
                silence = error
            if answer is not None and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return answer
            # No answer, or that of a server that breaks its calls off: is it on its way out?
            if not await self._process.wait_dead(DIES_WITHIN_S):
                if answer is not None:
                    return answer
                assert silence is not None  # one of both it is
                raise silence
            if not self._armed or self._crash_file.exists():
                raise SutError(self._process.obituary()) from silence
            self._armed = False
            await self._reopen()
        raise SutError("the DPS does not stay up after it was killed")


class _Nobody:
    """The caller of a process that was not started yet."""

    async def call(
        self, method: str, path: str, _body: bytes | None, _headers: Mapping[str, str]
    ) -> Answer:
        raise NoAnswer(f"{method} {path}: it was not started")

    async def close(self) -> None:
        """Nothing to free."""
