"""``python -m loadtests.run``: drive Locust against a broker and settle the account.

Exit codes: 0 passed; 1 messages lost or doubled; 2 options, target or tape do not fit; 4 the DPS
or the witness did not answer; 5 our own bug; 6 invalid, generator or connections fell short.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from broker.wire import messages as m
from loadtests import account, table
from loadtests.errors import LoadError
from loadtests.generators import Generators
from loadtests.job import Settings
from loadtests.options import check, parser
from loadtests.source import Generated
from loadtests.stored import Service, Store, Witness, settle
from loadtests.tape import Track


def load(options: argparse.Namespace, *, tell: Console) -> account.Ledger:
    """Do one run.

    Raises:
        LoadError: If it could not be done; its ``exit_code`` says who must act.
    """
    address, played = check(options)
    settings = Settings(
        start_ms=time.time_ns() // 1_000_000,
        window=options.window,
        connect_s=options.connect,
        drain_s=options.drain,
        late_ms=options.late_ms,
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twinrig-load-")))
        store: Store
        if options.sut == "none":
            store = stack.enter_context(
                Witness(address, boot=settings.boot, within_s=options.connect)
            )
        else:
            store = service = stack.enter_context(Service(options.sut))
            new = service.install(_births(options, settings, played))
            tell.print(f"{options.sut}: {new} new devices installed")
        tell.print(
            f"{options.users} devices, {options.rate:g} messages/s, {options.duration:g} s,"
            f" {options.shape}, to {address.url}"
        )
        reports = stack.enter_context(Generators(options, settings, folder)).reports()
        reading = settle(
            store, lambda r: account.settled(reports, r.devices), patience_s=options.settle
        )
        return account.judge(
            reports,
            reading.devices,
            tolerance_pct=options.tolerance,
            late_ms=options.late_ms,
            reordered=reading.reordered,
            at_least_once=store.at_least_once,
        )


def _births(
    options: argparse.Namespace, settings: Settings, played: Sequence[Track] | None
) -> list[tuple[str, m.Birth]]:
    if played is not None:
        return [(track.site, track.birth) for track in played[: options.users]]
    sources = (
        Generated(number, boot=settings.boot, start_ms=settings.start_ms, interval_ms=1.0)
        for number in range(options.users)
    )
    return [(source.site, source.birth) for source in sources]


def _document(options: argparse.Namespace, ledger: account.Ledger, wall_s: float) -> dict[str, Any]:
    asked = {
        name: getattr(options, name)
        for name in (
            "target",
            "sut",
            "users",
            "rate",
            "duration",
            "shape",
            "processes",
            "tolerance",
        )
    }
    asked["tape"] = str(options.tape) if options.tape is not None else None
    return {**msgspec.to_builtins(ledger), "run": asked, "wall_seconds": round(wall_s, 3)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    options = parser().parse_args(arguments)
    on_stdout = options.json_path == "-"
    tell = Console(stderr=True)
    began_s = time.perf_counter()
    try:
        ledger = load(options, tell=tell)
    except LoadError as error:
        for line in str(error).splitlines():
            tell.print(f"error: {line}", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    document = msgspec.json.format(
        msgspec.json.encode(_document(options, ledger, time.perf_counter() - began_s))
    )
    if on_stdout:
        sys.stdout.write(document.decode() + "\n")
    elif options.json_path is not None:
        Path(options.json_path).write_bytes(document + b"\n")
    table.show(ledger, tell if on_stdout else Console())
    return ledger.exit_code


if __name__ == "__main__":
    sys.exit(main())
