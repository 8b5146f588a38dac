"""Days of technicians: who comes when, why, and what is taken along."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise, permutations, product

import pytest

from reference_impl.maintenance.calendars import DAY_MS, read_calendar
from reference_impl.maintenance.planning import domain as d
from reference_impl.maintenance.planning import searching
from reference_impl.maintenance.planning.load import graded
from reference_impl.maintenance.travel import Place, Roads, Shift, shifts

H = 3_600_000
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
WEEK = {day: [["08:00", "12:00"], ["13:00", "17:00"]] for day in WORKDAYS}
HOME = {"latitude_deg": 45.46, "longitude_deg": 9.19}


def some_jobs(draw, count, technicians):
    def place(name):
        north, east = 45 + draw.uniform(-0.3, 0.3), 9 + draw.uniform(-0.4, 0.4)
        return Place(id=name, latitude_deg=north, longitude_deg=east)

    home = place("home")
    spans = [((k * 24 * H + 8 * H, k * 24 * H + 12 * H), (k * 24 * H + 13 * H, k * 24 * H + 17 * H))
             for k in range(2)]  # fmt: skip
    workers = [
        d.Worker(id=f"w{n}", home=home, shifts=tuple(map(Shift, spans)),
                 skills=frozenset(draw.sample("abc", 2)))
        for n in range(technicians)
    ]  # fmt: skip
    jobs = []
    for number in range(count):
        due = draw.choice([None, draw.randint(9, 30) * H])
        jobs.append(
            d.Job(id=f"j{number}", place=place(f"p{number}"), work_ms=draw.randint(1, 6) * H // 2,
                  skills=frozenset(draw.choice("abc")), respond_ms=due,
                  restore_ms=None if due is None else due + 4 * H, weight=draw.choice([1, 2, 8]),
                  window=draw.choice([None, None, None, (33 * H, 40 * H)]))
        )  # fmt: skip
    return workers, jobs


def best_by_trying_all(ground, workers, jobs, until_ms):
    """Every way to share out and to order the jobs: the definition."""
    best = None
    for owners in product(range(-1, len(workers)), repeat=len(jobs)):
        total = d.Cost()
        for number, worker in enumerate(workers):
            mine = [job for job, owner in zip(jobs, owners, strict=True) if owner == number]
            if not all(worker.able(job) for job in mine):
                break
            costs = [d.route_cost(ground, worker, route) for route in permutations(mine)]
            costs = [cost for cost in costs if cost is not None]
            if not costs:
                break
            total = total.plus(min(costs))
        else:
            for job, owner in zip(jobs, owners, strict=True):
                total = total.plus(d.undone(job, until_ms)) if owner < 0 else total
            best = total if best is None else min(best, total)
    return best


@pytest.mark.feature("FS6")
def test_a_plan_of_few_jobs_is_as_good_as_the_best_of_all_there_are():
    draw = random.Random(7)
    late = 0
    for _ in range(6):
        workers, jobs = some_jobs(draw, 4, 2)
        ground = d.Ground()
        found = searching.plan(ground, workers, jobs, until_ms=48 * H)
        assert found.exact
        assert found.cost == best_by_trying_all(ground, workers, jobs, 48 * H)
        late += found.cost.breaches > 0
    assert 0 < late < 6, "some can be kept, some cannot"


@pytest.mark.deep
def test_a_plan_of_many_jobs_visits_each_once_and_no_repair_makes_it_worse():
    workers, jobs = some_jobs(random.Random(3), 10, 2)
    ground = d.Ground()
    found = searching.plan(ground, workers, jobs, until_ms=48 * H)
    assert not found.exact
    done = [job.id for route in found.routes.values() for job in route]
    assert sorted([*done, *(job.id for job in found.undone)]) == sorted(job.id for job in jobs)
    routes, undone = searching._inserted(ground, workers, jobs)
    first = d.Cost()
    for worker in workers:
        first = first.plus(d.route_cost(ground, worker, routes[worker.id]))
    for job in undone:
        first = first.plus(d.undone(job, 48 * H))
    assert found.cost <= first


def test_shifts_are_those_of_the_clocks_on_the_wall_and_breaks_interrupt_the_work():
    calendar, problems = read_calendar(time_zone="Europe/Rome", hours=WEEK, holidays=["2026-03-31"])
    assert problems == []

    def ms(text):
        return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)

    friday = ms("2026-03-27T00:00")  # clocks change on the Sunday
    found = shifts(calendar, friday, friday + 6 * DAY_MS)
    assert [shift.from_ms for shift in found] == [
        ms("2026-03-27T07:00"), ms("2026-03-30T06:00"), ms("2026-04-01T06:00"),
    ]  # fmt: skip
    shift = found[0]
    assert shift.breaks == ((ms("2026-03-27T11:00"), ms("2026-03-27T12:00")),)
    begin, end = shift.finish(ms("2026-03-27T10:30"), H)
    assert (begin, end) == (ms("2026-03-27T10:30"), ms("2026-03-27T12:30"))
    assert shift.finish(ms("2026-03-27T15:30"), H) is None
    roads = Roads()
    rome = Place(id="rome", latitude_deg=41.9028, longitude_deg=12.4964)
    milan = Place(id="milan", latitude_deg=45.4642, longitude_deg=9.19)
    (_, way), (back, _) = roads.distances_m([rome, milan]).tolist()
    assert way == back == pytest.approx(477_000 * 1.3, rel=0.005)


def technicians(yard, **skills):
    for name, knows in skills.items():
        yard.put(f"/v1/technicians/{name}", {"name": name, "skills": knows})
        yard.put(f"/v1/planning/shifts/{name}", {**HOME, "hours": WEEK, "stock": f"van-{name}"})
    yard.put("/v1/planning/places/site-a", {"latitude_deg": 45.5, "longitude_deg": 9.3})
    yard.put("/v1/planning/places/site-b", {"latitude_deg": 45.8, "longitude_deg": 9.1})


def wanted(yard, thing="mix-1", priority="P3", skills=(), parts=(), **more):
    order = yard.report(thing, **more)["id"]
    yard.step(order, "triage", priority=priority, skills=list(skills), parts=list(parts))
    return order


def planned(yard):
    return yard.post("/v1/planning/runs")


def slot(yard, order):
    row = yard.get(f"/v1/work-orders/{order}")
    return row["technician"], row["start_ms"], row["end_ms"]


@pytest.mark.feature("FS6", "W6")
def test_who_knows_the_work_comes_in_his_shift_with_the_part_and_the_plan_says_why(yard, kit):
    technicians(yard, ann=["electric", "height"], bob=["electric"])
    yard.put("/v1/stock/van-bob/seal-kit", {"on_hand": 1})
    yard.put("/v1/stock/main/seal-kit", {"on_hand": 0})
    high = wanted(yard, skills=["height"])
    part = wanted(yard, "mix-2", skills=["electric"], parts=[{"part": "seal-kit"}])
    second = wanted(
        yard, "mix-3", skills=["electric"], parts=[{"part": "seal-kit"}], position="seal"
    )
    diver = wanted(yard, "mix-3", skills=["diving"], position="shaft")
    told = planned(yard)
    assert told["exact"]
    assert {one["work_order"]: one["why"] for one in told["undone"]} == {
        diver: "nobody knows diving", second: "nobody who may do it has the parts",
    }  # fmt: skip
    assert (slot(yard, high)[0], slot(yard, part)[0]) == ("ann", "bob")
    for order in (high, part):
        _, begin_ms, end_ms = slot(yard, order)
        there = datetime.fromtimestamp(begin_ms / 1000, UTC)
        assert 8 <= there.hour < 17
        assert end_ms - begin_ms in (150 * kit.MINUTE, 210 * kit.MINUTE), "with or without a break"
    why = yard.get(f"/v1/work-orders/{high}/visit")["why"]
    assert why["technician"] == "the only one who knows height"
    assert why["others"] == {"bob": "lacks height"}
    shelf = next(r for r in yard.items("/v1/stock") if r["party"] == "van-bob")
    assert (shelf["on_hand"], shelf["reserved"]) == (1, 1)
    (event,) = [e for e in yard.feed("plan.made") if e["data"]["technician"] == "bob"]
    assert [stop["work_order"] for stop in event["data"]["stops"]] == [part]
    assert planned(yard)["plans"] == [], "nothing has changed"
    assert slot(yard, high)[0] == "ann"


@pytest.mark.feature("FS6")
def test_what_is_urgent_comes_first_by_itself_and_who_was_promised_a_time_is_told(yard, kit):
    technicians(yard, ann=[])
    yard.level()
    settings = {"enabled": True, "daily_at": "06:00"}
    yard.put("/v1/planning/settings", settings)
    monday = kit.START + 4 * 24 * kit.H  # 2026-01-05
    yard.until(monday + 5 * kit.H)
    calm = [wanted(yard, thing, priority="P4") for thing in ("mix-1", "mix-2")]
    yard.until(monday + 7 * kit.H)
    before = {order: slot(yard, order) for order in calm}
    assert all(begin is not None for _, begin, _ in before.values()), "planned at six"
    first, last = sorted(calm, key=lambda order: before[order][1])
    yard.post(f"/v1/work-orders/{first}/confirm")
    yard.until(monday + 8 * kit.H - 1)
    urgent = wanted(yard, "mix-3", priority="P1", position="seal")
    yard.wait(minutes=1)
    assert slot(yard, urgent)[1] <= yard.sla(urgent)["limits"]["respond"]["due_ms"]
    assert slot(yard, first) != before[first]
    (moved,) = yard.feed("visit.moved")
    assert (moved["subject"], moved["data"]["was_from_ms"]) == (first, before[first][1])
    assert moved["data"]["from_ms"] == slot(yard, first)[1]
    notes = yard.get(f"/v1/work-orders/{first}")["notes"]
    assert "an urgent fault elsewhere comes first" in notes[0]["text"]
    slots = sorted(slot(yard, order)[1:] for order in (first, last, urgent))
    assert all(one[1] <= two[0] for one, two in pairwise(slots))
    yard.post(f"/v1/work-orders/{last}/confirm")
    stood = slot(yard, last)
    yard.step(urgent, "depart")
    wanted(yard, "mix-3", priority="P4", position="shaft")
    planned(yard)
    assert slot(yard, last) == stood, "nothing urgent asks for it"
    assert len(yard.feed("visit.moved")) == 1


@pytest.mark.feature("FS6")
def test_a_visit_takes_along_what_lasts_less_than_two_months_and_costs_less_than_a_visit(yard):
    soon = [
        d.Soon("t", "a", "p", 1, 59 * DAY_MS, 279.0), d.Soon("t", "b", "p", 1, 61 * DAY_MS, 1.0),
        d.Soon("t", "c", "p", 1, 1 * DAY_MS, 281.0), d.Soon("t", "e", "p", 1, -5 * DAY_MS, 10.0),
    ]  # fmt: skip

    def taken(days):
        found = d.pulled_forward(soon, visit_ms=days * DAY_MS, at_ms=0, visit_eur=280.0)
        return [one.position for one in found]

    assert taken(30) == ["e", "a"]
    assert taken(31) == []
    technicians(yard, ann=[])
    outlook = {"position": "seal", "cycle": 1, "runout_p50_ms": yard.now + 20 * DAY_MS}
    yard.dps.contexts.analytics.views.wear = lambda conn, thing: (
        [outlook] if thing == "mix-2" else [{**outlook, "runout_p50_ms": None}]
    )
    order = wanted(yard, "mix-1", position="shaft")
    told = planned(yard)
    (extra,) = told["bundled"]
    row = yard.get(f"/v1/work-orders/{extra}")
    assert (row["thing"], row["position"], row["state"]) == ("mix-2", "seal", "PLANNED")
    (ann, *one), (too, *two) = sorted(slot(yard, name) for name in (order, extra))
    assert (ann, too, one[1]) == ("ann", "ann", two[0]), "one visit, two jobs"
    why = yard.get(f"/v1/work-orders/{extra}/visit")["why"]["bundled"]
    assert why.startswith("lasts 20 d more and costs 100.00 EUR")
    assert planned(yard)["bundled"] == [], "somebody comes for it already"


@pytest.mark.deep
@pytest.mark.feature("FS6", "W6")
def test_a_visit_is_not_put_off_by_every_new_plan_and_who_was_sent_is_left_alone(yard, kit):
    technicians(yard, ann=[])
    yard.put("/v1/planning/settings", {"enabled": True, "notice_min": 24 * 60})
    monday = kit.START + 4 * 24 * kit.H
    yard.until(monday)
    order = wanted(yard, "mix-1", priority="P4")
    yard.until(monday + 7 * kit.H)
    planned_for = slot(yard, order)
    assert planned_for[1] >= monday + 30 * kit.H, "six o'clock and a day's notice"
    yard.until(monday + 24 * kit.H + 7 * kit.H)
    assert slot(yard, order) == planned_for
    yard.step(order, "dispatch")
    other = wanted(yard, "mix-2", priority="P4")
    yard.put("/v1/planning/settings", {"notice_min": 0})
    planned(yard)
    assert slot(yard, order) == planned_for
    first, second = sorted((slot(yard, order), slot(yard, other)), key=lambda one: one[1])
    assert first[2] <= second[1]
    window = {"from_ms": monday + 56 * kit.H, "to_ms": monday + 60 * kit.H}
    work = yard.post("/v1/things/mix-3/planned-work", title="Yearly check", **window)
    yard.post(f"/v1/planned-work/{work['id']}/agree")
    told = planned(yard)
    _, begin_ms, end_ms = slot(yard, "wo-mix-3-upkeep-1")
    assert window["from_ms"] <= begin_ms < end_ms <= window["to_ms"]
    shift = {**HOME, "hours": WEEK, "away": [[monday, monday + 72 * kit.H]]}
    yard.put("/v1/planning/shifts/ann", shift)
    told = planned(yard)
    assert "wo-mix-3-upkeep-1" in [one["work_order"] for one in told["undone"]]
    upkeep = yard.get("/v1/work-orders/wo-mix-3-upkeep-1")
    assert (upkeep["state"], upkeep["technician"], upkeep["start_ms"]) == ("REQUESTED", "", None)
    yard.put("/v1/planning/shifts/ann", {**HOME, "hours": WEEK})
    planned(yard)
    assert slot(yard, "wo-mix-3-upkeep-1")[0] == "ann"


@pytest.mark.feature("FS14")
def test_alerts_per_technician_and_day_are_counted_and_judged_by_the_benchmark(yard, kit):
    day = f"/v1/planning/load?from_ms={kit.START}&to_ms={kit.START + 24 * kit.H}"
    yard.heat("mix-1", 120.0)
    assert yard.get(day)["grade"] == "nobody"
    technicians(yard, ann=[], bob=[])
    yard.heat("mix-3", 120.0)
    found = yard.get(day)
    raised = len([a for a in yard.items("/v1/alerts") if a["started_ms"] >= kit.START])
    assert raised == 4
    assert found["per_technician_day"] == raised / 2
    assert (found["grade"], found["things_per_technician"]) == ("manageable", 1.5)
    assert found["severity_share"] == {"failure": 0.5, "major": 0.5}
    assert [graded(n, 1).value for n in (150.0, 151.0, 300.0)] == [
        "manageable", "strained", "too_many",
    ]  # fmt: skip
    with yard.acting_as(kit.partner):
        assert yard.get(day)["alerts"] == 2, "his customers' alone"
