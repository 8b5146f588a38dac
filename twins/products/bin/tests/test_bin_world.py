"""Bins in a world: faults move their own channels, snapshots, wear by strokes, commands."""

from collections.abc import Mapping

import numpy as np
import pytest

from broker.wire.codec import encode
from broker.wire.messages import Command, Telemetry
from twins.core.spec import FleetSpec, WorldSpec
from twins.products import catalog
from twins.products.bin.faults import FAULTS, WEAR
from twins.world import Step, World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_775_433_600_000
FAULT_AT = START + DAY + 13 * HOUR
BUSY = {
    "throw_l_day": 220.0,
    "round_p0": 0.3,
    "throw_spread": 0.0,
    "events_per_year": 0.0,
    "bag_forgotten_share": 0.0,
}
PRESSING = {"compactions", "motor_current_a", "charge_ma", "battery_v"}
FILLING = PRESSING | {"fill_pct", "odour", "door_open"}
"""What hangs on the fill: the ram, its energy, the smell, and when a crew comes."""
Row = tuple[int, str, float | None]


def spec(**params: float) -> WorldSpec:
    fleet = FleetSpec(
        product="bin", devices_per_site=2, report_every_ms=HOUR // 2, params=BUSY | params
    )
    return WorldSpec(start_ms=START, fleets=(fleet,))


def begun(**params: float) -> World:
    world = World(spec(**params), seed=7)
    world.start()
    return world


def written(step: Step) -> list[object]:
    return [encode(message) for _, message in step.messages] + [repr(it) for it in step.truths]


def series(step: Step, device: str) -> dict[str, list[tuple[int, float]]]:
    """What a device said, by signal: (time, value)."""
    said: dict[str, list[tuple[int, float]]] = {name: [] for name in catalog()["bin"].signals}
    for _, message in step.messages:
        if isinstance(message, Telemetry) and message.device == device:
            for name, value in message.signals.items():
                said[name].append((message.at_ms, value))
    return said


def run(fault: str | None = None, given: Mapping[str, float] | None = None, days: int = 6) -> Step:
    world = begun()
    world.run_until(FAULT_AT)
    if fault is not None:
        world.inject(fault, "bin-01-1", given or {})
    return world.run_until(FAULT_AT + days * DAY)


@pytest.fixture(scope="module")
def healthy() -> Step:
    return run()


def highest(step: Step, signal: str) -> float:
    return max(value for _, value in series(step, "bin-01-1")[signal])


def lowest(step: Step, signal: str) -> float:
    return min(value for _, value in series(step, "bin-01-1")[signal])


MOVED: list[tuple[str, dict[str, float], set[str]]] = [
    ("knock", {"angle": 40.0}, {"tilt_deg"}),
    ("bag_fold", {"lasting": 72.0}, {"fill_pct"}),
    ("dirty_sensor", {"lasting": 72.0}, {"fill_pct"}),
    ("false_empty", {"drop": 50.0}, {"fill_pct"}),
    ("fill_sensor_wear", {"pf_interval": 100.0}, {"fill_pct"}),
    ("gps_drift", {"m_per_day": 50.0}, {"latitude_deg", "longitude_deg"}),
    ("shade", {"share": 0.1}, {"charge_ma", "battery_v"}),
    ("dirty_panel", {"share": 0.6}, {"charge_ma", "battery_v"}),
    ("panel_wear", {"pf_interval": 100.0}, {"charge_ma", "battery_v"}),
    ("battery_ageing", {"pf_interval": 2000.0}, {"charge_ma", "battery_v"}),
    ("drive_wear", {"pf_interval": 120.0}, {"motor_current_a", "charge_ma", "battery_v"}),
    ("fire", {"rate": 10.0}, {"temp_c"} | FILLING),
    ("jam", {}, {"jam"} | FILLING),
    ("stuck_door", {}, FILLING),
    ("hopper_jam", {}, {"jam", "hopper_openings"} | FILLING),
    ("hopper_wear", {"pf_interval": 100.0}, {"jam", "hopper_openings"} | FILLING),
    ("bag_not_replaced", {}, FILLING),
    ("event", {"factor": 3.0}, {"hopper_openings"} | FILLING),
]


def test_the_matrix_of_faults_is_complete() -> None:
    own = set(FAULTS) | set(WEAR)
    assert {fault for fault, _, _ in MOVED} == own


@pytest.mark.parametrize(("fault", "given", "moved"), MOVED, ids=[row[0] for row in MOVED])
def test_a_fault_moves_the_channels_that_physics_touches_and_no_others(
    healthy: Step, fault: str, given: dict[str, float], moved: set[str]
) -> None:
    step = run(fault, given)
    mine, usual = series(step, "bin-01-1"), series(healthy, "bin-01-1")
    changed = {name for name in mine if mine[name] != usual[name]}
    assert changed <= moved
    assert moved - changed <= {
        "door_open",
        "battery_v",
        "odour",
    }  # by luck of the crew, or of the quantum
    assert series(step, "bin-01-2") == series(healthy, "bin-01-2")


def values(step: Step, signal: str) -> list[float]:
    return [value for _, value in series(step, "bin-01-1")[signal]]


def morning_ma(step: Step) -> float:
    """Charge in the first light after the fault, before a full battery takes less than offered."""
    said = series(step, "bin-01-1")["charge_ma"]
    return sum([value for at, value in said if value > 0.0 and at > FAULT_AT + 12 * HOUR][:5])


def test_faults_of_the_fill_sensor_have_the_stated_size(healthy: Step) -> None:
    assert lowest(run("bag_fold", days=1), "fill_pct") >= 93.0
    dirty = values(run("dirty_sensor", {"lost": 0.8, "wild": 0.6}, 3), "fill_pct")
    usual = values(healthy, "fill_pct")[: 3 * 48]
    assert len(dirty) < 0.8 * len(usual)  # readings without an echo
    assert np.std(np.diff(dirty)) > 1.5 * np.std(np.diff(usual))
    slipped = dict(series(run("false_empty", {"drop": 50.0}, 1), "bin-01-1")["fill_pct"])
    true = dict(series(healthy, "bin-01-1")["fill_pct"])
    drop = [true[at] - slipped[at] for at in slipped if at in true and true[at] > 60.0]
    assert 45.0 < np.median(drop) < 55.0
    drifted = series(run("fill_sensor_wear", {"pf_interval": 100.0}), "bin-01-1")["fill_pct"]
    assert max(at for at, _ in drifted) < FAULT_AT + 5 * DAY  # silent at its end


def test_faults_of_charge_and_place_have_the_stated_size(healthy: Step) -> None:
    assert highest(run("shade", {"share": 0.0}, 2), "charge_ma") == 0.0
    for fault, given, low, high in (  # an emptier battery takes more of what is offered
        ("shade", {"share": 0.1}, 0.1, 0.35),
        ("dirty_panel", {"share": 0.6}, 0.4, 0.75),
        ("panel_wear", {"pf_interval": 10.0}, 0.55, 0.95),
    ):
        share = morning_ma(run(fault, given, 1)) / morning_ma(healthy)
        assert low < share < high, fault
    fixes = values(run("gps_drift", {"m_per_day": 100.0}), "latitude_deg")
    usual = values(healthy, "latitude_deg")
    walked_m = 111_320.0 * (fixes[-1] - usual[-1])
    assert walked_m == pytest.approx(100.0 * 0.7071 * (5 + 14 / 24), rel=0.05)
    assert 38.0 < values(run("knock", {"angle": 40.0}, 1), "tilt_deg")[1] < 43.0
    assert 58.0 < highest(run("knock", {"angle": 40.0}, 1), "tilt_deg") < 62.0  # the swing
    assert highest(healthy, "tilt_deg") < 5.0


def test_faults_that_stop_a_bin_have_the_stated_size(healthy: Step) -> None:
    fire = series(run("fire", {"rate": 10.0}, 1), "bin-01-1")["temp_c"]
    assert 100.0 < max(value for _, value in fire) <= 125.0
    assert len(fire) < 48  # the sensor did not survive
    jam = run("jam")
    assert highest(jam, "motor_current_a") > 19.0
    assert highest(jam, "jam") == 1.0
    assert values(jam, "jam")[-1] == 0.0  # a crew took it out with the bag
    hopper = run("hopper_jam", days=1)
    assert values(hopper, "jam")[0] == 1.0
    openings = series(hopper, "bin-01-1")["hopper_openings"]
    assert openings[3][1] == openings[0][1]
    busy = values(run("event", {"factor": 3.0, "lasting": 144.0}), "hopper_openings")
    usual = values(healthy, "hopper_openings")
    assert 2.5 < (busy[-1] - busy[0]) / (usual[-1] - usual[0]) < 3.5
    assert sum(values(run("stuck_door"), "door_open")) > sum(values(healthy, "door_open"))
    smell = values(run("bag_not_replaced", days=2), "odour")
    assert max(smell) > 1.5 * max(values(healthy, "odour")[:96])


def test_a_worn_drive_takes_more_current_until_it_breaks_and_a_new_one_puts_it_right() -> None:
    world = begun()
    world.inject("drive_wear", "bin-01-1", {"pf_interval": 100.0})
    step = world.run_until(START + 25 * DAY)
    kinds = [truth.kind for truth in step.truths if truth.subject == "bin-01-1"]
    assert kinds == ["fault.begun", "damage.onset", "component.failed", "device.down"]
    said = series(step, "bin-01-1")
    current = [value for _, value in said["motor_current_a"]]
    assert sum(current[:10]) / 10 < 9.0
    assert max(current) > 14.0
    failed_ms = next(truth.at_ms for truth in step.truths if truth.kind == "device.down")
    assert all((value == 1.0) == (at_ms < failed_ms) for at_ms, value in said["available"])
    assert 85 < dict(said["compactions"])[failed_ms] < 125  # pf_interval strokes, 7 % either way
    assert said["compactions"][-1][1] == dict(said["compactions"])[failed_ms]
    serial, readings = world._fit(world.now_ms, "bin-01-1", "drive", "compactor-drive")
    assert serial == "compactor-drive-bin-01-1-2"
    assert readings["press_current_a"] < 9.5
    after = series(world.run_until(START + 28 * DAY), "bin-01-1")
    assert after["compactions"][-1][1] > said["compactions"][-1][1]
    assert max(value for _, value in after["motor_current_a"]) < 11.0


def test_a_drive_that_does_not_press_does_not_wear() -> None:
    world = begun()
    world.inject("drive_wear", "bin-01-1", {"pf_interval": 100.0})
    world.run_until(START + 4 * DAY)
    at = world.now_ms

    def told(name: str) -> str:
        command = Command(
            command_id=name, device="bin-01-1", name=name, issued_ms=at, expires_ms=at + 99 * DAY
        )
        [(_, ack)] = world.obey("district-01", command)
        return ack.status  # type: ignore[union-attr]

    def damage() -> float:
        return next(it.damage for it in world.sample_truth() if it.component == "drive")

    assert told("inhibit_compaction") == "done"
    before = damage()
    said = series(world.run_until(START + 10 * DAY), "bin-01-1")
    assert damage() == before > 0.1
    assert said["motor_current_a"] == []
    assert told("allow_compaction") == "done"
    assert told("fly") == "refused"
    world.run_until(START + 12 * DAY)
    assert damage() > before


def test_a_dead_battery_stops_the_bin_and_a_new_one_comes_charged() -> None:
    world = begun()
    world.inject("battery_ageing", "bin-01-1", {"pf_interval": 100.0})
    step = world.run_until(START + 8 * DAY)
    assert highest(step, "available") == 1.0
    assert lowest(step, "available") == 0.0
    assert lowest(step, "battery_v") < 11.4
    world._fit(world.now_ms, "bin-01-1", "battery", "bin-battery")
    after = world.run_until(START + 9 * DAY)
    assert lowest(after, "available") == 1.0
    assert lowest(after, "battery_v") > 12.3


def test_a_season_of_wild_echoes_and_noise_is_that_of_an_ultrasonic_sensor() -> None:
    """With an empty bin every reading is error: 2 % noise at the floor, and wild echoes."""
    step = begun(throw_l_day=1.0).run_until(START + 15 * DAY)
    fills = [
        value for name in ("bin-01-1", "bin-01-2") for _, value in series(step, name)["fill_pct"]
    ]
    wild = sum(value > 40.0 for value in fills) / len(fills)
    assert 0.005 < wild < 0.05
    assert all(value == round(value) for value in fills)


def test_the_same_seed_gives_the_same_bins_and_the_way_time_is_cut_changes_nothing() -> None:
    whole, cut = begun(), begun()
    one = written(whole.run_until(START + 3 * DAY))
    steps = [cut.run_until(START + at * 7 * 60_000) for at in range(1, 3 * 24 * 60 // 7 + 1)]
    steps.append(cut.run_until(START + 3 * DAY))
    assert one == [record for step in steps for record in written(step)]
    other = World(spec(), seed=8)
    other.start()
    assert one != written(other.run_until(START + 3 * DAY))


def test_bins_restored_in_mid_run_go_on_as_those_that_were_saved() -> None:
    given = {"events_per_year": 50.0, "battery_life_h": 100.0}
    world = begun(**given)
    world.inject("drive_wear", "bin-01-1", {"pf_interval": 60.0})
    world.inject("shade", "bin-01-2", {"lasting": 100.0})
    saved_at = START + 3 * DAY + 25 * 60_000
    world.run_until(saved_at)
    for fault in ("dirty_sensor", "bag_fold", "event", "knock", "jam", "fire", "gps_drift"):
        world.inject(fault, "bin-01-2", {})
    data = world.snapshot()
    restored = World.restore(spec(**given), seed=7, data=data)
    assert restored.snapshot() == data
    left = written(world.run_until(saved_at + 12 * DAY))
    assert left == written(restored.run_until(saved_at + 12 * DAY))
    assert any("component.failed" in str(record) for record in left)


def test_one_more_bin_leaves_the_others_as_they_are() -> None:
    alone = series(begun().run_until(START + 3 * DAY), "bin-01-1")
    fleet = FleetSpec(
        product="bin", sites=3, devices_per_site=2, report_every_ms=HOUR // 2, params=BUSY
    )
    world = World(WorldSpec(start_ms=START, fleets=(fleet,)), seed=7)
    world.start()
    world.inject("jam", "bin-02-1", {})
    assert series(world.run_until(START + 3 * DAY), "bin-01-1") == alone
