"""A DPS as our child process: started, told apart when it dies, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.errors import SutError

READY_WITHIN_S = 30.0
"""Longest wait for the line that says it is ready."""
END_WITHIN_S = 5.0
"""Longest wait after SIGTERM before SIGKILL."""


class ChildProcess:
    """One process at a time, run from the same command again after it was killed."""

    def __init__(self, command: Sequence[str], *, log: Path, env: dict[str, str]) -> None:
        self._command, self._log, self._env = tuple(command), log, env
        self._process: asyncio.subprocess.Process | None = None
        self._held = False

    async def start(self) -> str:
        """Start it; returns its URL, read from the line that it prints when it is ready.

        Raises:
            SutError: If it ends, says something else, or is not ready in time.
        """
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,  # it ends when this closes: when we die
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we end it when we are done.
                env={**os.environ, **self._env},
            )
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), READY_WITHIN_S)
            return str(msgspec.json.decode(line)["url"])
        except (TimeoutError, msgspec.DecodeError, KeyError, TypeError) as error:
            await self.end()
            raise SutError(f"the DPS did not come up; its last words:\n{self._tail()}") from error

    @property
    def died(self) -> bool:
        """Whether it was started and is gone."""
        return self._process is not None and self._process.returncode is not None

    async def wait_dead(self, within_s: float) -> bool:
        """Wait for its end; false if it still runs."""
        if self._process is None:
            return True
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            return False
        return True

    def obituary(self) -> str:
        """How it ended, with its last words."""
        code = self._process.returncode if self._process else None
        how = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"status {code}"
        return f"the DPS ended by itself ({how}); its last words:\n{self._tail()}"

    async def kill(self) -> None:
        """As kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def hold(self) -> None:
        """Let it do nothing, as SIGSTOP does, until :meth:`go_on`."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGSTOP)
            self._held = True

    def go_on(self) -> bool:
        """Let it go on; false if it was not held."""
        held, self._held = self._held, False
        if held and self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)
        return held

    async def end(self) -> None:
        """Ask it to end, and make it end; safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            self._held = False
            process.send_signal(signal.SIGCONT)  # one that is held could not end
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), END_WITHIN_S)
            except TimeoutError:
                process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()

    def _tail(self) -> str:
        try:
            return self._log.read_text("utf-8", "replace")[-2000:].strip() or "(nothing)"
        except OSError:
            return "(nothing)"


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module in this interpreter."""
    return [sys.executable, "-m", module, *arguments]
