"""The least that a program must do with a report, in one process, as a yardstick."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from broker.wire import codec, topics
from broker.wire.messages import Telemetry

DEVICES, PER_STEP = 20, 120
REPORT_MS = 600_000
SIGNALS = ("level_m", "flow_m3_h", "power_kw", "current_a", "vibration_mm_s",
           "bearing_temp_c", "motor_temp_c", "run_hours_h", "starts", "available")  # fmt: skip


def report(number: int) -> tuple[str, Telemetry]:
    """The report of that number, with ten signals that change: ``(site, message)``."""
    device, seq = number % DEVICES, number // DEVICES + 1
    signals = {
        name: ((number * 7 + place * 131) % 9973) / 100 for place, name in enumerate(SIGNALS)
    }
    message = Telemetry(
        device=f"device-{device:02d}", boot=1, seq=seq, at_ms=seq * REPORT_MS, signals=signals
    )
    return f"site-{device // 2:02d}", message


def bare_loop_s(path: Path, messages: int) -> float:
    """Seconds for reports through codec, deduplication, one threshold and a durable row each."""
    begun = time.perf_counter()
    store = sqlite3.connect(path)
    store.execute("pragma journal_mode = wal")
    store.execute("pragma synchronous = normal")
    columns = ", ".join(f"{name} real" for name in SIGNALS)
    store.execute(
        f"create table t (device text, seq int, at_ms int, {columns}, "
        "primary key (device, seq)) without rowid"
    )
    insert = f"insert into t values (?, ?, ?{', ?' * len(SIGNALS)})"
    seen: set[tuple[str, int, int]] = set()
    alarms = 0
    for first in range(0, messages, PER_STEP):
        rows = []
        for number in range(first, min(first + PER_STEP, messages)):
            site, message = report(number)
            payload = codec.encode(message)
            _, read = codec.decode_uplink(topics.uplink(site, message), payload)
            assert isinstance(read, Telemetry)
            key = (read.device, read.boot, read.seq)
            if key not in seen:
                seen.add(key)
                alarms += read.signals["vibration_mm_s"] > 99.0
                rows.append((read.device, read.seq, read.at_ms, *read.signals.values()))
        with store:
            store.executemany(insert, rows)
    (stored,) = store.execute("select count(*) from t").fetchone()
    store.close()
    assert stored == messages, f"{stored} of {messages} rows"
    assert alarms > 0
    return time.perf_counter() - begun
