"""Supplier, crew, customer: what they do, when, and that hearing a fact twice changes nothing."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest

from twins.core.ports import Fact, Intent
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.core.streams import Streams
from twins.field.ports import hours, shift_slot
from twins.field.surroundings import Surroundings, resolve_where
from twins.world import World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # Monday 2026-01-05 00:00 UTC
SPEC = WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump", report_every_ms=6 * HOUR),))
ORDER = {"thing": "pump-01-1", "part": "bearing-set", "quantity": 2}
VISIT = {"thing": "pump-01-1", "position": "bearing", "part": "bearing-set"}


def begun(spec: WorldSpec = SPEC, seed: int = 7) -> World:
    world = World(spec, seed=seed)
    world.start()
    return world


def fact(kind: str, subject: str, data: Mapping[str, object] = {}, at_ms: int = START) -> Fact:
    return Fact(at_ms=at_ms, kind=kind, subject=subject, data=data)


def intents(world: World, *facts: Fact, days: int = 40) -> list[Intent]:
    world.observe(facts)
    return world.run_until(world.now_ms + days * DAY).intents


def test_a_supplier_confirms_ships_after_the_lead_time_and_delivers() -> None:
    world = begun()
    [confirm] = intents(world, fact("order.placed", "ord-1", ORDER))
    assert (confirm.actor, confirm.verb, confirm.subject) == ("supplier", "order.confirm", "ord-1")
    assert confirm.intent_id == "supplier:order.confirm:ord-1"
    at = world.now_ms
    [ship] = intents(world, fact("order.confirmed", "ord-1", ORDER, at))
    assert ship.verb == "order.ship"
    assert 12 * HOUR < ship.at_ms - at < 30 * DAY
    assert world.costs_eur()["parts"] == 0.0
    at = world.now_ms
    [deliver] = intents(world, fact("order.shipped", "ord-1", ORDER, at))
    assert deliver.verb == "order.deliver"
    assert world.costs_eur()["parts"] == 2 * 350.0


def test_a_supplier_rejects_a_part_nobody_makes() -> None:
    [reject] = intents(begun(), fact("order.placed", "ord-1", {**ORDER, "part": "flux-core"}))
    assert reject.verb == "order.reject"
    assert reject.data["reason"] == "unknown part 'flux-core'"


def test_lead_times_have_the_median_and_quantile_of_the_part() -> None:
    streams = Streams(1)
    drawn = sorted(hours(streams, f"lead/{n}", p50_h=96.0, p90_h=240.0) / HOUR for n in range(2000))
    assert drawn[1000] == pytest.approx(96.0, rel=0.08)
    assert drawn[1800] == pytest.approx(240.0, rel=0.12)


def test_a_crew_plans_drives_fits_and_reports_within_its_shift() -> None:
    world = begun()
    world.inject("bearing_wear", "pump-01-1", {"onset": 0.0, "pf_interval": 5.0})
    world.run_until(START + DAY)
    done = intents(world, fact("work_order.requested", "wo-1", VISIT, START + DAY))
    assert [intent.verb for intent in done] == [
        "work_order.plan",
        "work_order.depart",
        "work_order.arrive",
        "work_order.complete",
    ]
    plan, depart, _, complete = done
    assert plan.data["start_ms"] == depart.at_ms
    hour_of_day = (depart.at_ms % DAY) / HOUR + 1.0  # winter time in Germany
    assert 7.0 <= hour_of_day < 16.0
    assert complete.data["serial"] == "bearing-set-pump-01-1-2"
    assert complete.data["readings"]["vibration_mm_s"] < 1.5
    assert world.costs_eur()["visits"] == 280.0
    assert world.sample_truth()[0].damage == 0.0


def test_a_crew_that_comes_for_a_breakdown_fits_what_was_delivered_and_else_leaves() -> None:
    told = {**VISIT, "kind": "breakdown", "need_key": "pump-01-1/bearing/1"}
    asked = fact("work_order.requested", "wo-1", told)
    parcel = fact("order.delivered", "ord-1", {"need_key": told["need_key"]})
    in_vain, mended = begun(), begun()

    last = intents(in_vain, asked)[-1]
    assert (last.verb, last.data["reason"]) == ("work_order.cancel", "bearing-set is not there")
    assert intents(mended, asked, parcel)[-1].verb == "work_order.complete"


def test_one_van_serves_one_visit_after_another() -> None:
    world = begun(replace(SPEC, fleets=(FleetSpec(product="pump", sites=8),)))
    asked = [
        fact("work_order.requested", f"wo-{n}", {**VISIT, "thing": f"pump-0{n}-1"})
        for n in range(1, 9)
    ]
    done = intents(world, *asked)
    trips = sorted(
        (
            next(i.at_ms for i in done if i.subject == f"wo-{n}" and i.verb.endswith("depart")),
            next(i.at_ms for i in done if i.subject == f"wo-{n}" and i.verb.endswith("complete")),
        )
        for n in range(1, 9)
    )
    assert len(trips) == 8
    assert all(back < leaves for (_, back), (leaves, _) in itertools.pairwise(trips))
    assert all((leaves // DAY + 3) % 7 < 5 for leaves, _ in trips)


def test_a_cancelled_work_order_keeps_the_van_in_the_yard() -> None:
    world = begun()
    world.observe([fact("work_order.requested", "wo-1", VISIT)])
    world.run_until(START + HOUR // 100)
    assert intents(world, fact("work_order.cancelled", "wo-1", VISIT)) == []
    assert world.costs_eur()["visits"] == 0.0
    assert world.next_action_ms() is None


def test_a_reopened_work_order_gets_a_second_visit_with_its_own_ids() -> None:
    world = begun()
    first = intents(world, fact("work_order.requested", "wo-1", VISIT))
    reopened = fact("work_order.reopened", "wo-1", VISIT, world.now_ms)
    second = intents(world, reopened, reopened)
    assert [intent.verb for intent in second] == [intent.verb for intent in first]
    assert not {i.intent_id for i in first} & {i.intent_id for i in second}


def test_a_crew_refuses_a_visit_to_nowhere() -> None:
    [cancel] = intents(
        begun(), fact("work_order.requested", "wo-1", {**VISIT, "position": "chimney"})
    )
    assert cancel.verb == "work_order.cancel"
    assert "no device 'pump-01-1' with a position 'chimney'" in cancel.data["reason"]


def test_a_customer_approves_only_what_waits_for_approval() -> None:
    issued = [
        fact("recommendation.issued", "rec-1", {"policy": "approval"}),
        fact("recommendation.issued", "rec-2", {"policy": "auto"}),
    ]
    [approve] = intents(begun(), *issued)
    assert (approve.verb, approve.subject) == ("recommendation.approve", "rec-1")


def test_a_customer_who_ignores_a_recommendation_approves_after_a_reminder() -> None:
    def approved_ms(ignore_p: float) -> int:
        awake = {"always_p": 1.0, "spread": 0.0, "remind_h": 96.0}
        field = FieldSpec(customer={**awake, "ignore_p": ignore_p})
        asked = fact("recommendation.issued", "rec-1", {"policy": "approval"})
        [approve] = intents(begun(replace(SPEC, field=field)), asked)
        return approve.at_ms

    assert approved_ms(1.0) - approved_ms(0.0) == 96 * HOUR


def test_a_recommendation_settled_otherwise_needs_no_approval() -> None:
    world = begun()
    world.observe([fact("recommendation.issued", "rec-1", {"policy": "approval"})])
    assert world.next_action_ms() is not None
    world.observe([fact("recommendation.discarded", "rec-1")])
    assert world.next_action_ms() is None


ALL = [
    fact("order.placed", "ord-1", ORDER),
    fact("order.confirmed", "ord-2", ORDER),
    fact("order.shipped", "ord-3", ORDER),
    fact("work_order.requested", "wo-1", VISIT),
    fact("recommendation.issued", "rec-1", {"policy": "approval"}),
]


def test_facts_heard_twice_change_nothing() -> None:
    once, twice = begun(), begun()
    once.observe(ALL)
    twice.observe([*ALL, *ALL])
    for days in (2, 40):
        twice.observe(ALL)
        left, right = (w.run_until(START + days * DAY) for w in (once, twice))
        assert left.intents == right.intents
        assert left.truths == right.truths
    assert once.costs_eur() == twice.costs_eur()


def test_delays_do_not_depend_on_the_order_in_which_facts_arrive() -> None:
    forth, back = begun(), begun()
    assert intents(forth, *ALL) == intents(back, *reversed(ALL))


def test_nobody_acts_in_the_past_and_the_next_action_is_announced() -> None:
    world = begun()
    world.run_until(START + 30 * DAY)
    world.observe([fact("order.placed", "ord-1", ORDER)])  # heard of a month late
    due_ms = world.next_action_ms()
    assert due_ms is not None
    assert due_ms > world.now_ms
    [confirm] = world.run_until(due_ms).intents
    assert confirm.at_ms == due_ms
    assert world.next_action_ms() is None


@pytest.mark.parametrize(
    ("earliest_h", "length_h", "start_h"),
    [
        (0.0, 4.0, 7.0),
        (8.0, 4.0, 8.0),
        (12.5, 4.0, 24.0 + 7.0),
        (4 * 24.0 + 13.0, 4.0, 7 * 24.0 + 7.0),
        (8.0, 20.0, 24.0 + 7.0),
    ],
)
def test_a_visit_lies_within_a_weekday_shift(
    earliest_h: float, length_h: float, start_h: float
) -> None:
    where, _ = resolve_where(FieldSpec(time_zone="UTC"))
    slot = shift_slot(
        Surroundings(where, Streams(1)).calendar,
        START + round(earliest_h * HOUR),
        length_ms=round(length_h * HOUR),
        start_h=7.0,
        end_h=16.0,
    )
    assert (slot - START) / HOUR == start_h
