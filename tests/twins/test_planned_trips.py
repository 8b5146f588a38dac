"""Technicians go when and where a service plans it; jobs at one site are one visit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from twins.core.ports import Fact
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import World

HOUR = 3_600_000
START = 1_767_571_200_000
"""Monday 2026-01-05, midnight UTC."""
SPEC = WorldSpec(
    start_ms=START,
    fleets=(FleetSpec(product="pump", sites=1, devices_per_site=2, report_every_ms=6 * HOUR),),
    field=FieldSpec(crew={"planned": 1.0, "km_eur": 1.0}),
)
LEAVE = START + 8 * HOUR


def fact(kind, subject, at_h=5, **data):
    return Fact(at_ms=START + at_h * HOUR, kind=kind, subject=subject, data=data)


def wanted(number, order="ord"):
    return fact("work_order.requested", f"wo-{number}", thing=f"pump-01-{number}",
                position="bearing", part="bearing-set", order=order)  # fmt: skip


def stop(number, *, leave_ms=LEAVE, travel_ms=HOUR):
    return {"work_order": f"wo-{number}", "site": "station-01", "leave_ms": leave_ms,
            "begin_ms": leave_ms + travel_ms, "travel_ms": travel_ms}  # fmt: skip


def plan(*stops, subject="plan-ann-1"):
    return fact("plan.made", subject, technician="ann", stops=list(stops))


BOTH = plan(stop(1), stop(2, leave_ms=LEAVE + 4 * HOUR, travel_ms=0))


def begun(spec=SPEC):
    world = World(spec, seed=3)
    world.start()
    world.run_until(START + 5 * HOUR)
    return world


def deeds(world, *facts, until_h=24):
    world.observe(facts)
    return world.run_until(START + until_h * HOUR)


def test_jobs_that_a_plan_puts_together_are_one_visit_paid_once_and_reported_each():
    world = begun()
    step = deeds(world, wanted(1), wanted(2), BOTH, BOTH)
    said = [(one.verb.partition(".")[2], one.subject) for one in step.intents]
    assert said == [
        ("depart", "wo-1"), ("depart", "wo-2"), ("arrive", "wo-1"), ("complete", "wo-1"),
        ("arrive", "wo-2"), ("complete", "wo-2"),
    ]  # fmt: skip
    times = [one.at_ms for one in step.intents]
    assert times[0] == times[1] == LEAVE
    assert times[2] >= LEAVE + HOUR, "nobody is there before the customer expects him"
    assert times[4] >= times[3]
    assert {one.data["by"] for one in step.intents} == {"ann"}
    costs = world.costs_eur()
    assert costs["visits"] == 280.0
    apart = begun()
    alone = [stop(1), stop(2, leave_ms=LEAVE + 24 * HOUR)]
    deeds(apart, wanted(1), wanted(2), plan(*alone), until_h=48)
    assert apart.costs_eur()["visits"] == 560.0
    assert apart.costs_eur()["travel"] == pytest.approx(2 * costs["travel"])


def test_a_newer_plan_moves_a_visit_until_somebody_has_set_out_for_it():
    world = begun()
    assert deeds(world, wanted(1), plan(stop(1)), until_h=7).intents == []
    later = plan(stop(1, leave_ms=START + 10 * HOUR))
    [depart] = deeds(world, later, until_h=10.5).intents
    assert depart.at_ms == START + 10 * HOUR
    done = deeds(world, plan(stop(1, leave_ms=START + 20 * HOUR)), until_h=48).intents
    assert [one.verb for one in done] == ["work_order.arrive", "work_order.complete"]


def test_who_is_called_off_at_one_machine_goes_on_with_the_next():
    world = begun()
    deeds(world, wanted(1), wanted(2), BOTH, until_h=8.5)
    done = deeds(world, fact("work_order.cancelled", "wo-1"), until_h=48).intents
    assert [(one.verb, one.subject) for one in done] == [
        ("work_order.arrive", "wo-2"), ("work_order.complete", "wo-2"),
    ]  # fmt: skip
    nobody = begun()
    called_off = fact("work_order.cancelled", "wo-1")
    assert deeds(nobody, wanted(1), plan(stop(1)), called_off).intents == []
    assert nobody.costs_eur()["visits"] == 0.0


def test_a_part_that_nobody_ordered_for_the_visit_is_paid_and_a_trip_outlives_a_snapshot():
    world = begun()
    deeds(world, wanted(1), wanted(2, order=""), BOTH, until_h=8.5)
    again = World.restore(SPEC, seed=3, data=world.snapshot())
    done = [deeds(one, until_h=24).intents for one in (world, again)]
    assert done[0] == done[1]
    assert len(done[0]) == 4
    assert world.costs_eur() == again.costs_eur()
    assert world.costs_eur()["parts"] == 350.0


def test_crews_that_plan_for_themselves_do_not_listen():
    world = begun(replace(SPEC, field=FieldSpec()))
    verbs = [one.verb for one in deeds(world, wanted(1), plan(stop(1)), until_h=72).intents]
    assert verbs[0] == "work_order.plan"
