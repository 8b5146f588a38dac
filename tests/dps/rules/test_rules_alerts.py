"""Alerts from the first reading to the archive, through the API (domain 3.3)."""

from __future__ import annotations

import pytest

DAY_MS = 86_400_000


@pytest.fixture
def hot(room, kit):
    """A room with one active alert on mixer-01, and its id."""
    room.install(kit.pack(kit.rule("hot", "heat > 50.0", **{"for": "2m"}, remedies=["cool it"])))
    room.minutes(3, heat=60)
    (alert,) = room.items("/alerts?state=open")
    return room, alert["id"]


@pytest.mark.feature("A1", "A2")
def test_an_instance_begins_when_the_condition_first_held_and_ends_once(room, kit):
    room.install(kit.pack(kit.rule("hot", "heat > 50.0", **{"for": "2m"})))
    assert kit.kinds(room.minutes(2, heat=60)) == []
    assert kit.kinds(room.minutes(2, heat=60)) == ["alert.raised"]
    (alert,) = room.items("/alerts")
    assert alert["started_ms"] == kit.START_MS + kit.MINUTE_MS
    assert alert["raised_ms"] == kit.START_MS + 3 * kit.MINUTE_MS
    assert (alert["customer"], alert["site"]) == ("acme", "site-01")
    assert kit.kinds(room.minutes(2, heat=40)) == ["alert.cleared"]
    (alert,) = room.items("/alerts?state=CLEARED")
    assert alert["ended_by"] == "rules"


@pytest.mark.feature("A4")
def test_who_clears_by_hand_what_still_holds_gets_a_new_instance(hot, kit):
    room, first = hot
    room.call("POST", f"/alerts/{first}/clear", {"by": "anna", "reason": "looked at it"})
    told = room.minutes(3, heat=60)
    assert kit.kinds(told) == ["alert.cleared", "alert.raised"]
    old, new = sorted(room.items("/alerts"), key=lambda row: row["raised_ms"])
    assert (old["id"], old["state"], old["ended_by"]) == (first, "CLEARED", "anna")
    assert new["state"] == "ACTIVE"
    assert new["started_ms"] > old["cleared_ms"]
    room.call("POST", f"/alerts/{first}/clear", {"by": "anna"}, status=409)


def test_a_takeover_stops_the_time_to_takeover_and_each_step_has_who_when_and_why(hot):
    room, ident = hot
    room.minutes(5, heat=60)
    room.call("POST", f"/alerts/{ident}/take-over", {"by": "anna"})
    taken_ms = room.now_ms
    room.minutes(2, heat=60)
    room.call("POST", f"/alerts/{ident}/take-over", {"by": "bert", "reason": "shift"})
    (shown,) = room.call("GET", "/views/control-room/overview")["alerts"]
    assert shown["taken_by"] == "bert"
    assert shown["to_takeover_ms"] == 5 * 60_000, "the first takeover counts"
    room.call("POST", f"/alerts/{ident}/hand-back", {"by": "bert"})
    room.call("POST", f"/alerts/{ident}/hand-back", {"by": "bert"}, status=409)
    room.minutes(1, heat=10)
    steps = room.call("GET", f"/alerts/{ident}")["steps"]
    assert [(s["step"], s["by"]) for s in steps] == [
        ("mature", "rules"),
        ("take_over", "anna"),
        ("take_over", "bert"),
        ("hand_back", "bert"),
        ("clear", "rules"),
    ]
    assert (steps[1]["at_ms"], steps[2]["reason"]) == (taken_ms, "shift")


def test_a_shelf_needs_a_reason_and_an_end_within_a_week_and_ends_by_itself(hot, kit):
    room, ident = hot
    path = f"/alerts/{ident}/shelve"
    refused = room.call("POST", path, {"by": "anna"}, status=422)
    assert {p["where"] for p in refused["error"]["problems"]} == {"reason", "until_ms"}
    for until_ms in (room.now_ms, room.now_ms + 7 * DAY_MS + 1):
        body = {"by": "anna", "reason": "known", "until_ms": until_ms}
        room.call("POST", path, body, status=422)
    until_ms = room.now_ms + 2 * kit.MINUTE_MS
    room.call("POST", path, {"by": "anna", "reason": "known", "until_ms": until_ms})
    assert room.call("GET", "/views/portal/overview?customer=acme")["alerts"] == []
    assert "alert.unshelved" not in kit.kinds(room.minutes(1, heat=60))
    assert kit.kinds(room.minutes(1, heat=60)) == ["alert.unshelved"]
    assert room.call("GET", f"/alerts/{ident}")["state"] == "ACTIVE"


@pytest.mark.deep
def test_what_is_over_is_historical_after_thirty_days(hot):
    room, ident = hot
    room.minutes(1, heat=10)
    cleared_ms = room.call("GET", f"/alerts/{ident}")["cleared_ms"]
    room.clock(cleared_ms + 30 * DAY_MS)
    assert room.call("GET", f"/alerts/{ident}")["state"] == "CLEARED"
    room.clock(cleared_ms + 31 * DAY_MS + 1)
    assert room.call("GET", f"/alerts/{ident}")["state"] == "HISTORICAL"


@pytest.mark.feature("A6", "A7")
def test_silence_neither_fires_nor_clears_and_a_point_in_the_moment_of_the_loss_wins(room, kit):
    quiet = kit.rule("quiet", "quiet_s > 299.0", let={"quiet_s": {"report": "age_s"}})
    room.install(kit.pack(kit.rule("hot", "heat > 50.0"), quiet))
    room.minutes(1, heat=60)
    silent = room.minutes(30)
    assert [e["data"]["rule"] for e in silent if e["type"] == "alert.raised"] == ["quiet"]
    assert "alert.cleared" not in kit.kinds(silent), "what is not known is not over"

    room.now_ms += kit.MINUTE_MS
    room.will("mixer-01")
    room.send("mixer-01", heat=60)
    told = room.clock(room.now_ms)
    assert [(e["type"], e["data"]["rule"]) for e in told if "rule" in e["data"]] == [
        ("alert.cleared", "quiet")
    ]
    (machine,) = room.items("/views/machines?search=mixer-01")
    assert machine["connection"] == "online"
    room.now_ms += kit.MINUTE_MS
    room.will("mixer-01")
    room.clock(room.now_ms)
    (machine,) = room.items("/views/machines?search=mixer-01")
    assert machine["connection"] == "offline"


@pytest.mark.feature("A8")
def test_the_same_point_twice_or_two_within_a_second_make_one_instance(room, kit):
    room.install(kit.pack(kit.rule("hot", "heat > 50.0")))
    room.now_ms += kit.MINUTE_MS
    for millisecond in (-400, -300, -300, 0):
        room.send("mixer-01", room.now_ms + millisecond, heat=60 + millisecond / 1000)
    assert kit.kinds(room.clock(room.now_ms)) == ["alert.raised"]
    assert kit.kinds(room.minutes(3, heat=60)) == []
    assert len(room.items("/alerts")) == 1


@pytest.mark.feature("A9")
def test_a_thing_that_is_reset_keeps_no_alert_and_no_action(room, kit):
    task = {"title": "Look", "topic": "maintenance", "due": "1d", "discard_reason": "required"}
    hot = kit.rule("hot", "heat > 50.0", then=[{"alert": {}}, {"action": task}])
    slow = kit.rule("slow", "heat > 50.0", **{"for": "20m"})
    room.install(kit.pack(hot, slow))
    room.minutes(2, "mixer-01", "mixer-02", heat=60)
    room.call("POST", "/things/mixer-01/reset", {"reason": "sold"})
    assert {r["thing"] for r in room.items("/alerts?state=open")} == {"mixer-02"}
    assert {r["thing"]: r["state"] for r in room.items("/actions")} == {
        "mixer-01": "DISCARDED",
        "mixer-02": "TODO",
    }
    told = room.minutes(22, "mixer-02", heat=60)
    assert {e["data"]["thing"] for e in told if e["type"] == "alert.raised"} == {"mixer-02"}


@pytest.mark.feature("A10")
def test_without_the_feature_nobody_is_alerted_and_with_it_again_anew(room, kit):
    room.install(kit.pack(kit.rule("hot", "heat > 50.0", **{"for": "2m"})))
    room.minutes(3, "mixer-01", "mixer-03", heat=60)
    both = {"mixer-01", "mixer-03"}
    assert {r["thing"] for r in room.items("/alerts?state=open")} == both
    contract = {"id": "acme-1", "customer": "acme", "step": 2, "initiatives": ["smart-parts"]}
    room.write("entitlement", contract)
    room.minutes(5, "mixer-01", "mixer-03", heat=60)
    assert {r["thing"] for r in room.items("/alerts?state=open")} == {"mixer-03"}
    assert len(room.items("/alerts?thing=mixer-01")) == 1, "and none was raised meanwhile"
    room.write("entitlement", {**contract, "step": 3, "initiatives": ["field-services"]})
    room.minutes(4, "mixer-01", "mixer-03", heat=60)
    assert {r["thing"] for r in room.items("/alerts?state=open")} == both
    assert len(room.items("/alerts?thing=mixer-01")) == 2


@pytest.mark.feature("A11")
def test_a_takeover_and_a_shelf_leave_begin_and_end_of_the_fault_as_they_are(hot, kit):
    room, ident = hot
    before = room.call("GET", f"/alerts/{ident}")
    room.call("POST", f"/alerts/{ident}/take-over", {"by": "anna"})
    until_ms = room.now_ms + kit.HOUR_MS
    body = {"by": "anna", "reason": "known", "until_ms": until_ms}
    room.call("POST", f"/alerts/{ident}/shelve", body)
    room.minutes(5, heat=60)
    room.minutes(1, heat=10)
    after = room.call("GET", f"/alerts/{ident}")
    assert (after["started_ms"], after["raised_ms"]) == (before["started_ms"], before["raised_ms"])
    assert (after["state"], after["cleared_ms"]) == ("CLEARED", room.now_ms)


@pytest.mark.feature("A12")
def test_a_cause_on_the_site_hides_what_follows_from_it(room, kit):
    cause = kit.rule("mains-loss", "mains < 0.5", severity="failure")
    child = kit.rule("hot", "heat > 50.0", suppressed_by=[{"rule": "mains-loss", "scope": "site"}])
    room.install(kit.pack(cause, child))
    room.now_ms += kit.MINUTE_MS
    room.send("mixer-01", mains=0, heat=10)
    room.clock(room.now_ms)
    for _ in range(3):
        room.now_ms += kit.MINUTE_MS
        room.send("mixer-01", mains=0, heat=10)
        room.send("mixer-02", heat=60)
        room.send("mixer-03", heat=60)
        room.clock(room.now_ms)
    found = {(r["thing"], r["rule"]) for r in room.items("/alerts?state=open")}
    assert found == {("mixer-01", "mains-loss"), ("mixer-03", "hot")}, "mixer-02 is beside it"
    room.now_ms += kit.MINUTE_MS
    room.send("mixer-01", mains=1, heat=10)
    room.send("mixer-02", heat=60)
    room.clock(room.now_ms)
    room.minutes(1, "mixer-02", heat=60)
    found = {(r["thing"], r["rule"]) for r in room.items("/alerts?state=open")}
    assert found == {("mixer-02", "hot"), ("mixer-03", "hot")}


@pytest.mark.feature("SP10")
def test_an_escalation_replaces_the_event_and_leaves_one_action(room, kit):
    def task(priority: str) -> list:
        body = {"title": "Replace", "topic": "consumables", "due": "7d", "priority": priority}
        return [{"alert": {}}, {"action": body}]

    wear = kit.rule("wear", "dirt >= 100.0")
    del wear["then"], wear["severity"]
    wear["steps"] = [
        {"severity": "minor", "then": task("normal")},
        {"severity": "major", "when": "dirt >= 110.0", "then": task("high")},
    ]
    room.install(kit.pack(wear))
    room.minutes(2, dirt=104)
    (event,) = room.items("/alerts?state=open")
    (action,) = room.items("/actions?state=TODO")
    assert (event["rule"], action["priority"]) == ("wear.minor", "normal")
    room.minutes(2, dirt=112)
    (worse,) = room.items("/alerts?state=open")
    assert worse["rule"] == "wear.major"
    assert room.call("GET", f"/alerts/{event['id']}")["state"] == "SUPERSEDED"
    (same,) = room.items("/actions")
    assert (same["id"], same["state"], same["priority"]) == (action["id"], "TODO", "high")


@pytest.mark.feature("FS4")
def test_a_failure_has_remedies_and_what_each_did_is_kept(hot, kit):
    room, ident = hot
    assert room.call("GET", f"/alerts/{ident}")["remedies"] == ["cool it"]
    body = {"by": "anna", "remedy": 0, "outcome": "helped", "note": "for an hour"}
    room.call("POST", f"/alerts/{ident}/remedies", body)
    room.call("POST", f"/alerts/{ident}/remedies", {**body, "remedy": 1}, status=422)
    room.call("POST", f"/alerts/{ident}/remedies", {**body, "outcome": "so-so"}, status=422)
    (tried,) = room.call("GET", f"/alerts/{ident}")["tried"]
    assert (tried["remedy"], tried["outcome"], tried["by"]) == ("cool it", "helped", "anna")
    bare = kit.pack(kit.rule("broken", "heat > 90.0", severity="failure"))
    told = room.call("POST", "/rule-packs?dry_run=true", bare)["warnings"]
    assert "broken.remedies" in {w["where"] for w in told}


@pytest.mark.feature("SP10")
def test_the_wear_kit_comes_with_the_condition_that_asks_for_it(room, kit):
    wear = {
        "id": "brush_wear", "position": "brush", "algorithm": "linear_use", "every_s": 3600,
        "params": {"standard_use": 100.0, "tolerance_pct": 10.0},
    }  # fmt: skip
    asks = [{"condition": "brush_wear", "tolerance_pct": 10.0, "due_days": 7}]
    room.install(model={"conditions": [wear], "kits": asks})
    (installed,) = room.items("/rule-packs")
    assert (installed["pack"], installed["active"]) == ("kit-mixer-1", True)
    room.minutes(1, heat=10)
    seen = []
    for _ in range(12):  # ten hours each: worn after 100 h, beyond the tolerance after 110 h
        room.now_ms += 10 * kit.HOUR_MS
        room.send("mixer-01", heat=10)
        room.clock(room.now_ms)
        events = [row["rule"] for row in room.items("/alerts?state=open&thing=mixer-01")]
        todo = room.items("/actions?state=TODO&thing=mixer-01")
        assert len(events) <= 1
        assert len(todo) == len(events)
        seen += [(*events, todo[0]["priority"])] if events else []
    assert list(dict.fromkeys(seen)) == [
        ("wear-brush_wear.operation", "normal"),
        ("wear-brush_wear.minor", "high"),
    ]
    room.call("PUT", "/models/mixer-1", {**kit.MODEL, "conditions": [wear]})
    assert not any(row["active"] for row in room.items("/rule-packs"))
    assert room.items("/alerts?state=open") == []
