"""Habits of suppliers, carriers, customers, crews: each shows in what happens, and only there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from twins.core.errors import InvalidWorld
from twins.core.ports import Fact, Intent, Truth
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.field.people import ACTORS
from twins.world import World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # Monday 2026-01-05 00:00 UTC
PUMPS = FleetSpec(product="pump", report_every_ms=24 * HOUR)
ORDER = {
    "thing": "pump-01-1", "part": "bearing-set", "quantity": 1, "supplier": "kugel-supply",
    "unit_price_eur": 350.0, "policy": "approval",
}  # fmt: skip
VISIT = {
    "thing": "pump-01-1", "position": "bearing", "part": "bearing-set",
    "order": "ord-1", "site": "station-01",
}  # fmt: skip
ADVICE = {**VISIT, "policy": "approval"}
PAST = {
    "confirm": "confirmed", "reject": "rejected", "ship": "shipped", "deliver": "delivered",
    "plan": "planned", "depart": "departed", "arrive": "arrived", "complete": "completed",
    "cancel": "cancelled", "approve": "approved", "discard": "discarded",
    "offer": "offered", "accept": "accepted", "backorder": "backordered",
    "ship-part": "shipped_in_part", "receive-part": "delivered_in_part",
    "lose": "lost", "reship": "reshipped", "request-return": "return_requested",
    "replace": "replacement_shipped", "receive-replacement": "replaced",
}  # fmt: skip


class Clerk:
    """The smallest service there is: publishes what people do, asks for a visit on delivery."""

    def __init__(self, seed: int = 7, fleet: FleetSpec = PUMPS, **spec: Any) -> None:
        field = FieldSpec(**spec)
        self.world = World(WorldSpec(start_ms=START, fleets=(fleet,), field=field), seed=seed)
        self.truths: list[Truth] = []
        self.intents: list[Intent] = []
        self.world.start()

    def hear(self, kind: str, subject: str, data: Mapping[str, object]) -> None:
        self.world.observe([Fact(at_ms=self.world.now_ms, kind=kind, subject=subject, data=data)])

    def serve(self, days: float = 60.0) -> list[Intent]:
        """Run to the end, one action of the people after the other."""
        end_ms = self.world.now_ms + round(days * DAY)
        done: list[Intent] = []
        while self.world.now_ms < end_ms:
            due_ms = self.world.next_action_ms()
            step = self.world.run_until(end_ms if due_ms is None else min(due_ms, end_ms))
            self.truths += step.truths
            done += step.intents
            for intent in step.intents:
                self._publish(intent)
        self.intents += done
        return done

    def _publish(self, intent: Intent) -> None:
        what, _, step = intent.verb.partition(".")
        data = ORDER if what == "order" else VISIT
        self.hear(f"{what}.{PAST[step]}", intent.subject, data)
        if intent.verb == "order.deliver":
            self.hear("work_order.requested", "wo-1", VISIT)
        elif intent.verb == "work_order.cancel" and intent.subject == "wo-1":
            self.hear("work_order.requested", "wo-2", VISIT)

    def kinds(self) -> list[str]:
        return [truth.kind for truth in self.truths]

    def at(self, verb: str, nth: int = 0) -> int:
        return [intent.at_ms for intent in self.intents if intent.verb == verb][nth]


def ordered(seed: int = 7, days: float = 60.0, **spec: Any) -> Clerk:
    clerk = Clerk(seed, **spec)
    clerk.hear("order.placed", "ord-1", ORDER)
    clerk.serve(days)
    return clerk


def test_normal_people_bring_and_fit_a_part_in_four_visits_to_the_service() -> None:
    verbs = [intent.verb for intent in ordered().intents]
    assert verbs == [
        "order.confirm", "order.ship", "order.deliver",
        "work_order.plan", "work_order.depart", "work_order.arrive", "work_order.complete",
    ]  # fmt: skip


def test_a_supplier_who_refuses_says_why() -> None:
    [reject] = ordered(supplier={"refuse_p": 1.0}).intents
    assert reject.verb == "order.reject"
    assert reject.data["reason"] in {
        "discontinued, no successor named", "credit limit reached", "not before next quarter",
    }  # fmt: skip


def test_a_mislaid_order_is_confirmed_when_somebody_asks() -> None:
    normal, slow = ordered(), ordered(supplier={"mislay_p": 1.0, "chase_h": 200.0})
    assert slow.at("order.confirm") - normal.at("order.confirm") > 150 * HOUR
    assert "order.mislaid" in slow.kinds()


def test_another_price_and_quantity_are_on_the_bill_and_in_truth() -> None:
    clerk = ordered(supplier={"price_p": 1.0, "price_rise": 0.2, "quantity_p": 1.0})
    assert clerk.world.costs_eur()["parts"] == pytest.approx(2 * 420.0)
    [told] = [truth for truth in clerk.truths if truth.kind == "order.price_changed"]
    assert told.data == {"was_eur": 350.0, "now_eur": 420.0}
    assert "order.quantity_changed" in clerk.kinds()
    [offer] = [intent for intent in clerk.intents if intent.verb == "order.offer"]
    assert (offer.data["unit_price_eur"], offer.data["quantity"]) == (420.0, 2)
    assert offer.at_ms < clerk.at("order.accept") < clerk.at("order.ship")


def test_a_late_supplier_takes_the_factor_and_has_an_excuse() -> None:
    normal, late = ordered(), ordered(supplier={"late_p": 1.0, "late_factor": 3.0})
    waited = [c.at("order.ship") - c.at("order.confirm") for c in (normal, late)]
    assert waited[1] > 1.8 * waited[0]
    [told] = [truth for truth in late.truths if truth.kind == "order.late"]
    [said] = [intent for intent in late.intents if intent.verb == "order.backorder"]
    assert told.data["reason"]
    assert said.data["reason"] == told.data["reason"]


def test_an_incomplete_delivery_counts_when_the_rest_has_come() -> None:
    normal, partial = ordered(), ordered(supplier={"partial_p": 1.0, "backorder_h": 100.0})
    assert partial.at("order.deliver") - normal.at("order.deliver") >= 100 * HOUR
    assert partial.kinds().count("parcel.incomplete") == 1
    costs = partial.world.costs_eur()
    assert (costs["freight"], costs["parts"]) == (24.0, 350.0)


def test_a_wrong_part_costs_a_visit_and_the_second_waits_for_the_right_one() -> None:
    clerk = ordered(supplier={"wrong_part_p": 1.0})
    verbs = [(intent.verb, intent.subject) for intent in clerk.intents]
    assert ("work_order.cancel", "wo-1") in verbs
    assert ("work_order.complete", "wo-2") in verbs
    [cancel] = [intent for intent in clerk.intents if intent.verb == "work_order.cancel"]
    assert "wrong part in the parcel" in str(cancel.data["reason"])
    [replaced] = [truth for truth in clerk.truths if truth.kind == "parcel.replaced"]
    assert clerk.at("work_order.depart", 1) >= replaced.at_ms
    assert clerk.kinds().count("part.fitted") == 1
    assert clerk.world.costs_eur()["visits"] == 560.0


@pytest.mark.parametrize("place", ["van_parts", "depot_parts"])
def test_a_part_in_stock_saves_the_visit_and_is_ordered_anew(place: str) -> None:
    clerk = ordered(supplier={"wrong_part_p": 1.0}, stock={place: 1.0})
    assert [i.subject for i in clerk.intents if i.verb == "work_order.complete"] == ["wo-1"]
    assert "stock.taken" in clerk.kinds()
    assert clerk.world.costs_eur()["parts"] == 2 * 350.0
    goods = clerk.world._people.goods
    assert goods.left("van-1" if place == "van_parts" else "depot", "bearing-set") == 1


def test_a_lost_parcel_is_claimed_and_sent_again() -> None:
    normal = ordered()
    tried = {seed: ordered(seed, days=45.0, carrier=LOSER) for seed in range(8)}
    seeds = [seed for seed, clerk in tried.items() if "parcel.lost" in clerk.kinds()]
    assert 1 <= len(seeds) <= 7
    lost = tried[seeds[0]]
    assert lost.at("order.deliver") - lost.at("order.ship") >= 120 * HOUR
    assert "parcel.lost" not in normal.kinds()


LOSER = {"lose_p": 0.5}


def test_delay_absence_and_express_move_the_day_of_delivery() -> None:
    road = {"transport_p50_h": 60.0, "transport_p90_h": 60.0}
    slow = {"delay_p": 1.0, "delay_p50_h": 150.0, "delay_p90_h": 150.0}
    base = ordered(supplier=road).at("order.deliver")
    assert ordered(supplier=road, carrier=slow).at("order.deliver") > base
    absent = ordered(supplier=road, carrier={"absent_p": 1.0})
    assert absent.at("order.deliver") > base
    assert "parcel.redelivered" in absent.kinds()
    express = ordered(supplier=road, carrier={"express_p": 1.0})
    assert express.at("order.deliver") < base
    assert express.world.costs_eur()["express"] == 60.0


def advised(seed: int = 7, days: float = 30.0, at_h: float = 0.0, **spec: Any) -> Clerk:
    clerk = Clerk(seed, **spec)
    clerk.world.run_until(START + round(at_h * HOUR))
    clerk.hear("recommendation.issued", "rec-1", ADVICE)
    clerk.serve(days)
    return clerk


def test_nobody_approves_at_night_and_few_on_holidays() -> None:
    office = {"always_p": 0.0, "mornings_p": 0.0, "ignore_p": 0.0}
    for seed in range(8):
        clerk = advised(seed, at_h=80.0 + 7 * seed, customer=office)
        moment = clerk.world._surroundings.calendar.at(clerk.at("recommendation.approve"))
        assert moment.workday
        assert 8.0 <= moment.hour <= 17.0


def test_a_customer_who_discards_gives_a_reason_and_a_name() -> None:
    [discard] = advised(customer={"discard_p": 1.0}).intents
    assert discard.verb == "recommendation.discard"
    assert discard.data["reason"]
    assert " " in str(discard.data["by"])


def test_what_is_bought_elsewhere_is_fitted_without_an_order() -> None:
    silent = advised(customer={"elsewhere_p": 1.0, "tells_p": 0.0})
    assert silent.intents == []
    assert silent.kinds().count("part.fitted") == 1
    assert silent.world.costs_eur()["parts"] == pytest.approx(0.9 * 350.0)
    open_one = advised(customer={"elsewhere_p": 1.0, "tells_p": 1.0})
    assert [intent.data["reason"] for intent in open_one.intents] == ["bought elsewhere"]


def test_a_recommendation_that_comes_again_is_considered_again() -> None:
    clerk = advised(customer={"ignore_p": 0.0})
    clerk.hear("recommendation.issued", "rec-1", ADVICE)
    again = clerk.serve(30.0)
    assert [intent.verb for intent in again] == ["recommendation.approve"]
    assert again[0].intent_id.endswith("#2")


def test_persons_differ_in_name_and_pace_and_are_the_same_every_time() -> None:
    people = Clerk(country="IT").world._people
    buyers = [people.person("buyer", f"station-{number:02}") for number in range(40)]
    assert len({buyer.name for buyer in buyers}) > 35
    assert 0.15 < sum(buyer.reads != "office" for buyer in buyers) / 40 < 0.5
    assert max(b.pace for b in buyers) > 1.5 * min(b.pace for b in buyers)
    other = Clerk(country="IT").world._people
    assert other.person("buyer", "station-07") == buyers[7]


def test_a_forgotten_report_comes_days_after_the_part_is_in() -> None:
    clerk = ordered(crew={"forget_p": 1.0, "forget_h": 48.0})
    [fitted] = [truth for truth in clerk.truths if truth.kind == "part.fitted"]
    assert clerk.at("work_order.complete") - fitted.at_ms >= 48 * HOUR
    assert "report.forgotten" in clerk.kinds()


def test_work_in_vain_is_reported_but_mends_nothing() -> None:
    clerk = ordered(crew={"wrong_fit_p": 1.0})
    assert "part.fitted" not in clerk.kinds()
    [complete] = [i for i in clerk.intents if i.verb == "work_order.complete"]
    assert complete.data["serial"] == "bearing-set-pump-01-1-x1"


def test_repair_times_have_a_fat_tail_and_overtime_is_paid() -> None:
    normal, hard = ordered(crew={"tail_p": 0.0}), ordered(crew={"tail_p": 1.0})
    times = [c.at("work_order.complete") - c.at("work_order.arrive") for c in (normal, hard)]
    assert times[1] > 1.7 * times[0]
    long_day = ordered(crew={"work_p50_h": 12.0, "work_p90_h": 12.0})
    assert long_day.world.costs_eur()["overtime"] > 100.0


def test_a_second_van_serves_at_the_same_time_if_its_man_can() -> None:
    def trips(**crew: float) -> list[int]:
        clerk = Clerk(fleet=replace(PUMPS, sites=2), crew=crew)
        for number in (1, 2):
            clerk.hear("work_order.requested", f"wo-{number}", VISIT)
        clerk.serve(10.0)
        return sorted(i.at_ms for i in clerk.intents if i.verb == "work_order.depart")

    def gap(**crew: float) -> int:
        first, second = trips(**crew)
        return second - first

    assert gap(vans=2.0) < 2 * HOUR < gap(vans=1.0)
    assert gap(vans=2.0, skilled_p=0.0) == gap(vans=1.0)


def test_who_stands_still_is_served_first_and_even_at_night() -> None:
    def departs_ms(**crew: float) -> tuple[int, float]:
        clerk = Clerk(crew=crew)
        clerk.world.inject("bearing_wear", "pump-01-1", {"onset": 0.0, "pf_interval": 1.0})
        clerk.world.run_until(START + 4 * DAY + 20 * HOUR)
        clerk.hear("work_order.requested", "wo-1", VISIT)
        clerk.serve(10.0)
        return clerk.at("work_order.depart"), clerk.world.costs_eur()["visits"]

    usual_ms, usual_eur = departs_ms()
    night_ms, night_eur = departs_ms(night_calls=1.0)
    assert usual_ms - night_ms > 40 * HOUR, "a Friday evening"
    assert (usual_eur, night_eur) == (280.0, 560.0)


def test_far_sites_take_longer_and_cost_more() -> None:
    fleet = replace(PUMPS, sites=12)
    clerk = Clerk(fleet=fleet, crew={"km_eur": 1.0})
    people = clerk.world._people
    far = {device: people.far_km(device) for device in clerk.world.devices}
    assert max(far.values()) <= 10.0
    assert max(far.values()) > 2.0 * min(far.values())
    furthest = max(far, key=lambda device: far[device])
    clerk.hear("work_order.requested", "wo-1", {**VISIT, "thing": furthest})
    clerk.serve(10.0)
    assert clerk.world.costs_eur()["travel"] == pytest.approx(2.6 * far[furthest], abs=0.01)


@pytest.mark.parametrize(
    ("actor", "habit"),
    [
        ("supplier", {"late_p": 0.5, "price_p": 1.0, "partial_p": 0.5}),
        ("carrier", {"lose_p": 0.3, "delay_p": 0.5}),
        ("customer", {"discard_p": 0.4, "elsewhere_p": 0.4}),
        ("stock", {"depot_parts": 3.0}),
    ],
)
def test_one_more_habit_shifts_nobody_elses_draws(actor: str, habit: dict[str, float]) -> None:
    def crew_of(**spec: Any) -> list[tuple[int, str]]:
        clerk = Clerk(**spec)
        clerk.hear("work_order.requested", "wo-9", VISIT)
        clerk.hear("order.placed", "ord-7", ORDER)
        clerk.hear("recommendation.issued", "rec-5", ADVICE)
        clerk.serve(3.0)
        return [(i.at_ms, i.verb) for i in clerk.intents if i.subject == "wo-9"]

    assert crew_of(**{actor: habit}) == crew_of()


def test_difficult_habits_are_a_set_of_parameters_and_what_is_given_goes_first() -> None:
    normal = ordered(habits={"supplier": "normal"})
    assert [i.at_ms for i in normal.intents] == [i.at_ms for i in ordered().intents]
    troubles = sum(
        kind.startswith(("order.", "parcel."))
        for seed in range(6)
        for kind in ordered(seed, days=20.0, habits=dict.fromkeys(HABITED, "difficult")).kinds()
    )
    assert troubles >= 3
    tame = dict.fromkeys((p for p in ACTORS["supplier"] if p.endswith("_p")), 0.0)
    calm = ordered(habits={"supplier": "difficult"}, supplier=tame)
    assert [i.at_ms for i in calm.intents] == [i.at_ms for i in ordered().intents]


HABITED = ("supplier", "carrier", "crew")


def test_mistakes_about_habits_name_what_there_is() -> None:
    with pytest.raises(InvalidWorld) as caught:
        Clerk(habits={"supplier": "awful", "dog": "normal"}, supplier={"lat_p": 1.0})
    text = str(caught.value)
    assert "unknown habit 'awful'; there are: difficult, normal" in text
    assert "'dog' has no habits; there are: carrier, crew, customer, supplier" in text
    assert "unknown parameter 'lat_p' (did you mean 'late_p'?)" in text


def test_a_snapshot_in_the_middle_of_trouble_goes_on_the_same() -> None:
    spec = {
        "supplier": {"wrong_part_p": 1.0, "partial_p": 1.0, "price_p": 1.0},
        "carrier": {"lose_p": 0.3},
        "crew": {"forget_p": 1.0},
        "upkeep": {"every_d": 10.0},
        "money": {"energy_eur_kwh": 0.3},
    }
    whole, cut = Clerk(**spec), Clerk(**spec)
    for clerk in (whole, cut):
        clerk.hear("order.placed", "ord-1", ORDER)
        clerk.hear("recommendation.issued", "rec-1", ADVICE)
        clerk.serve(17.0)
    cut.world = World.restore(cut.world.spec, seed=7, data=cut.world.snapshot())
    for clerk in (whole, cut):
        clerk.serve(40.0)
    assert whole.intents == cut.intents
    assert whole.truths == cut.truths
    assert whole.world.costs_eur() == cut.world.costs_eur()
