"""The service desk and the field: remote work, technicians, parts, the customer's view, upkeep."""

from __future__ import annotations

import pytest


def alert_of(yard, thing="mix-1", rule="too-hot"):
    rows = yard.items(f"/v1/alerts?thing={thing}")
    return next(row for row in rows if row["rule"] == rule and row["cleared_ms"] is None)["id"]


@pytest.mark.feature("FS12", "W4", "W9")
def test_a_truck_stays_at_home_only_if_telemetry_says_that_remote_work_helped(yard):
    yard.heat("mix-1", 120.0)
    order = yard.report(alert=alert_of(yard))["id"]
    yard.step(order, "triage", priority="P2")
    yard.step(order, "remote")
    yard.step(order, "complete", 422, serial="SN-1")
    yard.step(order, "complete", remedy="restarted")
    yard.wait(hours=2)
    shown = yard.get(f"/v1/work-orders/{order}")
    assert (shown["state"], shown["remote_fix"]) == ("REOPENED", False)
    assert shown["reason"].startswith("still raised: ")
    assert yard.get("/v1/alerts?thing=mix-1")["items"][0]["cleared_ms"] is None
    yard.step(order, "triage", priority="P2")
    yard.step(order, "remote")
    yard.step(order, "complete", remedy="turned down")
    yard.heat("mix-1", 20.0)
    yard.wait(hours=2)
    shown = yard.get(f"/v1/work-orders/{order}")
    assert (shown["state"], shown["remote_fix"], shown["arrived_ms"]) == ("CLOSED", True, None)
    blind = yard.report("mix-2")["id"]
    yard.step(blind, "triage", priority="P3")
    yard.step(blind, "remote")
    yard.step(blind, "complete")
    yard.wait(hours=2)
    shown = yard.get(f"/v1/work-orders/{blind}")
    assert (shown["state"], shown["remote_fix"]) == ("REOPENED", False), "nothing measures it"


@pytest.mark.feature("W6")
def test_a_technician_is_qualified_and_in_one_place_at_a_time(yard, kit):
    yard.put("/v1/technicians/ann", {"name": "Ann", "skills": ["electric", "height"]})
    yard.put("/v1/technicians/bob", {"name": "Bob", "skills": ["electric"]})
    one, two = yard.report("mix-1")["id"], yard.report("mix-2")["id"]
    for order, skills in ((one, ["height"]), (two, ["electric"])):
        yard.step(order, "triage", priority="P2", skills=skills)
    slot = {"start_ms": yard.now + kit.H, "end_ms": yard.now + 3 * kit.H, "crew": "van-1"}
    refused = yard.step(one, "plan", 422, technician="bob", **slot)["error"]["problems"]
    assert [(p["where"], p["allowed"]) for p in refused] == [("technician", "ann")]
    yard.step(one, "plan", technician="ann", **slot)
    later = {**slot, "start_ms": yard.now + 2 * kit.H, "end_ms": yard.now + 4 * kit.H}
    refused = yard.step(two, "plan", 422, technician="ann", **later)["error"]["problems"]
    assert [p["where"] for p in refused] == ["start_ms"]
    assert yard.step(two, "plan", technician="bob", **later)["technician"] == "bob"
    (slot_of_ann,) = yard.items("/v1/technicians")[0]["slots"]
    assert slot_of_ann["work_order"] == one


@pytest.mark.feature("W5")
def test_parts_come_from_diagnosis_are_promised_by_a_shelf_and_leave_it_once(yard):
    yard.put("/v1/stock/main/seal-kit", {"on_hand": 3})
    yard.heat("mix-1", 120.0)
    order = yard.report(alert=alert_of(yard))["id"]
    assert yard.step(order, "triage", priority="P2")["parts"] == [
        {"part": "seal-kit", "quantity": 1}
    ]

    def shelf():
        (row,) = yard.items("/v1/stock")
        return row["on_hand"], row["reserved"]

    assert yard.step(order, "plan", start_ms=yard.now, crew="v")["reserved"]
    assert shelf() == (3, 1)
    yard.steps(order, "depart", "arrive")
    too_many = [{"part": "seal-kit", "quantity": 9}]
    assert yard.step(order, "complete", 409, parts=too_many)["error"]["code"] == "out_of_stock"
    yard.step(order, "complete", parts=[{"part": "seal-kit", "quantity": 2}])
    assert shelf() == (1, 0)
    yard.step(order, "complete", 409, parts=[{"part": "seal-kit", "quantity": 1}])
    yard.wait(hours=2)
    assert shelf() == (1, 0)
    assert yard.get(f"/v1/work-orders/{order}")["state"] == "REOPENED", "it is still hot"
    yard.step(order, "triage", priority="P2")
    yard.step(order, "plan", start_ms=yard.now, crew="v")
    assert shelf() == (1, 1)
    yard.step(order, "cancel", reason="scrapped")
    assert shelf() == (1, 0)


@pytest.mark.feature("FS7")
def test_a_customer_sees_every_step_and_no_internal_note(yard, kit):
    order, other = yard.report("mix-1")["id"], yard.report("mix-3")["id"]
    yard.step(order, "triage", priority="P2")
    yard.step(order, "notes", text="We come at noon")
    yard.step(order, "notes", text="He never pays", internal=True)
    path = f"/v1/work-orders/{order}"
    for step in ("plan", "depart", "arrive", "begin", "complete"):
        more = {"start_ms": yard.now, "crew": "v"} if step == "plan" else {}
        yard.step(order, step, **more)
        room = yard.get(path)
        with yard.acting_as(kit.customer):
            portal = yard.get(path)
        assert (portal["state"], portal["changed_ms"]) == (room["state"], room["changed_ms"])
        assert [note["text"] for note in portal["notes"]] == ["We come at noon"]
        assert len(room["notes"]) == 2
    with yard.acting_as(kit.customer):
        yard.get(f"/v1/work-orders/{other}", status=404)
        said = [e["data"] for e in yard.feed("work_order.noted")]
    assert len(said) == 1
    assert "He never pays" not in str(said)


@pytest.mark.feature("FS8")
def test_the_register_says_who_fitted_what_when_and_never_changes(yard):
    def fit(serial, by):
        order = yard.report(position="seal", part="seal-kit")["id"]
        yard.visit(order)
        yard.post(f"/v1/work-orders/{order}/complete", by=by, serial=serial, note="tight fit")
        fitted_ms = yard.now
        yard.wait(hours=2)
        return order, fitted_ms

    order, fitted_ms = fit("SN-1", "ann")
    (entry,) = yard.items("/v1/register")
    assert entry == {
        "thing": "mix-1", "position": "seal", "serial": "SN-1", "part": "seal-kit", "cycle": 2,
        "work_order": order, "fitted_ms": fitted_ms, "by": "ann", "note": "tight fit",
    }  # fmt: skip
    fit("SN-2", "bob")
    fit("SN-1", "eve")  # a number that is known fits nothing new
    rows = {row["serial"]: row for row in yard.items("/v1/register")}
    assert rows["SN-1"] == entry
    assert (rows["SN-2"]["by"], rows["SN-2"]["cycle"]) == ("bob", 3)
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        assert yard.ask(method, "/v1/register", {}).status_code in (404, 405)


@pytest.mark.feature("FS10")
def test_a_partners_technicians_work_for_its_customers_and_for_nobody_else(yard, kit):
    yard.level()
    ours, others = yard.report("mix-1")["id"], yard.report("mix-3")["id"]
    yard.put("/v1/technicians/hq", {"name": "Hugo", "party": "organisation:main"})
    yard.put("/v1/technicians/rival", {"name": "Rita", "party": "partner:rival"})
    slot = {"start_ms": yard.now, "crew": "van-1"}
    with yard.acting_as(kit.partner):
        yard.put("/v1/technicians/dan", {"name": "Dan", "party": "partner:dealer"})
        yard.put("/v1/technicians/rival", {"name": "Mine", "party": "partner:dealer"}, status=404)
        yard.put("/v1/technicians/spy", {"name": "Spy", "party": "partner:rival"}, status=404)
        assert [t["id"] for t in yard.items("/v1/technicians")] == ["dan"]
        assert [o["id"] for o in yard.items("/v1/work-orders")] == [ours]
        assert [i["id"] for i in yard.items("/v1/sla")] == [ours]
        yard.step(others, "plan", 404, technician="dan", **slot)
        yard.get(f"/v1/sla/{others}", status=404)
        for foreign in ("hq", "rival"):
            refused = yard.step(ours, "plan", 422, technician=foreign, **slot)
            assert refused["error"]["problems"][0]["allowed"] == "dan"
        shown = yard.step(ours, "plan", technician="dan", **slot)
    assert shown["technician"] == "dan"
    assert not [name for name in shown if "cost" in name or name.endswith("_eur")]


@pytest.mark.deep
@pytest.mark.feature("W1", "AS3")
def test_a_duplicate_names_its_survivor_which_answers_from_the_earlier_beginning(yard, kit):
    yard.level()
    first = yard.report(position="seal")["id"]
    yard.wait(hours=1)
    second = yard.report(position="shaft")["id"]
    wrong = yard.step(first, "cancel", 422, reason="same", duplicate_of="none")
    assert wrong["error"]["problems"][0]["where"] == "duplicate_of"
    gone = yard.step(first, "cancel", reason="same", duplicate_of=second)
    assert (gone["state"], gone["duplicate_of"]) == ("CANCELLED", second)
    assert yard.sla(first)["outcome"] == "cancelled"
    assert yard.sla(second)["t0_ms"] == kit.START


@pytest.mark.deep
@pytest.mark.feature("W10")
def test_planned_downtime_is_what_a_visit_takes_of_the_window_that_was_agreed_on(yard, kit):
    def propose(hours):
        window = {"from_ms": yard.now + hours * kit.H, "to_ms": yard.now + (hours + 2) * kit.H}
        return yard.post("/v1/things/mix-1/planned-work", title="Yearly check", contract="c-1",
                         **window)  # fmt: skip

    work = propose(1)
    assert yard.post(f"/v1/planned-work/{work['id']}/agree")["state"] == "AGREED"
    order = yard.items("/v1/work-orders")[0]["id"]
    yard.visit(order)  # too early by an hour, and too long by half an hour
    yard.wait(minutes=210)
    yard.step(order, "complete")
    (window,) = yard.windows
    assert (window.thing, window.contract, window.work_order) == ("mix-1", "c-1", order)
    assert (window.from_ms, window.to_ms) == (work["from_ms"], work["to_ms"])
    put_off = propose(1)
    assert yard.post(f"/v1/planned-work/{put_off['id']}/agree")["state"] == "AGREED"
    new = {"from_ms": yard.now + 9 * kit.H, "to_ms": yard.now + 10 * kit.H}
    with yard.acting_as(kit.customer):
        next_one = yard.post(f"/v1/planned-work/{put_off['id']}/reschedule", side="customer",
                             reason="a fair is on", **new)  # fmt: skip
        yard.post(f"/v1/planned-work/{next_one['id']}/agree")
    yard.wait(hours=11)
    rows = {row["id"]: row for row in yard.items("/v1/planned-work")}
    found = rows[put_off["id"]]
    assert (found["state"], found["side"]) == ("RESCHEDULED", "customer")
    found = rows[next_one["id"]]
    assert (found["state"], found["side"], found["follows"]) == (
        "MISSED", "provider", put_off["id"],
    )  # fmt: skip
    assert [w.work_order for w in yard.windows] == [order], "what is missed uses nothing"
    yard.post(f"/v1/planned-work/{work['id']}/agree", 422)


@pytest.mark.deep
@pytest.mark.feature("W8")
def test_what_ran_out_while_the_service_was_down_is_told_at_its_due_time(open_yard, kit, tmp_path):
    yard = open_yard(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yard.level()
    order = yard.report()["id"]
    yard.visit(order)
    yard.step(order, "begin")
    yard.step(order, "hold", reason="customer_access")
    yard.wait(hours=1)
    dead = yard
    again = dead.restarted()
    dead.close = lambda: None
    again.step(order, "resume")
    again.wait(hours=30)
    (late,) = again.feed("sla.breached")
    assert (late["data"]["what"], late["at_ms"]) == ("restore", kit.START + 17 * kit.H)
    again.close()
