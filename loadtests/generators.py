"""The Locust processes of one run."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Self

import msgspec

from loadtests import account
from loadtests.errors import LoadError
from loadtests.job import Job, Settings
from loadtests.options import plan_of

ROOT = Path(__file__).resolve().parents[1]
MARGIN_S = 60.0
"""Beyond all that a generator process may take by its own bounds."""


class Generators:
    """The Locust processes of one run; a context manager that leaves none behind."""

    def __init__(self, options: argparse.Namespace, settings: Settings, folder: Path) -> None:
        self._options, self._settings, self._folder = options, settings, folder
        self._children: list[tuple[subprocess.Popen[bytes], IO[bytes], Path]] = []

    def __enter__(self) -> Self:
        for shard in range(self._options.processes):
            self._start(shard)
        return self

    def _start(self, shard: int) -> None:
        options, here = self._options, ROOT / "loadtests"
        report = self._folder / f"report-{shard}.json"
        job = self._folder / f"job-{shard}.json"
        plan = plan_of(options, shard)
        tape = str(options.tape.resolve()) if options.tape is not None else None
        job.write_bytes(
            msgspec.json.encode(
                Job(plan=plan, settings=self._settings, tape=tape, report=str(report))
            )
        )
        command = [
            sys.executable, "-m", "locust", "--headless", "--skip-log-setup",
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
            said = msgspec.json.decode(report.read_bytes(), type=account.ShardReport)
            if said.bugs:
                raise LoadError(f"{len(said.bugs)} devices died of a bug of ours:\n{said.bugs[0]}")
            found.append(said)
        return found

    def __exit__(self, *_error: object) -> None:
        for child, log, _report in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
            log.close()
