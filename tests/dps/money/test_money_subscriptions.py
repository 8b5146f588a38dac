"""Subscriptions by the invariants of 3.7, over the API."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.outcomes.selling import plans as p
from reference_impl.published import CommandAcknowledged

BASIC = {"title": "Basic", "price_eur": 30.0, "features": ["charts"]}
PRO = {"title": "Pro", "price_eur": 90.0, "features": ["charts", "alerts"]}
HELD = st.builds(
    p.Held,
    customer=st.sampled_from(["a", "b"]),
    thing=st.sampled_from([None, "t", "u"]),
    state=st.sampled_from(p.Subscription),
    features=st.frozensets(st.sampled_from("wxyz")),
    safety_alerts=st.sampled_from(p.SafetyAlerts),
)


@pytest.fixture
def shop(desk):
    desk.put("/v1/plans/basic", BASIC)
    desk.put("/v1/plans/pro", PRO)
    return desk


def begin(desk, plan, thing="gen-1", status=200, customer="alpha"):
    return desk.post("/v1/subscriptions", status, customer=customer, plan=plan, thing=thing)


def settle(desk, payment):
    (charge,) = [one for one in desk.items("/v1/charges") if one["state"] == "OPEN"]
    body = {"payment": payment, "step": "settle"}
    return desk.done("POST", f"/v1/charges/{charge['id']}/payments", body)


def features(desk, thing="gen-1"):
    return desk.get(f"/v1/things/{thing}/features")["features"]


def of(desk, subscription):
    return desk.get(f"/v1/subscriptions/{subscription['id']}")


@pytest.mark.feature("SU1")
@given(held=st.lists(HELD, max_size=6), order=st.randoms())
def test_what_may_be_used_depends_on_plans_and_states_alone(held, order):
    found = p.entitled(held, thing="t", customer="a")
    mixed = [*held, *held]
    order.shuffle(mixed)
    assert p.entitled(mixed, thing="t", customer="a") == found
    for one in held:
        there = one.customer == "a" and one.thing in (None, "t") and one.state in p.ENTITLED
        assert not there or one.features <= found


@pytest.mark.deep
@pytest.mark.feature("SU2", "SU6")
def test_a_thing_has_one_plan_also_beside_a_flat_one_and_many_addons(shop):
    shop.put("/v1/plans/flat", {**BASIC, "activation": "flat", "price_eur": 0})
    for name in ("map", "api"):
        shop.put(f"/v1/plans/{name}", {**BASIC, "kind": "addon", "price_eur": 0,
                                       "features": [name]})  # fmt: skip
    begin(shop, "flat", thing=None)
    assert begin(shop, "basic", status=409)["error"]["code"] == "already_subscribed"
    for name in ("map", "api"):
        begin(shop, name)
    assert features(shop) == ["api", "charts", "map"]
    assert features(shop, "gen-2") == ["charts"], "an add-on by thing is of that thing"
    begin(shop, "map", status=409)


@pytest.mark.feature("SU3", "PM3")
def test_an_upgrade_that_nobody_paid_for_lapses_and_a_downgrade_waits_for_no_payment(shop, money):
    made = begin(shop, "basic")
    settle(shop, "pay-1")
    to_ms = of(shop, made)["to_ms"]
    path = f"/v1/subscriptions/{made['id']}/change"
    shop.until(to_ms - money.DAY)
    shop.post(path, plan="pro")
    shop.until(to_ms)
    now = of(shop, made)
    assert (now["plan"], now["next_plan"]) == ("basic", None)
    states = [(c["what"], c["state"]) for c in shop.items("/v1/charges")]
    assert ("upgrade to pro", "VOID") in states
    settle(shop, "pay-2")
    shop.post(path, plan="pro")
    settle(shop, "pay-3")
    assert features(shop) == ["alerts", "charts"]
    before = len(shop.items("/v1/charges"))
    shop.post(path, plan="basic")
    assert len(shop.items("/v1/charges")) == before, "a downgrade makes no payment record"
    assert features(shop) == ["alerts", "charts"], "it comes with the next period"
    shop.until(of(shop, made)["to_ms"])
    assert (of(shop, made)["plan"], features(shop)) == ("basic", ["charts"])
    amounts = [c["amount_eur"] for c in shop.items("/v1/charges") if c["state"] == "OPEN"]
    assert amounts == [30.0]


@pytest.mark.feature("SU5", "SU7")
def test_suspension_takes_features_and_neither_what_was_paid_nor_history_nor_the_machine(
    shop, money
):
    made = begin(shop, "basic")
    settle(shop, "pay-1")
    shop.put("/v1/models/gen/features/boost", {"price_eur": 500.0})
    shop.done("POST", "/v1/things/gen-1/unlocks", {"by": "ann", "feature": "boost"})
    settle(shop, "pay-2")
    licence = shop.feed("command.requested")[-1]["subject"]
    shop.tell(CommandAcknowledged(at_ms=shop.now, command_id=licence, thing="gen-1",
                                  status="done", detail=""))  # fmt: skip
    told = len(shop.feed("command.requested"))
    shop.until(of(shop, made)["to_ms"] + p.GRACE_MS)
    assert (of(shop, made)["state"], features(shop)) == ("SUSPENDED", [])
    assert shop.get("/v1/things/gen-1/unlocks")[0]["state"] == "UNLOCKED", "it is paid for"
    assert len(shop.feed("command.requested")) == told == 1, (
        "the machine is told nothing: it goes on"
    )
    during = shop.now + money.H
    shop.send("gen-1", (during, {"hours": 4.0}))
    shop.until(during + money.H)
    settle(shop, "pay-3")
    assert features(shop) == ["charts"]
    seen = shop.get(f"/v1/things/gen-1/telemetry?signal=hours&from_ms={during}&to_ms={shop.now}")
    assert "4.0" in str(seen), "what was measured meanwhile is there"
    kinds = [step["kind"].removeprefix("subscription.") for step in of(shop, made)["steps"]]
    assert kinds == ["begun", "activated", "renewed", "suspended", "activated"]


@pytest.mark.deep
@pytest.mark.feature("SU8")
def test_each_plan_says_whether_safety_alerts_go_on_while_it_is_not_paid_for(shop):
    shop.put("/v1/plans/hard", {**BASIC, "safety_alerts": "with_plan"})
    assert shop.get("/v1/plans")["items"][0]["safety_alerts"] == "always"
    for thing, plan, told in (("gen-1", "basic", True), ("gen-2", "hard", False)):
        begin(shop, plan, thing)
        assert shop.get(f"/v1/things/{thing}/features")["safety_alerts"] is told, "it is PENDING"
    for number, charge in enumerate(shop.items("/v1/charges")):
        body = {"payment": f"p-{number}", "step": "settle"}
        shop.done("POST", f"/v1/charges/{charge['id']}/payments", body)
    assert shop.get("/v1/things/gen-2/features")["safety_alerts"] is True
    assert shop.get("/v1/things/gen-3/features")["safety_alerts"] is True, "no plan, no say"


@pytest.mark.feature("SU9", "PM3")
@given(
    day=st.integers(0, 1460), months=st.sampled_from([1, 3, 12]), number=st.integers(0, 30)
)  # fmt: skip
def test_a_renewal_keeps_its_day_or_takes_the_last_one_of_the_month(day, months, number):
    anchor = p.DAY_MS * (20_453 + day) + 3_600_000
    span = p.period(anchor, number, months)
    begin_day, anchor_day = (p.datetime.fromtimestamp(ms / 1000, p.UTC) for ms in (span[0], anchor))
    assert begin_day.day <= anchor_day.day
    if begin_day.day < anchor_day.day:
        assert (begin_day.month % 12) + 1 == p.datetime.fromtimestamp(
            span[0] / 1000 + 86_400, p.UTC
        ).month, "the last day of its month"
    assert (begin_day.hour, begin_day.minute) == (anchor_day.hour, anchor_day.minute)


@pytest.mark.feature("SU10", "PM3")
def test_a_factory_reset_or_a_new_owner_brings_no_second_trial_and_ends_what_the_old_one_paid(
    shop, money
):
    shop.put("/v1/plans/pro", {**PRO, "trial_days": 14})
    first = begin(shop, "pro")
    assert (first["state"], features(shop)) == ("TRIAL", ["alerts", "charts"])
    shop.until(shop.now + money.DAY)
    shop.done("POST", "/v1/things/gen-1/reset", {"reason": "reset"})
    assert of(shop, first)["state"] == "CANCELLED"
    shop.put("/v1/things/gen-1", {"model": "gen", "site": "site-gen-1"})
    assert features(shop) == []
    assert begin(shop, "pro")["state"] == "PENDING", "the trial was had"
    shop.done("POST", "/v1/things/gen-1/reset", {"reason": "sold"})
    shop.put("/v1/things/gen-1", {"model": "gen", "site": "site-gen-3"})
    second = begin(shop, "pro", customer="beta")
    assert second["state"] == "PENDING"
    assert len({row["id"] for row in shop.items("/v1/subscriptions")}) == 3
    shop.until(shop.now + 15 * money.DAY)
    assert [c["customer"] for c in shop.items("/v1/charges") if c["state"] == "OPEN"] == ["beta"]


@pytest.mark.feature("FS13")
def test_partners_pay_for_tools_of_their_own_by_plans_that_customers_cannot_take(shop, money):
    shop.put("/v1/organisations/org", {"name": "Org"})
    shop.put("/v1/partners/dealer", {"name": "Dealer", "organisation": "org"})
    tools = {**BASIC, "group": "partner", "activation": "flat", "features": ["planning"]}
    shop.put("/v1/plans/tools", tools)
    for customer, plan in (("alpha", "tools"), ("dealer", "all")):
        shop.put("/v1/plans/all", {**BASIC, "activation": "flat"})
        wrong = begin(shop, plan, thing=None, status=422, customer=customer)
        assert wrong["error"]["problems"][0]["where"] == "plan"
    begin(shop, "tools", thing=None, customer="dealer")
    settle(shop, "pay-1")
    who = money.caller(
        money.Group.PARTNER, "subscriptions:read", "subscriptions:write",
        parties=["partner:dealer"],
    )  # fmt: skip
    with shop.acting_as(who):
        assert shop.get("/v1/partners/dealer/tools")["features"] == ["planning"]
        (row,) = shop.items("/v1/subscriptions")
        shop.post(f"/v1/subscriptions/{row['id']}/cancel")
    other = money.caller(money.Group.PARTNER, "subscriptions:read", parties=["partner:rival"])
    with shop.acting_as(other):
        assert shop.items("/v1/subscriptions") == []
        shop.get("/v1/partners/dealer/tools", 404)
