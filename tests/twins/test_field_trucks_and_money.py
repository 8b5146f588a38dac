"""Tours, trucks, planned visits and meters: what is driven, emptied, booked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import simpy

from twins.core.pending import LAST, PendingTable, Wake
from twins.core.ports import Truth
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.core.streams import Streams
from twins.core.truth import TruthLedger
from twins.field.money import Meters
from twins.field.people import resolve_field
from twins.field.places import place
from twins.field.routes import tour
from twins.field.surroundings import Surroundings, resolve_where
from twins.field.trucks import Trucks
from twins.world import World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # Monday 2026-01-05 00:00 UTC
MAP = place(Streams(3), [f"site-{n:02}" for n in range(60)], radius_km=10.0)


def length_km(points: np.ndarray, order: list[int]) -> float:
    """Length of the round trip from the origin through points in this order."""
    ring = np.concatenate([np.zeros((1, 2)), points[list(order)], np.zeros((1, 2))])
    return float(np.hypot(*np.diff(ring, axis=0).T).sum())


def test_a_tour_visits_everything_once_and_is_shorter_than_nearest_neighbour() -> None:
    order = tour(MAP)
    assert sorted(order) == list(range(60))
    here, left, greedy = np.zeros(2), set(range(60)), []
    while left:
        greedy.append(min(left, key=lambda stop: float(np.hypot(*(MAP[stop] - here)))))
        here = MAP[greedy[-1]]
        left.remove(greedy[-1])
    assert length_km(MAP, order) < 0.97 * length_km(MAP, greedy)
    # Beardwood, Halton, Hammersley: about 0.7124 sqrt(n A) for many points
    assert length_km(MAP, order) < 1.35 * 0.7124 * np.sqrt(60 * np.pi * 100.0)


def test_no_crossing_is_left_in_a_square() -> None:
    square = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5, 1.5]])
    assert tour(np.empty((0, 2))) == []
    assert tour(square[:1]) == [0]
    best = min(length_km(square, list(p)) for p in _permutations(4))
    assert length_km(square, tour(square)) == pytest.approx(best)


def _permutations(n: int) -> list[list[int]]:
    if n == 0:
        return [[]]
    return [[*p[:at], n - 1, *p[at:]] for p in _permutations(n - 1) for at in range(n)]


class Town:
    """Sixty containers of 1000 l, filled by the test, and the trucks."""

    def __init__(self, **params: float) -> None:
        values, problems = resolve_field(FieldSpec(trucks={"trucks": 1.0, **params}))
        where, _ = resolve_where(FieldSpec())
        assert not problems
        self.streams = Streams(1)
        self.calendar = Surroundings(where, self.streams).calendar
        self.env = simpy.Environment(initial_time=START)
        self.pending, self.ledger = PendingTable(self.env), TruthLedger()
        self.fill = {f"bin-{n:02}": 100.0 for n in range(60)}
        self.emptied: list[tuple[int, str]] = []
        self.trucks = Trucks(
            self,  # type: ignore[arg-type]
            values["trucks"],
            containers=lambda _: self.fill,
            empty=self.empty,
            point=lambda device: 0.35 * MAP[int(device[-2:])],
        )
        for kind, handler in self.trucks.handlers.items():
            self.pending.serve(kind, rank=1, handler=handler)
        self.trucks.start(START)

    def empty(self, at_ms: int, device: str) -> float:
        self.emptied.append((at_ms, device))
        litres, self.fill[device] = 10.0 * self.fill[device], 0.0
        return litres

    def later(self, due_ms: int, kind: str, subject: str, args: Mapping[str, Any]) -> None:
        self.pending.add(due_ms, kind, subject, args)

    def tell(self, at_ms: int, kind: str, subject: str, **data: object) -> None:
        self.ledger.tell(at_ms, kind, subject, **data)

    def book(self, at_ms: int, *, what: str, eur: float, subject: str) -> None:
        self.ledger.book(at_ms, what=what, eur=eur, subject=subject)

    def run(self, days: float) -> list[Truth]:
        self.env.run(until=Wake(self.env, delay_ms=round(days * DAY), priority=LAST))
        return self.ledger.take()


def test_a_truck_empties_what_is_ready_within_its_shift_and_unloads_when_full() -> None:
    town = Town(capacity_l=25_000.0)
    truths = town.run(1.0)
    assert len(town.emptied) == 60
    assert len({device for _, device in town.emptied}) == 60
    first, last = town.emptied[0][0], town.emptied[-1][0]
    assert START + 5 * HOUR < first < last < START + 13 * HOUR, "6 to 14 h, winter time"
    [ended] = [truth for truth in truths if truth.kind == "tour.ended"]
    assert ended.data["skipped"] == 0
    gaps = np.diff([at_ms for at_ms, _ in town.emptied]) / 60_000
    assert (gaps > 30.0).sum() == 2, "60 000 l in a truck of 25 000 l is two trips home between"
    assert town.ledger.costs_eur()["trucks"] == pytest.approx(
        92.0 * float(ended.data["hours"]), abs=0.1
    )


def test_a_short_shift_leaves_stops_for_the_next_workday() -> None:
    town = Town(shift_h=2.0)
    truths = town.run(1.0)
    [ended] = [truth for truth in truths if truth.kind == "tour.ended"]
    assert 0 < len(town.emptied) == 60 - int(ended.data["skipped"])
    assert float(ended.data["hours"]) <= 2.0 + 0.5 + 0.1, "home in time, then unload"
    town.run(1.0)
    assert town.emptied[-1][0] > START + DAY


def test_only_what_is_full_enough_gets_a_stop_and_weekends_and_holidays_are_free() -> None:
    town = Town(ready_pct=80.0)
    town.fill = dict.fromkeys(town.fill, 20.0) | {"bin-07": 85.0}
    town.run(1.0)
    assert [device for _, device in town.emptied] == ["bin-07"]
    days = [truth.at_ms for truth in town.run(13.0) if truth.kind == "tour.begun"]
    weekdays = [town.calendar.at(at_ms).weekday for at_ms in days]
    assert weekdays == [1, 2, 3, 4, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(("per_week", "tours"), [(2.0, 2), (3.0, 3), (7.0, 7)])
def test_rounds_per_week_are_kept(per_week: float, tours: int) -> None:
    town = Town(rounds_per_week=per_week)
    town.fill = {}
    assert sum(truth.kind == "tour.begun" for truth in town.run(7.0)) == tours


def test_two_trucks_share_the_map_and_need_less_time() -> None:
    one, two = Town(capacity_l=1e6), Town(capacity_l=1e6, trucks=2.0)
    for town in (one, two):
        town.run(1.0)
        assert len(town.emptied) == 60
    assert two.emptied[-1][0] < one.emptied[-1][0] - HOUR // 2


def test_meters_are_billed_by_the_week_and_the_rest_is_running() -> None:
    env = simpy.Environment(initial_time=START)
    pending, ledger = PendingTable(env), TruthLedger()
    meters = Meters(
        {"energy_eur_kwh": 0.5, "spill_eur_m3": 10.0, "subscription_eur_month": 0.0},
        pending=pending,
        ledger=ledger,
        read=lambda: {"fan-1": {"energy_kwh": (env.now - START) / DAY, "spilled_l": 500.0}},
        devices=lambda: 1,
    )
    meters.start(START)
    env.run(until=Wake(env, delay_ms=10 * DAY, priority=LAST))
    booked = {str(truth.data["what"]): truth.data["eur"] for truth in ledger.take()}
    assert booked == {"energy": 3.5, "spills": 5.0}
    assert meters.running_eur() == {"energy": pytest.approx(1.5), "spills": pytest.approx(0.0)}


def test_what_goes_over_the_brim_is_on_the_bill_and_planned_visits_are_made_and_paid() -> None:
    field = FieldSpec(upkeep={"every_d": 7.0}, money={"spill_eur_m3": 100.0})
    never = {"round_p0": 0.0, "throw_l_day": 240.0}
    fleet = FleetSpec(product="bin", devices_per_site=1, report_every_ms=HOUR, params=never)
    world = World(WorldSpec(start_ms=START, fleets=(fleet,), field=field), seed=7)
    world.start()
    truths = world.run_until(START + 22 * DAY).truths
    done = [truth for truth in truths if truth.kind == "upkeep.done"]
    assert len(done) in {3, 4}
    assert {truth.data["actions"] for truth in done} == {"clean, adjust"}
    costs = world.costs_eur()
    assert costs["upkeep"] == len(done) * 120.0
    spilled_m3 = world.sample_truth()[0].signals["spilled_l"] / 1000.0
    assert costs["spills"] == pytest.approx(100.0 * spilled_m3, abs=0.05)
    assert spilled_m3 > 0.1
    assert costs["total"] == pytest.approx(
        sum(eur for what, eur in costs.items() if what != "total")
    )
