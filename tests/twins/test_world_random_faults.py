"""Worlds in which things go wrong by themselves: only if asked for, the same every time."""

from dataclasses import replace

from broker.wire.codec import encode
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import Step, World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000
FLEET = FleetSpec(product="pump", sites=1, random_faults=60.0)
SPEC = WorldSpec(start_ms=START, fleets=(FLEET,), field=FieldSpec(service=False))


def begun(spec: WorldSpec) -> World:
    world = World(spec, seed=7)
    world.start()
    return world


def written(step: Step) -> list[object]:
    out: list[object] = [(site, encode(message)) for site, message in step.messages]
    return [*out, *map(repr, step.truths), *map(repr, step.intents)]


def causes(step: Step) -> set[str]:
    return {truth.data["cause"] for truth in step.truths if truth.kind == "fault.begun"}


def test_nothing_goes_wrong_by_itself_unless_asked_for() -> None:
    quiet = replace(SPEC, fleets=(replace(FLEET, random_faults=0.0),))
    assert causes(begun(quiet).run_until(START + 3 * DAY)) == set()
    assert causes(begun(SPEC).run_until(START + 3 * DAY)) == {"random"}


def test_a_restored_world_has_the_same_faults_at_the_same_times() -> None:
    world = begun(SPEC)
    world.run_until(START + DAY + 1234)
    data = world.snapshot()
    other = World.restore(SPEC, seed=7, data=data)
    assert other.snapshot() == data
    for hours in (5, 11, 36):
        end = START + DAY + hours * HOUR
        left, right = world.run_until(end), other.run_until(end)
        assert written(left) == written(right)
    assert "random" in causes(left)


def test_another_site_shifts_no_fault_of_the_first_one() -> None:
    more = replace(SPEC, fleets=(replace(FLEET, sites=2),))
    runs = [begun(spec).run_until(START + 2 * DAY) for spec in (SPEC, more)]
    alone, beside = (
        [
            repr(truth)
            for truth in run.truths
            if truth.kind == "fault.begun" and truth.subject.startswith("pump-01-")
        ]
        for run in runs
    )
    assert alone == beside
    assert len(alone) > 3


def test_the_truth_of_a_world_foresees_the_failure_it_then_tells() -> None:
    world = begun(replace(SPEC, fleets=(replace(FLEET, random_faults=0.0),)))
    world.inject("bearing_wear", "pump-01-1", {"onset": 24.0, "pf_interval": 100.0})
    [left_h] = [
        sample.remaining_h
        for sample in world.sample_truth()
        if (sample.device, sample.component) == ("pump-01-1", "bearing")
    ]
    assert left_h is not None
    failed = [
        truth.at_ms
        for truth in world.run_until(START + 8 * DAY).truths
        if truth.kind == "component.failed"
    ]
    assert len(failed) == 1
    assert abs(failed[0] - START - left_h * HOUR) < 2.0
