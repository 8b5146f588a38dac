"""Catalogue, compatibility, the contextual shop, carts, prices: SP1 to SP4, ST2."""

from __future__ import annotations

import pytest

HEADER = "sku,title,price_eur,supplier,lead_p50_h,lead_p90_h,category,models"


@pytest.mark.deep
@pytest.mark.feature("SP1")
def test_a_category_that_holds_something_is_not_deleted_and_a_code_is_used_once(shop):
    shop.put("/v1/part-categories/wear", {"title": "Wear"})
    shop.put("/v1/part-categories/seals", {"title": "Seals", "parent": "wear"})
    part = {"title": "Ring", "price_eur": 3.1, "supplier": "acme", "category": "seals",
            "lead_time_h": {"p50": 1, "p90": 2}}  # fmt: skip
    shop.done("POST", "/v1/parts", {**part, "sku": "ring"})

    assert shop.done("POST", "/v1/parts", {**part, "sku": "ring"}, 409)["error"]["code"] == "exists"
    for full in ("wear", "seals"):
        refused = shop.done("DELETE", f"/v1/part-categories/{full}", status=409)["error"]
        assert refused["code"] == "not_empty"
    shop.put("/v1/parts/ring", {**part, "category": ""})
    shop.done("DELETE", "/v1/part-categories/seals")
    shop.done("DELETE", "/v1/part-categories/wear")
    refused = shop.done("PUT", "/v1/part-categories/x", {"title": "X", "parent": "y"}, 422)
    assert refused["error"]["problems"][0]["where"] == "parent"


@pytest.mark.deep
@pytest.mark.feature("SP1")
def test_an_import_takes_a_whole_table_or_reports_every_mistake_and_takes_nothing(shop):
    shop.put("/v1/part-categories/seals", {"title": "Seals"})
    good = f"{HEADER}\nring,Ring,3.10,acme,24,48,seals,mixer-1\ncap,Cap,1,acme,24,48,,\n"
    bad = f"{HEADER}\nr,Ring,3.101,acme,24,48,seels,\nr,,x,acme,-1,48,,\nc,Cap,1,acme,24\n"

    before = shop.items("/v1/parts")
    refused = shop.done("POST", "/v1/parts/import", {"csv": bad}, 422)["error"]["problems"]
    places = {problem["where"] for problem in refused}
    assert {"row 2.price_eur", "row 3.price_eur", "row 3.lead_p50_h", "row 4"} <= places
    assert shop.items("/v1/parts") == before
    assert shop.done("POST", "/v1/parts/import", {"csv": good, "dry_run": True})["added"] == 2
    assert shop.items("/v1/parts") == before
    assert shop.done("POST", "/v1/parts/import", {"csv": good})["added"] == 2
    assert shop.done("POST", "/v1/parts/import", {"csv": good})["changed"] == 2
    assert {row["sku"] for row in shop.items("/v1/parts")} >= {"ring", "cap"}


@pytest.mark.deep
@pytest.mark.feature("SP1", "O6")
def test_another_price_changes_no_order_that_was_placed_but_the_next(shop):
    shop.policy()
    shop.advise()
    seal = {**shop.items("/v1/parts")[2]}
    body = {"title": seal["title"], "price_eur": 555.55, "supplier": "acme",
            "lead_time_h": {"p50": 24.0, "p90": 48.0}}  # fmt: skip
    shop.put("/v1/parts/seal-kit", body)
    shop.advise("mix-2")

    totals = {o["thing"]: o["total_eur"] for o in shop.items("/v1/orders")}
    assert totals == {"mix-1": 100.0, "mix-2": 555.55}


@pytest.mark.feature("SP2", "SP3", "O5")
def test_the_shop_of_a_thing_lists_exactly_what_its_model_and_sub_models_hold(shop, people):
    motor = {"product": "mixer", "title": "M", "signals": {"x": {"unit": "1", "min": 0, "max": 1}},
             "parts": [{"part": "foreign", "position": "brush", "quantity": 4}]}  # fmt: skip
    shop.put("/v1/models/motor-1", motor)
    assert {row["sku"] for row in shop.items("/v1/things/mix-1/shop")} == {"seal-kit", "blade"}
    shop.put("/v1/sub-models/mixer-1", {"sub_models": {"drive": "motor-1"}})

    found = {(row["sku"], row["position"], row["quantity"])
             for row in shop.items("/v1/things/mix-1/shop")}  # fmt: skip
    assert found == {("seal-kit", "seal", 1), ("blade", "blade", 2), ("foreign", "drive.brush", 4)}
    circle = {"sub_models": {"again": "mixer-1"}}
    shop.done("PUT", "/v1/sub-models/motor-1", circle, 422)
    shop.put("/v1/part-references/mixer-1/seal", {"group": "G1", "scheme": "4", "max_usage": 900})
    (seal,) = [r for r in shop.items("/v1/things/mix-1/shop") if r["sku"] == "seal-kit"]
    assert (seal["group"], seal["scheme"]) == ("G1", "4")


@pytest.mark.deep
@pytest.mark.feature("SP2", "O5")
def test_what_does_not_fit_or_is_superseded_is_not_put_into_a_cart(shop):
    refused = shop.post("/v1/carts/lines", 422, thing="mix-1", part="foreign")["error"]
    assert "does not fit" in refused["problems"][0]["what"]
    new = {"title": "Seal 2", "price_eur": 90, "supplier": "acme", "models": ["mixer-1"],
           "lead_time_h": {"p50": 1, "p90": 2}}  # fmt: skip
    shop.put("/v1/parts/seal-2", new)
    old = {**new, "title": "Seal kit", "superseded_by": "seal-2"}
    shop.put("/v1/parts/seal-kit", old)
    shop.done("PUT", "/v1/parts/seal-2", {**new, "superseded_by": "seal-kit"}, 422)

    refused = shop.post("/v1/carts/lines", 422, thing="mix-1", part="seal-kit")["error"]
    assert refused["problems"][0]["allowed"] == "seal-2"
    assert {r["sku"]: r["replaces"] for r in shop.items("/v1/things/mix-1/shop")} == {
        "seal-2": "seal-kit", "blade": "",
    }  # fmt: skip
    shop.policy()
    shop.advise()
    rec = shop.rec()
    assert (rec["part"], rec["replaces"], rec["state"]) == ("seal-2", "seal-kit", "ISSUED")
    assert "takes the place of" in rec["reason"]


@pytest.mark.deep
@pytest.mark.feature("SP3")
def test_a_customer_sees_its_things_and_no_general_catalogue_and_pays_its_own_prices(shop, people):
    shop.put("/v1/supply/beta", {"model": "M2", "partner": "dealer"})
    shop.put("/v1/price-lists/M1/seal-kit", {"price_eur": 99.5})
    shop.put("/v1/price-lists/M2/seal-kit", {"price_eur": 120, "seller": "dealer"})
    shop.done("PUT", "/v1/price-lists/M2/seal-kit", {"price_eur": 1}, 422)

    prices = {thing: shop.items(f"/v1/things/{thing}/shop")[0]["price_eur"]
              for thing in ("mix-1", "mix-3")}  # fmt: skip
    assert prices == {"mix-1": 99.5, "mix-3": 120.0}
    with shop.acting_as(people.customer("alpha", things={"mix-1": 0, "mix-2": 0})):
        assert shop.items("/v1/parts") == []
        assert len(shop.items("/v1/things/mix-1/shop")) == 2
        shop.get("/v1/things/mix-3/shop", 404)
    with shop.acting_as(people.maker):
        assert len(shop.items("/v1/parts")) == 3


@pytest.mark.feature("SP4", "ST2", "O1")
def test_a_compatible_part_goes_from_the_shop_over_the_cart_to_its_delivery(shop):
    shop.post("/v1/carts/lines", thing="mix-1", part="seal-kit", quantity=1)
    shop.post("/v1/carts/lines", thing="mix-2", part="blade", quantity=4)
    cart = shop.post("/v1/carts/lines", thing="mix-1", part="seal-kit", quantity=2)
    assert (cart["state"], cart["total_eur"]) == ("CART", 250.0)
    order = shop.post("/v1/carts/alpha/checkout")["id"]
    for step in ("confirm", "ship", "deliver"):
        shop.step(order, step)

    row = shop.get(f"/v1/orders/{order}")
    assert (row["state"], row["total_eur"], len(row["lines"])) == ("DELIVERED", 250.0, 2)
    assert [(s["step"], s["by"]) for s in row["steps"]][:2] == [
        ("checkout", "somebody"), ("confirm", "somebody"),
    ]  # fmt: skip
    needs = {n["need_key"]: n["state"] for n in shop.items("/v1/needs")}
    assert needs == {"mix-1/seal/1": "DELIVERED", "mix-2/blade/1": "DELIVERED"}
    visits = {w["need_key"] for w in shop.items("/v1/work-orders")}
    assert visits == set(needs)
    shop.advise()
    assert shop.items("/v1/recommendations") == []
    shop.post("/v1/carts/lines", thing="mix-1", part="seal-kit")
    shop.post("/v1/carts/alpha/checkout", 409)


@pytest.mark.deep
@pytest.mark.feature("SP4")
def test_an_emptied_cart_is_abandoned_and_nothing_of_it_is_an_order(shop):
    shop.post("/v1/carts/lines", thing="mix-1", part="seal-kit")
    gone = shop.post("/v1/carts/alpha/lines/1/remove")

    assert gone["state"] == "ABANDONED"
    assert shop.get("/v1/carts/alpha")["lines"] == []
    assert shop.items("/v1/orders") == []
    shop.post("/v1/carts/alpha/checkout", 404)


@pytest.mark.deep
@pytest.mark.feature("SP4")
def test_only_the_buyer_creates_and_only_the_provider_modifies(shop, people):
    with shop.acting_as(people.maker):
        shop.post("/v1/carts/lines", 403, thing="mix-1", part="seal-kit")
    buyer = people.customer("alpha", things={"mix-1": 0, "mix-2": 0})
    with shop.acting_as(buyer):
        shop.post("/v1/carts/lines", thing="mix-1", part="seal-kit")
        order = shop.post("/v1/carts/alpha/checkout")["id"]
        for step in ("confirm", "ship"):
            shop.step(order, step, 403)
        shop.step(order, "reject", 403, reason="no")
        shop.step(order, "offer", 403, reason="no", quantity=2)
    with shop.acting_as(people.maker):
        shop.step(order, "cancel", 403, reason="no")
        shop.step(order, "confirm")
    with shop.acting_as(buyer):
        shop.step(order, "cancel", reason="no need")
