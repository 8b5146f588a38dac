"""``python -m loadtests.run``: drive Locust against a broker and settle the account.

Exit codes: 0 passed; 1 messages lost or doubled; 2 options, target or tape do not fit; 4 the DPS or the
witness did not answer; 5 our own bug; 6 invalid, the generator or its connections fell short.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import msgspec
from rich.console import Console

from broker.link.address import Address
from broker.wire import messages as m
from loadtests import account, table, target
from loadtests.errors import BadRequest, LoadError
from loadtests.job import Job, Settings
from loadtests.plan import Plan
from loadtests.source import Generated
from loadtests.stored import Service, Store, Witness, settle
from loadtests.tape import Track, tracks

ROOT = Path(__file__).resolve().parents[1]
MARGIN_S = 60.0
"""Beyond all that a generator process may take by its own bounds."""
SETTLE_S = 5.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="twinrig load", description=__doc__.splitlines()[0])
    add = made.add_argument
    add("--target", required=True, metavar="URL", help="broker under load, mqtt://HOST:PORT")
    add(
        "--sut",
        default="none",
        metavar="URL|none",
        help="DPS to ask what is stored; none: a witness",
    )
    add("--users", type=int, default=20, help="devices, each with a connection (default 20)")
    add("--rate", type=float, default=100.0, help="messages per second of all together")
    add("--duration", type=float, default=10.0, help="seconds of traffic")
    add("--shape", choices=("constant", "ramp"), default="constant")
    add("--tape", type=Path, help="payload tape; built-in telemetry without it")
    add("--json", dest="json_path", metavar="PATH", help="write the ledger; - for stdout")
    add("--processes", type=int, default=1, help="generator processes that share the devices")
    add("--spawn-rate", type=float, default=200.0, help="new connections per second")
    add("--window", type=int, default=100, help="unacknowledged messages per device")
    add("--connect", type=float, default=10.0, help="seconds to wait for a CONNACK")
    add("--drain", type=float, default=10.0, help="seconds for what is overdue at the end")
    add("--settle", type=float, default=SETTLE_S, help="seconds without news before lost is lost")
    add("--late-ms", type=float, default=500.0, help="sent later than this counts as late")
    add("--tolerance", type=float, default=1.0, help="percent short of asked that is still valid")
    add("--i-may-load", metavar="HOST", help="the one host off this machine that you may load")
    return made


def check(options: argparse.Namespace) -> tuple[Address, list[Track] | None]:
    """Look at everything that can be wrong before anything starts.

    Raises:
        BadRequest: With all problems.
    """
    problems = []
    positive = ("users", "rate", "duration", "processes", "spawn_rate", "window", "connect")
    for name in (*positive, "late_ms"):
        if not getattr(options, name) > 0:
            problems.append(
                f"--{name.replace('_', '-')} {getattr(options, name):g}: must be more than 0"
            )
    for name in ("drain", "settle", "tolerance"):
        if not getattr(options, name) >= 0:
            problems.append(f"--{name} {getattr(options, name):g}: must be 0 or more")
    if options.processes > options.users > 0:
        problems.append(
            f"--processes {options.processes}: there are only {options.users} users to share"
        )
    if options.sut != "none" and not options.sut.startswith(("http://", "https://")):
        problems.append(f"--sut {options.sut!r}: allowed: none, or the URL of a DPS, http://...")
    if importlib.util.find_spec("locust") is None:
        problems.append("Locust is not installed; install it with: pip install 'twinrig[load]'")
    address, played = None, None
    try:
        address = target.parse(options.target, i_may_load=options.i_may_load)
    except BadRequest as error:
        problems += error.problems
    if options.tape is not None:
        try:
            played = tracks(options.tape)
        except BadRequest as error:
            problems += error.problems
    if not problems and played is not None:
        problems += _too_short(options, played)
    if problems or address is None:
        raise BadRequest(problems)
    return address, played


def _too_short(options: argparse.Namespace, played: Sequence[Track]) -> list[str]:
    plan = _plan(options, 0)
    if len(played) < plan.users:
        return [
            f"tape {options.tape} has {len(played)} devices, --users asks for {plan.users};"
            " use fewer users or write a tape of more devices"
        ]
    short = [
        (track.birth.device, len(track.messages), plan.asked_of(number))
        for number, track in enumerate(played[: plan.users])
        if len(track.messages) < plan.asked_of(number)
    ]
    if not short:
        return []
    device, has, needs = max(short, key=lambda row: row[2] - row[1])
    return [
        f"tape {options.tape} is too short for {len(short)} of {plan.users} devices: {device} has"
        f" {has} messages and {needs} are asked; shorten --duration, lower --rate, or add users"
    ]


def _plan(options: argparse.Namespace, shard: int) -> Plan:
    return Plan(
        users=options.users,
        rate_per_s=options.rate,
        duration_s=options.duration,
        shape=options.shape,
        shard=shard,
        shards=options.processes,
    )


class Generators:
    """The Locust processes of one run; a context manager that leaves none behind."""

    def __init__(self, options: argparse.Namespace, settings: Settings, folder: Path) -> None:
        self._options, self._settings, self._folder = options, settings, folder
        self._children: list[tuple[subprocess.Popen[bytes], IO[bytes], Path]] = []

    def __enter__(self) -> Generators:
        for shard in range(self._options.processes):
            self._start(shard)
        return self

    def _start(self, shard: int) -> None:
        options, here = self._options, ROOT / "loadtests"
        report = self._folder / f"report-{shard}.json"
        job = self._folder / f"job-{shard}.json"
        plan = _plan(options, shard)
        tape = str(options.tape.resolve()) if options.tape is not None else None
        job.write_bytes(
            msgspec.json.encode(
                Job(plan=plan, settings=self._settings, tape=tape, report=str(report))
            )
        )
        command = [
            sys.executable, "-m", "locust", "--headless", "--loglevel", "WARNING", "--skip-log-setup",
            "-f", f"{here / 'locustfile.py'},{here / 'shapes' / (options.shape + '.py')}",
            "--host", options.target, "--users", str(len(plan.devices)),
            "--spawn-rate", str(options.spawn_rate), "--exit-code-on-error", "0",
            "--job", str(job),
        ]  # fmt: skip
        if options.i_may_load:
            command += ["--i-may-load", options.i_may_load]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        log = (self._folder / f"locust-{shard}.log").open("w+b")
        child = subprocess.Popen(  # noqa: S603 - our own locustfile
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        self._children.append((child, log, report))

    def reports(self) -> list[account.ShardReport]:
        """Wait for all, and read what they wrote.

        Raises:
            LoadError: If one wrote nothing; with the end of its log.
        """
        options = self._options
        within_s = (
            options.connect + options.users / options.spawn_rate + options.duration
            + options.drain + MARGIN_S
        )  # fmt: skip
        end_s = time.perf_counter() + within_s
        found = []
        for child, log, report in self._children:
            try:
                child.wait(max(end_s - time.perf_counter(), 0.1))
                what = f"ended with status {child.returncode}"
            except subprocess.TimeoutExpired:
                what = f"did not end within {within_s:.0f} s"
            if not report.exists():
                log.seek(0)
                tail = log.read().decode(errors="replace")[-2000:]
                raise LoadError(f"a generator process {what} without a report:\n{tail}")
            found.append(msgspec.json.decode(report.read_bytes(), type=account.ShardReport))
        return found

    def __exit__(self, *_error: object) -> None:
        for child, log, _report in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
            log.close()


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
