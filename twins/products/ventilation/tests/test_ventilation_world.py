"""Units and rooms as devices of a world: what a fault may touch, snapshots, bytes, commands."""

import functools

import msgspec
import numpy as np
import pytest

from broker.wire.messages import Command, CommandAck, Telemetry
from twins.core.errors import InvalidFault, InvalidWorld
from twins.core.spec import FleetSpec, WorldSpec
from twins.products import catalog
from twins.world import Step, World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # a Monday
ENERGY = {"energy_kwh", "fan_command_pct", "fan_power_kw", "sfp_w_s_m3"}
SUPPLY_WORK = ENERGY | {"supply_fan_rpm", "supply_filter_pa", "supply_vibration_mm_s"}
FAN_WORK = SUPPLY_WORK | {"extract_fan_rpm", "extract_filter_pa", "extract_vibration_mm_s"}
FILTERS = {"extract_filter_norm_pa", "supply_filter_norm_pa"}
FLOWS = {"extract_flow_m3_h", "supply_flow_m3_h"}
SUMMARY = {
    "co2_lowest_ppm", "co2_worst_ppm", "damper_gap_pct", "damper_mean_pct", "damper_worst_pct",
}  # fmt: skip
ROOM_AIR = {"room.co2_ppm", "room.co2_duct_ppm", "room.damper_command_pct", "room.damper_pct"}
HEAT = {"heating_command_pct", "heating_valve_pct", "cooling_command_pct", "cooling_valve_pct"}
AIR_TEMP = {"supply_temp_c", "extract_temp_c", "exhaust_temp_c", "room.temp_c"}
RECOVERY = {"recovery_efficiency_pct", "rotor_rpm"}
"""Recovery follows flow (NTU), and the coils what it leaves."""
FLOW_FOLLOWS = FLOWS | FAN_WORK | FILTERS | SUMMARY | ROOM_AIR | RECOVERY | HEAT | AIR_TEMP | {
    "sfp_clean_w_s_m3"
}  # fmt: skip
RADIO = {
    "mesh_path_changes", "nodes_lost", "room.hops", "room.rssi_dbm", "room.link_delivery_pct",
    "room.battery_v", "single_path_nodes",
}  # fmt: skip


def world(
    *, sites: int = 2, seed: int = 3, every: int = HOUR, also: dict[str, float] | None = None,
    **params: float,
) -> World:  # fmt: skip
    fleet = FleetSpec(
        product="ventilation", sites=sites, devices_per_site=1, report_every_ms=every,
        params={"rooms": 4.0} | params | (also or {}),
    )  # fmt: skip
    made = World(WorldSpec(start_ms=START, fleets=(fleet,)), seed=seed)
    made.start()
    return made


Told = dict[tuple[str, int], dict[str, float]]


def told(step: Step) -> Told:
    return {
        (message.device, message.at_ms): dict(message.signals)
        for _, message in step.messages
        if isinstance(message, Telemetry)
    }


def bytes_of(step: Step) -> bytes:
    return msgspec.json.encode([step.messages, step.truths, step.intents])


BELT, PLATE, MIXING = {"belt_driven": 1.0}, {"recovery": 1.0}, {"recovery": 2.0}
CASES = [
    ("filter_loading", "ahu", {"factor": 100.0}, {}, FILTERS, FAN_WORK),
    ("pollen_burst", "ahu", {"factor": 100.0}, {}, FILTERS, FAN_WORK),
    ("filter_unseated", "ahu", {}, {}, {"supply_filter_norm_pa"}, SUPPLY_WORK),
    ("fan_wear", "ahu", {"pf_interval": 60.0}, {}, {"supply_vibration_mm_s"}, set()),
    ("fan_wear", "ahu", {"pf_interval": 60.0, "fan": 2.0}, {}, {"extract_vibration_mm_s"}, set()),
    ("imbalance", "ahu", {"fan": 2.0}, {}, {"extract_vibration_mm_s"}, set()),
    (
        "belt_slip", "ahu", {"pf_interval": 60.0}, BELT, {"supply_motor_rpm", "fan_power_kw"},
        ENERGY,
    ),
    (
        "rotor_stop", "ahu", {"after": 2.0}, {},
        RECOVERY | {"exhaust_temp_c", "heating_valve_pct", "heating_command_pct"}, AIR_TEMP,
    ),
    (
        "frost", "ahu", {"ice_pct": 80.0}, PLATE | {"climate_mean_c": -6.0},
        {"frost", "extract_fan_rpm", "fan_power_kw"},
        HEAT | AIR_TEMP | RECOVERY | ENERGY | FLOWS | FILTERS | SUMMARY | ROOM_AIR
        | {"extract_vibration_mm_s", "extract_filter_pa"},
    ),
    ("damper_stuck", "ahu", {"opening_pct": 60.0}, MIXING,
     {"outdoor_damper_pct", "mixed_temp_c"}, FLOW_FOLLOWS | {"outdoor_damper_command_pct"}),
    ("damper_stuck", "ahu", {"opening_pct": 20.0}, {"demand_control": 0.0},
     {"outdoor_damper_pct", "supply_flow_m3_h", "duct_pressure_pa", "supply_fan_rpm"},
     FLOW_FOLLOWS),
    ("damper_leak", "ahu", {}, MIXING, {"mixed_temp_c"},
     FLOW_FOLLOWS | {"outdoor_damper_command_pct", "outdoor_damper_pct"}),
    (
        "valve_stuck", "ahu", {"opening_pct": 60.0}, {},
        {"heating_valve_pct", "cooling_command_pct", "cooling_valve_pct", "supply_temp_c"},
        AIR_TEMP | HEAT | RECOVERY,  # the rooms get too warm, so that less heat is recovered
    ),
    ("simultaneous_heat_cool", "ahu", {}, {}, HEAT, {"supply_temp_c", *AIR_TEMP}),
    (
        "wrong_schedule", "ahu", {}, {},
        FLOWS | {"fan_power_kw", "outdoor_damper_command_pct", "outdoor_damper_pct"},
        FLOW_FOLLOWS | {"duct_pressure_pa", "baseline_kwh"},
    ),
    (
        "smoke_alarm", "ahu", {"duration": 3.0}, {}, {"smoke", "supply_flow_m3_h"},
        FLOW_FOLLOWS | {"duct_pressure_pa", "baseline_kwh", "outdoor_damper_pct",
                        "outdoor_damper_command_pct"},
    ),
    (
        "damper_stuck", "room", {"opening_pct": 100.0}, {},
        {"room.damper_pct", "damper_gap_pct", "supply_flow_m3_h", "fan_power_kw"}, FLOW_FOLLOWS,
    ),
    (
        "room_sensor_drift", "room", {"ppm_per_day": 100.0}, {},
        {"room.co2_ppm", "room.damper_command_pct", "supply_flow_m3_h"}, FLOW_FOLLOWS,
    ),
    ("node_death", "room", {}, {}, {"nodes_lost", "room.co2_ppm"},
     RADIO | FLOW_FOLLOWS | {"room.presence", "room.available"}),
    ("battery_low", "room", {"left_pct": 5.0}, {}, {"room.battery_v"}, set()),
    ("radio_shade", "room", {"loss_db": 25.0}, {}, {"room.rssi_dbm"}, RADIO),
]  # fmt: skip


@functools.cache
def healthy(params: tuple[tuple[str, float], ...]) -> Told:
    made = world(also=dict(params))
    return told(made.run_until(START + 2 * DAY))


@pytest.mark.parametrize(("fault", "what", "params", "kind", "must", "may"), CASES)
def test_a_fault_moves_only_the_channels_that_physics_touches(
    fault: str, what: str, params: dict[str, float], kind: dict[str, float],
    must: set[str], may: set[str],
) -> None:  # fmt: skip
    """And nothing at all of the other building. Channels that stay are equal to the last bit."""
    made = world(also=kind)
    made.run_until(START + 7 * HOUR)
    made.inject(fault, "ahu-01-1" if what == "ahu" else "room-01-1-2", params)
    after = told(made.run_until(START + 2 * DAY))
    moved: set[str] = set()
    for (device, at_ms), signals in healthy(tuple(kind.items())).items():
        if at_ms <= START + 7 * HOUR:
            continue
        other = after.get((device, at_ms), {})
        changed = {k for k in signals.keys() | other.keys() if signals.get(k) != other.get(k)}
        assert "-01-1" in device or not changed
        prefix = "room." if device.startswith("room") else ""
        moved |= {f"{prefix}{name}" for name in changed}
    assert must <= moved
    assert moved <= must | may


def test_every_fault_that_the_manifests_name_is_in_a_case() -> None:
    cases = {(what, fault) for fault, what, *_ in CASES} | {("ahu", "belt_break")}
    named = {("ahu", name) for name in catalog()["ventilation"].faults}
    assert cases == named | {("room", name) for name in catalog()["room"].faults}


def test_faults_of_a_unit_have_the_size_that_was_asked_for() -> None:
    made = world(sites=4, also=BELT)
    made.inject("rotor_stop", "ahu-01-1", {})
    made.inject("imbalance", "ahu-02-1", {"mm_s": 20.0})
    made.inject("belt_slip", "ahu-03-1", {"pf_interval": 40.0})
    reports = told(made.run_until(START + DAY + 12 * HOUR))
    stopped, rough, slips, well = (
        reports[f"ahu-0{unit}-1", START + DAY + 12 * HOUR] for unit in range(1, 5)
    )
    assert stopped["rotor_rpm"] == 0.0
    assert stopped["recovery_efficiency_pct"] < 10.0
    assert stopped["heating_valve_pct"] > well["heating_valve_pct"] + 20.0
    assert rough["supply_vibration_mm_s"] > 2.0 * well["supply_vibration_mm_s"]
    assert rough["fan_power_kw"] == pytest.approx(well["fan_power_kw"], rel=0.15)
    ratio = {name: one["supply_fan_rpm"] / one["supply_motor_rpm"]
             for name, one in (("slips", slips), ("well", well))}  # fmt: skip
    assert ratio["well"] == pytest.approx(0.985, abs=0.003)
    assert 0.85 < ratio["slips"] < 0.965  # 4-8 % (S13)
    damage = {(s.device, s.component): s.damage for s in made.sample_truth()}
    assert damage["ahu-01-1", "rotor"] == 1.0
    assert set(made.downtime_h().values()) == {0.0}


def test_faults_of_the_air_side_have_the_size_that_was_asked_for() -> None:
    made = world(sites=4, demand_control=0.0)
    made.inject("filter_unseated", "ahu-01-1", {"stage": 2.0})
    made.inject("valve_stuck", "ahu-02-1", {"opening_pct": 60.0})
    made.inject("simultaneous_heat_cool", "ahu-03-1", {"overlap_pct": 20.0})
    reports = told(made.run_until(START + 12 * HOUR))
    leaks, stuck, fights, well = (
        reports[f"ahu-0{unit}-1", START + 12 * HOUR] for unit in range(1, 5)
    )
    assert leaks["extract_filter_norm_pa"] < 0.55 * well["extract_filter_norm_pa"]
    assert leaks["supply_filter_norm_pa"] > 0.8 * well["supply_filter_norm_pa"]
    assert stuck["heating_valve_pct"] == 60.0
    assert stuck["heating_command_pct"] < 30.0
    assert stuck["cooling_valve_pct"] > 50.0
    assert fights["heating_valve_pct"] >= well["heating_valve_pct"] + 15.0
    assert fights["cooling_valve_pct"] > 30.0
    assert fights["supply_temp_c"] == pytest.approx(well["supply_temp_c"], abs=1.0)


def test_a_wrong_clock_and_smoke_keep_a_unit_from_its_work() -> None:
    made = world(sites=3)
    made.inject("wrong_schedule", "ahu-01-1", {"shift": 6.0})
    made.run_until(START + 10 * HOUR)
    made.inject("smoke_alarm", "ahu-02-1", {"duration": 2.0})
    reports = told(made.run_until(START + DAY))
    for hour in (11, 12):
        assert reports["ahu-02-1", START + hour * HOUR]["smoke"] == 1.0
        assert reports["ahu-02-1", START + hour * HOUR]["supply_flow_m3_h"] == 0.0
    assert reports["ahu-02-1", START + 14 * HOUR]["supply_flow_m3_h"] > 50.0
    assert reports["ahu-01-1", START + 22 * HOUR]["supply_flow_m3_h"] > 50.0
    assert reports["ahu-03-1", START + 22 * HOUR]["supply_flow_m3_h"] == 0.0


@pytest.mark.parametrize("fault", ["fan_wear", "belt_break"])
def test_a_broken_fan_or_belt_stops_its_unit_and_the_control_asks_for_all(fault: str) -> None:
    made = world(fan_life_h=1_000_000.0, also=BELT)
    made.inject(fault, "ahu-01-1", {"pf_interval": 2.0} if fault == "fan_wear" else {"after": 2.0})
    reports = told(made.run_until(START + 12 * HOUR))
    broken, well = (reports[device, START + 12 * HOUR] for device in ("ahu-01-1", "ahu-02-1"))
    assert (broken["available"], well["available"]) == (0.0, 1.0)
    assert broken["supply_flow_m3_h"] == 0.0
    assert broken["fan_command_pct"] == 100.0
    assert "supply_filter_pa" not in broken
    assert made.downtime_h()["ahu-01-1"] > 8.0


def test_a_dead_node_is_silent_its_damper_falls_back_and_new_cells_heal_it() -> None:
    made = world()
    made.inject("node_death", "room-01-1-2", {})
    reports = told(made.run_until(START + 12 * HOUR))
    assert ("room-01-1-2", START + 12 * HOUR) not in reports
    assert ("room-01-1-1", START + 12 * HOUR) in reports
    unit = reports["ahu-01-1", START + 12 * HOUR]
    assert unit["nodes_lost"] == 1.0
    units, rooms = made.fleets
    assert units.twin.rooms.opening[0, 1] == 0.5  # type: ignore[attr-defined]
    reachable = rooms.twin.reachable()  # type: ignore[attr-defined]
    assert reachable.tolist() == [True, False, *[True] * 6]
    serial = rooms.fit(made.now_ms, "room-01-1-2", position="battery", part="node-battery")
    assert serial == "node-battery-room-01-1-2-2"
    reports = told(made.run_until(START + 15 * HOUR))
    assert reports["room-01-1-2", START + 15 * HOUR]["battery_v"] > 3.0


def test_what_nodes_say_is_the_same_whether_all_or_the_touched_units_are_looked_at() -> None:
    made = world(sites=3)
    units, rooms = (fleet.twin for fleet in made.fleets)
    made.run_until(START + 3 * HOUR)
    made.inject("node_death", "room-01-1-2", {})
    made.inject("battery_low", "room-03-1-1", {"left_pct": 5.0})
    made.inject("radio_shade", "room-03-1-3", {"loss_db": 30.0})
    some = rooms.measure().copy()
    units.load(units.dump())
    whole = rooms.measure()
    np.testing.assert_array_equal(some, whole)
    assert np.isnan(whole).any(axis=1).tolist() == [False, True, *[False] * (len(whole) - 2)]


def test_new_parts_heal_what_was_stuck_drifted_or_full() -> None:
    made = world(climate_mean_c=0.0)
    units, rooms = made.fleets
    made.inject("damper_stuck", "room-01-1-1", {"opening_pct": 100.0})
    made.inject("room_sensor_drift", "room-01-1-3", {"ppm_per_day": 75.0})
    made.inject("rotor_stop", "ahu-01-1", {})
    made.inject("filter_loading", "ahu-01-1", {"factor": 500.0})
    made.inject("valve_stuck", "ahu-01-1", {})
    made.inject("damper_stuck", "ahu-01-1", {})
    made.run_until(START + 2 * DAY)
    damage = units.damage(made.now_ms, 0)
    assert damage["supply_filter"] > 0.3
    assert rooms.damage(made.now_ms, 2)["co2_sensor"] == pytest.approx(1.0, rel=0.05)
    for position in ("supply_filter", "rotor", "heating_valve", "outdoor_damper"):
        units.fit(made.now_ms, "ahu-01-1", position=position, part="x")
    rooms.fit(made.now_ms, "room-01-1-1", position="damper", part="x")
    rooms.fit(made.now_ms, "room-01-1-3", position="co2_sensor", part="x")
    after = units.damage(made.now_ms, 0)
    assert after["extract_filter"] == damage["extract_filter"]
    assert [after[name] for name in ("supply_filter", "rotor", "heating_valve")] == [0.0] * 3
    reports = told(made.run_until(START + 2 * DAY + 12 * HOUR))
    noon = reports["ahu-01-1", START + 2 * DAY + 12 * HOUR]
    assert noon["damper_gap_pct"] == 0.0
    assert noon["heating_valve_pct"] == noon["heating_command_pct"]
    assert noon["outdoor_damper_pct"] == 100.0
    assert noon["rotor_rpm"] > 11.0


def test_work_without_a_part_resets_what_dirt_and_screws_did() -> None:
    made = world()
    twin = made.fleets[0].twin
    made.inject("imbalance", "ahu-01-1", {"mm_s": 5.0})
    made.inject("valve_stuck", "ahu-01-1", {"valve": 2.0})
    assert twin.truth()["supply_vibration_mm_s"][0] > 5.0
    assert twin.stress("supply_fan")[0] > 3.0  # type: ignore[attr-defined]
    twin.maintain(0, "clean", "supply_fan")
    twin.maintain(0, "adjust", "cooling_valve")
    assert twin.truth()["supply_vibration_mm_s"][0] == pytest.approx(1.8)
    assert made.fleets[0].damage(made.now_ms, 0)["cooling_valve"] == 0.0


def test_the_same_seed_gives_the_same_bytes_also_from_a_snapshot() -> None:
    """Saved in mid-run with faults of unit, rooms and radio."""
    runs = []
    for _ in range(2):
        made = world(also=PLATE, climate_mean_c=-4.0)
        made.inject("filter_loading", "ahu-01-1", {"factor": 50.0, "duration": 20.0})
        made.inject("room_sensor_drift", "room-02-1-4", {})
        made.inject("damper_stuck", "room-02-1-2", {})
        made.inject("node_death", "room-02-1-1", {})
        made.inject("wrong_schedule", "ahu-01-1", {"shift": 2.0})
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
    """Also where the new one is at work while the others rest."""
    few, more = world(sites=2, every=HOUR // 4), world(sites=3, every=HOUR // 4)
    more.inject("wrong_schedule", "ahu-03-1", {"shift": 9.0})
    more.inject("node_death", "room-03-1-1", {})
    one, other = (told(made.run_until(START + 2 * DAY)) for made in (few, more))
    assert all(other[key] == signals for key, signals in one.items())


def test_rooms_come_with_their_units_and_stand_on_the_same_site() -> None:
    made = world(sites=2)
    assert made.sites["building-02"] == (
        "ahu-02-1", "room-02-1-1", "room-02-1-2", "room-02-1-3", "room-02-1-4",
    )  # fmt: skip
    assert made.devices["room-01-1-4"] == "room"
    reports = told(made.run_until(START + 11 * HOUR))
    unit = reports["ahu-01-1", START + 11 * HOUR]
    dampers = [reports[f"room-01-1-{n}", START + 11 * HOUR]["damper_pct"] for n in range(1, 5)]
    assert unit["damper_mean_pct"] == pytest.approx(np.mean(dampers), abs=1.0)
    with pytest.raises(InvalidWorld, match="room comes with ventilation, not by itself"):
        World(WorldSpec(start_ms=START, fleets=(FleetSpec(product="room"),)), seed=1)


def test_a_unit_rests_at_night_and_at_the_weekend() -> None:
    reports = told(world(sites=1).run_until(START + 6 * DAY))
    for (device, at_ms), signals in reports.items():
        if not device.startswith("ahu"):
            continue
        day, hour = divmod((at_ms - START) // HOUR, 24)
        runs = day < 5 and 6 < hour <= 20
        assert (signals["supply_flow_m3_h"] > 100.0) == runs
        assert ("supply_filter_norm_pa" in signals) == runs


def obey(made: World, name: str, device: str = "ahu-01-1", **args: float | str) -> CommandAck:
    command = Command(
        device=device, command_id=f"c-{name}-{args}-{made.now_ms}", name=name,
        args=args, issued_ms=made.now_ms, expires_ms=made.now_ms + HOUR,
    )  # fmt: skip
    [(_, answer)] = made.obey("building-01", command)
    assert isinstance(answer, CommandAck)
    return answer


def test_a_unit_obeys_and_refuses() -> None:
    made = world()
    made.inject("wrong_schedule", "ahu-01-1", {"shift": 12.0})
    made.run_until(START + 10 * HOUR)
    assert obey(made, "reset_control").status == "done"
    assert obey(made, "constant_volume").status == "done"
    full = told(made.run_until(START + 12 * HOUR))["ahu-01-1", START + 12 * HOUR]
    assert full["damper_mean_pct"] == 100.0
    assert full["supply_flow_m3_h"] == pytest.approx(1000.0, rel=0.03)
    assert obey(made, "demand_control").status == "done"
    assert obey(made, "set_co2_setpoint", ppm=900).status == "done"
    assert "600 to 1000" in obey(made, "set_co2_setpoint", ppm=2000).detail
    assert "600 to 1000" in obey(made, "set_co2_setpoint", ppm="high").detail
    assert "there are: constant_volume" in obey(made, "dance").detail
    assert "there are: get_settings" in obey(made, "stop", device="room-01-1-1").detail
    assert obey(made, "stop", now=1.0).status == "refused"
    assert obey(made, "stop").status == "done"
    off = told(made.run_until(START + 14 * HOUR))["ahu-01-1", START + 14 * HOUR]
    assert (off["supply_flow_m3_h"], off["fan_command_pct"], off["available"]) == (0.0, 0.0, 1.0)


def test_a_fault_of_what_a_unit_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidFault, match="rotor_stop needs recovery = 0; here it is 1"):
        world(also=PLATE).inject("rotor_stop", "ahu-01-1", {})
    with pytest.raises(InvalidFault, match="frost needs recovery = 1; here it is 0"):
        world().inject("frost", "ahu-01-1", {})
    for fault in ("belt_slip", "belt_break"):
        with pytest.raises(InvalidFault, match="needs belt_driven = 1; here it is 0"):
            world().inject(fault, "ahu-01-1", {})
