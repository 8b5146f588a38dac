"""What all users of one Locust process share: the plan, the start of traffic, the records."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from gevent.event import Event

from broker.link.address import Address
from loadtests import account
from loadtests.job import Settings
from loadtests.plan import Plan
from loadtests.source import Generated, Played, Source
from loadtests.tape import Track

LEAD_IN_S = 0.1
"""Between the last CONNACK and the first message."""


_SCHEDSTAT = Path("/proc/self/schedstat")
"""Linux: ns on a processor, ns waiting for one, time slices; of the main thread, which is ours."""


class _Cpu(NamedTuple):
    used_s: float
    wait_s: float


def _cpu() -> _Cpu:
    try:
        wait_ns = int(_SCHEDSTAT.read_text().split()[1])
    except (OSError, IndexError, ValueError):
        wait_ns = 0  # not told: then only what was used counts
    return _Cpu(time.process_time(), wait_ns / 1e9)


class Campaign:
    """One run in this process.

    With a plan, every device knows its share beforehand, traffic starts when the first wave is
    connected, and the run ends by itself. Without one (plain Locust), each device starts on its own
    and goes on until it is stopped; what it was asked is then what fell due meanwhile.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        address: Address,
        plan: Plan | None = None,
        tracks: list[Track] | None = None,
        report_path: Path | None = None,
        on_finished: Callable[[], object] = lambda: None,
        first_number: int = 0,
    ) -> None:
        self.settings, self.address, self.plan = settings, address, plan
        self._tracks, self._report_path, self._on_finished = tracks, report_path, on_finished
        self._joined = self._done = self._waiting = 0
        self._first_number, self.finished = first_number, False
        self._started = Event()
        self._traffic_end_s = 0.0
        self._cpu_start = self._cpu_end = _Cpu(0.0, 0.0)
        self.start_s = 0.0
        self.confirmed = self.disconnects = self.late = self.held = self.free_asked = 0
        self.connect_errors: Counter[str] = Counter()
        self.bugs: list[str] = []
        self.records: list[account.DeviceRecord] = []
        self.from_due, self.from_send, self.lag = (account.histogram() for _ in range(3))

    def join(self) -> tuple[int, Source] | None:
        """Take the next device: its number and its say; ``None`` if there is no further one."""
        nth = self._joined
        if self.plan is not None and nth >= len(self.plan.devices):
            return None
        number = self._first_number + nth if self.plan is None else self.plan.devices[nth]
        if self._tracks is not None and number >= len(self._tracks):
            return None
        source: Source
        if self._tracks is not None:
            source = Played(self._tracks[number], boot=self.settings.boot)
        else:
            interval_s = self.settings.every_s if self.plan is None else self.plan.interval_s
            source = Generated(
                number,
                boot=self.settings.boot,
                start_ms=self.settings.start_ms,
                interval_ms=1000.0 * interval_s,
            )
        self._joined += 1
        return number, source

    def elapsed_s(self) -> float | None:
        """Seconds since traffic started; ``None`` before."""
        return time.perf_counter() - self.start_s if self._started.is_set() else None

    def arrive(self) -> None:
        """A device is connected, or has given up; the last of the first wave starts the traffic.

        If none of that wave got through, the run ends at once: there is nothing to load.
        """
        self._waiting += 1
        if self.plan is None or self._waiting != self.plan.first_wave:
            return
        if self.confirmed == 0:
            self._finish()
        else:
            self.start_s = time.perf_counter() + LEAD_IN_S
            self._cpu_start = _cpu()
            self._started.set()

    def wait_for_start(self) -> float:
        """Wait until traffic starts; returns the moment of the schedule's zero."""
        self._started.wait()
        return self.start_s

    def leave(self) -> None:
        """A device has done its share; the last one ends the run."""
        self._done += 1
        self._traffic_end_s, self._cpu_end = time.perf_counter(), _cpu()
        if self.plan is not None and self._done == len(self.plan.devices):
            self._finish()

    def _finish(self) -> None:
        if self.finished:
            return
        self.finished = True
        self._write()
        self._on_finished()

    def _write(self) -> None:
        if self.plan is None or self._report_path is None:
            return
        traffic_s = max(self._traffic_end_s - self.start_s, 1e-9)
        report = account.ShardReport(
            plan=self.plan,
            confirmed=self.confirmed,
            connect_errors=dict(self.connect_errors),
            disconnects=self.disconnects,
            devices=self.records,
            late=self.late,
            held=self.held,
            cpu_share=round((self._cpu_end.used_s - self._cpu_start.used_s) / traffic_s, 3),
            cpu_wait_share=round((self._cpu_end.wait_s - self._cpu_start.wait_s) / traffic_s, 3),
            bugs=self.bugs,
            traffic_s=traffic_s,
            from_due=self.from_due.encode().decode(),
            from_send=self.from_send.encode().decode(),
            lag=self.lag.encode().decode(),
        )
        self._report_path.write_bytes(msgspec.json.encode(report))

    def summary(self) -> str:
        """One line for the end of a plain Locust run."""
        sent = sum(last - first + 1 for record in self.records for first, last in record.sent)
        open_ = sum(len(record.unacknowledged) for record in self.records)
        latency = account.latency([self.from_due.encode()])
        return (
            f"connections: {self._joined} asked, {self.confirmed} confirmed; messages:"
            f" {self.free_asked} asked, {sent} sent, {sent - open_} acknowledged, {self.late} late,"
            f" {self.held} held back; acknowledged p50/p99 {latency.p50}/{latency.p99} ms after due"
        )
