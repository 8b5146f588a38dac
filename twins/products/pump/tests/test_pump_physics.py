"""The formulas of the pump, the balance of the well, and the shape of what it reports."""

import itertools

import numpy as np
import pytest

from broker.wire.messages import Telemetry
from twins.core.spec import FleetSpec, WorldSpec
from twins.core.weather import PLAIN
from twins.products.pump import inflow, model, wells
from twins.products.pump.duty import Duty
from twins.products.pump.ills import Ills
from twins.products.pump.model import Heat, Plant
from twins.products.pump.rotation import NEVER, Rotation
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


def fleet(
    *,
    pumps: int = 2,
    stations: int = 2,
    cut_s: float = 600.0,
    rest: float = 15.0,
    vfd: bool = False,
) -> Stations:
    """New stations, all alike, with water at one metre."""
    ills, even = Ills(stations, pumps), np.ones((stations, pumps))
    plant = Plant(drive_efficiency=0.95) if vfd else PLANT
    duty = Duty(plant, ills, power_factors=even, head_factors=even, vfd=vfd, area_m2=6.0)
    return Stations(
        plant,
        Heat(),
        wells.prism(6.0, 5.0),
        duty,
        ills,
        stations=stations,
        pumps=pumps,
        starts_per_h_max=rest,
        interval_s=cut_s,
        water_c=14.0,
    )


def run(made: Stations, inflow_l_s: float, *, hours: float, cut_s: float = 600.0) -> np.ndarray:
    """Some hours of constant inflow, half of it at the second station; returns all sums."""
    flows = np.array([inflow_l_s, 0.5 * inflow_l_s]) / 1000.0
    total = np.zeros_like(made.part)
    start_s = made.now_s
    for at in np.arange(cut_s, hours * 3600.0 + 1.0, cut_s):
        made.advance(start_s + float(at), flows)
        total += made.take_interval()[0]
    return total


def alone(level_m: float, **ill: float) -> tuple[float, float]:
    """Flow (m3/s) and power (kW) of one pump at a level, with something wrong with it."""
    ills, one = Ills(1, 1), np.ones((1, 1))
    for name, value in ill.items():
        getattr(ills, name)[:] = value
    duty = Duty(PLANT, ills, power_factors=one, head_factors=one, vfd=False, area_m2=6.0)
    works = duty.alone(np.full((1, 1), level_m), np.zeros(1), np.full((1, 1), level_m))
    return float(works.flow[0, 0]), float(works.kw[0, 0])


@pytest.mark.parametrize("level_m", [0.5, 1.0, 1.8, 3.0])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_operating_points_lie_on_every_pumps_and_on_the_systems_curve(
    level_m: float, count: int
) -> None:
    """Also for pumps that are not alike, found by Newton's method."""
    on = np.arange(3)[None] < count
    a0 = PLANT.shutoff_m * np.array([[1.0, 0.97, 1.03]])
    a1, a2 = np.array([[0.0, 12.0, 5.0]]), PLANT.pump_curve * np.array([[1.0, 1.1, 0.9]])
    static_m, k = np.array([[PLANT.outlet_m - level_m]]), PLANT.system_curve
    flows = model.joint_flows(on, a0=a0, a1=a1, a2=a2, static_m=static_m, system_curve=k)
    pumps_m = a0 - a1 * flows - a2 * flows**2
    main_m = static_m + k * flows.sum() ** 2
    assert np.abs(np.where(on, pumps_m - main_m, 0.0)).max() < 1e-6
    assert np.all((flows > 0.0) == on)
    if count == 1:
        single = model.single_flow(a0, a1, a2, static_m=static_m, system_curve=k)
        assert flows[0, 0] == pytest.approx(single[0, 0], rel=1e-12)


def test_a_pump_too_weak_for_the_others_delivers_nothing_and_takes_nothing_back() -> None:
    on, curve = np.ones((1, 2), dtype=bool), np.full((1, 2), PLANT.pump_curve)
    flows = model.joint_flows(
        on,
        a0=np.array([[17.0, 11.6]]),
        a1=np.zeros((1, 2)),
        a2=curve,
        static_m=np.array([[11.5]]),
        system_curve=PLANT.system_curve,
    )
    assert flows[0, 0] > 0.0
    assert flows[0, 1] == 0.0


def test_one_more_pump_on_the_main_takes_little_from_each() -> None:
    one, two = np.array([[True, False]]), np.array([[True, True]])
    like = {
        "a0": np.full((1, 2), PLANT.shutoff_m),
        "a1": np.zeros((1, 2)),
        "a2": np.full((1, 2), PLANT.pump_curve),
        "static_m": np.full((1, 1), PLANT.static_m),
    }
    alone_m3_s, both_m3_s = (
        model.joint_flows(on, **like, system_curve=PLANT.system_curve)[0, 0] for on in (one, two)
    )
    assert -0.12 < both_m3_s / alone_m3_s - 1.0 < -0.02


def test_flow_rises_with_the_level_by_three_to_thirty_percent_a_metre() -> None:
    assert 0.03 < np.log(alone(1.5)[0] / alone(0.5)[0]) < 0.30


def test_power_and_current_are_those_of_a_pump_of_this_size() -> None:
    flow, kw = alone(1.0)
    x = flow / PLANT.best_flow_m3_s
    shaft = 9.81 * flow * PLANT.duty_head_m / (0.72 * (2 * x - x * x))
    assert flow == pytest.approx(PLANT.duty_m3_s)
    assert kw == pytest.approx(shaft / 0.87, rel=0.02)
    assert shaft < PLANT.rated_kw
    full_kw = PLANT.rated_kw / PLANT.motor_efficiency
    for load, pf in ((1.0, 0.85), (0.25, 0.5)):  # section 1A
        amps = float(model.current_a(PLANT, np.array(load * full_kw)))
        assert load * full_kw / (np.sqrt(3) * 0.4 * amps) == pytest.approx(pf, abs=0.005)


def test_ills_move_flow_and_power_as_the_sources_say() -> None:
    flow, kw = alone(1.0)
    narrow, rubbing = alone(1.0, clog=0.6), alone(1.0, clog=0.6, clog_mode=2.0)
    assert narrow[0] < 0.8 * flow  # mode i of S7
    assert narrow[1] < kw
    assert rubbing[0] == pytest.approx(flow)  # mode ii
    assert rubbing[1] > 1.2 * kw
    assert alone(1.0, impeller=1.0)[0] == pytest.approx(0.9 * flow, rel=0.01)  # domain 6.1
    worn = alone(1.0, ring=1.0)
    assert worn[1] / worn[0] / (kw / flow) == pytest.approx(1.04, abs=0.012)  # S9: 4 %
    assert alone(1.0, valve=1.0 / 0.95**2 - 1.0)[0] == pytest.approx(0.95 * flow)
    assert alone(1.0, suction_m=8.4)[0] < 0.6 * flow
    assert alone(0.15)[0] < 0.5 * flow  # it draws air


@pytest.mark.parametrize("shape", wells.SHAPES)
def test_a_well_of_any_shape_reads_both_ways(shape: type) -> None:
    well = shape(6.0, 5.0)
    levels = np.linspace(0.0, 5.0, 57)
    assert well.level(well.volume(levels)) == pytest.approx(levels, abs=1e-9)
    assert float(well.volume(5.0)) == pytest.approx(30.0, rel=1e-6)
    assert np.all(np.diff(well.volume_m3) > 0.0)


def test_the_turn_goes_round_and_skips_who_cannot() -> None:
    usable = np.array([[True, False, True, True], [False, True, False, False]])
    rotation = Rotation(usable, np.zeros_like(usable))
    assert rotation.order[0, 2, :3].tolist() == [2, 3, 0]
    assert rotation.rank[0, 2].tolist() == [2, NEVER, 0, 1]
    assert [rotation.follows[0, lead] for lead in (0, 2, 3)] == [2, 3, 0]
    assert rotation.follows[1, 1] == 1
    assert rotation.most.tolist() == [3, 1]


def test_spare_pumps_stand_behind_those_whose_turn_it_is() -> None:
    rotation = Rotation(np.array([[True, False, False]]), np.array([[False, False, True]]))
    assert (rotation.most.tolist(), rotation.able.tolist()) == ([1], [2])
    assert rotation.order[0, 0, :2].tolist() == [0, 2]
    assert rotation.rank[0, 0].tolist() == [0, NEVER, 1]
    assert rotation.follows[0, 0] == 0


@pytest.mark.parametrize("inflow_l_s", [4.0, 12.0, 30.0, 50.0, 90.0])
@pytest.mark.parametrize("pumps", [1, 2, 5])
def test_the_water_that_came_in_went_out_or_is_still_there(inflow_l_s: float, pumps: int) -> None:
    made = fleet(pumps=pumps)
    made.ills.backflow[1] = 0.1
    made.ills.clog[0, 0] = 0.5
    moved = run(made, inflow_l_s, hours=24.0)
    came_in = np.array([1.0, 0.5]) * inflow_l_s / 1000.0 * 24 * 3600
    went_out = moved[1].sum(axis=1) + made.spilled_m3
    assert came_in == pytest.approx(went_out + (made.level_m - 1.0) * 6.0, rel=1e-9)
    assert np.all(made.level_m <= PLANT.spill_m)


def test_only_a_storm_overflows_the_well() -> None:
    for inflow_l_s, low, high in ((30.0, 0.0, 0.0), (90.0, 100.0, 10_000.0)):
        made = fleet()
        run(made, inflow_l_s, hours=24.0)
        assert low <= made.spilled_m3[0] <= high


def test_the_time_between_starts_is_that_of_filling_and_draining() -> None:
    made = fleet()
    run(made, 12.0, hours=48.0)
    pump = alone(1.0)[0]
    cycle_s = 6.0 * (PLANT.start_m - PLANT.stop_m) * pump / (0.012 * (pump - 0.012))
    assert made.starts[0].sum() == pytest.approx(48 * 3600 / cycle_s, abs=1.5)
    assert abs(made.starts[0, 0] - made.starts[0, 1]) <= 1  # they take turns


def test_a_cut_within_an_interval_changes_nothing_but_the_last_bits() -> None:
    """Somebody else's event cuts an advance in two; nobody may see that in a station."""
    whole, cut = fleet(cut_s=3600.0), fleet(cut_s=3600.0)
    flows = np.array([0.012, 0.045])
    for hour in range(24):
        whole.advance((hour + 1) * 3600.0, flows)
        for share in (0.1, 0.35, 1.0):
            cut.advance((hour + share) * 3600.0, flows)
        whole.take_interval(), cut.take_interval()
    for name in ("level_m", "bearing_c", "motor_c", "starts", "run_s"):
        assert getattr(cut, name) == pytest.approx(getattr(whole, name), rel=1e-9)


@pytest.mark.parametrize("pumps", [1, 2, 3])
def test_a_pump_never_starts_more_often_than_its_limit(pumps: int) -> None:
    made = fleet(pumps=pumps, rest=2.0)
    run(made, 17.0, hours=24.0)
    assert np.all(made.starts <= 2.0 * 24.0 + 1)
    assert pumps > 2 or made.starts[0].min() > 40.0  # and the limit is what holds it back
    free = fleet(pumps=pumps)
    run(free, 17.0, hours=24.0)
    assert free.starts[0].sum() > 120.0


def test_more_water_than_one_pump_lifts_starts_the_next_and_the_next() -> None:
    made = fleet(pumps=4)
    for inflow_l_s, needed in ((30.0, 1), (50.0, 2), (85.0, 3)):
        run(made, inflow_l_s, hours=6.0)
        ran = run(made, inflow_l_s, hours=6.0)[0]
        assert needed - 1 < ran[0].sum() / 6 / 3600 <= needed


def test_a_standby_takes_over_at_once_and_carries_the_station_alone() -> None:
    made = fleet()
    run(made, 30.0, hours=1.0)
    while not made.running[0].any():
        run(made, 30.0, hours=1 / 60, cut_s=60.0)
    lost = int(np.argmax(made.running[0]))
    made.able[0, lost] = False
    made.usable_changed()
    assert made.running[0].tolist() == [lost == 1, lost == 0]
    ran = run(made, 30.0, hours=24.0)[0]
    assert ran[0, lost] == 0.0
    assert ran[0, 1 - lost] > 0.0
    assert made.level_m[0] <= PLANT.start_m + PLANT.lag_step_m


def test_temperatures_follow_the_load_and_return_to_the_water() -> None:
    made = fleet()
    run(made, 60.0, hours=24.0)  # both run on and on
    assert made.motor_c.max() > 14.0 + 0.6 * Heat().motor_rise_k
    made.stopped[:] = True
    made.usable_changed()
    run(made, 0.0, hours=24.0)
    assert made.motor_c == pytest.approx(np.full((2, 2), 14.0), abs=1e-6)


def test_a_converter_follows_the_inflow_and_turns_down_no_further_than_it_lifts() -> None:
    made = fleet(vfd=True)
    run(made, 24.0, hours=12.0)
    part = run(made, 24.0, hours=12.0)
    assert part[1, 0].sum() / (12 * 3600) == pytest.approx(0.024, rel=0.02)
    assert made.starts[0].sum() < 6  # it runs through, where a fixed speed would cycle
    speed = part[5, 0].sum() / part[0, 0].sum()
    assert 0.85 < speed < 0.97
    assert part[2, 0].sum() / part[1, 0].sum() > 0.0


def test_dry_weather_flow_peaks_by_day_and_rests_at_the_weekend() -> None:
    def factor(hour: int) -> float:
        return inflow.dry_weather_factor(PLAIN.at(START + hour * HOUR), stretch=3.0, season=0.0)

    days = np.array([factor(hour) for hour in range(24 * 7)]).reshape(7, 24)
    assert 1.3 < days[0].max() / days[0].mean() < 2.0
    assert days[0].argmin() in (2, 3, 4)
    assert days[5].mean() / days[0].mean() == pytest.approx(inflow.WEEKEND, rel=0.03)
    assert days[0].argmax() in (19, 20)  # M:dhi: 19 h, and 10 h at weekends
    assert days[5].argmax() in (10, 11)
    assert days.mean(axis=1)[:5].mean() == pytest.approx(1.0, abs=0.03)


def test_vibration_rises_with_damage() -> None:
    """The mean over a fleet of the last day before each tenth of damage never falls."""
    fleet = FleetSpec(product="pump", sites=6)
    world = World(WorldSpec(start_ms=START, fleets=(fleet,)), seed=4)
    world.start()
    for device in world.devices:
        world.inject("bearing_wear", device, {"onset": 0.0, "pf_interval": 240.0})
    seen: dict[int, list[float]] = {tenth: [] for tenth in range(10)}
    for hour in range(6, 265, 6):
        damage = {
            sample.device: sample.damage
            for sample in world.sample_truth()
            if sample.component == "bearing"
        }
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
