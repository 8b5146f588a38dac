"""Commands: requested, sent with the clock call, confirmed, failed or expired; never twice."""

from __future__ import annotations

import asyncio

import pytest

from broker.wire import messages as m
from reference_impl.remote.domain import TRANSITIONS, State, Step

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}
CALL = {"by": "ada", "name": "stop", "args": {"ramp_s": 2.5}, "expires_s": 60}


def test_the_table_of_commands_is_total_and_ends():
    assert set(TRANSITIONS) == set(State)
    finals = {state for state, steps in TRANSITIONS.items() if not steps}
    assert finals == {State.CONFIRMED, State.FAILED, State.EXPIRED}
    assert set(TRANSITIONS[State.REQUESTED]) == set(Step) - {Step.RETRY}
    assert [s for s in State if Step.RETRY in TRANSITIONS[s]] == [State.TIMEOUT]


@pytest.mark.parametrize(
    ("status", "state", "kind"),
    [
        ("done", "CONFIRMED", "command.confirmed"),
        ("refused", "FAILED", "command.failed"),
        ("expired", "EXPIRED", "command.failed"),
    ],
)
def test_a_command_goes_out_with_the_next_clock_call_and_ends_by_the_first_answer(
    kit, status, state, kind
):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.clock(kit.START_MS)
            made = await rig.post("/v1/things/mix-1/commands", CALL)
            assert made["state"] == "REQUESTED"
            answer = await rig.clock(kit.START_MS + 1000)
            assert answer["commands"] == [made["id"]]
            (sent,) = [c for c in rig.down if isinstance(c, m.Command)]
            assert (sent.device, sent.args) == ("mix-1", {"ramp_s": 2.5})
            assert sent.expires_ms == kit.START_MS + 60_000
            assert (await rig.get("/v1/commands"))["items"][0]["state"] == "SENT"
            ack = {"device": "mix-1", "boot": 1, "command_id": made["id"]}
            at_ms = kit.START_MS + 1000
            await rig.send("site-01", m.CommandAck(**ack, seq=1, at_ms=at_ms, status=status))
            await rig.send("site-01", m.CommandAck(**ack, seq=2, at_ms=at_ms, status="done"))
            await rig.clock(kit.START_MS + 90_000)
            (command,) = (await rig.get("/v1/things/mix-1/commands"))["items"]
            assert command["state"] == state
            kinds = [(e["type"], e["at_ms"]) for e in await rig.feed() if "command" in e["type"]]
            assert kinds == [("command.requested", kit.START_MS), (kind, at_ms)]

    asyncio.run(story())


def test_a_command_that_nobody_answers_expires_at_its_time(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            await rig.post("/v1/things/mix-1/commands", CALL)
            answer = await rig.clock(kit.START_MS + 1)
            assert answer["next_due_ms"] == kit.START_MS + 60_000
            await rig.clock(kit.START_MS + 3_600_000)
            (failed,) = await rig.feed("command.failed")
            assert failed["at_ms"] == kit.START_MS + 60_000
            assert failed["data"]["detail"] == "no answer before it expired"

    asyncio.run(story())


def test_a_command_that_takes_its_time_is_running_beyond_its_expiry_and_ends_by_the_last_answer(
    kit,
):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.clock(kit.START_MS)
            made = await rig.post("/v1/things/mix-1/commands", CALL)
            await rig.clock(kit.START_MS + 1000)
            ack = {"device": "mix-1", "boot": 1, "command_id": made["id"]}
            hours = [(1, 0.001, "running"), (2, 3, "running"), (3, 30, "done"), (4, 31, "running")]
            for seq, hour, status in hours:
                at_ms = kit.START_MS + round(hour * 3_600_000)
                said = m.CommandAck(**ack, seq=seq, at_ms=at_ms, status=status, detail=f"{hour} h")
                await rig.send("site-01", said)
                await rig.clock(at_ms)
                (command,) = (await rig.get("/v1/commands"))["items"]
                expected = ("RUNNING", f"{hour} h") if hour < 30 else ("CONFIRMED", "30 h")
                assert (command["state"], command["detail"]) == expected
            kinds = [e["type"] for e in await rig.feed() if "command" in e["type"]]
            assert kinds == [
                "command.requested",
                "command.progressed",
                "command.progressed",
                "command.confirmed",
            ]

    asyncio.run(story())


def test_a_command_under_way_of_which_nothing_more_is_heard_is_given_up_after_two_days(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.clock(kit.START_MS)
            made = await rig.post("/v1/things/mix-1/commands", CALL)
            at_ms = kit.START_MS + 1000
            ack = {"device": "mix-1", "boot": 1, "command_id": made["id"], "status": "running"}
            await rig.send("site-01", m.CommandAck(**ack, seq=1, at_ms=at_ms))
            await rig.clock(kit.START_MS + 3 * 86_400_000)
            (failed,) = await rig.feed("command.failed")
            assert failed["at_ms"] == at_ms + 2 * 86_400_000
            assert failed["data"]["detail"] == "begun, but silent for two days"

    asyncio.run(story())


def test_the_same_request_at_the_same_instant_is_one_command(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            first = await rig.post("/v1/things/mix-1/commands", CALL)
            assert await rig.post("/v1/things/mix-1/commands", CALL) == first
            assert len(await rig.feed("command.requested")) == 1

    asyncio.run(story())


def test_a_command_to_an_unknown_thing_or_without_a_name_is_refused(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.post("/v1/things/mix-9/commands", CALL, 404)
            refused = await rig.post("/v1/things/mix-1/commands", {"expires_s": -1}, 422)
            places = [p["where"] for p in refused["error"]["problems"]]
            assert sorted(places) == ["by", "expires_s", "name"]

    asyncio.run(story())
