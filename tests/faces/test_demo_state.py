"""The demo's two worlds: what ticks, what is mirrored, what the page is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness.demo.charts import damage_options
from harness.demo.session import DemoSession
from harness.demo.state import DemoState, Notice
from harness.demo.stories import STORY
from harness.demo.tally import Tally
from harness.demo.twin_world import WithoutService, downtime_rates
from harness.engine import runner
from harness.events import Event, FaultApplied, RunFinished, RunStarted, StepDone, TruthHappened
from harness.scenario.loader import load
from harness.scenario.products import installed
from harness.scenario.resolve import places
from harness.world.control import Control, WantedFault
from twins.core.errors import InvalidFault
from twins.core.ports import Truth

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class FakeOther:
    """A world without the service that notes what it is told."""

    def __init__(self, truths: list[Truth]) -> None:
        self.truths, self.told, self.refuses = truths, [], ""

    def advance(self, to_ms: int) -> list[Truth]:
        self.told.append(("advance", to_ms))
        out = [truth for truth in self.truths if truth.at_ms <= to_ms]
        self.truths = [truth for truth in self.truths if truth.at_ms > to_ms]
        return out

    def inject(self, fault: str, device: str, params: Mapping[str, float]) -> None:
        if self.refuses:
            raise InvalidFault([self.refuses])
        self.told.append((fault, device, dict(params)))

    def damage(self) -> Mapping[str, float]:
        return {"pump-01-1": 0.25, "pump-01-2": 0.0}


def played(events: list, other: FakeOther) -> DemoState:
    state = DemoState(other=lambda: other, eur_per_h={"pump-01-1": 10.0, "pump-01-2": 20.0})
    for event in events:
        state.on_event(event)
    return state


def test_standstill_ticks_in_hours_and_euros_while_it_lasts():
    tally = Tally(eur_per_h={"a": 10.0, "b": 100.0})
    tally.truth(0, "device.down", "a", {})
    tally.truth(HOUR_MS, "device.up", "a", {})
    tally.truth(2 * HOUR_MS, "device.down", "b", {})
    tally.truth(2 * HOUR_MS, "cost.booked", "crew", {"what": "visits", "eur": 280.0})

    assert tally.downtime_h(2 * HOUR_MS) == 1.0
    assert tally.costs_eur(2 * HOUR_MS) == 290.0
    assert tally.downtime_h(4 * HOUR_MS) == 3.0
    assert tally.costs_eur(4 * HOUR_MS) == 490.0
    assert tally.costs_by_kind_eur(4 * HOUR_MS) == {"visits": 280.0, "standstill": 210.0}
    assert tally.standing() == ("b",)
    assert tally.visits == 1


def test_the_other_world_follows_every_step_to_the_same_moment(green_events):
    other = FakeOther([])
    played(green_events, other)

    steps = [event.now_ms for event in green_events if isinstance(event, StepDone)]
    advanced = [told[1] for told in other.told if told[0] == "advance"]
    assert sorted(set(advanced) & set(steps)) == steps
    assert advanced == sorted(advanced)


def test_a_fault_of_a_device_happens_in_both_worlds_and_one_of_the_link_does_not(green_events):
    start = green_events[0]
    assert isinstance(start, RunStarted)
    at_ms = start.start_ms + HOUR_MS
    other = FakeOther([])
    fault = FaultApplied(at_ms=at_ms, kind="wear", target="pump-01-1", params={"onset": 0.0})
    outage = FaultApplied(at_ms=at_ms, kind="outage", target="station-01")
    played([start, fault, replace(fault, ended=True), outage], other)

    assert other.told == [("advance", at_ms), ("wear", "pump-01-1", {"onset": 0.0})]


def test_the_hand_at_the_page_is_told_what_came_of_a_click(green_events):
    start = green_events[0]
    assert isinstance(start, RunStarted)
    fault = FaultApplied(at_ms=start.start_ms, kind="wear", target="pump-01-1", by="you")
    other = FakeOther([])
    state = played([start, replace(fault, by="scenario"), fault], other)
    other.refuses = "the bearing has failed already"
    state.on_event(fault)
    state.refused(WantedFault("wear", "pump-01-2", {}), "the bearing has failed already")

    assert state.view().notices == (
        Notice("pump-01-1: wear begins, in both worlds"),
        Notice(
            "pump-01-1: wear, with the service only; without it, the bearing has failed already",
            good=False,
        ),
        Notice("pump-01-2: wear changes nothing now; the bearing has failed already", good=False),
    )
    assert [line.text for line in state.view().lines] == [
        "you: wear is injected", "you: wear is injected", "scenario: wear is injected",
    ]  # fmt: skip


def test_a_fault_on_what_has_failed_already_is_refused_and_the_run_goes_on(tmp_path: Path):
    """A presenter's click must never end the show."""
    scenario = runner.load(STORY)
    device = next(iter(places(scenario, installed())))
    alone = scenario.field.model_copy(update={"service": False})
    short = scenario.model_copy(
        update={
            "run": scenario.run.model_copy(update={"until": 8 * DAY_MS}),
            "field": alone, "timeline": (), "always": (), "eventually": (),
        }
    )  # fmt: skip
    refused: list[tuple[WantedFault, str]] = []
    control = Control(on_refused=lambda wanted, why: refused.append((wanted, why)))
    control.inject("bearing_wear", device, {"onset": 0.0, "pf_interval": 24.0})

    class Hand:
        """Clicks again once it is broken."""

        def on_event(self, event: Event) -> None:
            if isinstance(event, TruthHappened) and event.kind == "component.failed":
                control.inject("bearing_wear", device)

    options = runner.RunOptions(link="memory", mode="virtual", control=control, runs_dir=tmp_path)
    result = runner.run_scenario(short, seed=7, options=options, handlers=[Hand()])

    [(wanted, why)] = refused
    assert (result.verdict, result.end_ms) == ("passed", short.run.until_ms)
    assert wanted.device == device
    assert "has failed already" in why


def test_each_arm_counts_its_own_truths(green_events):
    start = green_events[0]
    down = Truth(at_ms=start.start_ms, kind="device.down", subject="pump-01-1")
    happened = TruthHappened(at_ms=start.start_ms, kind="device.down", subject="pump-01-2")
    step = StepDone(now_ms=start.start_ms + 3 * HOUR_MS, published=5, ingested=5, wall_s=1.0)
    view = played([start, happened, step], FakeOther([down])).view()

    assert view.with_service.standing == ("pump-01-2",)
    assert view.without.standing == ("pump-01-1",)
    assert (view.with_service.costs_eur, view.without.costs_eur) == (60.0, 30.0)


def test_the_page_gets_curves_of_both_worlds_and_the_moments_that_matter(green_events):
    curves = played(green_events, FakeOther([])).curves("pump-01-1")

    assert max(value for _, value in curves.truth_pct) == pytest.approx(81.25)
    assert {value for _, value in curves.without_pct} == {25.0}
    assert curves.belief_pct
    assert curves.signal == "vibration_mm_s"
    assert [name for _, name in curves.moments] == ["order", "new part"]
    assert len(damage_options(curves)["series"]) == 3


def test_the_story_is_given_newest_first_and_the_end_is_known(green_events):
    view = played(green_events, FakeOther([])).view()

    assert view.lines[0].at_ms >= view.lines[-1].at_ms
    assert isinstance(green_events[-1], RunFinished)
    assert view.result is green_events[-1].result


def test_the_built_in_story_is_a_scenario_without_mistakes():
    assert runner.load(STORY).run.mode == "paced"


def without(scenario, seed: int = 7) -> WithoutService:
    return WithoutService(scenario, installed(), seed)


def test_without_the_service_a_worn_device_fails_and_stands_still(tmp_path: Path):
    scenario = runner.load(STORY)
    device = next(iter(places(scenario, installed())))
    world, start_ms = without(scenario), scenario.run.start
    world.advance(start_ms)
    world.inject("bearing_wear", device, {"onset": 0.0, "pf_interval": 24.0})
    truths = list(world.advance(start_ms + 20 * DAY_MS))

    kinds = [truth.kind for truth in truths if truth.subject == device]
    for kind in ("component.failed", "device.down", "part.fitted", "device.up"):
        assert kind in kinds
    assert {truth.data["what"] for truth in truths if truth.kind == "cost.booked"} >= {
        "parts", "visits",
    }  # fmt: skip


def test_every_device_has_a_price_for_its_standstill():
    scenario = runner.load(STORY)

    rates = downtime_rates(scenario, installed(), seed=7)
    assert set(rates) == set(places(scenario, installed()))
    assert all(rate > 0 for rate in rates.values())


def test_a_fleet_with_companions_has_a_price_of_standstill_for_every_device(tmp_path: Path):
    file = tmp_path / "s.yaml"
    file.write_text(
        """\
schema: 1
title: Rooms
run: {start: 2026-01-05T00:00:00Z, until: 1d, sync: 1h}
fleets:
  - product: ventilation
    sites: 1
    devices_per_site: 1
    params: {rooms: 2, downtime_eur_h: 7 EUR/h}
"""
    )
    products = installed()
    scenario = load(file, products=products, checks={})

    rates = downtime_rates(scenario, products, seed=7)

    assert rates["ahu-01-1"] == 7.0
    assert set(rates) == {"ahu-01-1", "room-01-1-1", "room-01-1-2"}


def test_what_breaks_lists_the_products_own_faults_first_and_those_of_sensors_too(tmp_path: Path):
    file = tmp_path / "s.yaml"
    file.write_text(
        """\
schema: 1
title: Bins
run: {start: 2026-01-05T00:00:00Z, until: 1d, sync: 1h}
fleets: [{product: bin}]
"""
    )
    products = installed()
    session = DemoSession(load(file, products=products, checks={}), seed=7, runs_dir=tmp_path)

    names = [each.fault for each in session.breakages("bin-01-1")]

    assert names[0] in products["bin"].faults
    assert {"sensor_stuck", "modem_outage"} <= set(names)
    assert session.breakages("nobody") == ()
