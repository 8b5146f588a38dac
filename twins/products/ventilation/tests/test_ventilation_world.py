"""Units as devices of a world: what a fault may touch, snapshots, equal bytes, commands."""

import msgspec
import pytest

from broker.wire.messages import Command, CommandAck, Telemetry
from twins.core.errors import InvalidFault
from twins.core.spec import FleetSpec, WorldSpec
from twins.world import Step, World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # a Monday
FAN_WORK = {
    "energy_kwh", "extract_fan_rpm", "extract_filter_pa", "extract_vibration_mm_s",
    "fan_command_pct", "fan_power_kw", "sfp_w_s_m3", "supply_fan_rpm", "supply_filter_pa",
    "supply_vibration_mm_s",
}  # fmt: skip
FILTERS = {"extract_filter_norm_pa", "supply_filter_norm_pa"}
ROOM_AIR = {
    "co2_lowest_ppm", "co2_worst_ppm", "damper_gap_pct", "damper_mean_pct", "damper_worst_pct",
    "extract_flow_m3_h", "supply_flow_m3_h",
}  # fmt: skip


def world(*, sites: int = 2, seed: int = 3, **params: float) -> World:
    fleet = FleetSpec(
        product="ventilation", sites=sites, devices_per_site=1, report_every_ms=HOUR, params=params
    )
    made = World(WorldSpec(start_ms=START, fleets=(fleet,)), seed=seed)
    made.start()
    return made


def told(step: Step) -> dict[tuple[str, int], dict[str, float]]:
    return {
        (message.device, message.at_ms): dict(message.signals)
        for _, message in step.messages
        if isinstance(message, Telemetry)
    }


def bytes_of(step: Step) -> bytes:
    return msgspec.json.encode([step.messages, step.truths, step.intents])


@pytest.mark.parametrize(
    ("fault", "params", "must", "may"),
    [
        ("filter_loading", {"factor": 100.0}, FILTERS, FILTERS | FAN_WORK),
        ("fan_wear", {"pf_interval": 60.0}, {"supply_vibration_mm_s"}, set()),
        ("fan_wear", {"pf_interval": 60.0, "fan": 2.0}, {"extract_vibration_mm_s"}, set()),
        (
            "rotor_stop",
            {"after": 2.0},
            {"rotor_rpm", "recovery_efficiency_pct", "exhaust_temp_c", "heating_valve_pct"},
            {"supply_temp_c"},
        ),
        (
            "damper_stuck",
            {"opening_pct": 100.0},
            {"damper_gap_pct", "supply_flow_m3_h", "fan_power_kw"},
            ROOM_AIR | FAN_WORK | FILTERS,
        ),
        (
            "sensor_drift",
            {"ppm_per_day": 100.0, "room": 7.0},
            {"co2_worst_ppm", "supply_flow_m3_h"},
            ROOM_AIR | FAN_WORK | FILTERS,
        ),
    ],
)
def test_a_fault_moves_only_the_channels_that_physics_touches(
    fault: str, params: dict[str, float], must: set[str], may: set[str]
) -> None:
    """And nothing at all of the other unit. Channels that stay are equal to the last bit."""
    healthy, faulty = world(), world()
    for made in (healthy, faulty):
        made.run_until(START + 6 * HOUR)
    faulty.inject(fault, "ahu-01-1", params)
    before, after = (told(made.run_until(START + 2 * DAY)) for made in (healthy, faulty))
    moved: set[str] = set()
    for (device, at_ms), signals in before.items():
        other = after[device, at_ms]
        changed = {k for k in signals.keys() | other.keys() if signals.get(k) != other.get(k)}
        assert device == "ahu-01-1" or not changed
        moved |= changed
    assert must <= moved
    assert moved <= must | may


def test_faults_have_the_size_that_was_asked_for() -> None:
    made = world(co2_setpoint_ppm=900.0)
    made.inject("rotor_stop", "ahu-01-1", {})
    made.inject("damper_stuck", "ahu-02-1", {"room": 3.0, "opening_pct": 90.0})
    made.inject("sensor_drift", "ahu-01-1", {"room": 2.0, "ppm_per_day": 50.0})
    reports = told(made.run_until(START + 2 * DAY))
    noon = START + DAY + 12 * HOUR
    stopped, free = reports["ahu-01-1", noon], reports["ahu-02-1", noon]
    assert stopped["rotor_rpm"] == 0.0
    assert stopped["recovery_efficiency_pct"] < 10.0
    assert stopped["heating_valve_pct"] > free["heating_valve_pct"] + 20.0
    assert free["damper_gap_pct"] > 25.0
    damage = {(s.device, s.component): s.damage for s in made.sample_truth()}
    assert damage["ahu-01-1", "co2_sensor"] == pytest.approx(2 * 50.0 / 150.0, rel=0.01)
    assert damage["ahu-02-1", "damper"] == 1.0
    assert damage["ahu-01-1", "rotor"] == 1.0
    assert made.downtime_h() == {"ahu-01-1": 0.0, "ahu-02-1": 0.0}  # no rotor stops a unit


def test_a_broken_fan_stops_its_unit_and_the_control_asks_for_all_it_has() -> None:
    made = world(fan_life_h=1_000_000.0)
    made.inject("fan_wear", "ahu-01-1", {"pf_interval": 2.0})
    reports = told(made.run_until(START + 12 * HOUR))
    broken, well = (reports[device, START + 12 * HOUR] for device in ("ahu-01-1", "ahu-02-1"))
    assert (broken["available"], well["available"]) == (0.0, 1.0)
    assert broken["supply_flow_m3_h"] == 0.0
    assert broken["fan_command_pct"] == 100.0
    assert broken["co2_worst_ppm"] > 1500.0  # twenty rooms without air
    assert "supply_filter_pa" not in broken
    assert made.downtime_h()["ahu-01-1"] > 8.0


def test_a_new_filter_a_new_rotor_belt_and_a_new_actuator_heal_their_unit() -> None:
    made = world()
    fleet = made._fleets[0]
    made.inject("damper_stuck", "ahu-01-1", {"opening_pct": 100.0})
    made.inject("rotor_stop", "ahu-01-1", {})
    made.inject("filter_loading", "ahu-01-1", {"factor": 500.0})
    made.run_until(START + 2 * DAY)
    damage = fleet.damage(made.now_ms, 0)
    assert damage["supply_filter"] > 0.3
    for position in ("supply_filter", "rotor", "damper"):
        serial = fleet.fit(made.now_ms, "ahu-01-1", position=position, part="x")
        assert serial == "x-ahu-01-1-2"
    after = fleet.damage(made.now_ms, 0)
    assert [after[name] for name in ("supply_filter", "rotor", "damper")] == [0.0, 0.0, 0.0]
    assert after["extract_filter"] == damage["extract_filter"]
    reports = told(made.run_until(START + 2 * DAY + 12 * HOUR))
    noon = reports["ahu-01-1", START + 2 * DAY + 12 * HOUR]
    assert noon["damper_gap_pct"] == 0.0
    assert noon["rotor_rpm"] > 11.0


def test_the_same_seed_gives_the_same_bytes_also_from_a_snapshot() -> None:
    """Saved in mid-run with a storm, a drift, a stuck damper and a wearing fan."""
    runs = []
    for _ in range(2):
        made = world()
        made.inject("filter_loading", "ahu-01-1", {"factor": 50.0, "duration": 20.0})
        made.inject("sensor_drift", "ahu-02-1", {"room": 4.0})
        made.inject("damper_stuck", "ahu-02-1", {"room": 2.0})
        made.inject("fan_wear", "ahu-02-1", {"pf_interval": 36.0})
        made.run_until(START + 15 * HOUR + 1_000)
        runs.append((made.snapshot(), made))
    assert runs[0][0] == runs[1][0]
    saved, going = runs[0]
    again = World.restore(going.spec, seed=3, data=saved)
    end = START + 2 * DAY
    assert bytes_of(again.run_until(end)) == bytes_of(going.run_until(end))
    assert again.snapshot() == going.snapshot()
    other, same = (bytes_of(world(seed=seed).run_until(START + 9 * HOUR)) for seed in (4, 3))
    assert other != same


def test_one_more_building_changes_nothing_of_the_others() -> None:
    few, more = (told(world(sites=sites).run_until(START + DAY)) for sites in (2, 3))
    assert all(more[key] == signals for key, signals in few.items())


def test_a_unit_rests_at_night_and_at_the_weekend() -> None:
    reports = told(world(sites=1).run_until(START + 6 * DAY))
    for (_, at_ms), signals in reports.items():
        day, hour = divmod((at_ms - START) // HOUR, 24)
        runs = day < 5 and 6 < hour <= 20
        assert (signals["supply_flow_m3_h"] > 500.0) == runs
        assert ("supply_filter_norm_pa" in signals) == runs


def obey(made: World, name: str, **args: float | str) -> CommandAck:
    command = Command(
        device="ahu-01-1", command_id=f"c-{name}-{args}-{made.now_ms}", name=name,
        args=args, issued_ms=made.now_ms, expires_ms=made.now_ms + HOUR,
    )  # fmt: skip
    [(_, answer)] = made.obey("building-01", command)
    assert isinstance(answer, CommandAck)
    return answer


def test_a_unit_obeys_and_refuses() -> None:
    made = world()
    made.run_until(START + 10 * HOUR)
    assert obey(made, "constant_volume").status == "done"
    full = told(made.run_until(START + 12 * HOUR))["ahu-01-1", START + 12 * HOUR]
    assert full["damper_mean_pct"] == 100.0
    assert full["supply_flow_m3_h"] == pytest.approx(5000.0, rel=0.03)
    assert obey(made, "demand_control").status == "done"
    assert obey(made, "set_co2_setpoint", ppm=900).status == "done"
    assert "600 to 1000" in obey(made, "set_co2_setpoint", ppm=2000).detail
    assert "600 to 1000" in obey(made, "set_co2_setpoint", ppm="high").detail
    assert "there are: constant_volume" in obey(made, "dance").detail
    assert obey(made, "stop", now=True).status == "refused"
    assert obey(made, "stop").status == "done"
    off = told(made.run_until(START + 14 * HOUR))["ahu-01-1", START + 14 * HOUR]
    assert (off["supply_flow_m3_h"], off["fan_command_pct"], off["available"]) == (0.0, 0.0, 1.0)


def test_a_fault_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidFault, match="there is no room 30; rooms of this unit: 1 to 20"):
        world().inject("damper_stuck", "ahu-01-1", {"room": 30.0})
    with pytest.raises(InvalidFault, match="plate recovery has no rotor"):
        world(plate_recovery=1.0).inject("rotor_stop", "ahu-01-1", {})
