"""The DPS as a process: one event loop with the HTTP server and the link to the broker."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from broker.link.port import LinkLost
from reference_impl.bootstrap import LICENCE_KEY, ClockMode, Dps, Settings, build
from reference_impl.entrypoints.mqtt import service_link
from reference_impl.kernel.errors import StoreUnusable

KEEP_ALIVE_S = 600
"""How long an idle connection is kept: a caller who thinks for a while finds it still there."""
STOP_S = 10.0
"""How long a stop may take; what is not stored by then is delivered again at the next start."""
HOST = "127.0.0.1"
GC_THRESHOLDS = (20_000, 20, 100)
"""Objects before young, middle and old ones are looked at."""
OPERATOR_KEY = "TWINRIG_DPS_KEY"
"""The variable with the operator's key; without it, who sends no key is the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    broker: str
    store: str
    port: int
    clock: ClockMode
    web: bool
    exit_with_parent: bool
    client_id: str
    full_sync: bool
    idle_site_s: float | None
    webhook_ranges: tuple[str, ...] = ()
    smtp: str | None = None
    sms_gateway: str | None = None


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling: it raises the signal again when it has stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(options: Options) -> int:
    """Serve until told to stop; gives the exit code. Prints one line of JSON when ready."""
    try:
        import uvloop  # noqa: PLC0415 - absent on Windows

        factory: Any = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_serve(options))


async def _serve(options: Options) -> int:
    try:
        listener = socket.create_server((HOST, options.port))
    except OSError as error:
        return _complain(f"port {options.port} on {HOST} is not free: {error.strerror}", 2)
    try:
        link = service_link(options.broker, client_id=options.client_id)
        dps = build(
            options.store,
            link,
            Settings(
                clock=options.clock,
                broker=options.broker,
                idle_site_s=options.idle_site_s,
                operator_key=os.environ.get(OPERATOR_KEY) or None,
                webhook_ranges=options.webhook_ranges,
                smtp=options.smtp,
                sms_gateway=options.sms_gateway,
                licence_key=os.environ.get("TWINRIG_LICENCE_KEY", LICENCE_KEY),
            ),
            full_sync=options.full_sync,
        )
    except ValueError as error:
        return _complain(str(error), 2)
    if options.web:
        from reference_impl.entrypoints.web import add_pages  # noqa: PLC0415 - 0.7 s

        add_pages(dps)
    try:
        await dps.start()
    except StoreUnusable as error:
        return _complain(str(error), 2)
    except LinkLost as error:
        return _complain(str(error), 1)
    spare_the_old()
    return await _until_stopped(options, dps, listener)


def spare_the_old() -> None:
    """Let the garbage collector look at what is new only: what a start made stays to the end.

    With ten thousand things a look at everything takes some 180 ms of CPU, in which nobody is
    answered; all the time of a run, and it finds next to nothing. Nor is there a look before: of
    the 197,000 objects of an empty DPS 1,400 could go, and to find them took 0.11 s.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()  # a start goes without (reference_impl/__main__.py)


async def _until_stopped(options: Options, dps: Dps, listener: socket.socket) -> int:
    config = uvicorn.Config(
        dps.app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        ws="auto" if options.web else "none",  # only pages talk that way
        timeout_graceful_shutdown=2,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if options.exit_with_parent:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ending = asyncio.create_task(dps.ended())
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    sys.stdout.write(json.dumps({"url": url, "ready": True, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
    failed: BaseException | None = None
    if ending.done() and not ending.cancelled() and (error := ending.exception()) is not None:
        failed = error
        # Who still waits for an answer is cut off; that is no news beside why it ends.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    stop()
    await serving
    ending.cancel()
    # What failed may fail once more while it is put away; the first reason is the one to tell.
    with contextlib.suppress(TimeoutError if failed is None else Exception):
        async with asyncio.timeout(STOP_S):
            await dps.stop()
    return 0 if failed is None else _obituary(failed)


def _obituary(error: BaseException) -> int:
    """Say why it ends, in the last line, which is what a supervisor shows; gives the exit code."""
    if not isinstance(error, LinkLost):  # nobody's network: whoever mends it wants to see where
        traceback.print_exception(error)
    first = next(iter(str(error).splitlines()), "")
    return _complain(f"it cannot go on: {type(error).__name__}: {first}", 1)


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: Any) -> None:  # noqa: ANN401
    """Stop when the other end of our standard input closes: the parent is gone."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop may have ended by itself meanwhile
        loop.call_soon_threadsafe(stop)


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"reference DPS: {text}\n")
    return code
