"""GET /v1/explain: from any decision back to rule version, inputs, readings and forecast."""

from __future__ import annotations

import asyncio
import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import pytest

from reference_impl.integration.wiring import explainer_of
from reference_impl.kernel import access
from reference_impl.kernel.errors import Unknown

_spec = importlib.util.spec_from_file_location(
    "platform_loop", Path(__file__).parents[1] / "platform/test_platform_loop.py"
)
loop = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(loop)


async def live(kit, rig, days=32):
    state = {"cursor": "0", "fitted_h": 0}
    await loop.install(rig, kit)
    await rig.send("site-01", kit.birth("mix-1"))
    for number in range(days):
        await loop.day(rig, kit, number, state)


async def ids_of(rig, kind):
    return [event["subject"] for event in await rig.feed(kind)]


@pytest.mark.feature("CC17", "O15")
def test_an_order_tells_rule_version_inputs_forecast_and_the_whole_chain_of_its_need(kit):
    async def story():
        async with kit.open_rig() as rig:
            await live(kit, rig)
            (order,) = await ids_of(rig, "order.placed")
            said = await rig.get(f"/v1/explain/{order}")
            # a newer version of the pack does not change what decided then
            changed = {**loop.PACK, "version": "2.0.0", "rules": loop.PACK["rules"][:1]}
            await rig.post("/v1/rule-packs", changed)
            assert await rig.get(f"/v1/explain/{order}") == said

            assert (said["kind"], said["thing"], said["customer"]) == ("order", "mix-1", "acme")
            rule = said["rule"]
            assert (rule["id"], rule["pack"], rule["version"]) == (
                "order-point", "mixer-standard", "1.0.0",
            )  # fmt: skip
            assert (rule["when"], rule["owner"]) == ("wear_pct > 60.0", "service")
            assert said["why"] == "three fifths are used up"
            assert said["policy"] == "auto"
            (issued,) = await rig.feed("recommendation.issued")
            assert said["inputs"] == issued["data"]["values"]
            assert said["decided_ms"] == issued["at_ms"]
            (forecast,) = said["forecasts"]
            assert forecast["condition"] == "seal_wear"
            assert forecast["at_ms"] <= said["decided_ms"]
            assert math.isclose(forecast["wear_pct"], said["inputs"]["wear_pct"])
            (window,) = said["windows"]  # the telemetry that the forecast was made of
            assert (window["name"], window["signal"]) == ("seal_wear", "temp_c")
            assert window["to_ms"] == forecast["at_ms"] <= said["decided_ms"]
            assert len(window["values"]) == len(window["at_ms"]) > 10
            assert [link["kind"] for link in said["chain"]] == [
                "recommendation", "order", "work_order",
            ]  # fmt: skip
            told = [event["kind"] for event in said["history"]]
            for kind in ("recommendation.issued", "order.placed", "order.delivered"):
                assert told.count(kind) == 1
            for link in said["chain"]:
                other = await rig.get(f"/v1/explain/{link['id']}")
                assert (other["rule"], other["chain"]) == (rule, said["chain"])
            credit = await rig.get("/v1/explain/c-1/2026-01")
            (closed,) = await rig.feed("outcome.period_closed")
            assert credit["decided_ms"] == closed["at_ms"]
            for name in ("availability", "credit_eur", "target", "cap_pct"):
                assert name in credit["inputs"]
            assert credit["inputs"]["availability"] == closed["data"]["availability"]

    asyncio.run(story())


async def run_hot(kit, rig):
    """Five hours of readings far above what the rule allows."""
    await loop.install(rig, kit)
    await rig.send("site-01", kit.birth("mix-1"))
    for hour in range(6):
        now_ms = kit.START_MS + hour * kit.HOUR_MS
        await rig.send("site-01", kit.reading("mix-1", hour + 1, now_ms, temp_c=50.0 + hour))
        await rig.clock(now_ms)
    (alert,) = await ids_of(rig, "alert.raised")
    return alert


@pytest.mark.feature("CC17")
def test_an_alert_shows_the_readings_that_its_rule_looked_at(kit):
    async def story():
        async with kit.open_rig() as rig:
            alert = await run_hot(kit, rig)
            said = await rig.get(f"/v1/explain/{alert}")
            (window,) = said["windows"]
            assert (window["signal"], window["take"]) == ("temp_c", "mean")
            assert window["to_ms"] - window["from_ms"] == 3 * kit.HOUR_MS
            assert all(window["from_ms"] < at <= window["to_ms"] for at in window["at_ms"])
            assert len(window["values"]) >= 2
            mean = sum(window["values"]) / len(window["values"])
            assert math.isclose(mean, said["inputs"]["temp_c"], rel_tol=1e-9)
            assert [link["id"] for link in said["chain"]] == [alert]

    asyncio.run(story())


@pytest.mark.feature("CC17")
def test_what_nobody_decided_or_somebody_else_owns_is_unknown(kit):
    async def story():
        async with kit.open_rig() as rig:
            alert = await run_hot(kit, rig)
            refused = await rig.get("/v1/explain/ord-nothing", 404)
            assert refused["error"]["title"] == "there is no decision 'ord-nothing'"
            mine = replace(
                access.OPERATOR,
                group=access.Group.CUSTOMER,
                party="acme",
                customers=frozenset({"acme"}),
                things={"mix-1": 0},
            )
            late = replace(mine, things={"mix-1": kit.START_MS + 10 * kit.HOUR_MS})
            other = replace(mine, party="b", customers=frozenset({"b"}), things={})
            explainer = explainer_of(rig.dps.contexts, rig.dps.telemetry)
            with rig.dps.store.read() as conn:
                with access.acting_as(mine):
                    assert explainer.explain(conn, alert)["id"] == alert
                for who in (late, other):
                    with access.acting_as(who), pytest.raises(Unknown):
                        explainer.explain(conn, alert)

    asyncio.run(story())


@pytest.mark.feature("CC17")
def test_readings_that_only_the_store_still_has_can_be_read_inside_a_read(kit, tmp_path):
    """SQLite has one connection here: a second transaction on it would be refused."""

    async def story():
        url = f"sqlite:///{tmp_path}/dps.sqlite"
        async with kit.open_rig(url) as rig:
            alert = await run_hot(kit, rig)
            before = await rig.get(f"/v1/explain/{alert}")
        async with kit.open_rig(url) as again:
            assert await again.get(f"/v1/explain/{alert}") == before
            with again.dps.store.read() as outer, again.dps.store.read() as inner:
                assert inner is outer

    asyncio.run(story())
