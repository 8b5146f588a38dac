"""Collection by the API: mornings, routes on the road, urgent ones, citizens, cleaning."""

from __future__ import annotations

import pytest

GOLD = {
    "title": "Gold", "priorities": {"P1": {"restore": 240}, "P2": {"restore": 240},
                                    "P3": {"restore": 240}},
    "covers": {"customers": ["city"]},
}  # fmt: skip


@pytest.mark.feature("CC25")
def test_each_morning_has_routes_with_every_stop_that_must_be_and_what_is_worth_the_way(town):
    town.collect()
    town.morning({"skip-01": 99.0, "skip-02": 85.0, "skip-03": 97.0})
    (route,) = town.routes()
    assert route["state"] == "PLANNED"
    stops = {stop["thing"]: stop for stop in route["stops"]}
    assert {name for name, stop in stops.items() if stop["must"]} == {"skip-01", "skip-03"}
    assert stops["skip-02"]["why"] == ["ready"]
    assert set(stops) == {"skip-01", "skip-02", "skip-03"}, "what is empty is left alone"
    assert stops["skip-02"]["litres"] == 425
    (plan,) = town.items("/v1/collection-plans")
    assert plan["stops"] == 3
    assert plan["left_out"] == []
    assert plan["cost_eur"] <= plan["baseline_eur"]
    (told,) = town.feed("route.planned")
    assert [s["thing"] for s in told["data"]["stops"]] == [s["thing"] for s in route["stops"]]
    assert town.post("/v1/collections/town/plan")["id"] == plan["id"], "a day is planned once"


@pytest.mark.feature("CC25")
def test_a_crew_tells_what_it_served_and_the_rest_was_skipped(town, kit):
    town.collect()
    town.morning({"skip-01": 99.0, "skip-02": 85.0})
    (route,) = town.routes()
    path = f"/v1/collection-routes/{route['id']}"
    town.post(f"{path}/finish", 409)
    town.post(f"{path}/begin")
    wrong = town.post(f"{path}/finish", 422, served=[{"thing": "skip-09"}])
    assert "skip-09" in wrong["error"]["problems"][0]["what"]
    town.wait(hours=2)
    at_ms = town.now - kit.H
    done = town.post(f"{path}/finish", served=[{"thing": "skip-01", "at_ms": at_ms}])
    states = {stop["thing"]: (stop["state"], stop["served_ms"]) for stop in done["stops"]}
    assert states == {"skip-01": ("SERVED", at_ms), "skip-02": ("SKIPPED", None)}
    assert done["state"] == "DONE"
    span = f"from_ms={kit.START}&to_ms={kit.START + 7 * 24 * kit.H}&rounds_per_week=6"
    week = town.get(f"/v1/collections/town/summary?{span}")
    assert week["served"] == 1
    assert week["cost_eur"] < week["fixed_eur"], "a round through everything costs more"


@pytest.mark.feature("CC25")
def test_what_becomes_urgent_is_fetched_in_the_same_shift_and_people_go_to_the_neighbour(town):
    town.collect(neighbour_m=800)
    town.morning({"skip-01": 99.0})
    town.wait(hours=2)
    town.say({"skip-06": 98.0, "skip-02": 90.0, "skip-05": 30.0})
    town.wait(minutes=30)
    (route,) = town.routes()
    assert [s["thing"] for s in route["stops"]] == ["skip-01", "skip-06"]
    (told,) = [e for e in town.feed("collection.steered") if e["subject"] == "skip-06"]
    assert told["data"]["neighbour"] not in ("skip-02", "skip-06"), "one with room"
    path = f"/v1/collection-routes/{route['id']}"
    town.post(f"{path}/begin")
    town.post(f"{path}/stops/skip-06/serve")
    assert [e["subject"] for e in town.feed("collection.steered_back")] == ["skip-06"]
    town.post(f"{path}/stops/skip-06/serve", 409)


@pytest.mark.feature("CC25")
def test_a_citizens_report_opens_an_sla_clock_and_the_stop_ends_it(town):
    town.put("/v1/service-levels/gold", GOLD)
    town.collect()
    town.morning({"skip-01": 85.0})
    town.wait(hours=2)
    first = town.post("/v1/things/skip-07/citizen-reports", about="overflow", text="Bags!")
    again = town.post("/v1/things/skip-07/citizen-reports", about="overflow")
    assert (again["id"], again["times"]) == (first["id"], 2)
    clock = town.get(f"/v1/sla/{first['ticket']}")
    assert clock["limits"]["restore"]["state"] == "RUNNING"
    (route,) = town.routes()
    assert "skip-07" in [stop["thing"] for stop in route["stops"]]
    path = f"/v1/collection-routes/{route['id']}"
    town.post(f"{path}/begin")
    town.wait(hours=1)
    town.post(f"{path}/finish", served=[{"thing": "skip-07"}])
    clock = town.get(f"/v1/sla/{first['ticket']}")
    assert clock["limits"]["restore"]["stopped_ms"] == town.now
    (report,) = town.items("/v1/citizen-reports")
    assert report["closed_ms"] == town.now


@pytest.mark.feature("CC25")
def test_cleaning_goes_by_odour_and_use_and_not_by_the_month(town, kit):
    clean = {"odour_signal": "smell", "odour_from": 60.0, "use_signal": "uses", "use_from": 1000}
    town.collect(cleaning=clean)
    town.morning({}, smell=5.0, uses=1200.0)
    (route,) = town.routes()
    assert all(stop["tasks"] == ["empty", "clean"] for stop in route["stops"])
    assert len(route["stops"]) == 12, "all were used so often"
    town.post(f"/v1/collection-routes/{route['id']}/begin")
    served = [{"thing": stop["thing"]} for stop in route["stops"]]
    town.post(f"/v1/collection-routes/{route['id']}/finish", served=served)
    town.morning({"skip-03": 99.0}, smell=5.0, uses=1300.0)
    assert [s["thing"] for s in town.routes()[-1]["stops"]] == ["skip-03"], "a day later: none"
    assert town.routes()[-1]["stops"][0]["tasks"] == ["empty"]
    town.morning({"skip-04": 10.0}, smell=70.0, uses=1400.0)
    assert all("clean" in stop["tasks"] for stop in town.routes()[-1]["stops"])


def test_without_the_package_it_says_what_to_install(town, kit, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    answer = town.put("/v1/collections/town", kit.BODY, 422)
    assert answer["error"]["problems"][0]["allowed"] == "pip install 'twinrig[routes]'"


def test_all_that_is_wrong_with_a_collection_is_said_at_once(town, kit):
    trucks = [{"id": "t", "capacity_l": 10, "shift_to": "05:00"}, {"id": "t", "capacity_l": 0}]
    wrong = {**kit.BODY, "trucks": trucks, "models": [], "windows": {"skip-01": ["09:00", "08:00"]}}
    answer = town.put("/v1/collections/town", wrong, 422)
    where = " ".join(one["where"] for one in answer["error"]["problems"])
    for place in ("capacity_l", "things", "windows", "trucks"):
        assert place in where
    town.put("/v1/collections/town", {**kit.BODY, "models": ["no-such"]}, 422)
    town.put("/v1/collections/town", {**kit.BODY, "time_zone": "Mars/North"}, 422)


def test_what_no_truck_can_take_is_told_and_not_lost(town):
    town.collect(trucks=[{"id": "truck-1", "capacity_l": 400}])
    town.morning({"skip-01": 99.0, "skip-02": 85.0})
    (plan,) = town.items("/v1/collection-plans")
    assert {"thing": "skip-01", "must": True, "reason": "no truck has time or room"} in plan[
        "left_out"
    ]
    (told,) = town.feed("collection.planned")
    assert told["data"]["missed"] == ["skip-01"]
