"""Live: no clock call ever; what arrives moves time, and the decisions are those of lock-step."""

from __future__ import annotations

import asyncio

from reference_impl.kernel.ports import Reduced, Take
from reference_impl.kernel.schedule import set_timer

THINGS = {"mix-1": "site-01", "mix-2": "site-01", "mix-3": "site-02"}
MINUTE_MS = 60_000


def watch(dps, seen):
    """Evaluate every 10 minutes what has been measured by then, and once by a timer."""

    def evaluate(_uow, at_ms):
        kind = Reduced("temp_c", Take.SUM, 30 * MINUTE_MS)
        window = dps.telemetry.windows(list(THINGS), [kind], ends_ms=[at_ms])
        seen.append(("rules", at_ms, window.values.tolist(), window.newest_ms.tolist()))

    dps.scheduler.every("probe", 10 * MINUTE_MS, evaluate, rank=20)
    dps.scheduler.on_timer("probe", lambda _u, timer: seen.append(("timer", timer.due_ms)))


def messages(kit):
    """Births, then reports every 10 minutes; one device is held up for an hour and then late."""
    steps = [[(site, kit.birth(thing)) for thing, site in THINGS.items()]]
    for number in range(1, 31):
        at_ms = kit.START_MS + number * 10 * MINUTE_MS
        steps.append([(s, kit.reading(t, number, at_ms)) for t, s in THINGS.items()])
    held = [steps[number].pop() for number in range(10, 16)]
    steps[16] = held + steps[16]
    return steps


def test_live_fires_the_same_evaluations_on_the_same_data_as_lock_step(kit):
    driven, live = [], []

    async def in_lock_step():
        async with kit.open_rig(things=THINGS) as rig:
            watch(rig.dps, driven)
            with rig.dps.store.begin() as uow:
                set_timer(uow, "probe", "a", kit.START_MS + 95 * MINUTE_MS)
            for number, step in enumerate(messages(kit)):
                for site, message in step:
                    await rig.send(site, message)
                if number not in range(10, 16):  # live cannot know what is held up
                    await rig.clock(kit.START_MS + number * 10 * MINUTE_MS)

    async def as_it_comes():
        async with kit.open_rig(things=THINGS, clock="live") as rig:
            watch(rig.dps, live)
            with rig.dps.store.begin() as uow:
                set_timer(uow, "probe", "a", kit.START_MS + 95 * MINUTE_MS)
            for step in messages(kit):
                for site, message in step:
                    await rig.send(site, message)
            await rig.stored()
            last_ms = kit.START_MS + 300 * MINUTE_MS - 1
            await kit.until(lambda: rig.dps.now_ms() >= last_ms)
            assert rig.dps.now_ms() == last_ms
            refused = await rig.clock(last_ms + 1, status=409)
            assert refused["error"]["code"] == "clock_is_live"

    asyncio.run(in_lock_step())
    asyncio.run(as_it_comes())
    assert len(live) == 1 + 30  # the timer; evaluations from the start to before the last report
    assert live == [one for one in driven if one[1] < kit.START_MS + 300 * MINUTE_MS]


def test_a_site_that_says_nothing_holds_time_back_until_it_counts_as_idle(kit):
    async def story(idle_site_s):
        async with kit.open_rig(things=THINGS, clock="live", idle_site_s=idle_site_s) as rig:
            await rig.send("site-01", kit.reading("mix-1", 1, kit.START_MS + 5))
            await rig.stored()
            intake = rig.dps.contexts.ingestion
            assert intake.watermark_ms() is None or idle_site_s == 0.0
            wall = [intake._wall_s() + 100.0]
            intake._sites.heard(["site-01"], wall[0])
            intake._wall_s = lambda: wall[0]
            return intake.watermark_ms()

    assert asyncio.run(story(None)) is None
    assert asyncio.run(story(50.0)) == 1_767_225_600_005


def test_live_sends_commands_and_resend_requests_without_being_asked(kit):
    async def story():
        async with kit.open_rig(things={"mix-1": "site-01"}, clock="live") as rig:
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 3, kit.START_MS + 9))
            call = {"by": "ada", "name": "stop"}
            command = await rig.post("/v1/things/mix-1/commands", call)
            wanted = {"resend-mix-1-1-1-2-1", command["id"]}
            await kit.until(lambda: wanted <= {c.command_id for c in rig.down})

    asyncio.run(story())
