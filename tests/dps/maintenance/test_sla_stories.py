"""Service levels over the API: what is promised, when it is due, what stops and pauses it."""

from __future__ import annotations

from datetime import datetime

import pytest

WEEKDAYS = {d: [["08:00", "17:00"]] for d in ("mon", "tue", "wed", "thu", "fri")}


@pytest.mark.feature("AS3", "W8")
def test_a_limit_that_runs_out_is_told_once_at_its_due_time_though_nobody_looks(yard, kit):
    yard.level()
    order = yard.report()["id"]
    yard.wait(hours=100)
    told = [(e["data"]["what"], e["at_ms"] - kit.START) for e in yard.feed("sla.breached")]
    assert told == [
        ("acknowledge", kit.H), ("respond", 4 * kit.H), ("restore", 16 * kit.H),
    ]  # fmt: skip
    yard.step(order, "triage", priority="P2")
    yard.visit(order)
    yard.step(order, "complete")
    yard.wait(hours=3)
    assert len(yard.feed("sla.breached")) == 3
    shown = yard.get(f"/v1/work-orders/{order}")["sla"]
    assert {w: one["breached_ms"] - kit.START for w, one in shown["limits"].items()} == {
        "acknowledge": kit.H, "respond": 4 * kit.H, "restore": 16 * kit.H,
    }  # fmt: skip
    assert [row["id"] for row in yard.items("/v1/sla?breached=true")] == [order]
    assert yard.items("/v1/sla?breached=false") == []


@pytest.mark.feature("AS3", "W4")
def test_triage_check_in_and_the_start_of_the_verification_window_stop_the_clocks(yard, kit):
    yard.level()
    order = yard.report()["id"]
    yard.wait(minutes=20)
    yard.step(order, "triage", priority="P2", skills=[])
    yard.wait(minutes=20)
    yard.step(order, "plan", start_ms=yard.now, crew="van-1")
    yard.steps(order, "dispatch", "accept", "depart")
    yard.wait(minutes=20)
    yard.steps(order, "arrive", "begin")
    yard.wait(hours=2)
    yard.step(order, "complete", cause="dirt", remedy="cleaned")
    yard.wait(hours=2)
    shown = yard.sla(order)
    assert (shown["state"], shown["outcome"], shown["visits"]) == ("STOPPED", "restored", 1)
    stopped = {w: one["stopped_ms"] - kit.START for w, one in shown["limits"].items()}
    assert stopped == {"acknowledge": 20 * kit.MINUTE, "respond": kit.H, "restore": 3 * kit.H}
    kept = {e["data"]["what"]: e["data"]["kept"] for e in yard.feed("sla.stopped")}
    assert kept == {"acknowledge": True, "respond": True, "restore": True}


@pytest.mark.deep
@pytest.mark.feature("AS3", "W2")
def test_limits_of_office_hours_wait_for_monday_by_the_clocks_of_the_place(yard, kit):
    yard.level(time_zone="Europe/Rome", hours=WEEKDAYS, holidays=["2026-03-30"])
    friday = round(datetime.fromisoformat("2026-03-27T16:30:00+01:00").timestamp() * 1000)
    yard.until(friday)
    order = yard.report()["id"]
    tuesday = round(datetime.fromisoformat("2026-03-31T08:30:00+02:00").timestamp() * 1000)
    assert yard.sla(order)["limits"]["acknowledge"]["due_ms"] == tuesday
    yard.until(tuesday - 1)
    assert yard.feed("sla.breached") == []
    yard.until(tuesday)
    assert [e["at_ms"] for e in yard.feed("sla.breached")] == [tuesday]


@pytest.mark.feature("W3", "AS3")
def test_only_a_permitted_reason_pauses_and_a_missing_part_never_is_one(yard, kit):
    refused = yard.put(
        "/v1/service-levels/gold",
        {**kit.LEVEL, "pause_reasons": ["provider_part"], "time_zone": "Mars"}, status=422,
    )  # fmt: skip
    assert [p["where"] for p in refused["error"]["problems"]] == ["time_zone", "pause_reasons"]
    yard.level()
    order = yard.report()["id"]
    yard.visit(order)
    yard.step(order, "begin")
    due = yard.sla(order)["limits"]["restore"]["due_ms"]
    for reason, waits in (("provider_part", 0), ("customer_access", 3), ("force_majeure", 2)):
        yard.step(order, "hold", reason=reason)
        yard.wait(hours=waits or 1)
        yard.step(order, "resume")
        yard.wait(hours=1)
    shown = yard.sla(order)
    assert [p["reason"] for p in shown["pauses"]] == ["customer_access", "force_majeure"]
    assert shown["paused_ms"] == 5 * kit.H
    assert shown["limits"]["restore"]["due_ms"] == due + 5 * kit.H
    assert len(yard.feed("sla.paused")) == len(yard.feed("sla.resumed")) == 2


@pytest.mark.feature("W7", "AS3")
def test_a_higher_priority_counts_from_the_beginning_and_may_have_run_out_already(yard, kit):
    yard.level()
    order = yard.report(priority="P3")["id"]
    yard.wait(minutes=90)
    yard.step(order, "priority", priority="P1")
    limits = yard.sla(order)["limits"]
    assert limits["respond"]["due_ms"] == kit.START + 2 * kit.H
    assert limits["restore"]["due_ms"] == kit.START + 8 * kit.H
    assert limits["acknowledge"]["breached_ms"] == kit.START + kit.H // 2
    (late,) = yard.feed("sla.breached")
    assert (late["at_ms"], late["data"]["due_ms"]) == (yard.now, kit.START + kit.H // 2)
    yard.step(order, "priority", priority="P3")
    assert yard.sla(order)["limits"]["restore"]["due_ms"] == kit.START + 24 * kit.H
    assert len(yard.feed("sla.breached")) == 1


@pytest.mark.deep
@pytest.mark.feature("AS3", "W1")
def test_the_same_fault_within_two_weeks_is_the_same_incident_and_was_not_fixed(yard, kit):
    yard.level()
    first = yard.report()["id"]
    assert yard.report()["id"] == first, "what is open already is attached to"
    yard.visit(first)
    yard.step(first, "complete")
    yard.wait(hours=10)
    assert yard.get(f"/v1/work-orders/{first}")["first_time_fix"] is True
    due = yard.sla(first)["limits"]["restore"]["due_ms"]
    yard.wait(hours=62)
    again = yard.report()
    assert (again["incident"], again["id"] == first) == (first, False)
    assert yard.get(f"/v1/work-orders/{first}")["first_time_fix"] is False
    shown = yard.sla(first)
    assert shown["limits"]["restore"]["due_ms"] == due + 72 * kit.H, "it worked meanwhile"
    assert [e["data"]["reason"] for e in yard.feed("sla.resumed")] == ["came again"]
    yard.visit(again["id"])
    yard.step(again["id"], "complete")
    yard.wait(hours=15 * 24)
    later = yard.report()["id"]
    assert yard.get(f"/v1/work-orders/{later}")["incident"] == later
    assert yard.get(f"/v1/work-orders/{again['id']}")["first_time_fix"] is False


@pytest.mark.feature("CC27", "W1", "AS3")
def test_the_tier_decides_priority_limits_and_whether_an_alert_sends_somebody(yard, kit):
    yard.level("basic")
    premium = {"tier": "premium", "begins": "event", "opens_for": ["failure"],
               "priority_of": {"failure": "P1"}, "covers": {"things": ["mix-1"]}}  # fmt: skip
    yard.level("best", **premium)
    for thing in ("mix-1", "mix-2"):
        yard.heat(thing, 120.0)
    (order,) = yard.items("/v1/work-orders")
    shown = yard.sla(order["id"])
    assert (order["thing"], order["source"]) == ("mix-1", "alert")
    assert (shown["tier"], shown["priority"], shown["level"]) == ("premium", "P1", "best")
    alerts = {a["id"]: a for a in yard.items("/v1/alerts")}
    hot = next(a for a in alerts.values() if (a["thing"], a["rule"]) == ("mix-1", "too-hot"))
    assert shown["t0_ms"] == hot["started_ms"]
    basic = yard.report("mix-2")
    assert (basic["sla"]["tier"], basic["sla"]["priority"]) == ("standard", "P2")
    assert basic["sla"]["limits"]["restore"]["limit_ms"] == 16 * kit.H
    assert shown["limits"]["restore"]["limit_ms"] == 8 * kit.H
    yard.put("/v1/coverage/c-1", {"things": ["mix-3"], "parts": ["seal-kit"]})
    assert yard.report("mix-3")["sla"]["level"] == "basic"


@pytest.mark.deep
@pytest.mark.feature("AS3", "FS9")
def test_a_ticket_has_clocks_too_and_its_visit_is_the_same_incident(yard, kit):
    yard.level()
    ticket = yard.post("/v1/things/mix-1/tickets", title="It hums", priority="high")["id"]
    yard.wait(minutes=30)
    yard.post(f"/v1/tickets/{ticket}/start")
    assert yard.sla(ticket)["limits"]["acknowledge"]["state"] == "STOPPED"
    yard.post(f"/v1/tickets/{ticket}/hold", reason="customer_access")
    yard.wait(hours=1)
    yard.post(f"/v1/tickets/{ticket}/resume")
    assert yard.sla(ticket)["paused_ms"] == kit.H
    order = yard.report(ticket=ticket)
    assert order["incident"] == ticket
    yard.visit(order["id"])
    yard.step(order["id"], "complete")
    yard.wait(hours=2)
    assert yard.sla(ticket)["outcome"] == "restored"
    assert len(yard.feed("sla.started")) == 1


@pytest.mark.feature("FS9")
def test_a_ticket_moves_only_as_its_table_says_and_every_change_is_told_once(yard):
    moves = {
        "OPEN": {"start": "IN_PROGRESS", "hold": "ON_HOLD", "close": "CLOSED",
                 "reject": "REJECTED"},
        "IN_PROGRESS": {"hold": "ON_HOLD", "close": "CLOSED"},
        "ON_HOLD": {"resume": "IN_PROGRESS", "close": "CLOSED", "reject": "REJECTED"},
        "CLOSED": {},
        "REJECTED": {},
    }  # fmt: skip
    way = {"OPEN": [], "IN_PROGRESS": ["start"], "ON_HOLD": ["hold"], "CLOSED": ["close"],
           "REJECTED": ["reject"]}  # fmt: skip
    told = 0
    for state, steps in way.items():
        for step in ("start", "hold", "resume", "close", "reject"):
            title = f"{step} from {state}"
            path = f"/v1/tickets/{yard.post('/v1/things/mix-1/tickets', title=title)['id']}"
            for one in steps:
                yard.post(f"{path}/{one}", reason="so")
            target = moves[state].get(step)
            yard.post(f"{path}/{step}", 409 if target is None else 200, reason="so")
            assert yard.get(path)["state"] == (target or state)
            told += 1 + len(steps) + (target is not None)
    assert len(yard.feed("ticket.")) == told
