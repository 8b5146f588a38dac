"""Advice for a parameter on a whole DPS: agreed to, set, measured against who was left alone."""

from __future__ import annotations

import numpy as np
import pytest

from reference_impl.insight import advice as a
from reference_impl.insight.advice import Given, Step

PLAN = {
    "title": "Turn slower", "model": "mixer-1", "addressee": "energy-manager",
    "let": {"level": {"signal": "level", "take": "mean", "over_s": 172_800}},
    "when": "level < 5.0", "parameter": "speed", "usual": 60.0, "to": "now - 20.0",
    "expected_pct": "0.5 * (now - advised)", "measure": {"signal": "battery", "take": "use"},
    "eur_per_unit": 2.0,
    "guards": [
        {"title": "it overflows", "let": {"level": {"signal": "level", "over_s": 86_400}},
         "when": "level > 9.0"},
    ],
    "least": 8, "before_s": 172_800, "consent_s": 86_400, "after_s": 259_200,
}  # fmt: skip
OFTEN = 6
"""Reports of a day; a machine uses 10 kWh a day, give or take."""


class Plant:
    """Machines that count what they use: less of it from when they were told to turn slower."""

    def __init__(self, yard, spans, drift=1.0, saves=0.8):
        self.yard, self.spans, self.drift, self.saves = yard, spans, drift, saves
        self.used = dict.fromkeys(yard.names, 0.0)
        self.speed = dict.fromkeys(yard.names, 60.0)
        self.level = dict.fromkeys(yard.names, 1.0)
        self.rng = np.random.default_rng(5)
        self.told = []

    def live(self, days, shifted=False):
        for _ in range(days * OFTEN):
            for name in self.yard.names:
                rate = 10.0 * (self.drift if shifted else 1.0) * self.rng.normal(1.0, 0.03)
                rate *= self.saves if self.speed[name] < 60.0 else 1.0
                self.used[name] += rate / OFTEN
                self.yard.read(name, battery=self.used[name], level=self.level[name])
            self.yard.wait(self.spans.DAY // OFTEN)
            for command in self.yard.told():
                self.told.append(command)
                self.speed[command.device] = command.args["speed"]
                settings = {"settings": command.args, "version": 1}
                self.yard.ack(command, detail=settings)
        return self

    def plan(self, status=200, **more):
        return self.yard.done("PUT", "/advice-plans/slow", {**PLAN, **more}, status)

    def advice(self):
        return self.yard.get("/advice")["items"]


@pytest.fixture(scope="module")
def agreed(open_once):
    """A round in which the customer agreed beforehand."""
    plant = open_once()
    plant.plan()
    plant.yard.done("PUT", "/advice-plans/slow/consents/acme", {"by": "eve"})
    return plant.live(7)


@pytest.fixture(scope="module")
def open_once(spans):
    """Opens plants that live as long as the module."""
    made = []

    def make(things=8, **more):
        yard = spans.Yard(things=things)
        made.append(yard)
        yard.births()
        yard.until(spans.START)
        return Plant(yard, spans, **more)

    yield make
    for one in made:
        one.close()


@pytest.mark.feature("AS8")
def test_the_treated_use_less_than_those_that_were_left_alone_and_the_interval_says_so(agreed):
    found = agreed.yard.get("/advice-plans/slow")
    result, groups = found["result"], found["groups"]
    assert found["state"] == "MEASURED"
    assert result["verdict"] == "EFFECTIVE"
    assert result["low_pct"] < -20.0 < result["high_pct"] < 0.0
    assert (result["treated"], result["control"]) == (4, 4)
    assert result["looks"] == {"treated": [12, 0], "control": [12, 0]}
    assert result["saved_eur_y"] == pytest.approx(4 * 2.0 * 2.0 * 365, rel=0.2)
    treated = {unit[0] for unit in groups["treated"]}
    assert {c.device for c in agreed.told} == treated
    assert all(agreed.speed[name] == 40.0 for name in treated)
    parameter = agreed.yard.get(f"/things/{min(treated)}/parameters")["items"]
    assert next(p for p in parameter if p["name"] == "speed")["origin"] == "advice"


@pytest.mark.feature("ST5")
def test_advice_says_whom_it_is_for_what_it_should_bring_and_later_what_it_brought(agreed):
    given = [e["data"] for e in agreed.yard.feed("advice.given")]
    kept = [e["data"] for e in agreed.yard.feed("advice.kept")]
    assert len(given) == len(kept) == 4
    assert {d["addressee"] for d in given} == {"energy-manager"}
    assert {(d["was"], d["value"], d["expected_pct"]) for d in given} == {(60.0, 40.0, 10.0)}
    assert all(d["benefit_pct"] is None for d in given)
    assert all(d["benefit_pct"] == pytest.approx(20.0, abs=6.0) for d in kept)
    assert {one["state"] for one in agreed.advice()} == {"KEPT"}


@pytest.mark.deep
@pytest.mark.feature("AS8")
def test_what_fell_for_everybody_is_no_effect_and_is_put_back(open_once):
    """A tenth less is used by all from the day of the round on; the parameter brings nothing."""
    plant = open_once(drift=0.7, saves=1.0)
    plant.plan()
    plant.yard.done("PUT", "/advice-plans/slow/consents/acme", {"by": "eve"})
    plant.live(2).live(6, shifted=True)
    result = plant.yard.get("/advice-plans/slow")["result"]
    assert result["verdict"] == "NOT_SHOWN"
    assert {one["state"] for one in plant.advice()} == {"REVERTED"}
    assert set(plant.speed.values()) == {60.0}
    again = plant.plan()
    assert (again["state"], again["round"]) == ("WAITING", 2)


@pytest.mark.feature("ST5")
def test_nothing_is_done_without_the_customers_consent_and_harm_is_put_back_within_a_day(
    open_once,
):
    plant = open_once(things=8)
    plant.plan()
    plant.live(2)
    assert plant.told == []
    yes, no, *_ = plant.advice()
    assert yes["state"] == no["state"] == "GIVEN"
    path = f"/advice/{yes['id']}/accept"
    plant.yard.done("POST", path, {"by": "eve"})
    plant.yard.done("POST", path, {"by": "eve"}, 409)
    plant.yard.done("POST", f"/advice/{no['id']}/decline", {"by": "eve", "why": "not now"})
    plant.plan(status=409)
    plant.live(2)
    assert {c.device for c in plant.told} == {yes["thing"]}
    states = {one["id"]: one["state"] for one in plant.advice()}
    assert (states[yes["id"]], states[no["id"]]) == ("APPLIED", "DECLINED")
    assert sorted(states.values()).count("LAPSED") == 2
    plant.level[yes["thing"]] = 9.5
    plant.live(2)
    one = plant.yard.get(f"/advice/{yes['id']}")
    assert (one["state"], one["why"]) == ("REVERTED", f"{yes['thing']}: it overflows")
    assert plant.speed[yes["thing"]] == 60.0


def test_a_plan_says_everything_that_is_wrong_with_it_at_once(agreed):
    wrong = {
        "parameter": "sped", "let": {"now": {"signal": "levl"}}, "to": "later + 1.0",
        "measure": {"signal": "batery"}, "things": ["mix-99"],
    }  # fmt: skip
    body = {**PLAN, **wrong}
    answer = agreed.yard.done("PUT", "/advice-plans/other", body, 422)
    told = {(p["where"], p["what"]) for p in answer["error"]["problems"]}
    assert {where for where, _ in told} >= {
        "parameter", "let.now", "let.now.signal", "to", "when", "measure.signal", "things",
    }  # fmt: skip
    assert ("parameter", "'sped' is unknown; did you mean 'speed'?") in told


def test_the_life_of_advice_is_this_table_and_no_other():
    steps = {(s, step, t) for s, row in a.ADVICE.items() for step, t in row.items()}
    assert steps == {
        (Given.GIVEN, Step.ACCEPT, Given.ACCEPTED), (Given.GIVEN, Step.DECLINE, Given.DECLINED),
        (Given.GIVEN, Step.LAPSE, Given.LAPSED), (Given.ACCEPTED, Step.APPLY, Given.APPLIED),
        (Given.ACCEPTED, Step.FAIL, Given.FAILED), (Given.APPLIED, Step.KEEP, Given.KEPT),
        (Given.APPLIED, Step.REVERT, Given.REVERTED),
    }  # fmt: skip
    assert a.KIND_OF_STEP.keys() == set(Step)


@pytest.mark.feature("AS8")
@pytest.mark.parametrize(("treated", "control"), [(7, 7), (3, 5), (12, 0)])
def test_nineteen_in_twenty_intervals_hold_the_true_effect(treated, control):
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(1000):
        drift = 0.0 if control == 0 else 4.0
        found = a.effect(
            (rng.normal(-6.0, 5.0, treated) + drift).tolist(),
            (rng.normal(0.0, 3.0, control) + drift).tolist(),
        )
        held += found.low_pct <= -6.0 <= found.high_pct
    assert 0.935 <= held / 1000 <= 0.985, held


def test_one_machine_in_a_group_gives_no_interval_and_shows_nothing():
    alone = a.effect([-50.0], [0.0, 1.0])
    assert (alone.low_pct, alone.high_pct, alone.shown) == (None, None, False)
    assert a.effect([], [1.0]) is None


def test_who_is_treated_is_drawn_by_names_and_at_least_one_is():
    units = [(f"m-{n}",) for n in range(9)]
    one = a.grouped(units, share=0.5, by="p/1")
    assert one == a.grouped(units[::-1], share=0.5, by="p/1")
    assert one != a.grouped(units, share=0.5, by="p/2")
    assert sorted([*one.treated, *one.control]) == units
    assert len(a.grouped(units[:2], share=0.9, by="p").treated) == 1
    assert a.grouped(units, share=0.0, by="p").control == ()
