"""The clock call: waits by count, moves time once, answers the same after everything."""

from __future__ import annotations

import asyncio

import pytest

from broker.wire import messages as m
from reference_impl.kernel.schedule import cancel_timer, set_timer

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}


def test_a_clock_call_waits_until_all_delivered_messages_are_stored(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"))
            rig.delivered["site-01"] += 1
            call = asyncio.create_task(rig.clock(kit.START_MS))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not call.done()
            rig.delivered["site-01"] -= 1  # send() counts it
            await rig.send("site-01", kit.reading("mix-1", 1, kit.START_MS))
            answer = await call
            assert answer["ingested"] == 2
            assert answer["commands"] == []
            assert answer["next_due_ms"] is None

    asyncio.run(story())


def test_the_same_clock_call_gets_the_same_answer_also_from_a_reopened_store(kit, new_store):
    url = new_store()

    async def story():
        async with kit.open_rig(url, things=THINGS) as rig:
            fired = []
            rig.dps.scheduler.on_timer("probe", lambda _uow, timer: fired.append(timer.due_ms))
            with rig.dps.store.begin() as uow:
                set_timer(uow, "probe", "a", kit.START_MS + 5)
                set_timer(uow, "probe", "b", kit.START_MS + 2 * kit.HOUR_MS)
            await rig.send("site-01", kit.birth("mix-1"))
            first = await rig.clock(kit.START_MS + kit.HOUR_MS)
            assert fired == [kit.START_MS + 5]
            assert first["next_due_ms"] == kit.START_MS + 2 * kit.HOUR_MS
            await rig.send("site-01", kit.reading("mix-1", 1, kit.START_MS + kit.HOUR_MS))
            assert await rig.clock(kit.START_MS + kit.HOUR_MS) == first
            await rig.stored()
            assert fired == [kit.START_MS + 5]
        async with kit.open_rig(url) as again:
            delivered = {"site-01": 2}
            assert await again.clock(kit.START_MS + kit.HOUR_MS, delivered=delivered) == first
            again.dps.scheduler.on_timer("probe", lambda _uow, timer: fired.append(timer.due_ms))
            await again.clock(kit.START_MS + 2 * kit.HOUR_MS, delivered=delivered)
            assert fired == [kit.START_MS + 5, kit.START_MS + 2 * kit.HOUR_MS]

    asyncio.run(story())


def test_a_clock_call_into_the_past_is_refused_with_the_present(kit):
    async def story():
        async with kit.open_rig() as rig:
            await rig.clock(kit.START_MS)
            body = await rig.clock(kit.START_MS - 1, status=409)
            assert body["error"]["code"] == "time_goes_forward"
            assert body["error"]["problems"][0] == {
                "where": "now_ms",
                "what": str(kit.START_MS - 1),
                "allowed": f">= {kit.START_MS}",
            }

    asyncio.run(story())


def test_a_short_call_names_what_is_missing_and_asks_the_devices_to_send_it_again(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            sent = [kit.reading("mix-1", seq, kit.START_MS + seq) for seq in (1, 2, 5)]
            await rig.send("site-01", kit.birth("mix-1"), *sent)
            body = await rig.clock(
                kit.START_MS + 9, wait_s=0.01, status=409, delivered={"site-01": 7}
            )
            assert body["short"] == {"site-01": 3}
            assert body["error"]["code"] == "short"
            assert "site-01" in body["error"]["problems"][0]["where"]
            asked = [(r.from_seq, r.to_seq) for r in rig.down if isinstance(r, m.ResendRequest)]
            assert asked == [(3, 4), (6, 8)]
            await rig.send(
                "site-01", *(kit.reading("mix-1", s, kit.START_MS + s) for s in (3, 4, 6))
            )
            answer = await rig.clock(kit.START_MS + 9)
            assert answer["ingested"] == 7
            assert {r.command_id for r in rig.down} > set(answer["commands"])

    asyncio.run(story())


def test_a_gap_that_is_seen_at_a_clock_call_is_asked_for_once_an_hour_and_then_given_up(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 3, kit.START_MS))
            times = [kit.START_MS + hour * kit.HOUR_MS + ms for hour in range(10) for ms in (0, 1)]
            asked = [(await rig.clock(at_ms))["commands"] for at_ms in times]
            flat = [c for commands in asked for c in commands]
            assert flat == [f"resend-mix-1-1-1-2-{n}" for n in range(1, 6)]
            assert [c.command_id for c in rig.down if isinstance(c, m.ResendRequest)] == flat
            assert asked[1] == []

    asyncio.run(story())


def test_a_step_that_fails_inside_the_clock_call_leaves_nothing_and_can_be_repeated(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            fired = []

            def fail_once(uow, timer):
                fired.append(timer.due_ms)
                set_timer(uow, "later", "x", kit.START_MS + kit.HOUR_MS)
                if len(fired) == 1:
                    raise RuntimeError("planted")

            rig.dps.scheduler.on_timer("probe", fail_once)
            with rig.dps.store.begin() as uow:
                set_timer(uow, "probe", "a", kit.START_MS)
            with pytest.raises(RuntimeError, match="planted"):
                await rig.clock(kit.START_MS)
            assert (await rig.clock(kit.START_MS))["next_due_ms"] == kit.START_MS + kit.HOUR_MS
            assert fired == [kit.START_MS, kit.START_MS]

    asyncio.run(story())


def test_timers_and_evaluations_fire_in_one_order_by_time_then_evaluations_by_rank(kit):
    async def story():
        async with kit.open_rig() as rig:
            seen = []
            every = rig.dps.scheduler.every
            every(
                "rules", 600_000, lambda _u, at: seen.append((at - kit.START_MS, "rules")), rank=20
            )
            every(
                "wear", 1_200_000, lambda _u, at: seen.append((at - kit.START_MS, "wear")), rank=10
            )
            rig.dps.scheduler.on_timer(
                "t", lambda _u, t: seen.append((t.due_ms - kit.START_MS, "t"))
            )
            await rig.clock(kit.START_MS)
            seen.clear()
            with rig.dps.store.begin() as uow:
                set_timer(uow, "t", "a", kit.START_MS + 1_200_000)
                set_timer(uow, "t", "b", kit.START_MS + 700_000)
            await rig.clock(kit.START_MS + 1_200_000)
            assert seen == [
                (600_000, "rules"),
                (700_000, "t"),
                (1_200_000, "wear"),
                (1_200_000, "rules"),
                (1_200_000, "t"),
            ]

    asyncio.run(story())


def test_the_timer_kept_in_memory_follows_every_commit_and_no_rollback(kit):
    """The scheduler reads its table only after a change; a change undone must not mislead it."""

    def change_and_fail(store):
        with store.begin() as uow:
            cancel_timer(uow, "probe", "a")
            set_timer(uow, "probe", "b", kit.START_MS + 3)
            raise RuntimeError("planted")

    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            fired = []
            rig.dps.scheduler.on_timer("probe", lambda _uow, timer: fired.append(timer.subject))
            due_ms = kit.START_MS + kit.HOUR_MS
            assert (await rig.clock(kit.START_MS))["next_due_ms"] is None
            with rig.dps.store.begin() as uow:
                set_timer(uow, "probe", "a", due_ms)
            assert (await rig.clock(kit.START_MS + 1))["next_due_ms"] == due_ms
            with pytest.raises(RuntimeError, match="planted"):
                change_and_fail(rig.dps.store)
            assert (await rig.clock(kit.START_MS + 2))["next_due_ms"] == due_ms
            with rig.dps.store.begin() as uow:
                set_timer(uow, "probe", "c", kit.START_MS + 4)
            assert (await rig.clock(kit.START_MS + 3))["next_due_ms"] == kit.START_MS + 4
            assert (await rig.clock(due_ms))["next_due_ms"] is None
            assert fired == ["c", "a"]

    asyncio.run(story())
