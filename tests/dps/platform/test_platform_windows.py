"""Windows of readings: the same alone and together, late and in order, from memory and store."""

from __future__ import annotations

import asyncio
import contextlib
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from broker.wire import messages as m
from reference_impl.ingestion.adapters import reducing
from reference_impl.ingestion.adapters.telemetry import RecentTelemetry
from reference_impl.ingestion.domain import pack
from reference_impl.kernel.ports import Reduced, Take

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}


class _NoStore:
    def read(self):
        return contextlib.nullcontext()


class _NoRows:
    def blocks(self, _conn, **_which):
        return []


samples = st.lists(
    st.tuples(st.integers(0, 40), st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=40
)


@given(samples, st.integers(-1, 41), st.integers(-1, 41), st.randoms(use_true_random=False))
def test_windows_are_the_same_however_late_and_in_whatever_order_readings_come(
    taken, after_ms, to_ms, chance
):
    shuffled = list(taken)
    chance.shuffle(shuffled)
    view = RecentTelemetry(_NoStore(), _NoRows())
    assert view.series("t", "x_c", after_ms=-1, to_ms=0)[0].size == 0  # asked for, so kept
    for seq, (at_ms, value, measured) in enumerate(shuffled):
        signals = {"x_c": value} if measured else {"y_c": value}
        view.add([("t", pack([m.Sample(seq=seq + 1, at_ms=at_ms, signals=signals)]))])
    inside = [v for at, v, here in taken if here and after_ms < at <= to_ms]
    expected = {
        Take.COUNT: float(len(inside)),
        Take.SUM: math.fsum(inside),
        Take.MIN: min(inside, default=math.nan),
        Take.MAX: max(inside, default=math.nan),
        Take.MEAN: math.fsum(inside) / len(inside) if inside else math.nan,
    }
    newest_ms = max((at for at, _, here in taken if here and at <= to_ms), default=-1)
    for take, value in expected.items():
        kind = Reduced("x_c", take, max(to_ms - after_ms, 0))
        window = view.windows(["t"], [kind], ends_ms=[to_ms])
        np.testing.assert_equal(window.values, [[[value]]])
        assert window.newest_ms.tolist() == [[[newest_ms]]]
    times, _ = view.series("t", "x_c", after_ms=after_ms, to_ms=to_ms)
    assert times.tolist() == sorted(at for at, _, h in taken if h and after_ms < at <= to_ms)


def test_what_memory_no_longer_holds_is_read_from_the_store_and_agrees(kit, new_store):
    url = new_store()

    def ask(view):
        after_ms, to_ms = kit.START_MS + 3 * kit.HOUR_MS, kit.START_MS + 30 * kit.HOUR_MS
        kind = Reduced("temp_c", Take.MEAN, to_ms - after_ms)
        window = view.windows(["mix-1", "no"], [kind], ends_ms=[to_ms])
        series = view.series("mix-1", "temp_c", after_ms=after_ms, to_ms=to_ms)
        return [part.tolist() for part in (*window, *series)]

    async def story():
        async with kit.open_rig(url, things=THINGS) as rig:
            order = [*range(1, 10), 30, *range(12, 30), 11, *range(31, 40), 10]
            for seq in order:
                await rig.send(
                    "site-01", kit.reading("mix-1", seq, kit.START_MS + seq * kit.HOUR_MS)
                )
            await rig.stored()
            dps = rig.dps
            short = RecentTelemetry(dps.store, dps.telemetry._rows, recent_ms=2 * kit.HOUR_MS)
            short.load()
            trimmed = RecentTelemetry(dps.store, dps.telemetry._rows, recent_ms=2 * kit.HOUR_MS)
            trimmed._signals["temp_c"] = 0  # asked for before anything came
            for seq in order:
                at_ms = kit.START_MS + seq * kit.HOUR_MS
                sample = m.Sample(seq=seq, at_ms=at_ms, signals={"temp_c": 20.0 + seq})
                trimmed.add([("mix-1", pack([sample]))])
            forgotten = trimmed._frames["mix-1"].between(-1, kit.START_MS + 3 * kit.HOUR_MS)
            assert forgotten[0].size == 0
            whole = ask(dps.telemetry)
            np.testing.assert_equal(ask(short), whole)
            np.testing.assert_equal(ask(trimmed), whole)
            assert whole[3] == [20.0 + seq for seq in range(4, 31)]
        async with kit.open_rig(url) as again:
            np.testing.assert_equal(ask(again.dps.telemetry), whole)

    asyncio.run(story())


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(-1e6, 1e6)), min_size=1, max_size=30),
    st.integers(1, 20),
    st.lists(st.integers(0, 41), min_size=1, max_size=6, unique=True),
    st.sampled_from(Take),
)
def test_windows_are_the_same_for_things_alone_and_together(taken, over_ms, ends, take):
    def report(seq, at_ms, value):
        return pack([m.Sample(seq=seq + 1, at_ms=at_ms, signals={"x_c": value})])

    view = RecentTelemetry(_NoStore(), _NoRows())
    for thing in ("a", "b", "late"):
        assert view.series(thing, "x_c", after_ms=-1, to_ms=0)[0].size == 0
    for seq, (at_ms, value) in enumerate(taken):
        said = [("a", value), ("b", value / 3.0), ("late", value)]
        view.add([(thing, report(seq, at_ms, own)) for thing, own in said[: 3 if seq else 2]])

    def ask(*things):
        return view.windows(things, [Reduced("x_c", take, over_ms)], ends_ms=sorted(ends))

    alone = [ask("a"), ask("b"), ask("late")]
    for things in (("a", "b"), ("a", "b", "late")):
        together = ask(*things)
        for place, one in enumerate(alone[: len(things)]):
            np.testing.assert_equal(together.values[..., place], one.values[..., 0])
            np.testing.assert_equal(together.newest_ms[..., place], one.newest_ms[..., 0])
        kind = Reduced("x_c", take, over_ms)
        low, high = view.windowed(things, [kind], ends_ms=sorted(ends)).within(kind)
        here = together.values[~np.isnan(together.values)]
        assert ((low <= here) & (here <= high)).all()


@given(
    st.lists(st.tuples(st.integers(0, 200), st.booleans()), min_size=1, max_size=40),
    st.lists(st.integers(1, 210), min_size=1, max_size=8),
)
def test_a_reading_from_before_a_window_is_found_whenever_it_is_asked_for(taken, ends):
    """What a view remembers of where it looked must not outlive readings that come late."""

    def report(seq, at_ms, measured):
        signals = {"x_c": 1.0} if measured else {"y_c": 1.0}
        return ("t", pack([m.Sample(seq=seq + 1, at_ms=at_ms, signals=signals)]))

    kind = [Reduced("x_c", Take.LAST, 1)]
    view = RecentTelemetry(_NoStore(), _NoRows())
    assert view.windows(["t"], kind, ends_ms=[0]).newest_ms.tolist() == [[[-1]]]
    for number, (at_ms, measured) in enumerate(taken):
        view.add([report(number, at_ms, measured)])
        end_ms = ends[number % len(ends)]
        known = [at for at, here in taken[: number + 1] if here and at <= end_ms]
        found = view.windows(["t"], kind, ends_ms=[end_ms]).newest_ms
        assert found.tolist() == [[[max(known, default=-1)]]]


wide = st.builds(math.ldexp, st.floats(-1.0, 1.0), st.integers(-80, 80))
awkward = st.sampled_from([2.0**53, -(2.0**53), 1.0, -1.0, 2.0**-53, 1e-300, 1e16, -1e16, 0.5])


@given(st.lists(wide | awkward | st.just(math.nan), max_size=20))
def test_a_sum_is_rounded_once_compiled_or_not(numbers):
    known = [number for number in numbers if not math.isnan(number)]
    values, room = np.array(numbers, dtype=np.float64), np.empty(64)
    interpreted = getattr(reducing.exact_sum, "py_func", reducing.exact_sum)
    for summed in (reducing.exact_sum, interpreted):
        assert summed(values, 0, len(numbers), room) == math.fsum(known)
