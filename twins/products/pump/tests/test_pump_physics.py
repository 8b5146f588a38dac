"""The formulas of the pump, the balance of the well, and the shape of what it reports."""

import itertools

import numpy as np
import pytest

from broker.wire.messages import Telemetry
from twins.core.spec import FleetSpec, WorldSpec
from twins.products.pump import model
from twins.products.pump.model import Heat, Plant
from twins.products.pump.station import Stations
from twins.world import Step, World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # a Monday
PLANT = Plant()


def vibrations(step: Step) -> list[tuple[str, float]]:
    """(device, mm/s) of every report of a device that ran."""
    return [
        (message.device, message.signals["vibration_mm_s"])
        for _, message in step.messages
        if isinstance(message, Telemetry) and "vibration_mm_s" in message.signals
    ]


def stations(
    inflow_l_s: float, *, hours: float = 24.0, cut_s: float = 600.0, **more: float
) -> Stations:
    """Two stations of two pumps after some hours of constant inflow."""
    made = Stations(
        PLANT,
        Heat(),
        stations=2,
        pumps=2,
        area_m2=6.0,
        starts_per_h_max=more.get("starts_per_h_max", 15.0),
        power_factors=np.ones(4),
        water_c=14.0,
    )
    inflow = np.array([inflow_l_s, 0.5 * inflow_l_s]) / 1000.0
    for at in np.arange(cut_s, hours * 3600.0 + 1.0, cut_s):
        made.advance(float(at), inflow)
    return made


@pytest.mark.parametrize("level_m", [0.5, 1.0, 1.8, 3.0])
@pytest.mark.parametrize("running", [1, 2])
def test_the_operating_point_lies_on_the_pump_and_the_system_curve(
    level_m: float, running: int
) -> None:
    flow = model.duty_flow(PLANT, level_m=level_m, running=running)
    pump_m = model.pump_head(PLANT, flow)
    main_m = model.system_head(PLANT, level_m=level_m, total_m3_s=running * flow)
    assert abs(pump_m - main_m) < 1e-6


def test_one_more_pump_on_the_main_takes_little_from_each() -> None:
    one = model.duty_flow(PLANT, level_m=1.0, running=1)
    two = model.duty_flow(PLANT, level_m=1.0, running=2)
    assert -0.12 < two / one - 1.0 < 0.0


def test_flow_rises_with_the_level_by_three_to_thirty_percent_a_metre() -> None:
    low = model.duty_flow(PLANT, level_m=0.5, running=1)
    high = model.duty_flow(PLANT, level_m=1.5, running=1)
    assert 0.03 < np.log(high / low) < 0.30


def test_power_and_current_are_those_of_a_pump_of_this_size() -> None:
    kw = model.electric_kw(PLANT, 0.035)
    assert kw == pytest.approx(1000 * 9.81 * 0.035 * 12.0 / (0.72 * 0.87) / 1000.0, rel=2e-3)
    assert kw < PLANT.rated_kw
    assert model.current_a(PLANT, kw) == pytest.approx(kw * 1000 / (1.732 * 400 * 0.85), rel=1e-3)


def test_efficiency_has_its_best_point_and_falls_as_the_makers_points_do() -> None:
    best = model.efficiency(PLANT, PLANT.best_flow_m3_s)
    assert best == PLANT.best_efficiency
    assert model.efficiency(PLANT, 0.8 * PLANT.best_flow_m3_s) / best == pytest.approx(0.96)


def test_the_water_that_came_in_went_out_or_is_still_there() -> None:
    for inflow_l_s in (4.0, 12.0, 30.0, 90.0):
        made = stations(inflow_l_s)
        _, pumped_m3, _, _ = made.close_interval()
        came_in = np.array([1.0, 0.5]) * inflow_l_s / 1000.0 * 24 * 3600
        stored = (made.level_m - 1.0) * 6.0
        went_out = pumped_m3.reshape(2, 2).sum(axis=1) + made.spilled_m3
        assert came_in == pytest.approx(went_out + stored, rel=1e-9)
        assert np.all(made.level_m <= PLANT.spill_m)


def test_only_a_storm_overflows_the_well() -> None:
    assert stations(30.0).spilled_m3.max() == 0.0
    assert stations(90.0).spilled_m3[0] > 100.0


def test_the_time_between_starts_is_that_of_filling_and_draining() -> None:
    made = stations(12.0, hours=48.0)
    pump = model.duty_flow(PLANT, level_m=1.0, running=1)
    volume = 6.0 * (PLANT.start_m - PLANT.stop_m)
    cycle_s = volume * pump / (0.012 * (pump - 0.012))
    assert made.starts[:2].sum() == pytest.approx(48 * 3600 / cycle_s, abs=1.5)
    assert abs(made.starts[0] - made.starts[1]) <= 1  # they take turns


def test_how_a_span_is_cut_changes_nothing_but_the_last_bits() -> None:
    fine, coarse = stations(12.0, cut_s=60.0), stations(12.0, cut_s=3600.0)
    for name in ("level_m", "bearing_c", "motor_c", "starts"):
        assert getattr(fine, name) == pytest.approx(getattr(coarse, name), rel=1e-6)


def test_a_pump_never_starts_more_often_than_its_limit() -> None:
    made = stations(17.0, starts_per_h_max=2.0)
    assert np.all(made.starts <= 2.0 * 24.0 + 1)
    assert made.starts[:2].min() > 40.0  # and the limit is what holds it back
    assert stations(17.0).starts[:2].min() > 60.0


def test_a_single_able_pump_carries_the_station() -> None:
    made = stations(12.0, hours=1.0)
    made.able[0] = False
    made.control(0, made.now_s)
    before = made.starts.copy()
    made.close_interval()
    for at in range(1, 145):
        made.advance(3600.0 + at * 600.0, np.array([0.012, 0.006]))
    run_s, *_ = made.close_interval()
    assert run_s[0] == 0.0
    assert run_s[1] > 0.0
    assert made.starts[0] == before[0]
    assert made.level_m[0] < PLANT.lag_m


def test_temperatures_follow_the_load_and_return_to_the_water() -> None:
    made = stations(40.0, hours=24.0)  # more than one pump can lift: the first runs on and on
    longest = int(np.argmax(made.run_s + made.close_interval()[0]))
    assert made.motor_c[longest] > 14.0 + 0.6 * Heat().motor_rise_k
    made.stopped[:] = True
    made.control(0, made.now_s)
    made.advance(made.now_s + DAY / 1000, np.array([0.0, 0.0]))
    assert made.motor_c == pytest.approx(np.full(4, 14.0), abs=1e-6)


def test_dry_weather_flow_peaks_by_day_and_rests_at_the_weekend() -> None:
    week = np.array([model.dry_weather_factor(START + hour * HOUR) for hour in range(24 * 7)])
    days = week.reshape(7, 24)
    assert 1.3 < days[0].max() / days[0].mean() < 2.0
    assert days[0].argmin() in (2, 3, 4)
    assert days[5].mean() / days[0].mean() == pytest.approx(model.WEEKEND)
    assert days[:5].mean() == pytest.approx(1.0, abs=0.02)


def test_vibration_rises_with_damage() -> None:
    """The mean over a fleet of the last day before each tenth of damage never falls."""
    fleet = FleetSpec(product="pump", sites=6)
    world = World(WorldSpec(start_ms=START, fleets=(fleet,)), seed=4)
    world.start()
    for device in world.devices:
        world.inject("bearing_wear", device, {"onset": 0.0, "pf_interval": 240.0})
    seen: dict[int, list[float]] = {tenth: [] for tenth in range(10)}
    for hour in range(6, 265, 6):
        damage = {sample.device: sample.damage for sample in world.sample_truth()}
        for device, mm_s in vibrations(world.run_until(START + hour * HOUR)):
            if damage[device] < 1.0:
                seen[int(damage[device] * 10)].append(mm_s)
    means = [np.mean(values) for values in seen.values()]
    assert all(later > earlier for earlier, later in itertools.pairwise(means))
    assert 1.0 < means[0] < 1.3
    assert 3.0 < means[9] < 8.0


def test_a_fleet_of_healthy_pumps_looks_alike_but_not_cloned() -> None:
    world = World(WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump", sites=10),)), seed=4)
    world.start()
    values: dict[str, list[float]] = {}
    for device, mm_s in vibrations(world.run_until(START + 2 * DAY)):
        values.setdefault(device, []).append(mm_s)
    means = [np.mean(of_one) for of_one in values.values()]
    assert len(means) == 20
    assert 0.9 < min(means) < max(means) < 1.4
    assert len(set(np.round(means, 3))) > 15
    assert all(0.01 < np.std(of_one) / np.mean(of_one) < 0.08 for of_one in values.values())
