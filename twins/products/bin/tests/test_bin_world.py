"""Bins in a world: faults move their own channels, snapshots, wear by strokes, commands."""

from collections.abc import Mapping

import pytest

from broker.wire.codec import encode
from broker.wire.messages import Command, Telemetry
from twins.core.spec import FleetSpec, WorldSpec
from twins.products import catalog
from twins.world import Step, World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_775_433_600_000
FAULT_AT = START + 3 * DAY + 13 * HOUR
BUSY = {
    "throw_l_day": 220.0,
    "round_p0": 0.3,
    "throw_spread": 0.0,
    "jam_per_stroke": 0.0,
    "fires_per_year": 0.0,
}
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


def run(fault: str | None = None, given: Mapping[str, float] | None = None, days: int = 9) -> Step:
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


@pytest.mark.parametrize(
    ("fault", "given", "moved"),
    [
        ("knock", {"angle": 40.0}, {"tilt_deg"}),
        ("dirty_sensor", {"lasting": 72.0}, {"fill_pct"}),
        ("fire", {"rate": 10.0}, {"temp_c"}),
        ("shade", {"share": 0.1}, {"charge_ma", "battery_v"}),
        ("battery_ageing", {"pf_interval": 2000.0}, {"charge_ma", "battery_v"}),
        ("drive_wear", {"pf_interval": 120.0}, {"motor_current_a", "charge_ma", "battery_v"}),
        (
            "jam",
            {},
            {"jam", "motor_current_a", "compactions", "fill_pct", "charge_ma", "battery_v"}
            | {"door_open"},
        ),
        (
            "stuck_door",
            {},
            {"door_open", "fill_pct", "compactions", "motor_current_a", "charge_ma", "battery_v"},
        ),
        (
            "event",
            {"factor": 3.0},
            {"fill_pct", "compactions", "motor_current_a", "charge_ma", "battery_v", "door_open"},
        ),
    ],
)
def test_a_fault_moves_the_channels_that_physics_touches_and_no_others(
    healthy: Step, fault: str, given: dict[str, float], moved: set[str]
) -> None:
    step = run(fault, given)
    mine, usual = series(step, "bin-01-1"), series(healthy, "bin-01-1")
    changed = {name for name in mine if mine[name] != usual[name]}
    assert changed <= moved
    assert moved - changed <= {"door_open", "battery_v"}  # by luck of the crew, or of the quantum
    assert series(step, "bin-01-2") == series(healthy, "bin-01-2")


def test_faults_move_their_channels_by_the_stated_size(healthy: Step) -> None:
    assert lowest(run("dirty_sensor", days=1), "fill_pct") >= 93.0
    assert 38.0 < highest(run("knock", {"angle": 40.0}, 1), "tilt_deg") < 42.0
    assert highest(healthy, "tilt_deg") < 5.0
    fire = series(run("fire", {"rate": 10.0}, 1), "bin-01-1")["temp_c"]
    assert 100.0 < max(value for _, value in fire) <= 125.0
    assert len(fire) < 48  # the sensor did not survive
    share = highest(run("shade", {"share": 0.1}), "charge_ma") / highest(healthy, "charge_ma")
    assert 0.08 < share < 0.7  # the battery is emptier, thus takes more of what comes
    assert highest(run("shade", {"share": 0.0}, 2), "charge_ma") == 0.0
    jam = run("jam")
    assert highest(jam, "motor_current_a") > 19.0
    assert highest(jam, "jam") == 1.0
    assert series(jam, "bin-01-1")["jam"][-1][1] == 0.0  # a crew took it out with the bag
    busy = series(run("event", {"factor": 3.0, "lasting": 216.0}), "bin-01-1")["compactions"]
    usual = series(healthy, "bin-01-1")["compactions"]
    assert busy[-1][1] - busy[0][1] > 1.3 * (usual[-1][1] - usual[0][1])
    door = series(run("stuck_door"), "bin-01-1")["door_open"]
    assert sum(value for _, value in door) > sum(v for _, v in series(healthy, "bin-01-1")["jam"])


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
    whole, cut = begun(jam_per_stroke=0.01), begun(jam_per_stroke=0.01)
    one = written(whole.run_until(START + 3 * DAY))
    steps = [cut.run_until(START + at * 7 * 60_000) for at in range(1, 3 * 24 * 60 // 7 + 1)]
    steps.append(cut.run_until(START + 3 * DAY))
    assert one == [record for step in steps for record in written(step)]
    other = World(spec(jam_per_stroke=0.01), seed=8)
    other.start()
    assert one != written(other.run_until(START + 3 * DAY))


def test_bins_restored_in_mid_run_go_on_as_those_that_were_saved() -> None:
    given = {"fires_per_year": 50.0, "jam_per_stroke": 0.02, "battery_life_h": 100.0}
    world = begun(**given)
    world.inject("drive_wear", "bin-01-1", {"pf_interval": 60.0})
    world.inject("shade", "bin-01-2", {"lasting": 100.0})
    saved_at = START + 3 * DAY + 25 * 60_000
    world.run_until(saved_at)
    for fault in ("dirty_sensor", "event", "knock", "jam", "stuck_door", "fire"):
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
