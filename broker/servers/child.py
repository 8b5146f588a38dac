"""A broker in a child process that ends with us, however we end.

The child watches its standard input: the operating system closes our end of that pipe when this
process is gone, also after kill -9.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import IO

from broker.servers import ports
from broker.servers.model import HOST, START_WITHIN_S, BrokerError

_POLL_S = 0.002
_END_WITHIN_S = 5.0


class ChildServer:
    """Starts and ends one broker process.

    Args:
        name: The broker's name, for error texts.
        command: Gives the command line for a port. The process must end when its stdin closes.
        keeps_sessions: See :class:`broker.servers.model.Broker`.
        kill_by_pipe: The process guards the broker proper, and ends it when stdin closes; killing
            the guard itself would leave the broker behind.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        *,
        keeps_sessions: bool,
        kill_by_pipe: bool = False,
    ) -> None:
        self.keeps_sessions = keeps_sessions
        self._name, self._command, self._kill_by_pipe = name, command, kill_by_pipe
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the child (or of its guard) while it runs."""
        return None if self._process is None else self._process.pid

    def start(self, port: int) -> None:
        """Start the process and wait until it listens.

        Raises:
            BrokerError: If the port is taken, or the broker ends or stays silent instead.
        """
        with ports.reserve(port):
            # An unlinked file: it cannot fill up as a pipe can, and no name is left behind.
            self._said = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(  # noqa: S603 - the command is our own
                list(self._command(port)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for us; we end the broker when we are done.
            )
            try:
                self._wait_until_listening(port)
            except BaseException:
                self.kill()
                raise

    def _wait_until_listening(self, port: int) -> None:
        assert self._process is not None
        pause = threading.Event()
        deadline_s = monotonic() + START_WITHIN_S
        while monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise BrokerError(
                    f"the broker {self._name} ended at once with exit code "
                    f"{self._process.returncode}{self._last_words()}"
                )
            try:
                socket.create_connection((HOST, port), timeout=1.0).close()
            except OSError:
                pause.wait(_POLL_S)
            else:
                return
        raise BrokerError(
            f"the broker {self._name} did not listen on {HOST}:{port} within "
            f"{START_WITHIN_S:g} s{self._last_words()}"
        )

    def _last_words(self) -> str:
        assert self._said is not None
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def kill(self) -> None:
        """End the process at once and wait until it is gone; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            if not self._kill_by_pipe:
                process.kill()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._said is not None:
            self._said.close()
            self._said = None
