"""Plans, charges, features over the air and shared things, over the API."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.wire import messages as m
from reference_impl.outcomes.selling import plans as p
from reference_impl.outcomes.selling import rentals
from reference_impl.outcomes.selling.charges import CHARGES, Charge
from reference_impl.outcomes.selling.unlocks import UNLOCKS, Unlock
from twins.core.declared import FeatureSpec
from twins.core.unlock import Licences

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}
DAY_MS = 86_400_000
BASIC = {"title": "Basic", "price_eur": 30.0, "features": ["charts"]}
PRO = {"title": "Pro", "price_eur": 90.0, "features": ["charts", "alerts"]}


def ms(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_every_table_ends():
    assert {s for s, t in p.SUBSCRIPTIONS.items() if not t} == set(p.Subscription) - p.LIVE
    assert {s for s, t in CHARGES.items() if not t} == {Charge.REFUNDED, Charge.VOID}
    assert {s for s, t in UNLOCKS.items() if not t} == {Unlock.REVOKED}
    assert {s for s, t in rentals.RENTALS.items() if not t} == set(rentals.Rental) - rentals.OPEN


@pytest.mark.feature("DS10")
def test_a_period_keeps_the_day_of_its_anchor_over_short_months_and_leap_days():
    begins = [p.period(ms("2027-12-31T10:00"), n, 1).from_ms for n in range(4)]
    days = ["2027-12-31T10:00", "2028-01-31T10:00", "2028-02-29T10:00", "2028-03-31T10:00"]
    assert begins == [ms(day) for day in days]
    assert p.period(ms("2028-02-29T00:00"), 1, 12).to_ms == ms("2030-02-28T00:00")


@given(
    anchor_ms=st.integers(0, 4_000_000_000_000),
    months=st.sampled_from([1, 3, 12]),
    number=st.integers(0, 60),
)
def test_periods_follow_each_other_without_gap_or_overlap(anchor_ms, months, number):
    here, after = (p.period(anchor_ms, n, months) for n in (number, number + 1))
    assert here.from_ms < here.to_ms == after.from_ms


async def subscribe(rig, plan, thing="mix-1", status=200):
    body = {"by": "cora", "customer": "acme", "plan": plan, "thing": thing}
    return await rig.post("/v1/subscriptions", body, status=status)


async def open_charges(rig):
    return [c for c in (await rig.get("/v1/charges"))["items"] if c["state"] == "OPEN"]


async def settle(rig, payment="pay-1"):
    (charge,) = await open_charges(rig)
    body = {"payment": payment, "step": "settle"}
    return await rig.post(f"/v1/charges/{charge['id']}/payments", body)


async def features(rig, thing="mix-1"):
    return (await rig.get(f"/v1/things/{thing}/features"))["features"]


@pytest.mark.feature("DS10")
def test_a_plan_is_paid_upgraded_by_the_difference_and_cancelled_at_the_end_of_its_period(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.put("/v1/plans/basic", BASIC)
            await rig.put("/v1/plans/pro", PRO)
            await rig.clock(kit.START_MS)
            made = await subscribe(rig, "basic")
            assert (made["state"], await features(rig)) == ("PENDING", [])
            await settle(rig)
            assert await features(rig) == ["charts"]
            refused = await subscribe(rig, "pro", status=409)
            assert refused["error"]["code"] == "already_subscribed"
            period = (await rig.get("/v1/subscriptions"))["items"][0]
            half = (period["from_ms"] + period["to_ms"]) // 2
            await rig.clock(half)
            path = f"/v1/subscriptions/{made['id']}"
            await rig.post(f"{path}/change", {"by": "cora", "plan": "pro"})
            (charge,) = await open_charges(rig)
            assert charge["amount_eur"] == 30.0, "half a period of 60 euros more"
            assert await features(rig) == ["charts"], "not before it is paid (SU3)"
            await settle(rig, "pay-2")
            assert await features(rig) == ["alerts", "charts"]
            await rig.post(f"{path}/cancel", {"by": "cora"})
            assert await features(rig) == ["alerts", "charts"], "valid to the end of the period"
            await rig.clock(period["to_ms"])
            assert await features(rig) == []
            assert (await rig.get("/v1/subscriptions"))["items"][0]["state"] == "EXPIRED"
            assert await open_charges(rig) == [], "what has ended is not charged again"

    asyncio.run(story())


@pytest.mark.feature("DS10")
def test_an_unpaid_renewal_suspends_after_its_grace_and_a_payment_brings_it_back(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.put("/v1/plans/basic", BASIC)
            await rig.clock(kit.START_MS)
            await subscribe(rig, "basic")
            await settle(rig)
            to_ms = (await rig.get("/v1/subscriptions"))["items"][0]["to_ms"]
            await rig.clock(to_ms + p.GRACE_MS - 1)
            assert await features(rig) == ["charts"]
            await rig.clock(to_ms + p.GRACE_MS)
            assert await features(rig) == []
            await settle(rig, "pay-2")
            (row,) = (await rig.get("/v1/subscriptions"))["items"]
            assert (row["state"], row["from_ms"], await features(rig)) == (
                "ACTIVE",
                to_ms,
                ["charts"],
            )

    asyncio.run(story())


@pytest.mark.feature("DS10")
def test_a_trial_is_had_once_and_a_downgrade_waits_for_the_next_period_without_a_payment(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.put("/v1/plans/basic", BASIC)
            await rig.put("/v1/plans/pro", {**PRO, "trial_days": 14})
            await rig.clock(kit.START_MS)
            first = await subscribe(rig, "pro")
            assert (first["state"], await features(rig)) == ("TRIAL", ["alerts", "charts"])
            await rig.post(f"/v1/subscriptions/{first['id']}/cancel", {"by": "cora"})
            second = await subscribe(rig, "pro")
            assert second["state"] == "PENDING", "the trial was had (SU10)"
            await settle(rig)
            path = f"/v1/subscriptions/{second['id']}"
            await rig.post(f"{path}/change", {"by": "cora", "plan": "basic"})
            assert await open_charges(rig) == []
            rows = {row["id"]: row for row in (await rig.get("/v1/subscriptions"))["items"]}
            await rig.clock(rows[second["id"]]["to_ms"])
            (charge,) = await open_charges(rig)
            assert (charge["amount_eur"], await features(rig)) == (30.0, ["charts"])

    asyncio.run(story())


@pytest.mark.feature("DS10")
def test_a_flat_plan_covers_things_that_come_later_and_one_by_thing_does_not(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            free = {"price_eur": 0, "activation": "flat", "kind": "addon"}
            await rig.put("/v1/plans/all", {**free, "title": "All", "features": ["map"]})
            await rig.put("/v1/plans/one", {**BASIC, "price_eur": 0})
            await rig.clock(kit.START_MS)
            await subscribe(rig, "all", None)
            await subscribe(rig, "one")
            await rig.put("/v1/things/mix-3", {"model": "mixer-1", "site": "site-01"})
            assert await features(rig, "mix-1") == ["charts", "map"]
            assert await features(rig, "mix-3") == ["map"]
            assert await open_charges(rig) == [], "what is free is never invoiced (PM1)"
            wrong = await subscribe(rig, "one", None, status=422)
            assert wrong["error"]["problems"][0]["where"] == "thing"

    asyncio.run(story())


@pytest.mark.feature("DS10", "DS14")
def test_a_payment_that_comes_twice_counts_once_and_never_for_something_else(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.put("/v1/plans/basic", BASIC)
            await rig.clock(kit.START_MS)
            await subscribe(rig, "basic")
            paid = await settle(rig)
            path = f"/v1/charges/{paid['id']}/payments"
            again = await rig.post(path, {"payment": "pay-1", "step": "settle"})
            assert again == paid
            await rig.post(path, {"payment": "pay-1", "step": "refund"}, status=409)
            await rig.post(path, {"payment": "pay-2", "step": "settle"}, status=409)
            settled = await rig.feed("charge.settled")
            assert len(settled) == 1

    asyncio.run(story())


@pytest.mark.feature("DS14")
def test_a_feature_is_unlocked_after_its_payment_and_taken_back_after_its_refund(kit):
    """The licences that go out are shown to a device's own check."""

    async def story():
        async with kit.open_rig(things=THINGS, licence_key="secret") as rig:
            device = Licences({"boost": FeatureSpec(title="More power")}, {}, "secret")

            def obey(now_ms):
                for command in rig.down:
                    if isinstance(command, m.Command):
                        device.present(0, "mix-1", command.args["token"], now_ms)
                return device.unlocked(0, "boost", now_ms)

            await rig.send("site-01", kit.birth("mix-1"))
            await rig.clock(kit.START_MS)
            order = {"by": "cora", "feature": "boost"}
            nothing = await rig.post("/v1/things/mix-1/unlocks", order, status=422)
            assert nothing["error"]["problems"][0]["allowed"] == "there is none"
            await rig.put("/v1/models/mixer-1/features/boost", {"price_eur": 500.0})
            made = await rig.post("/v1/things/mix-1/unlocks", order)
            assert await rig.post("/v1/things/mix-1/unlocks", order) == made, "idempotent"
            await rig.clock(kit.START_MS + 1000)
            assert not obey(kit.START_MS + 1000), "not before it is paid"
            charge = await settle(rig)
            await rig.clock(kit.START_MS + 2000)
            assert obey(kit.START_MS + 2000)
            refund = {"payment": "pay-9", "step": "refund"}
            await rig.post(f"/v1/charges/{charge['id']}/payments", refund)
            await rig.clock(kit.START_MS + 3000)
            assert not obey(kit.START_MS + 3000), "taken back"
            (row,) = await rig.get("/v1/things/mix-1/unlocks")
            assert (row["state"], row["number"]) == ("REVOKED", 2)

    asyncio.run(story())


@pytest.mark.feature("DS15")
@pytest.mark.parametrize(
    ("used_ms", "minutes"), [(0, 1), (60_000, 1), (60_001, 2), (3_599_999, 60)]
)
def test_each_begun_minute_of_a_rental_counts(used_ms, minutes):
    assert rentals.minutes(5_000, 5_000 + used_ms) == minutes
    tariff = {"start_eur": Decimal("1.00"), "per_minute_eur": Decimal("0.31")}
    assert rentals.fee(tariff, minutes) == Decimal("1.00") + Decimal("0.31") * minutes


@pytest.mark.feature("DS15")
def test_a_shared_thing_is_in_one_hand_and_billed_to_the_minute(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            price = {"title": "Town", "start_eur": 1.0, "per_minute_eur": 0.31}
            await rig.put("/v1/tariffs/town", price)
            await rig.clock(kit.START_MS)
            reserved = await rig.post("/v1/things/mix-1/rentals", {"user": "ada", "tariff": "town"})
            bob = {"user": "bob", "tariff": "town"}
            in_use = await rig.post("/v1/things/mix-1/rentals", bob, status=409)
            assert in_use["error"]["code"] == "in_use"
            path = f"/v1/rentals/{reserved['id']}"
            await rig.post(f"{path}/give-back", {}, status=409)
            await rig.clock(kit.START_MS + 10_000)
            await rig.post(f"{path}/take", {})
            await rig.clock(kit.START_MS + 10_000 + 7 * 60_000 + 1)
            ended = await rig.post(f"{path}/give-back", {})
            assert ended["minutes"] == 8
            (charge,) = await open_charges(rig)
            assert charge["amount_eur"] == 3.48
            late = await rig.post("/v1/things/mix-1/rentals", bob)
            await rig.clock(kit.START_MS + kit.HOUR_MS)
            rows = {row["id"]: row for row in await rig.get("/v1/things/mix-1/rentals")}
            assert rows[late["id"]]["state"] == "LAPSED", "a reservation does not last for ever"

    asyncio.run(story())
