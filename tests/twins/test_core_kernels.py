"""Kernels of the core: compiled or interpreted, the same bits; their chance is that of streams."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twins.core import mishap_kernel, wear_kernel
from twins.core.broken import Broken, BrokenSensors
from twins.core.clocks import Stamps
from twins.core.device import DAY_MS, DeviceSide
from twins.core.draw_kernel import DRAWS, VALUES, breaks, uniforms
from twins.core.manifest import SignalSpec
from twins.core.noise import NORMAL, Noise
from twins.core.packing import Packing
from twins.core.sensor_kernel import (
    KINDS,
    LOWEST,
    OCTAVE,
    TILE,
    first_zeros,
    noise_row,
)
from twins.core.sensors import Sensors
from twins.core.streams import Streams, keys

ROOT = Path(__file__).parents[2]
DEVICES = tuple(f"thing-{number}" for number in range(TILE + 9))
TILES = -(-len(DEVICES) // mishap_kernel.TILE)
EVERY_MS = 600_000
HERE = 3
"""The device that is broken in every way."""


def channel(*, steps: int = 1000, **fields: float) -> SignalSpec:
    return SignalSpec(unit="1", min=-50.0, max=150.0, title="", steps_per_unit=steps, **fields)


SIGNALS = {
    "white": channel(noise=0.3, noise_rel=0.01),
    "plain": channel(steps=1),
    "wide": channel(steps=10**9),
    "off": channel(steps=100, bias=0.4, bias_rel=0.02),
    "slow": channel(slow=0.5, slow_rel=0.1, noise=0.1),
    "drift": channel(drift=9.0, drift_rel=0.2),
    "lag": channel(lag_s=1800.0, noise=0.2),
    "held": channel(sample_s=1800.0, noise=0.2),
}


def truth(report: int) -> np.ndarray:
    """Shape ``(n, channels)``, with a gap that moves on."""
    values = 40.0 + np.sin(np.arange(len(DEVICES) * len(SIGNALS)) + report)
    columns = values.reshape(len(DEVICES), -1)
    columns[report % len(DEVICES), report % len(SIGNALS)] = np.nan
    columns[HERE + 1] = np.nan
    return columns


def broken(streams: Streams) -> tuple[BrokenSensors, tuple]:
    """Every fault on one device, two of a kind on another, natural zeros everywhere."""
    faults = BrokenSensors(len(DEVICES))
    for number, kind in enumerate(reversed(KINDS)):
        size = 0.4 if kind == "sensor_zero" else 2.0
        faults.add(Broken(number, kind, HERE, number, 5, 10**9, size, 1234 + number), size)
    for number in (20, 21):
        faults.add(Broken(number, "sensor_bias", 0, 1, 5, 10**9, 3.0, 0), 3.0)
    zeros, root = np.empty((2, len(DEVICES)), dtype=np.int64), streams.root("zero")
    first_zeros(keys(DEVICES), root, np.log1p(-0.05), zeros)
    return faults, (keys(DEVICES), root, float(np.log1p(-0.05)), zeros)


def sensed() -> list[np.ndarray]:
    streams = Streams(5)
    sensors = Sensors(SIGNALS, DEVICES, streams, report_every_ms=EVERY_MS)
    faults, nature = broken(streams)
    said, packing = [], Packing(list(SIGNALS.values()))
    for report in range(5):
        room = packing.blocks(1, len(DEVICES))
        order = "F" if report % 2 else "C"
        readings = sensors.read(
            np.asarray(truth(report), order=order), report, at_ms=report * EVERY_MS,
            wrong=(faults.columns, nature), room=tuple(block[0] for block in room),
        )  # fmt: skip
        said += [readings.values.copy(), *room, readings.mute]
    return said


def worn() -> list[np.ndarray]:
    n = 8
    service, stress = np.arange(n) % 4 != 0, np.full(n, 1.0)
    phase = np.array([0, 1, 2, 0, 1, 2, 0, 1], dtype=np.int8)
    pf_ms, due = np.linspace(0.0, 9e6, n), np.linspace(1.0, 3e7, n)
    columns = [np.linspace(0.0, 1.0, n), *(np.zeros(n) for _ in range(3))]
    pace = (service, stress, phase, pf_ms, due, *columns)
    clock = np.array([7.0])
    wear_kernel.go(0, n, clock, *pace)
    changed = wear_kernel.strain(np.linspace(0.5, 2.0, n), np.array([5e5]), 1e5, *pace)
    paths = np.linspace(0.0, 1.0, 3 * 201).reshape(3, 201).astype(np.float32)
    shape = np.array([[1.0, 2.0, 3.0], [3.6, 0.5, 7.0]])
    members, due_clock = np.array([1, 4, 7]), columns[3]
    grown = wear_kernel.grown(members, np.array([6e5]), *columns[:3], paths, shape)
    used = wear_kernel.any_due(due_clock, np.full(n, 1e3), 3.6e6)
    return [stress, *columns, grown, np.array([changed, used])]


def arrived() -> list[np.ndarray]:
    streams, n = Streams(5), len(DEVICES)
    roots = np.array([streams.root("a"), streams.root("b")], dtype=np.uint64)
    means_ms, next_ms = np.array([4e5, 9e6]), np.zeros((2, n))
    counts, soonest = np.zeros((2, n), dtype=np.int32), np.zeros((2, TILES))
    who, at_ms = np.zeros((n * 10, 3), dtype=np.int64), np.zeros(n * 10)
    given = (keys(DEVICES), roots, means_ms, next_ms, counts, soonest)
    mishap_kernel.begin(*given)
    found = mishap_kernel.arrive(6e5, *given, who, at_ms)
    return [next_ms, counts, soonest, who, at_ms, np.array([found])]


def begun() -> list[np.ndarray]:
    """Faults of every kind, as they come, and some of them named and given."""
    n = 20 * len(KINDS)
    draws, values = np.empty((n, DRAWS)), np.zeros((n, len(VALUES)))
    uniforms(keys(DEVICES)[:n], Streams(5).root("p"), np.arange(n), draws)
    values[n // 2 :] = np.linspace(-3.0, 40.0, n - n // 2)[:, None]
    named = np.full((n, 2), -1)
    named[::3, 0], named[::5, 1] = 2, 0
    faults, sizes = np.empty((n, 4), dtype=np.int64), np.empty(n)
    spans, kinds = np.array([1.0, 10.0, 200.0]), np.arange(n) % len(KINDS)
    breaks(draws, 10**12, EVERY_MS, EVERY_MS, kinds, values, spans, named, faults, sizes)
    assert (faults[:, 0] != faults[:, 1]).all()
    return [faults, sizes]


def digest() -> str:
    with np.errstate(all="ignore"):  # whole numbers of 64 bits are meant to overflow
        columns = [
            *sensed(),
            *worn(),
            *arrived(),
            *begun(),
            Noise(Streams(2), "x", DEVICES, 5).row(7),
        ]
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()


def test_compiled_and_interpreted_kernels_give_the_same_bits() -> None:
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.split() == ["interpreted", digest()]


def test_kernels_draw_what_streams_draw() -> None:
    streams, things = Streams(9), keys(DEVICES)
    seen = np.empty((2, 4))
    uniforms(things[2:4], streams.root("p"), np.array([5, 7]), seen)
    for thing, first in ((2, 5), (3, 7)):
        draws = np.arange(first, first + 4)
        wanted = streams.uniforms("p", np.repeat(things[thing], 4), draws)
        assert np.array_equal(seen[thing - 2], wanted)
    zeros = np.empty((2, len(DEVICES)), dtype=np.int64)
    first_zeros(things, streams.root("p"), np.log1p(-0.01), zeros)
    gaps = np.floor(np.log(streams.uniforms("p", things, 1)) / np.log1p(-0.01))
    assert np.array_equal(zeros[0], gaps)
    next_ms, soonest = np.zeros((1, len(DEVICES))), np.zeros((1, TILES))
    roots = np.array([streams.root("p")], dtype=np.uint64)
    counts = np.zeros((1, len(DEVICES)), dtype=np.int32)
    mishap_kernel.begin(things, roots, np.array([100.0]), next_ms, counts, soonest)
    assert next_ms[0] == pytest.approx(-100.0 * np.log1p(-streams.uniforms("p", things, 1)))


def test_arrivals_are_the_same_however_little_room_and_however_often_one_asks() -> None:
    def take(room: int, ends: tuple[float, ...]) -> list[tuple[float, ...]]:
        streams = Streams(5)
        roots = np.array([streams.root("a"), streams.root("b")], dtype=np.uint64)
        next_ms, soonest = np.zeros((2, len(DEVICES))), np.zeros((2, TILES))
        counts = np.zeros((2, len(DEVICES)), dtype=np.int32)
        given = (keys(DEVICES), roots, np.array([4e5, 9e6]), next_ms, counts, soonest)
        mishap_kernel.begin(*given)
        came = []
        for end in ends:
            found = room
            while found == room:
                who, at_ms = np.zeros((room, 3), dtype=np.int64), np.zeros(room)
                found = mishap_kernel.arrive(end, *given, who, at_ms)
                came += [
                    (at, *one) for at, one in zip(at_ms[:found], who[:found].tolist(), strict=True)
                ]
        assert soonest.min() == next_ms.min() > ends[-1]
        return sorted(came)

    wanted = take(10_000, (6e5,))
    assert len(wanted) > len(DEVICES)
    assert take(7, (6e5,)) == take(300, (1e5, 4e5, 6e5)) == wanted


def test_faults_of_a_device_act_in_the_order_of_their_kinds_and_leave_others_alone() -> None:
    streams = Streams(5)
    sensors = Sensors({"a": channel(), "b": channel()}, DEVICES, streams)
    faults = BrokenSensors(len(DEVICES))
    for number, (kind, size) in enumerate(
        [("sensor_bias", 7.0), ("sensor_swapped", 1.0), ("sensor_drift", 1e-3)]
    ):
        faults.add(Broken(number, kind, HERE, 0, 0, 10**9, size, 0), size)
    _, nature = broken(streams)
    nature[3][:] = 2**62  # no natural zeros
    true = np.tile([10.0, 30.0], (len(DEVICES), 1))

    def read() -> np.ndarray:
        return sensors.read(true, 0, at_ms=1000, wrong=(faults.columns, nature)).values.copy()

    seen = read()
    assert seen[HERE].tolist() == [38.0, 10.0]  # swapped first, then 7 off and 1 drifted
    assert np.all(np.delete(seen, HERE, axis=0) == [10.0, 30.0])
    assert [fault.number for fault in faults] == list(faults.of(HERE)) == [0, 1, 2]
    assert faults.end(1) is not None
    assert faults.end(1) is None
    assert read()[HERE].tolist() == [18.0, 30.0]
    for number in (0, 2):
        faults.end(number)
    assert np.all(read() == [10.0, 30.0])


def test_the_table_of_the_normal_goes_through_it_at_every_octave() -> None:
    sizes = 2.0 ** np.arange(-1, 32)
    at = (sizes.astype(np.float32).view(np.int32) >> (23 - OCTAVE)) - LOWEST
    normal = NORMAL[0, at] + NORMAL[1, at] * sizes
    assert normal[-1] == 0.0
    shares = [0.5 * math.erfc(-value / math.sqrt(2.0)) for value in normal.tolist()]
    assert shares == pytest.approx(sizes * 2.0**-32, rel=1e-4)


def test_a_row_of_noise_is_the_same_for_a_device_wherever_it_stands_in_a_tile() -> None:
    some, row = keys(DEVICES), np.empty((4, len(DEVICES)), dtype=np.float32)
    noise_row(some, 3, NORMAL, row)
    for first in (1, TILE - 1, TILE):
        alone = np.empty((4, len(DEVICES) - first), dtype=np.float32)
        noise_row(some[first:], 3, NORMAL, alone)
        assert np.array_equal(alone, row[:, first:])


@pytest.mark.parametrize("steps", [1, 10, 10**6, 10**9])
def test_the_ring_holds_its_days_and_says_again_what_was_said(steps: int) -> None:
    spec = SignalSpec(unit="1", min=-50.0, max=150.0, title="", steps_per_unit=steps)
    signals, names = {"a": spec, "b": spec}, ("one", "two")
    side = DeviceSide(
        devices=2, signals=list(signals.values()), report_every_ms=DAY_MS, buffer_days=5
    )
    sensors, said = Sensors(signals, names, Streams(1)), []
    for report in range(12):
        true = np.array([[report, np.nan], [0.1 * report, -report]])
        readings = sensors.read(true, report, room=side.room())
        side.report(Stamps(report), readings)
        said.append(readings.values[1].tolist())
        first = max(1, report - 3)
        held = side.held(1, 1, 1, report + 1)
        assert [one.seq for one in held] == list(range(first, report + 2))
        assert [one.values for one in held] == said[first - 1 :]
    [newest] = side.held(0, 1, 12, 12)
    assert newest.values[0] == 11.0
    assert np.isnan(newest.values[1])


if __name__ == "__main__":
    print("compiled" if hasattr(noise_row, "py_func") else "interpreted", digest())
