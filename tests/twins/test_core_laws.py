"""Wear laws, streams, sensors and the pending table, without any product."""

from dataclasses import replace

import numpy as np
import pytest
import simpy

from twins.core.manifest import SignalSpec
from twins.core.pending import PendingTable, Row
from twins.core.sensors import Sensors
from twins.core.state import pack, unpack
from twins.core.streams import Streams, keys, spawn_key
from twins.core.wear import (
    STEPS,
    Growth,
    WearLaw,
    draw_lives,
    draw_path,
    draw_rises,
    gamma_path,
    weibull_h,
)
from twins.core.wear_kernel import grown

LAW = WearLaw(
    life_h=1000.0,
    life_shape=1.3,
    pf_min_h=100.0,
    pf_max_h=1000.0,
    rise=5.0,
    rise_spread=0.2,
    curvature=3.6,
    curvature_spread=1.0,
)


def test_a_stream_is_a_function_of_seed_and_name() -> None:
    assert Streams(1).open("a").random() == Streams(1).open("a").random()
    assert Streams(1).open("a").random() != Streams(1).open("b").random()
    assert Streams(1).open("a").random() != Streams(2).open("a").random()
    assert Streams(1).block("a", 0).random() != Streams(1).block("a", 1).random()
    assert Streams(1).uniform("a", 3) == Streams(1).open("a").random(3)[2]


def test_stream_names_of_a_large_fleet_do_not_collide() -> None:
    assert len({spawn_key(f"sensor/noise/device-{n}") for n in range(100_000)}) == 100_000


def test_onsets_follow_the_weibull_that_was_asked_for() -> None:
    lives = [weibull_h(eta_h=1000.0, beta=1.3, uniform=u) for u in (0.1, 0.5, 1 - np.exp(-1.0))]
    assert lives == pytest.approx([177.1, 754.3, 1000.0], rel=1e-3)


def things(n: int) -> np.ndarray:
    return keys(f"d{i}/c" for i in range(n))


def test_hashed_streams_are_uniform_and_know_nothing_of_each_other() -> None:
    """A counter-based generator is only as good as its mixing."""
    streams, many = Streams(5), things(20_000)
    draws = [streams.uniforms(purpose, many, draw) for purpose in ("a", "b") for draw in (1, 2)]
    draws.append(Streams(6).uniforms("a", many, 1))
    for column in draws:
        assert np.all((column > 0.0) & (column < 1.0))
        gap = np.abs(np.sort(column) - (np.arange(20_000) + 0.5) / 20_000).max()
        assert gap < 1.63 / np.sqrt(20_000)  # Kolmogorov and Smirnov, 1 %
    assert np.abs(np.corrcoef(draws) - np.eye(5)).max() < 0.03
    neighbours = np.corrcoef(draws[0][:-1], draws[0][1:])[0, 1]
    assert abs(neighbours) < 0.03
    normal = streams.normals("a", many, 1)
    assert (np.mean(normal), np.std(normal)) == pytest.approx((0.0, 1.0), abs=0.02)
    one = streams.uniforms("a", many[7:8], 1)
    assert one[0] == draws[0][7]


def test_growth_times_span_an_order_of_magnitude_across_a_fleet() -> None:
    drawn = draw_lives(LAW, Streams(5), things(2000), 1).pf_ms / 3.6e6
    low, high = np.percentile(drawn, [5, 95])
    assert high / low > 7.0
    assert np.median(drawn) == pytest.approx(np.sqrt(100.0 * 1000.0), rel=0.08)


def test_each_life_is_its_own_draw_and_the_same_every_time() -> None:
    first, again, second = (draw_lives(LAW, Streams(5), things(3), life) for life in (1, 1, 2))
    assert np.array_equal(first.end_ms, again.end_ms)
    assert not np.any(first.onset_ms == second.onset_ms)
    both = draw_lives(LAW, Streams(5), things(3), np.array([1, 2, 1]))
    assert both.onset_ms[1] == second.onset_ms[1]


def test_a_stated_share_of_lives_ends_without_a_precursor() -> None:
    sudden = draw_lives(LAW, Streams(5), things(4000), 1).sudden
    assert np.mean(sudden) == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize("growth", ["gamma", "wiener", "paris", "jumps"])
def test_damage_goes_from_nothing_to_its_end_and_not_past_it(growth: Growth) -> None:
    paths = np.array([draw_path(growth, Streams(seed).open("path")) for seed in range(300)])
    assert paths.shape == (300, STEPS + 1)
    assert np.all(paths[:, 0] == 0.0)
    assert paths[:, -1] == pytest.approx(1.0)
    assert np.all((paths >= 0.0) & (paths <= 1.0))
    falls = np.mean(np.diff(paths) < 0.0)
    half = np.mean(paths[:, STEPS // 2])
    if growth == "wiener":
        assert 0.2 < falls < 0.5
    else:
        assert falls == 0.0
    # A crack is short for most of its time; the others go on evenly.
    assert half == pytest.approx(0.14 if growth == "paris" else 0.5, abs=0.08)
    if growth == "jumps":
        assert np.median(np.count_nonzero(np.diff(paths), axis=1)) == pytest.approx(9, abs=1)


def test_a_gamma_path_that_is_left_alone_ends_near_its_growth_time() -> None:
    ends = []
    for seed in range(300):
        path, end = gamma_path(Streams(seed).open("path"))
        assert np.all(np.diff(path) >= 0.0)
        assert path[-1] > 1.0
        ends.append(end)
    assert np.mean(ends) == pytest.approx(1.0, abs=0.02)
    assert np.std(ends) == pytest.approx(0.07, abs=0.015)


@pytest.mark.parametrize(("growth", "cv"), [("gamma", 0.07), ("wiener", 0.15)])
def test_growth_times_vary_as_the_first_passage_of_their_process(growth: Growth, cv: float) -> None:
    law = replace(LAW, growth=growth, pf_min_h=100.0, pf_max_h=100.0)
    hours = draw_lives(law, Streams(5), things(4000), 1).pf_ms / 3.6e6
    assert np.mean(hours) == pytest.approx(100.0, rel=0.01)
    assert np.std(hours) / 100.0 == pytest.approx(cv, rel=0.08)


def test_the_older_a_part_the_sooner_it_goes_if_it_wears_out() -> None:
    uniform = np.random.default_rng(1).random(4000)
    new = weibull_h(eta_h=1000.0, beta=3.0, uniform=uniform)
    old = weibull_h(eta_h=1000.0, beta=3.0, uniform=uniform, age_h=800.0)
    lasted = np.sort(new[new > 800.0] - 800.0)
    assert np.median(old) == pytest.approx(np.median(lasted), rel=0.1)
    assert np.median(old) < 0.4 * np.median(new)
    ageless = weibull_h(eta_h=1000.0, beta=1.0, uniform=uniform, age_h=800.0)
    assert np.allclose(ageless, weibull_h(eta_h=1000.0, beta=1.0, uniform=uniform))


def test_the_signal_rises_exponentially_in_damage() -> None:
    rise, bend = draw_rises(LAW, Streams(5), things(1), 1)
    zeros, x = np.zeros(11), np.linspace(0.0, 1.0, 11)
    straight, shape = np.tile(x, (11, 1)).astype(np.float32), np.tile([rise, bend], 11)
    damage, rises = grown(np.arange(11), np.zeros(1), x, zeros, zeros, straight, shape)
    assert damage == pytest.approx(x)
    assert rises[0] == 0.0
    assert rises[-1] == pytest.approx(rise[0])
    steps = np.diff(rises)
    assert np.allclose(steps[1:] / steps[:-1], np.exp(bend / 10.0))


SIGNALS = {
    "warm_c": SignalSpec(unit="degC", min=0, max=50, title="", steps_per_unit=100, noise=0.16),
    "rough_mm_s": SignalSpec(
        unit="mm/s", min=0, max=50, title="", steps_per_unit=1000, noise_rel=0.006, slow_rel=0.018
    ),
    "count": SignalSpec(unit="1", min=0, max=1e9, title="", steps_per_unit=1),
}


def read(devices: tuple[str, ...], reports: int) -> np.ndarray:
    sensors = Sensors(SIGNALS, devices, Streams(3))
    truth = np.tile([20.0, 2.0, 7.0], (len(devices), 1))
    return np.array([sensors.read(truth, report).values for report in range(reports)])


def test_sensor_noise_has_the_size_and_memory_of_its_channel() -> None:
    seen = read(("a",), 4000)[:, 0]
    warm, rough = seen[:, 0] - 20.0, seen[:, 1] / 2.0 - 1.0
    assert np.std(warm) == pytest.approx(0.16, rel=0.08)
    assert np.std(rough) == pytest.approx(0.019, rel=0.12)
    assert abs(np.corrcoef(warm[:-1], warm[1:])[0, 1]) < 0.06
    assert np.corrcoef(rough[:-1], rough[1:])[0, 1] == pytest.approx(0.77, abs=0.06)
    assert np.all(seen[:, 2] == 7.0)


def test_the_noise_of_a_device_does_not_depend_on_its_neighbours() -> None:
    assert np.array_equal(read(("a",), 100)[:, 0], read(("x", "a", "y"), 100)[:, 1])


def test_sensors_keep_to_their_range_and_do_not_measure_what_was_not_there() -> None:
    sensors = Sensors(SIGNALS, ("a",), Streams(3))
    seen = sensors.read(np.array([[99.0, np.nan, -3.0]]), 0).values
    assert seen[0, 0] == 50.0
    assert np.isnan(seen[0, 1])
    assert seen[0, 2] == 0.0


def test_rows_of_one_millisecond_go_by_rank_then_by_row_id() -> None:
    env = simpy.Environment(initial_time=100)
    table = PendingTable(env)
    seen: list[tuple[str, str]] = []

    def note(row: Row) -> None:
        seen.append((row.kind, row.subject))

    table.serve("late", rank=2, handler=note)
    table.serve("early", rank=1, handler=note)
    for kind, subject in (("late", "a"), ("early", "b"), ("late", "c"), ("early", "d")):
        table.add(150, kind, subject)
    table.add(140, "late", "first")
    table.add(150, "early", "gone")
    assert table.cancel("early", "gone") == 1
    assert table.earliest_ms(1) == 150
    other_env = simpy.Environment(initial_time=100)
    other = PendingTable(other_env)
    other.serve("early", rank=1, handler=note)
    other.serve("late", rank=2, handler=note)
    other.load(unpack(pack(table.dump())))
    order = [("late", "first"), ("early", "b"), ("early", "d"), ("late", "a"), ("late", "c")]
    env.run()
    assert seen == order
    other_env.run()
    assert seen == order + order
    assert table.earliest_ms(1) is None


def test_a_handler_may_put_down_a_row_for_the_same_moment() -> None:
    env = simpy.Environment(initial_time=0)
    table = PendingTable(env)
    seen: list[int] = []

    def again(row: Row) -> None:
        seen.append(row.due_ms)
        if len(seen) < 3:
            table.add(row.due_ms, "tick", "")

    table.serve("tick", rank=1, handler=again)
    table.add(5, "tick", "")
    env.run()
    assert seen == [5, 5, 5]
