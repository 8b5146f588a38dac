"""Orders between buyer and provider: models, offers, parcels, stock, the chain, the ERP's API."""

from __future__ import annotations

import asyncio

import pytest

from reference_impl.orders import limits
from reference_impl.orders.parties import Model, view

H = 3_600_000


def bought(shop, thing="mix-1", **more):
    """A recommendation that was approved by hand; the id of its order."""
    shop.policy("alpha", "approval")
    shop.advise(thing, **more)
    shop.post(f"/v1/recommendations/rec-{thing}-seal-1/approve")
    return f"ord-{thing}-seal-1-1"


@pytest.mark.feature("O6", "SP5")
def test_a_changed_offer_ships_only_once_the_buyer_has_accepted_it(shop):
    order = bought(shop)
    shop.step(order, "offer", 422, reason="nothing new")
    said = shop.step(order, "offer", reason="dearer", unit_price_eur=120.5, quantity=2)
    assert said["total_eur"] == 100.0
    for early in ("ship", "confirm"):
        shop.step(order, early, 409)
    row = shop.step(order, "accept")
    assert (row["state"], row["total_eur"], row["quantity"]) == ("PENDING_SHIPPING", 241.0, 2)
    shop.step(order, "offer", 409, reason="dearer still", unit_price_eur=500)
    shop.step(order, "ship")
    (offered,) = shop.feed("order.offered")
    assert offered["data"]["policy"] == "approval"
    assert offered["data"]["offer"] == {
        "line": 1, "unit_price_eur": 120.5, "quantity": 2, "total_eur": 241.0,
    }  # fmt: skip


@pytest.mark.deep
@pytest.mark.feature("O6", "O7", "SP12")
def test_an_offer_within_the_policy_is_accepted_by_it_and_one_beyond_waits_and_ends(shop):
    shop.policy(max_unit_price_eur=110)
    shop.advise()
    shop.advise("mix-2")
    shop.step("ord-mix-1-seal-1-1", "offer", reason="dearer", unit_price_eur=110)
    shop.step("ord-mix-2-seal-1-1", "offer", reason="dearer", unit_price_eur=110.01)
    states = {o["thing"]: o["state"] for o in shop.items("/v1/orders")}
    assert states == {"mix-1": "PENDING_SHIPPING", "mix-2": "PENDING_ACCEPTANCE"}

    shop.wait(14 * 24)
    (ended,) = shop.feed("order.cancelled")
    assert ended["data"]["reason"] == "the offer was not accepted in time"
    shop.wait(24)
    assert len(shop.feed("order.placed")) == 3


@pytest.mark.deep
@pytest.mark.feature("O6", "SP4")
def test_a_total_is_goods_less_discount_plus_tax_to_the_cent(shop):
    shop.put("/v1/supply/alpha", {"model": "M1", "discount_pct": 3.33, "tax_pct": 22})
    shop.post("/v1/carts/lines", thing="mix-1", part="blade", quantity=7)
    row = shop.post("/v1/carts/alpha/checkout")
    # 87.50 less 2.91 (2.91375) is 84.59; 22 % of it 18.61 (18.6098)
    assert (row["discount_eur"], row["tax_eur"], row["total_eur"]) == (2.91, 18.61, 103.2)


@pytest.mark.deep
@pytest.mark.feature("SP5")
def test_part_shipments_losses_and_replacements_bring_every_piece_in_the_end(shop):
    order = bought(shop, quantity=3)
    shop.step(order, "confirm")
    shop.step(order, "ship-part", 422, quantity=3)
    shop.step(order, "ship-part", quantity=1)
    shop.step(order, "cancel", 409, reason="too late")
    shop.step(order, "backorder", reason="next week", eta_ms=shop.now + 100 * H)
    shop.step(order, "ship")
    shop.step(order, "receive-part")
    shop.step(order, "receive-part", 409)
    shop.step(order, "lose", reason="never came")
    shop.step(order, "reship")
    shop.step(order, "deliver")
    row = shop.step(order, "request-return", reason="the wrong part")
    shop.step(order, "replace")
    row = shop.step(order, "receive-replacement")
    assert row["state"] == "DELIVERED"
    parcels = shop.get(f"/v1/orders/{order}")["shipments"]
    assert [(p["kind"], p["quantity"], p["state"]) for p in parcels] == [
        ("goods", 1, "DELIVERED"), ("goods", 2, "LOST"), ("again", 2, "DELIVERED"),
        ("replacement", 3, "DELIVERED"),
    ]  # fmt: skip
    assert len(shop.items("/v1/work-orders")) == 1
    shop.wait(15 * 24)
    shop.step(order, "request-return", 409, reason="after all")


@pytest.mark.deep
@pytest.mark.feature("SP5", "C7")
def test_each_stakeholder_model_shows_an_order_to_its_parties_only(shop, people):
    shop.put("/v1/supply/alpha", {"model": "chain", "partner": "dealer"})
    shop.put("/v1/stock/dealer/seal-kit", {"on_hand": 0})
    bought(shop)
    buyer = people.customer("alpha", things={"mix-1": 0, "mix-2": 0})
    seen = {}
    for name, who in (("buyer", buyer), ("dealer", people.partner()), ("maker", people.maker),
                      ("other", people.partner("rival", ("beta",)))):  # fmt: skip
        with shop.acting_as(who):
            seen[name] = {row["model"]: row for row in shop.items("/v1/orders")}
            if name == "other":
                shop.get("/v1/orders/ord-mix-1-seal-1-1", 404)
                shop.step("ord-mix-1-seal-1-1", "confirm", 404)
    assert {name: set(rows) for name, rows in seen.items()} == {
        "buyer": {"M2", "M3"}, "dealer": {"M2", "M3"}, "maker": {"M2", "M3"}, "other": set(),
    }  # fmt: skip
    assert "unit_price_eur" in seen["buyer"]["M2"]
    assert "unit_price_eur" not in str(seen["maker"]["M2"])
    assert "total_eur" not in seen["maker"]["M2"]
    assert set(seen["buyer"]["M3"]) == {"id", "model", "state", "eta_ms", "placed_ms"}
    assert seen["maker"]["M3"]["total_eur"] == 100.0
    with shop.acting_as(people.maker):
        shop.step("ord-mix-1-seal-1-1", "confirm", 403)
        shop.step("repl-dealer-1", "confirm")
    with shop.acting_as(buyer):
        shop.step("repl-dealer-1", "cancel", 403, reason="no")


@pytest.mark.deep
@pytest.mark.feature("O16", "SP16")
def test_a_partner_batches_what_it_lacks_and_its_customers_get_it_when_it_has_come(shop):
    for who in ("alpha", "beta"):
        shop.put(f"/v1/supply/{who}", {"model": "chain", "partner": "dealer", "batch_h": 12})
        shop.policy(who)
    shop.put("/v1/stock/dealer/seal-kit", {"on_hand": 1})
    for thing in ("mix-1", "mix-2", "mix-3"):
        shop.advise(thing)
        shop.step(f"ord-{thing}-seal-1-1", "confirm")
    shop.wait(12)
    (placed,) = shop.feed("replenishment.placed")
    needs = [line["need_key"] for line in placed["data"]["lines"]]
    assert needs == ["mix-2/seal/1", "mix-3/seal/1"]
    shop.step("ord-mix-2-seal-1-1", "ship", 409)
    (shelf,) = shop.items("/v1/stock?party=dealer")
    assert (shelf["on_hand"], shelf["reserved"], shelf["free"]) == (1, 1, 0)
    row = shop.get("/v1/orders/ord-mix-2-seal-1-1")
    assert row["backorder"] is True
    assert row["eta_ms"] == shop.get("/v1/orders/repl-dealer-1")["eta_ms"]

    for step in ("confirm", "ship", "deliver"):
        shop.step("repl-dealer-1", step)
    for thing in ("mix-1", "mix-2", "mix-3"):
        shop.step(f"ord-{thing}-seal-1-1", "ship")
    (shelf,) = shop.items("/v1/stock?party=dealer")
    assert (shelf["on_hand"], shelf["free"]) == (0, 0)


@pytest.mark.deep
@pytest.mark.feature("SP16", "O10")
def test_of_two_things_that_need_a_held_part_one_gets_it_from_the_shelf(shop):
    shop.policy()
    shop.put("/v1/stock/alpha/seal-kit", {"on_hand": 1})
    shop.advise("mix-1")
    shop.advise("mix-2")

    assert [o["thing"] for o in shop.items("/v1/orders")] == ["mix-2"]
    assert shop.need("mix-1")["state"] == "DELIVERED"
    assert [w["need_key"] for w in shop.items("/v1/work-orders")] == ["mix-1/seal/1"]
    shop.done("PUT", "/v1/stock/alpha/seal-kit", {"on_hand": -1}, 422)
    (shelf,) = shop.items("/v1/stock?party=alpha")
    assert shelf["free"] == 0


@pytest.mark.deep
@pytest.mark.feature("O9")
def test_what_a_contract_covers_costs_the_buyer_nothing_and_is_booked_to_it(shop):
    shop.put("/v1/coverage/c-1", {"things": ["mix-1"], "parts": ["seal-kit"]})
    shop.policy(max_unit_price_eur=1)
    shop.advise()
    shop.advise("mix-2")
    (order,) = shop.items("/v1/orders")
    assert (order["thing"], order["total_eur"], order["cost_eur"]) == ("mix-1", 0.0, 100.0)
    assert order["contract"] == "c-1"


@pytest.mark.deep
@pytest.mark.feature("SP6")
def test_the_order_api_pages_filters_and_says_what_is_wrong_and_who_calls_too_often(
    monkeypatch, open_shop, people
):
    monkeypatch.setattr(limits, "CALLS_PER_MINUTE", 30)
    shop = open_shop()
    shop.policy()
    for thing in ("mix-1", "mix-2"):
        shop.advise(thing)
    shop.step("ord-mix-2-seal-1-1", "confirm")

    first = shop.get("/v1/orders?limit=1")
    assert first["next"] == first["items"][0]["id"] == "ord-mix-1-seal-1-1"
    rest = shop.get(f"/v1/orders?limit=1&after={first['next']}")
    assert [o["id"] for o in rest["items"]] == ["ord-mix-2-seal-1-1"]
    assert rest["next"] is None
    waiting = shop.items("/v1/orders?status=PENDING_APPROVAL")
    assert [o["id"] for o in waiting] == ["ord-mix-1-seal-1-1"]
    assert shop.ask("GET", "/v1/orders?status=NEW").status_code == 422
    broken = shop.client.request("POST", "/v1/orders/x/confirm", content=b"{")
    assert shop.runner.run(broken).status_code == 400
    shop.get("/v1/orders/nothing", 404)
    stranger = shop.ask("GET", "/v1/orders", authorization="Bearer nobody")
    assert stranger.status_code in (401, 403)
    with shop.acting_as(people.customer("gamma", things={})):
        assert shop.items("/v1/orders") == []
        codes = [shop.ask("GET", "/v1/orders?limit=1").status_code for _ in range(29)]
        late = shop.ask("GET", "/v1/orders?limit=1")
        assert (set(codes), late.status_code) == ({200}, 429)
        assert late.headers["retry-after"] == "2"
        shop.wall_s += 2.0
        assert shop.ask("GET", "/v1/orders?limit=1").status_code == 200


@pytest.mark.feature("SP6", "O12")
def test_of_many_approvals_at_once_one_succeeds(shop):
    shop.policy("alpha", "approval")
    shop.advise()

    async def all_at_once():
        calls = [shop.client.post("/v1/recommendations/rec-mix-1-seal-1/approve",
                                  json={"by": f"clerk-{n}"}) for n in range(8)]  # fmt: skip
        return [answer.status_code for answer in await asyncio.gather(*calls)]

    codes = shop.runner.run(all_at_once())
    assert sorted(codes) == [200, *[409] * 7]
    assert len(shop.items("/v1/orders")) == 1


def test_nobody_outside_of_an_order_sees_it_whatever_the_model(people):
    row = {"buyer": "alpha", "provider": "dealer", "lines": [{"customer": "alpha"}], "id": "o"}
    for model in Model:
        assert view({**row, "model": model}, people.partner("rival", ("beta",))) is None
        assert view({**row, "model": model}, people.customer("beta")) is None
