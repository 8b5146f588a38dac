"""Damage, failure, repair, downtime and money, as the truth ledger tells them."""

from dataclasses import replace

import pytest

from broker.wire.messages import Command
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000
SPEC = WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump", report_every_ms=HOUR // 2),))


def failing(spec: WorldSpec = SPEC, pf_interval: float = 100.0) -> World:
    world = World(spec, seed=7)
    world.start()
    world.inject("bearing_wear", "pump-01-1", {"onset": 24.0, "pf_interval": pf_interval})
    return world


def damage(world: World, device: str = "pump-01-1") -> float:
    return next(sample.damage for sample in world.sample_truth() if sample.device == device)


def test_damage_begins_at_its_onset_grows_to_one_and_takes_the_device_down() -> None:
    world = failing()
    step = world.run_until(START + 10 * DAY)
    told = [truth for truth in step.truths if truth.kind != "cost.booked"]
    [begun, onset, failed, down] = told
    assert begun.data["cause"] == "injected"
    assert (begun.kind, onset.kind, failed.kind, down.kind) == (
        "fault.begun",
        "damage.onset",
        "component.failed",
        "device.down",
    )
    assert onset.at_ms == START + DAY
    assert 75 * HOUR < failed.at_ms - onset.at_ms < 125 * HOUR
    assert down.at_ms == failed.at_ms
    assert damage(world) == 1.0
    assert damage(world, "pump-01-2") == 0.0
    mine = [m for _, m in step.messages if m.device == "pump-01-1"]
    assert all((m.signals["available"] == 1.0) == (m.at_ms < down.at_ms) for m in mine)
    assert not any("vibration_mm_s" in m.signals for m in mine if m.at_ms > down.at_ms + HOUR)


def test_the_other_device_of_the_site_carries_on() -> None:
    world = failing()
    world.run_until(START + 8 * DAY)
    hours = [
        m.signals["run_hours_h"]
        for _, m in world.run_until(START + 10 * DAY).messages
        if m.device == "pump-01-2"
    ]
    healthy = World(SPEC, seed=7)
    healthy.start()
    healthy.run_until(START + 8 * DAY)
    usual = [
        m.signals["run_hours_h"]
        for _, m in healthy.run_until(START + 10 * DAY).messages
        if m.device == "pump-01-2"
    ]
    assert hours[-1] - hours[0] == pytest.approx(2 * (usual[-1] - usual[0]), rel=0.1)
    assert all(sample.signals["spilled_m3"] == 0.0 for sample in world.sample_truth())


def test_a_new_part_resets_damage_and_brings_the_device_back() -> None:
    world = failing()
    world.run_until(START + 10 * DAY)
    serial, readings = world._fit(world.now_ms, "pump-01-1", "bearing", "bearing-set")
    assert serial == "bearing-set-pump-01-1-2"
    assert readings["vibration_mm_s"] < 1.5
    step = world.run_until(START + 12 * DAY)
    assert {truth.kind for truth in step.truths} == {"part.fitted", "device.up"}
    assert damage(world) == 0.0
    mine = [m.signals for _, m in step.messages if m.device == "pump-01-1"]
    assert all(signals["available"] == 1.0 for signals in mine)
    vibration = [s["vibration_mm_s"] for s in mine if "vibration_mm_s" in s]
    assert vibration
    assert max(vibration) < 1.5


def test_a_device_told_to_stop_does_not_wear() -> None:
    world = failing(pf_interval=200.0)
    world.run_until(START + 4 * DAY)
    before = damage(world)
    at = world.now_ms
    for name, wait in (("stop", 10 * DAY), ("start", DAY)):
        asked = Command(
            command_id=name, device="pump-01-1", name=name, issued_ms=at, expires_ms=at + 99 * DAY
        )
        world.obey("station-01", asked)
        if name == "stop":
            world.run_until(world.now_ms + wait)
            assert damage(world) == before > 0.2
    world.run_until(world.now_ms + DAY)
    assert before < damage(world) < before + 0.3


def test_a_fault_on_damage_that_has_begun_only_changes_its_pace() -> None:
    slow, fast = failing(pf_interval=1000.0), failing(pf_interval=1000.0)
    for world in (slow, fast):
        world.run_until(START + 11 * DAY)
    assert damage(slow) == damage(fast) > 0.1
    fast.inject("bearing_wear", "pump-01-1", {"pf_interval": 100.0})
    assert damage(fast) == damage(slow)
    for world in (slow, fast):
        world.run_until(START + 13 * DAY)
    assert damage(fast) > damage(slow) + 0.2


def test_downtime_is_counted_in_hours_and_euros_by_device() -> None:
    fleet = FleetSpec(product="pump", params={"downtime_eur_h": 10.0})
    world = failing(replace(SPEC, fleets=(fleet,)))
    truths = world.run_until(START + 10 * DAY).truths
    down_at = next(truth.at_ms for truth in truths if truth.kind == "device.down")
    hours = (world.now_ms - down_at) / HOUR
    assert world.downtime_h() == {"pump-01-1": pytest.approx(hours), "pump-01-2": 0.0}
    costs = world.costs_eur()
    energy = costs.pop("energy")
    assert energy > 0.0
    assert costs == {
        "parts": 0.0,
        "visits": 0.0,
        "downtime": pytest.approx(10.0 * hours),
        "total": pytest.approx(10.0 * hours + energy),
    }
    world._fit(world.now_ms, "pump-01-1", "bearing", "bearing-set")
    world.run_until(START + 20 * DAY)
    assert world.downtime_h()["pump-01-1"] == pytest.approx(hours)


@pytest.mark.parametrize(("until_h", "eur"), [(16.0, 280.0), (3.0, 900.0)])
def test_without_the_service_the_caretaker_repairs_and_pays_more_after_the_shift(
    until_h: float, eur: float
) -> None:
    hours = {"shift_start_h": until_h - 3.0 if until_h < 7.0 else 7.0, "shift_end_h": until_h}
    world = failing(
        replace(SPEC, field=FieldSpec(service=False, crew={"emergency_visit_eur": 900, **hours}))
    )
    step = world.run_until(START + 60 * DAY)
    at = {truth.kind: truth.at_ms for truth in step.truths}
    assert at["device.down"] + DAY < at["part.fitted"] < at["device.down"] + 40 * DAY
    assert at["device.up"] == at["part.fitted"]
    assert step.intents == []
    costs = world.costs_eur()
    assert (costs["visits"], costs["parts"]) == (eur, 350.0)
    assert damage(world) == 0.0


def test_with_the_service_nobody_repairs_what_nobody_ordered() -> None:
    world = failing()
    kinds = {truth.kind for truth in world.run_until(START + 60 * DAY).truths}
    assert "part.fitted" not in kinds
    assert world.next_action_ms() is None
