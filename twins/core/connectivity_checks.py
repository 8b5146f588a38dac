"""Checks 16, 48 and 49: what sensors and links of any product do to a signal.

Each runs the very code that a fleet runs, on a rig as plain as the set it is held against: a
lab loop that is read once a second (16), and fleets whose reports are followed to the other end of
the link (48, 49).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import simpy
from numpy.typing import NDArray

from twins.core.connectivity import Connectivity
from twins.core.manifest import SignalSpec
from twins.core.packing import NO_ROOM
from twins.core.pending import LAST, PendingTable, Wake
from twins.core.realism import Check, Figure, Histories
from twins.core.sending import Sending
from twins.core.sensors import Readings, Sensors
from twins.core.streams import Streams
from twins.core.truth import TruthLedger
from twins.core.twin import Build

Columns = NDArray[np.float64]
SECONDS = 9_405
"""Rows of the real set (M:skab)."""
START_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_767_571_200_000, 60_000, 3_600_000, 86_400_000

LAB = {
    "current_a": SignalSpec(
        unit="A", min=0.0, max=10.0, title="", steps_per_unit=100_000, noise_rel=0.2
    ),
    "fluid_temp_c": SignalSpec(
        unit="degC", min=0.0, max=200.0, title="", steps_per_unit=10_000, noise=0.004, lag_s=60.0
    ),
    "pressure_bar": SignalSpec(
        unit="bar", min=-2.0, max=2.0, title="", steps_per_unit=3, noise=0.25
    ),
}
"""A cheap motor current with 20 % white noise, a fluid thermocouple with 0.004 C of it, a pressure
on a quantum of 0.33 bar (M:skab)."""


def _acf(values: Columns, lag: int) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def noise_classes(histories: Histories) -> Sequence[Figure]:
    """Check 16: a lab loop that warms up under a steady load, once a second."""
    del histories
    sensors = Sensors(LAB, ("lab",), Streams(1), report_every_ms=1000)
    warm_c = 25.0 + 45.0 * -np.expm1(-np.arange(SECONDS) / 1217.0)  # 20 min (S1)
    seen = np.array(
        [
            sensors.read(np.array([[2.0, celsius, 0.1]]), second).values[0]
            for second, celsius in enumerate(warm_c)
        ]
    )
    return (
        Figure(name="white channel, acf1", value=abs(_acf(seen[:, 0], 1)), high=0.15),
        Figure(name="thermal channel, acf60", value=_acf(seen[:, 1], 60), low=0.8),
        Figure(name="coarse channel, distinct values", value=float(len(set(seen[:, 2]))), high=19),
    )


@dataclass(slots=True)
class Arrivals:
    """What a fleet made and what came out at the other end, as (device, boot, seq)."""

    reports: int = 0
    """Reports made; as many numbers as these if no two of them share one."""
    made: set[tuple[int, int, int]] = field(default_factory=set)
    order: list[tuple[int, int, int]] = field(default_factory=list)
    waiting: int = 0


def _rig(
    link: str, *, sites: int, per_site: int, every_ms: int, days: int
) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.bool_], Arrivals]]:
    """Run a fleet's links: per report its number, running numbers, who was heard, all arrivals."""
    build = Build(
        sites=tuple(f"site-{site}" for site in range(sites)),
        devices=tuple(f"node-{site}-{node}" for site in range(sites) for node in range(per_site)),
        devices_per_site=per_site, report_every_ms=every_ms, start_ms=START_MS, params={},
        streams=Streams(1), link=link,
    )  # fmt: skip
    env = simpy.Environment(initial_time=START_MS)
    arrivals, n = Arrivals(), sites * per_site

    def send(sending: Sending) -> None:
        if sending.what == "reports":
            arrivals.order += [(sending.device, sending.boot, r.seq) for r in sending.reports]

    signal = SignalSpec(unit="1", min=0.0, max=1e6, title="", steps_per_unit=1)
    wire = Connectivity(
        key="rig", build=build, signals={"x": signal}, pending=PendingTable(env),
        ledger=TruthLedger(), send=send, reaches=None, random=0.0, remembers=False,
    )  # fmt: skip
    wire.start()
    for number in range(days * DAY_MS // every_ms):
        now_ms = START_MS + (number + 1) * every_ms
        env.run(until=Wake(env, delay_ms=now_ms - int(env.now), priority=LAST))
        sevens = Readings(np.full((n, 1), 7.0), NO_ROOM, None)
        said = wire.say(now_ms, sevens, number)
        arrivals.reports += n
        arrivals.made.update((device, 1, seq) for device, seq in enumerate(said.seqs))
        leave = np.ones(n, dtype=bool) if said.leave is None else said.leave
        arrivals.order += [
            (device, 1, said.seqs[device]) for device in np.flatnonzero(leave).tolist()
        ]
        wire.after(now_ms, said, number)
        arrivals.waiting = len(wire.backlog) + wire.delayed
        yield number, np.array(said.seqs), ~np.isnan(said.values[:, 0]), arrivals


def gaps(histories: Histories) -> Sequence[Figure]:
    """Check 48: a year of 15-minute reports over a long-range radio, with nobody to ask again."""
    del histories
    heard = np.array(
        [
            there
            for _, _, there, _ in _rig(
                "lora", sites=60, per_site=1, every_ms=15 * MINUTE_MS, days=365
            )
        ]
    )
    steps, long = 0, 0
    for device in range(heard.shape[1]):  # a logger of its own: the backbone is the historian's
        at = np.flatnonzero(heard[:, device])
        missed = np.diff(at) - 1
        steps += len(missed)
        long += int(np.sum((missed >= 1) & (missed <= 3)))
    quarters = heard[: len(heard) // 4 * 4].reshape(-1, 4, heard.shape[1])
    hours = np.asarray(quarters.any(axis=1))
    lengths = np.concatenate([_runs(~hours[:, device]) for device in range(hours.shape[1])])
    return (
        Figure(name="logger, steps that are longer", value=long / steps, low=0.01, high=0.08),
        Figure(
            name="historian, missing share of hours",
            value=float(1.0 - hours.mean()),
            low=0.02,
            high=0.12,
        ),
        Figure(name="median length of its gaps", value=float(np.median(lengths)), low=2, unit="h"),
    )


def _runs(missing: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of the runs of ``True``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
    return np.asarray(edges[1::2] - edges[::2])


def order(histories: Histories) -> Sequence[Figure]:
    """Check 49: modems of a cellular fleet, each message followed to the broker."""
    del histories
    run = _rig("cellular", sites=100, per_site=2, every_ms=10 * MINUTE_MS, days=40)
    *_, (_, _, _, arrivals) = run
    newest: dict[int, int] = {}
    seen: set[tuple[int, int, int]] = set()
    twice = overtaken = 0
    for device, boot, seq in arrivals.order:
        if (device, boot, seq) in seen:
            twice += 1
            continue
        seen.add((device, boot, seq))
        overtaken += seq < newest.get(device, 0)
        newest[device] = max(newest.get(device, 0), seq)
    missing = len(arrivals.made) - len(seen) - arrivals.waiting
    return (
        Figure(name="duplicates", value=twice / len(arrivals.order), low=0.0005, high=0.005),
        Figure(name="out of order", value=overtaken / len(seen), low=0.001, high=0.01),
        Figure(
            name="reports that share their number with another",
            value=float(arrivals.reports - len(arrivals.made)), low=0.0, high=0.0,
        ),
        Figure(name="arrived, and never made", value=float(len(seen - arrivals.made)), high=0.0),
        Figure(name="made, and neither here nor waiting", value=float(missing), low=0.0, high=0.0),
    )  # fmt: skip


CHECKS: tuple[Check, ...] = (
    Check(
        number=16,
        title="Noise classes present: white channel acf1, thermal channel acf60, coarse channel",
        expected="acf1 < 0.15; acf60 > 0.8; < 20 values",
        source="skab",
        measure=noise_classes,
    ),
    Check(
        number=48,
        title="Logger gaps; missing share of a historian",
        expected="1-8 %; 2-12 % in blocks",
        source="skab 5.7 %; dhi 9.5 %",
        measure=gaps,
        deep=True,
    ),
    Check(
        number=49,
        title="Duplicates and out-of-order exist, are absent from truth, and are cleaned up",
        expected="0.05-0.5 %; 0.1-1 %",
        source="S33, E",
        measure=order,
        deep=True,
    ),
)
