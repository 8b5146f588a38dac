"""The formulas of the pump, the balance of the well, and the shape of what it reports."""

import itertools

import numpy as np
import pytest

from broker.wire.messages import Telemetry
from twins.core.spec import FleetSpec, WorldSpec
from twins.core.weather import PLAIN
from twins.products.pump import hydraulics, inflow, switching, wells
from twins.products.pump.columns import ILL, PART, PUMP
from twins.products.pump.model import Plant
from twins.products.pump.station import Stations
from twins.products.pump.switching import MOTOR_RISE_K, OUT, SPARE, TURN, in_turn
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
    return Stations(
        Plant(drive_efficiency=0.95) if vfd else PLANT,
        wells.prism(6.0, 5.0),
        stations=stations,
        pumps=pumps,
        vfd=vfd,
        area_m2=6.0,
        starts_per_h_max=rest,
        interval_s=cut_s,
        water_c=14.0,
    )


def report(made: Stations) -> np.ndarray:
    """Sums of the interval that ends, ``(6, stations, pumps)``; begins the next."""
    part = made.pumps["part"]
    sums = np.stack([part[name] for name in PART.names or ()])
    for name in PART.names or ():
        part[name] = 0.0
    made.wells["asks"] = switching.LOOK
    return sums


def run(made: Stations, inflow_l_s: float, *, hours: float, cut_s: float = 600.0) -> np.ndarray:
    """Some hours of constant inflow, half of it at the second station; returns all sums."""
    made.wells["inflow_m3_s"] = np.array([inflow_l_s, 0.5 * inflow_l_s]) / 1000.0
    total, start_s = np.zeros((6, *made.pumps.shape)), float(made.wells["now_s"][0])
    for at in np.arange(cut_s, hours * 3600.0 + 1.0, cut_s):
        made.advance(start_s + float(at))
        total += report(made)
    return total


def pumps_on_one_main(level_m: float, count: int, **changed: list[float]) -> Stations:
    """A station of three, its first ``count`` pumps at their common point at a level."""
    made = fleet(pumps=3, stations=1)
    for name, values in changed.items():
        table = made.pumps["ill"] if name in (ILL.names or ()) else made.pumps
        table[name][0] = values
    made.pumps["works_level_m"] = level_m
    made.wells["k"] = count
    switching.engage(made.wells[0], made.pumps[0])
    made.wells["asks"] = switching.POINTS
    hydraulics.work_out(made.size, made.wells, made.pumps, made.every)
    return made


def alone(level_m: float, **ill: float) -> tuple[float, float]:
    """Flow (m3/s) and power (kW) of one pump at a level, with something wrong with it."""
    made = pumps_on_one_main(level_m, 1, **{name: [value] * 3 for name, value in ill.items()})
    point = made.pumps["alone"][0, 0]
    return float(point.flow), float(point.kw)


@pytest.mark.parametrize("level_m", [0.5, 1.0, 1.8, 2.9])
@pytest.mark.parametrize("count", [2, 3])
def test_operating_points_lie_on_every_pumps_and_on_the_systems_curve(
    level_m: float, count: int
) -> None:
    """Also for pumps that are not alike, found by Newton's method."""
    made = pumps_on_one_main(
        level_m, count, head_factor=[1.0, 0.97, 1.03], ring=[0.0, 1.0, 0.4], valve=[0.0, 0.1, 0.2]
    )
    point = made.pumps["joint"][0, :count]
    assert np.all(point["npsh_margin_m"] > 0.0)
    flow = point["flow"]
    pumps_m = point["a0"] - point["a1"] * flow - point["a2"] * flow**2
    main_m = PLANT.outlet_m - level_m + PLANT.system_curve * flow.sum() ** 2
    assert pumps_m == pytest.approx(np.full(count, main_m), abs=1e-6)
    assert np.all(flow > 0.0)
    assert made.pumps["running"][0].tolist() == [turn < count for turn in range(3)]
    pump_m, system_m = made.heads()
    assert pump_m == pytest.approx(system_m, abs=1e-6)


def test_a_pump_too_weak_for_the_others_delivers_nothing_and_takes_nothing_back() -> None:
    weak = 1.005 * PLANT.static_m / PLANT.shutoff_m
    pumps = pumps_on_one_main(1.0, 2, head_factor=[1.0, weak, 1.0]).pumps[0]
    assert pumps["joint"]["flow"][0] > 0.0
    assert pumps["joint"]["flow"][1] == 0.0
    assert pumps["alone"]["flow"][1] > 0.0


def test_one_more_pump_on_the_main_takes_little_from_each() -> None:
    both_m3_s = pumps_on_one_main(1.0, 2).pumps["joint"]["flow"][0, 0]
    assert -0.12 < both_m3_s / alone(1.0)[0] - 1.0 < -0.02


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
        amps = hydraulics.current_a(PLANT.size, load * full_kw)
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


def test_the_turn_goes_round_and_skips_who_cannot_and_spare_pumps_stand_behind() -> None:
    pumps = np.zeros(4, PUMP)
    for roles, lead, turns in (
        ([TURN, OUT, TURN, TURN], 2, [2, 3, 0]),
        ([TURN, OUT, TURN, TURN], 1, [2, 3, 0]),
        ([OUT, TURN, OUT, OUT], 0, [1]),
        ([TURN, SPARE, SPARE, OUT], 2, [0, 2, 1]),
    ):
        pumps["role"] = roles
        assert [in_turn(pumps, lead, rank) for rank in range(len(turns))] == turns


@pytest.mark.parametrize("inflow_l_s", [4.0, 12.0, 30.0, 50.0, 90.0])
@pytest.mark.parametrize("pumps", [1, 2, 5])
def test_the_water_that_came_in_went_out_or_is_still_there(inflow_l_s: float, pumps: int) -> None:
    made = fleet(pumps=pumps)
    made.ills.backflow[1] = 0.1
    made.ills.clog[0, 0] = 0.5
    moved = run(made, inflow_l_s, hours=24.0)
    came_in = np.array([1.0, 0.5]) * inflow_l_s / 1000.0 * 24 * 3600
    went_out = moved[1].sum(axis=1) + made.wells["spilled_m3"]
    assert came_in == pytest.approx(went_out + (made.wells["level_m"] - 1.0) * 6.0, rel=1e-9)
    assert np.all(made.wells["level_m"] <= PLANT.spill_m)


def test_only_a_storm_overflows_the_well() -> None:
    for inflow_l_s, low, high in ((30.0, 0.0, 0.0), (90.0, 100.0, 10_000.0)):
        made = fleet()
        run(made, inflow_l_s, hours=24.0)
        assert low <= made.wells["spilled_m3"][0] <= high


def test_the_time_between_starts_is_that_of_filling_and_draining() -> None:
    made = fleet()
    run(made, 12.0, hours=48.0)
    pump = alone(1.0)[0]
    cycle_s = 6.0 * (PLANT.start_m - PLANT.stop_m) * pump / (0.012 * (pump - 0.012))
    assert made.pumps["starts"][0].sum() == pytest.approx(48 * 3600 / cycle_s, abs=1.5)
    assert abs(made.pumps["starts"][0, 0] - made.pumps["starts"][0, 1]) <= 1  # they take turns


def test_a_cut_within_an_interval_changes_nothing_but_the_last_bits() -> None:
    """Somebody else's event cuts an advance in two; nobody may see that in a station."""
    whole, cut = fleet(cut_s=3600.0), fleet(cut_s=3600.0)
    for made in (whole, cut):
        made.wells["inflow_m3_s"] = [0.012, 0.045]
    for hour in range(24):
        whole.advance((hour + 1) * 3600.0)
        for share in (0.1, 0.35, 1.0):
            cut.advance((hour + share) * 3600.0)
        report(whole), report(cut)
    assert cut.wells["level_m"] == pytest.approx(whole.wells["level_m"], rel=1e-9)
    for name in ("bearing_c", "motor_c", "starts", "run_s"):
        assert cut.pumps[name] == pytest.approx(whole.pumps[name], rel=1e-9)


@pytest.mark.parametrize("pumps", [1, 2, 3])
def test_a_pump_never_starts_more_often_than_its_limit(pumps: int) -> None:
    made = fleet(pumps=pumps, rest=2.0)
    run(made, 17.0, hours=24.0)
    assert np.all(made.pumps["starts"] <= 2.0 * 24.0 + 1)
    assert pumps > 2 or made.pumps["starts"][0].min() > 40.0  # and the limit is what holds it back
    free = fleet(pumps=pumps)
    run(free, 17.0, hours=24.0)
    assert free.pumps["starts"][0].sum() > 120.0


def test_more_water_than_one_pump_lifts_starts_the_next_and_the_next() -> None:
    made = fleet(pumps=4)
    for inflow_l_s, needed in ((30.0, 1), (50.0, 2), (85.0, 3)):
        run(made, inflow_l_s, hours=6.0)
        ran = run(made, inflow_l_s, hours=6.0)[0]
        assert needed - 1 < ran[0].sum() / 6 / 3600 <= needed


def test_a_standby_takes_over_at_once_and_carries_the_station_alone() -> None:
    made = fleet()
    run(made, 30.0, hours=1.0)
    while not made.pumps["running"][0].any():
        run(made, 30.0, hours=1 / 60, cut_s=60.0)
    lost = int(np.argmax(made.pumps["running"][0]))
    made.pumps["able"][0, lost] = False
    made.usable_changed()
    assert made.pumps["running"][0].tolist() == [lost == 1, lost == 0]
    ran = run(made, 30.0, hours=24.0)[0]
    assert ran[0, lost] == 0.0
    assert ran[0, 1 - lost] > 0.0
    assert made.wells["level_m"][0] <= PLANT.start_m + PLANT.lag_step_m


def test_temperatures_follow_the_load_and_return_to_the_water() -> None:
    made = fleet()
    run(made, 60.0, hours=24.0)  # both run on and on
    assert made.pumps["motor_c"].max() > 14.0 + 0.6 * MOTOR_RISE_K
    made.pumps["stopped"][:] = True
    made.usable_changed()
    run(made, 0.0, hours=24.0)
    assert made.pumps["motor_c"] == pytest.approx(np.full((2, 2), 14.0), abs=1e-6)


def test_a_converter_follows_the_inflow_and_turns_down_no_further_than_it_lifts() -> None:
    made = fleet(vfd=True)
    run(made, 24.0, hours=12.0)
    part = run(made, 24.0, hours=12.0)
    assert part[1, 0].sum() / (12 * 3600) == pytest.approx(0.024, rel=0.02)
    assert made.pumps["starts"][0].sum() < 6  # it runs through, where a fixed speed would cycle
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
