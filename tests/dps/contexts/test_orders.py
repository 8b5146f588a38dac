"""Need, recommendation, order: invariants O1 to O4, O7, O12, O15."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from reference_impl.kernel.errors import IllegalStep, Unknown
from reference_impl.orders.api import router
from reference_impl.orders.domain import OrderStep
from reference_impl.orders.policies import Mode, Policy
from reference_impl.published import PartFitted, ReplacementAdvised

H = 3_600_000
REC, ORD = "rec-pump-01-bearing-1", "ord-pump-01-bearing-1-1"


def advised(
    at_ms: int, thing: str = "pump-01", part: str = "bearing-set", looks_back_ms: int = 0
) -> ReplacementAdvised:
    return ReplacementAdvised(
        at_ms=at_ms,
        seen_from_ms=at_ms - looks_back_ms,
        thing=thing,
        part=part,
        position="bearing",
        quantity=1,
        rule="order-point",
        pack="standard",
        pack_version="1.2.0",
        why="lead time",
        values={"runout_h": 123.4567890123},
    )


def fitted(at_ms: int, cycle: int, thing: str = "pump-01") -> PartFitted:
    data = {
        "position": "bearing",
        "part": "bearing-set",
        "serial": f"s-{cycle}",
        "cycle": cycle,
        "work_order": "",
    }
    return PartFitted(at_ms=at_ms, kind="part.fitted", subject=thing, data=data)


def tell(rig: Any, event: Any) -> None:
    rig.do(lambda uow: uow.publish(event))


def walk(rig: Any, order_id: str, *steps: str, at_ms: int = 0) -> None:
    for step in steps:
        rig.do(rig.orders.step_order, order_id, OrderStep(step), by="supplier", at_ms=at_ms)


def test_a_need_goes_from_advice_to_the_next_cycle_and_the_feed_tells_each_step(rig: Any) -> None:
    rig.install("pump-01")

    tell(rig, advised(1 * H))
    walk(rig, ORD, "confirm", "ship", "deliver", at_ms=2 * H)
    tell(rig, fitted(3 * H, cycle=2))
    tell(rig, advised(9 * H))

    told = [
        (e.kind, e.subject, e.data.get("by", ""))
        for e in rig.feed
        if e.kind.split(".")[0] in ("recommendation", "order")
    ]
    assert told == [
        ("recommendation.issued", REC, ""),
        ("recommendation.approved", REC, "policy:auto"),
        ("order.placed", ORD, "policy:auto"),
        ("order.confirmed", ORD, "supplier"),
        ("order.shipped", ORD, "supplier"),
        ("order.delivered", ORD, "supplier"),
        ("recommendation.fulfilled", REC, "service"),
        ("recommendation.issued", "rec-pump-01-bearing-2", ""),
        ("recommendation.approved", "rec-pump-01-bearing-2", "policy:auto"),
        ("order.placed", "ord-pump-01-bearing-2-1", "policy:auto"),
    ]
    states = {n["need_key"]: n["state"] for n in rig.rows(rig.orders, "needs")}
    assert states == {"pump-01/bearing/1": "FULFILLED", "pump-01/bearing/2": "ORDERED"}


def test_a_recommendation_explains_itself(rig: Any) -> None:
    """O15: rule, pack, inputs and reason stand in the feed and in the store."""
    rig.install("pump-01", mode="approval")

    tell(rig, advised(H))

    issued = next(e for e in rig.feed if e.kind == "recommendation.issued")
    assert issued.data == {
        "need_key": "pump-01/bearing/1",
        "thing": "pump-01",
        "site": "station-01",
        "customer": "water-works",
        "part": "bearing-set",
        "position": "bearing",
        "cycle": 1,
        "quantity": 1,
        "unit_price_eur": 350.0,
        "rule": "order-point",
        "pack": "standard",
        "pack_version": "1.2.0",
        "policy": "approval",
        "why": "lead time",
        "values": {"runout_h": 123.456789},
        "supplier": "acme",
        "urgency": "high",
        "due_ms": H + 14 * 24 * H,
        "eta_ms": H + 240 * H,
        "risk": "comes 117 h after it may have run out",
    }


def test_advice_repeated_and_late_makes_no_second_recommendation(rig: Any) -> None:
    """O2, and O3: delivered but not fitted still blocks."""
    rig.install("pump-01")
    for at_ms in (5 * H, 5 * H, 2 * H):
        tell(rig, advised(at_ms))
    walk(rig, ORD, "confirm", "ship", "deliver")
    tell(rig, advised(50 * H))

    assert rig.kinds("recommendation.issued") == ["recommendation.issued"]
    assert [o["id"] for o in rig.rows(rig.orders, "orders")] == [ORD]
    assert rig.rows(rig.orders, "needs")[0]["state"] == "DELIVERED"


def test_advice_that_rests_on_readings_of_the_part_before_is_void(rig: Any) -> None:
    rig.install("pump-01")
    tell(rig, fitted(10 * H, cycle=2))
    tell(rig, advised(11 * H, looks_back_ms=2 * H))
    assert rig.kinds("recommendation.") == []
    tell(rig, advised(12 * H, looks_back_ms=2 * H))
    assert rig.kinds("recommendation.issued") == ["recommendation.issued"]


@pytest.mark.parametrize("step", ["reject", "cancel"])
def test_a_lost_order_opens_its_need_once_more_after_a_day(rig: Any, step: str) -> None:
    """O4, and a second loss is for a person to decide."""
    rig.install("pump-01")
    tell(rig, advised(0))
    lose = {"by": "supplier", "reason": "out of stock"}
    rig.do(rig.orders.step_order, ORD, OrderStep(step), at_ms=1 * H, **lose)

    tell(rig, advised(2 * H))
    rig.advance(25 * H - 1)
    assert rig.kinds("order.placed") == ["order.placed"]
    rig.advance(25 * H)
    second = rig.rows(rig.orders, "orders")[1]
    rig.do(rig.orders.step_order, second["id"], OrderStep(step), at_ms=26 * H, **lose)
    rig.advance(100 * H)
    tell(rig, advised(101 * H))

    assert second["id"] == "ord-pump-01-bearing-1-2"
    assert len(rig.rows(rig.orders, "orders")) == 2
    rec = rig.rows(rig.orders, "recommendations")[0]
    assert rec["state"] == "DISCARDED"
    assert rec["reason"].startswith("2 orders lost, a person must decide")
    assert "out of stock" in rec["reason"]


def test_outside_a_limit_the_policy_asks_instead_of_buying_or_keeping_silent(rig: Any) -> None:
    """O7."""
    rig.install("pump-01", "pump-02", "pump-03", "pump-04", max_unit_price_eur=349.99)
    tell(rig, advised(0))
    rig.do(rig.orders.put_policy, "water-works", Policy(mode=Mode.AUTO, max_open_orders=1))
    tell(rig, advised(0, "pump-02"))
    tell(rig, advised(0, "pump-03"))
    policy = Policy(mode=Mode.AUTO, monthly_budget_eur=699.99)
    rig.do(rig.orders.put_policy, "water-works", policy)
    tell(rig, advised(0, "pump-04"))

    recs = {r["thing"]: r for r in rig.rows(rig.orders, "recommendations")}
    assert [r["policy"] for r in recs.values()] == ["approval", "auto", "approval", "approval"]
    assert recs["pump-01"]["reason"] == "unit price 350.00 EUR is above 349.99 EUR"
    assert recs["pump-03"]["reason"] == "1 orders are open, 1 allowed"
    assert "700.00 EUR this month is above the budget of 699.99" in recs["pump-04"]["reason"]
    assert [o["thing"] for o in rig.rows(rig.orders, "orders")] == ["pump-02"]


def test_with_policy_off_the_need_is_seen_and_nothing_is_asked_until_it_is_on(rig: Any) -> None:
    rig.install("pump-01", mode="off")
    tell(rig, advised(0))
    assert rig.feed == []
    assert rig.rows(rig.orders, "needs")[0]["state"] == "FORECAST"

    rig.do(rig.orders.put_policy, "water-works", Policy(mode=Mode.APPROVAL))
    tell(rig, advised(1))
    assert rig.kinds() == ["recommendation.issued"]


def test_a_part_that_does_not_fit_is_never_recommended(rig: Any) -> None:
    """O5; and O8 for things nobody registered."""
    rig.install("pump-01")
    tell(rig, advised(0, part="impeller"))
    tell(rig, advised(0, thing="pump-99"))

    assert rig.feed == []
    reasons = [row["reason"] for row in rig.rows(rig.orders, "refused")]
    assert reasons == [
        "there is no part 'impeller' in the catalogue",
        "the thing is not registered",
    ]


def test_refused_advice_can_be_read_with_the_rule_that_gave_it(rig: Any) -> None:
    rig.install("pump-01")
    tell(rig, advised(3, part="impeller"))
    tell(rig, advised(4, part="impeller"))
    app = FastAPI()
    app.include_router(router(rig.orders, rig, rig.store))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://dps") as client:
            return await client.get("/v1/refused-advice")

    (item,) = asyncio.run(ask()).json()["items"]
    assert item == {
        "need_key": "pump-01/bearing/1",
        "part": "impeller",
        "rule": "order-point",
        "pack": "standard",
        "pack_version": "1.2.0",
        "reason": "there is no part 'impeller' in the catalogue",
        "at_ms": 3,
    }


def test_an_illegal_or_unknown_step_is_refused_and_changes_nothing(rig: Any) -> None:
    rig.install("pump-01")
    tell(rig, advised(0))
    before = (rig.rows(rig.orders, "orders"), list(rig.feed))

    with pytest.raises(IllegalStep, match="ord-pump-01-bearing-1-1 is PENDING_APPROVAL: deliver"):
        walk(rig, ORD, "deliver")
    with pytest.raises(IllegalStep, match="ORDERED: approve refused"):
        rig.do(rig.orders.approve, REC, by="customer", at_ms=1)
    with pytest.raises(Unknown, match="there is no order 'ord-x'"):
        walk(rig, "ord-x", "ship")

    assert (rig.rows(rig.orders, "orders"), rig.feed) == before


def test_a_transaction_that_fails_after_the_order_leaves_no_trace_of_it(rig: Any) -> None:
    """O12: and the advice after it orders, so the cache did not run ahead of the store."""
    rig.install("pump-01")

    def crash(uow: Any) -> None:
        uow.publish(advised(0))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rig.do(crash)
    assert rig.rows(rig.orders, "orders") == []

    tell(rig, advised(1))
    assert [o["placed_ms"] for o in rig.rows(rig.orders, "orders")] == [1]
