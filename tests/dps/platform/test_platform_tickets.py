"""Support requests over the API: routed, moved by their table, restored when the alert clears."""

from __future__ import annotations

import asyncio

import pytest
from mixing_rules import HOT

from reference_impl.kernel import access
from reference_impl.maintenance.ticket_states import TICKETS, Ticket, TicketStep

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}
ASK = {"by": "ada", "title": "It hums", "text": "Since this morning", "priority": "high"}


def test_only_a_closed_or_rejected_ticket_goes_nowhere():
    assert set(TICKETS) == set(Ticket)
    assert {s for s, steps in TICKETS.items() if not steps} == {Ticket.CLOSED, Ticket.REJECTED}
    assert TicketStep.START in TICKETS[Ticket.OPEN]
    assert TicketStep.START not in TICKETS[Ticket.ON_HOLD]


@pytest.mark.feature("DS13")
def test_a_ticket_is_linked_to_thing_site_and_customer_and_routed_to_who_answers(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            made = await rig.post("/v1/things/mix-1/tickets", ASK)
            again = await rig.post("/v1/things/mix-1/tickets", ASK)
            assert again["id"] == made["id"], "the same request at the same instant is one ticket"
            linked = {name: made[name] for name in ("thing", "site", "customer", "routed_to")}
            assert linked == {
                "thing": "mix-1",
                "site": "site-01",
                "customer": "acme",
                "routed_to": "organisation:main",
            }
            assert (made["state"], made["opened_ms"]) == ("OPEN", kit.START_MS)
            await rig.post(f"/v1/tickets/{made['id']}/start", {"by": "eve"})
            no_reason = await rig.post(f"/v1/tickets/{made['id']}/hold", {"by": "eve"}, status=422)
            assert no_reason["error"]["problems"][0]["where"] == "reason"
            hold = {"by": "eve", "reason": "waits for the customer"}
            await rig.post(f"/v1/tickets/{made['id']}/hold", hold)
            illegal = await rig.post(f"/v1/tickets/{made['id']}/start", {"by": "eve"}, status=409)
            assert "resume, close, reject" in illegal["error"]["problems"][0]["allowed"]
            await rig.post(f"/v1/tickets/{made['id']}/close", {"by": "eve"})
            told = [e["type"] for e in await rig.feed() if e["type"].startswith("ticket")]
            assert told == ["ticket.opened", "ticket.started", "ticket.held", "ticket.closed"]

    asyncio.run(story())


@pytest.mark.feature("DS13")
def test_a_customer_sees_neither_internal_notes_nor_tickets_of_others(kit):
    customer = access.Principal(
        user="cora",
        group=access.Group.CUSTOMER,
        party="acme",
        permissions=frozenset({"tickets:read"}),
        customers=frozenset({"acme"}),
    )
    stranger = access.Principal(
        user="sam",
        group=access.Group.CUSTOMER,
        party="else",
        permissions=frozenset({"tickets:read"}),
        customers=frozenset({"else"}),
    )

    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            made = await rig.post("/v1/things/mix-1/tickets", ASK)
            path = f"/v1/tickets/{made['id']}"
            await rig.post(f"{path}/notes", {"by": "eve", "text": "we look at it"})
            await rig.post(f"{path}/notes", {"by": "eve", "text": "again him", "internal": True})
            assert len((await rig.get(path))["notes"]) == 2
            with kit.acting_as(rig, customer):
                assert [n["text"] for n in (await rig.get(path))["notes"]] == ["we look at it"]
                await rig.post(f"{path}/close", {"by": "cora"}, status=403)
            with kit.acting_as(rig, stranger):
                assert (await rig.get("/v1/tickets"))["items"] == []
                await rig.get(path, status=404)

    asyncio.run(story())


@pytest.mark.feature("ST3")
def test_break_and_fix_a_failure_becomes_a_ticket_is_restored_and_closed(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.post("/v1/rule-packs", HOT)
            await rig.clock(kit.START_MS)
            minute = kit.HOUR_MS // 60
            at_ms = kit.START_MS + 5 * minute
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.send("site-01", kit.reading("mix-1", 1, at_ms, temp_c=120.0))
            await rig.clock(kit.START_MS + 10 * minute)
            (alert,) = (await rig.get("/v1/alerts"))["items"]
            wrong = await rig.post(
                "/v1/things/mix-2/tickets", {**ASK, "alert": alert["id"]}, status=422
            )
            assert "no alert of 'mix-2'" in wrong["error"]["problems"][0]["what"]
            asked = {**ASK, "alert": alert["id"]}
            ticket = await rig.post("/v1/things/mix-1/tickets", asked)
            other = await rig.post("/v1/things/mix-1/tickets", {**asked, "by": "bob"})
            assert other["id"] == ticket["id"], "one open ticket for an alert"
            await rig.send("site-01", kit.reading("mix-1", 2, at_ms + 10 * minute, temp_c=20.0))
            await rig.clock(kit.START_MS + 20 * minute)
            seen = await rig.get(f"/v1/tickets/{ticket['id']}")
            assert (seen["state"], seen["restored_ms"]) == ("OPEN", kit.START_MS + 20 * minute)
            closed = await rig.post(f"/v1/tickets/{ticket['id']}/close", {"by": "eve"})
            assert closed["state"] == "CLOSED"

    asyncio.run(story())


@pytest.mark.feature("DS3")
def test_a_setting_out_of_range_and_an_unknown_command_are_refused_before_anything_goes_out(kit):
    obeys = {
        "commands": {
            "turn": {
                "args": {
                    "degrees": {"min": 0.0, "max": 90.0, "unit": "°"},
                    "way": {"kind": "text", "one_of": ["left", "right"], "required": False},
                }
            }
        },
        "settings": {"limit_c": {"min": 40.0, "max": 95.0, "unit": "°C"}},
    }

    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.put("/v1/models/mixer-1", {**kit.MODEL, "obeys": obeys})
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.clock(kit.START_MS)
            path = "/v1/things/mix-1/commands"
            asked = {"by": "ada", "name": "set_settings", "args": {"limit_c": 120.0, "limt_c": 50}}
            refused = (await rig.post(path, asked, status=422))["error"]["problems"]
            assert [p["where"] for p in refused] == ["args.limit_c", "args.limt_c"]
            assert refused[0]["allowed"] == "a number from 40 to 95 °C"
            assert "did you mean 'limit_c'" in refused[1]["what"]
            asked = {"by": "ada", "name": "turn", "args": {"degrees": True, "way": "up"}}
            refused = (await rig.post(path, asked, status=422))["error"]["problems"]
            assert [p["allowed"] for p in refused] == [
                "a number from 0 to 90 °",
                "one of left, right",
            ]
            unknown = await rig.post(path, {"by": "ada", "name": "trn"}, status=422)
            assert "did you mean 'turn'" in unknown["error"]["problems"][0]["what"]
            assert (await rig.clock(kit.START_MS + 1000))["commands"] == []
            good = {"by": "ada", "name": "set_settings", "args": {"limit_c": 60}}
            made = await rig.post(path, good)
            assert (await rig.clock(kit.START_MS + 2000))["commands"] == [made["id"]]
            (shown,) = (await rig.get(path))["items"]
            assert shown["state"] == "SENT", "not shown as applied before the device confirmed it"

    asyncio.run(story())


@pytest.mark.feature("DS3")
def test_only_who_may_sends_commands(kit):
    reader = access.Principal(
        user="cora",
        group=access.Group.CUSTOMER,
        party="acme",
        permissions=frozenset({"commands:read"}),
        customers=frozenset({"acme"}),
        things={"mix-1": 0},
    )

    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            with kit.acting_as(rig, reader):
                await rig.post("/v1/things/mix-1/commands", {"by": "c", "name": "stop"}, status=403)
                assert (await rig.get("/v1/things/mix-1/commands"))["items"] == []

    asyncio.run(story())
