"""View models of pages: what a page shows is what the alerts say at that instant."""

from __future__ import annotations

import pytest

from reference_impl.kernel.access import Group, Principal, acting_as

ORDER = ["failure", "major", "minor", "operation", "maintenance"]


@pytest.fixture
def busy(room, kit):
    """Three mixers: one failing and dirty, one at work, one silent."""
    work = kit.rule("work", "work > 0.5", severity="operation", topic="productivity", then=[])
    room.install(
        kit.pack(
            kit.rule("hot", "heat > 50.0", severity="failure", remedies=["cool"]),
            kit.rule("dirty", "dirt > 50.0", severity="minor"),
            work,
        )
    )
    room.minutes(1, "mixer-03", heat=10)
    room.clock(room.now_ms + kit.HOUR_MS)
    room.minutes(2, "mixer-02", heat=10, work=1)
    for _ in range(3):
        room.now_ms += kit.MINUTE_MS
        room.send("mixer-01", heat=60, dirt=60)
        room.send("mixer-02", heat=10, work=1)
        room.clock(room.now_ms)
    return room


@pytest.mark.feature("DS1")
def test_the_portal_shows_a_customers_alerts_and_machines_and_nobody_elses(busy):
    seen = busy.call("GET", "/views/portal/overview?customer=acme")
    engine = {row["id"]: row for row in busy.items("/alerts?state=open")}
    assert {a["alert"]: a["duration_ms"] for a in seen["alerts"]} == {
        ident: busy.now_ms - row["started_ms"] for ident, row in engine.items()
    }
    assert [a["severity"] for a in seen["alerts"]] == ["failure", "minor"]
    states = {m["thing"]: (m["connection"], m["operating"]) for m in seen["machines"]}
    assert states == {"mixer-01": ("online", "error"), "mixer-02": ("online", "working")}
    counts = {"online": 2, "offline": 0, "working": 1, "standby": 0, "error": 1}
    assert seen["counts"] == counts
    other = busy.call("GET", "/views/portal/overview?customer=bolt")
    assert (other["alerts"], [m["thing"] for m in other["machines"]]) == ([], ["mixer-03"])

    bolt = Principal(
        user="b", group=Group.CUSTOMER, party="bolt", permissions=frozenset({"alerts:read"}),
        customers=frozenset({"bolt"}), things={"mixer-03": 0},
    )  # fmt: skip
    with acting_as(bolt):
        views = busy.dps.views
        with busy.dps.store.read() as conn:
            mine = views.overview(conn, customer=None, at_ms=busy.now_ms)
    assert (mine["alerts"], [m["thing"] for m in mine["machines"]]) == ([], ["mixer-03"])


@pytest.mark.feature("FS1")
def test_the_control_room_has_every_machine_with_its_worst_active_severity(busy):
    seen = busy.call("GET", "/views/control-room/overview")
    worst = {}
    for row in busy.items("/alerts?state=open"):
        before = worst.get(row["thing"], row["severity"])
        worst[row["thing"]] = min(before, row["severity"], key=ORDER.index)
    assert {m["thing"]: m["worst"] for m in seen["markers"]} == {
        thing: worst.get(thing) for thing in ("mixer-01", "mixer-02", "mixer-03")
    }
    assert worst["mixer-01"] == "failure"
    alert = seen["alerts"][0]
    assert (alert["customer"], alert["taken_by"]) == ("acme", "")
    busy.call("POST", f"/alerts/{alert['alert']}/take-over", {"by": "anna"})
    again = busy.call("GET", "/views/control-room/overview")["alerts"][0]
    assert (again["state"], again["taken_by"]) == ("TAKEN_OVER", "anna")


@pytest.mark.feature("FS2")
def test_each_filter_lists_just_the_machines_that_fit_page_by_page(busy, kit):
    contract = {
        "customer": "bolt", "things": ["mixer-03"], "fee_eur": 10, "target": 0.9,
        "up_when": "heat < 50.0", "start_ms": busy.now_ms + kit.HOUR_MS,
    }  # fmt: skip
    busy.call("PUT", "/contracts/c-1", contract)

    def things(query: str) -> list[str]:
        page = busy.call("GET", f"/views/machines?{query}")
        assert page["total"] == len(page["items"])
        return [row["thing"] for row in page["items"]]

    assert things("") == ["mixer-01", "mixer-02", "mixer-03"]
    assert things("search=MIXER-02") == ["mixer-02"]
    assert things("search=bolt") == ["mixer-03"]
    assert things("connection=offline") == ["mixer-03"]
    assert things("operating=working") == ["mixer-02"]
    assert things("operating=standby") == ["mixer-03"]
    assert things("failures=true") == ["mixer-01"]
    assert things("failures=false&customer=acme") == ["mixer-02"]
    assert things("contract=true") == [], "it has not begun"
    busy.clock(busy.now_ms + kit.HOUR_MS)
    assert things("contract=true") == ["mixer-03"]
    first = busy.call("GET", "/views/machines?limit=2")
    assert (len(first["items"]), first["next"], first["total"]) == (2, "mixer-02", 3)
    rest = busy.call("GET", f"/views/machines?limit=2&after={first['next']}")
    assert ([row["thing"] for row in rest["items"]], rest["next"]) == (["mixer-03"], None)
    busy.call("GET", "/views/machines?colour=red", status=422)
    (bolt,) = busy.items("/views/customers?search=bol")
    assert (bolt["machines"], bolt["contract"]) == (1, True)


def test_supervision_names_rules_that_fire_too_often_chatter_or_stand(room, kit):
    def counted(name: str, signal: str, per_year: float):
        return kit.rule(name, f"{signal} > 50.0", expected_per_year=per_year, purpose="test")

    body = kit.pack(
        counted("often", "heat", 1.0), counted("rare", "dirt", 100_000.0), every="10s"
    )  # fmt: skip
    room.install(body)
    begun_ms = room.now_ms
    for step in range(12):  # up and down every ten seconds
        room.now_ms += 10_000
        room.send("mixer-01", heat=60 if step % 2 else 10, dirt=60)
        room.clock(room.now_ms)
    room.clock(room.now_ms + 5_000)
    found = room.call("GET", f"/rules/supervision?from_ms={begun_ms}")
    often, rare = found["rules"]
    assert (often["rule"], often["fired"], often["review"]) == ("often", 6, True)
    assert often["chattering"] == ["mixer-01"]
    years = 3 * 125_000 / (365.25 * 86_400_000)
    assert often["per_thing_year"] == pytest.approx(6 / years, rel=1e-6)
    assert (rare["fired"], rare["review"], rare["standing"]) == (1, False, 1)
    assert (found["whole"]["fired"], found["whole"]["in_floods"]) == (7, 0)
    empty = f"/rules/supervision?from_ms={begun_ms}&to_ms={begun_ms}"
    room.call("GET", empty, status=422)


@pytest.mark.feature("AN1")
def test_a_crossing_is_told_within_the_minimum_time_and_one_evaluation(room, kit):
    then = [{"alert": {"delay": "3m"}}]
    room.install(kit.pack(kit.rule("hot", "heat > 50.0", **{"for": "2m"}, then=then)))
    room.call("PUT", "/contacts/anna", {"customers": ["acme"]})
    room.minutes(2, heat=10)
    crossed_ms = room.now_ms + 30_000
    room.send("mixer-01", crossed_ms, heat=60)
    told = room.minutes(8, heat=60)
    (notice,) = [e for e in told if e["type"] == "notice.written"]
    late_ms = notice["at_ms"] - crossed_ms
    assert 0 <= late_ms <= (2 + 1 + 3) * kit.MINUTE_MS


@pytest.mark.feature("FS5")
def test_an_anomaly_is_told_hours_before_the_failure_and_a_steady_one_is_not(room, kit):
    trend = {
        "let": {
            "now": {"signal": "heat", "take": "last", "over": "30m"},
            "per_h": {"signal": "heat", "take": "slope_per_h", "over": "30m"},
        },
        "when": "per_h > 1.0 && now + 4.0 * per_h > 90.0",
        "for": "5m",
        "severity": "major",
    }
    anomaly = {**kit.rule("warms", "heat > 0.0"), **trend}
    failure = kit.rule("hot", "heat > 90.0", severity="failure", remedies=["cool it"])
    room.install(kit.pack(anomaly, failure, every="5m"))
    raised = {}
    for step in range(60):  # six hours; one warms by 10 an hour, the other does not
        room.now_ms += 6 * kit.MINUTE_MS
        room.send("mixer-01", heat=40 + step)
        room.send("mixer-02", heat=80 + step % 2)
        for event in room.clock(room.now_ms):
            if event["type"] == "alert.raised":
                raised[event["data"]["thing"], event["data"]["rule"]] = event["at_ms"]
    assert set(raised) == {("mixer-01", "warms"), ("mixer-01", "hot")}
    lead_h = (raised["mixer-01", "hot"] - raised["mixer-01", "warms"]) / kit.HOUR_MS
    assert lead_h >= 3.0
