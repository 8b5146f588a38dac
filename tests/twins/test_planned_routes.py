"""Crews drive what a service plans, and hand in what they did; people walk to the neighbour."""

from __future__ import annotations

import pytest

from twins.core.ports import Fact
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import World

HOUR = 3_600_000
START = 1_767_571_200_000
"""Monday 2026-01-05, midnight UTC."""
SPEC = WorldSpec(
    start_ms=START,
    fleets=(
        FleetSpec(product="bin", sites=1, devices_per_site=6, report_every_ms=HOUR,
                  params={"rounds_per_day": 0.0, "throw_l_day": 400.0}),
    ),
    field=FieldSpec(trucks={"planned": 1.0, "bag_eur": 0.45, "clean_eur": 2.0},
                    money={"subscription_eur_month": 30.4375}),
)  # fmt: skip


def stop(number, *, trip=0, tasks=("empty",)):
    return {"thing": f"bin-01-{number}", "trip": trip, "tasks": list(tasks)}


def fact(kind, subject="route-1", at_h=5, **data):
    return Fact(at_ms=START + at_h * HOUR, kind=kind, subject=subject, data=data)


def planned(*stops, end_h=10):
    return fact("route.planned", truck="truck-1", stops=list(stops),
                depart_ms=START + 6 * HOUR, end_ms=START + end_h * HOUR)  # fmt: skip


@pytest.fixture
def world():
    made = World(SPEC, seed=3)
    made.start()
    made.run_until(START + 5 * HOUR)
    return made


def finished(step):
    (sheet,) = [one for one in step.intents if one.verb == "collection_route.finish"]
    return sheet


def test_a_crew_drives_the_stops_in_order_and_hands_in_what_it_did(world):
    clean = stop(2, tasks=("empty", "clean"))
    route = planned(stop(4), clean, stop(1, trip=1), stop(9))
    world.observe([route])
    world.observe([route])
    step = world.run_until(START + 12 * HOUR)
    assert [(one.verb, one.subject) for one in step.intents] == [
        ("collection_route.begin", "route-1"), ("collection_route.finish", "route-1"),
    ]  # fmt: skip
    said = finished(step).data
    assert [one["thing"] for one in said["served"]] == ["bin-01-4", "bin-01-2", "bin-01-1"]
    assert said["skipped"] == [{"thing": "bin-01-9", "reason": "there is no such place"}]
    (ended,) = [truth for truth in step.truths if truth.kind == "tour.ended"]
    assert said["distance_m"] == pytest.approx(1000 * float(ended.data["km"]), abs=1)
    gaps = [
        b["at_ms"] - a["at_ms"] for a, b in zip(said["served"], said["served"][1:], strict=False)
    ]
    assert gaps[1] > 30 * 60_000 > gaps[0], "unloaded between the trips"
    collected = {s.device: s.signals["collections"] for s in world.sample_truth()}
    assert [d for d, n in sorted(collected.items()) if n] == ["bin-01-1", "bin-01-2", "bin-01-4"]
    costs = world.costs_eur()
    assert (costs["bags"], costs["cleaning"]) == (pytest.approx(1.35), 2.0)
    assert costs["subscription"] == pytest.approx(6 * 0.5, abs=0.01), "12 h of 6 bins at 1 EUR/d"


def test_what_becomes_urgent_is_put_in_and_what_is_too_late_is_left(world):
    world.observe([planned(stop(1), stop(2), stop(3), end_h=6)])
    world.observe([fact("route.extended", stops=[stop(5)])])
    said = finished(world.run_until(START + 12 * HOUR)).data
    assert "bin-01-5" in [one["thing"] for one in said["served"]]
    world.observe([fact("route.planned", "route-2", 20, truck="truck-1", stops=[stop(6)],
                        depart_ms=START + 20 * HOUR, end_ms=START + 18 * HOUR)])  # fmt: skip
    said = finished(world.run_until(START + 24 * HOUR)).data
    assert said["served"] == []
    assert said["skipped"] == [{"thing": "bin-01-6", "reason": "the shift is over"}]


def test_a_route_goes_on_from_a_snapshot_in_its_middle(world):
    world.observe([planned(stop(1), stop(2), stop(3), stop(4))])
    world.run_until(START + 6 * HOUR + 12 * 60_000)
    world.observe([fact("route.extended", stops=[stop(5)])])
    again = World.restore(SPEC, seed=3, data=world.snapshot())
    one, other = (w.run_until(START + 12 * HOUR) for w in (world, again))
    assert one.intents == other.intents
    assert one.truths == other.truths
    assert world.costs_eur() == again.costs_eur()


def test_people_who_are_asked_take_their_waste_to_the_neighbour_until_they_are_not(world):
    bins = world.fleets[0].twin.bins
    steer = {"thing": "bin-01-1", "neighbour": "bin-01-2"}
    world.observe([fact("collection.steered", "bin-01-1", **steer)])
    assert bins.state.busy[0] == 0.5
    level = bins.habits.level_l_day
    assert bins.state.busy[1] == pytest.approx(1.0 + 0.5 * level[0] / level[1])
    world.observe([fact("collection.steered_back", "bin-01-1", **steer)])
    assert bins.state.busy.tolist() == [1.0] * 6
