"""Live: nobody tells the DPS the time. Simulated time runs as wall time does, times a speed.

For systems that cannot follow a clock, and to prove that a DPS is right without one. Each round
moves the world on by what has passed, publishes, reads the feed and lets actors act.
"""

from __future__ import annotations

import asyncio

from harness.world.loop import Loop

ROUND_S = 0.01
"""Shortest round, real seconds."""
QUIET_S = 1.5
"""The run is over once the feed has been quiet for so long after the end, real seconds."""
END_WITHIN_S = 60.0
"""Longest wait for that quiet, real seconds."""


async def drive_live(loop: Loop, until_ms: int) -> None:
    """Run to ``until_ms`` without clock calls.

    The speed is the control's. If world and DPS cannot keep up with it, simulated time falls
    behind instead of skipping: every step ends at a sync, an action or a moment, as in
    lock-step.

    Raises:
        SutError: If the DPS does not answer as the contract says.
        LinkLost: If the broker stays away.
    """
    clock = asyncio.get_running_loop()
    start_ms, origin_s = loop.progress.now_ms, clock.time()
    while loop.progress.now_ms < until_ms and not loop.control.stopped:
        await loop.apply_moments()
        to_ms = loop.next_stop_ms(until_ms)
        due_s = origin_s + (to_ms - start_ms) / 1000 / loop.control.speed
        await _answer_until(loop, due_s)
        await _round(loop, min(to_ms, loop.next_stop_ms(until_ms)))
    await _settle(loop)


async def _answer_until(loop: Loop, due_s: float) -> None:
    """Let devices answer while the world waits for its time."""
    clock = asyncio.get_running_loop()
    while (left_s := due_s - clock.time()) > 0 and not loop.control.stopped:
        await asyncio.sleep(min(left_s, ROUND_S))
        await _exchange(loop)


async def _round(loop: Loop, to_ms: int) -> None:
    step = loop.world.run_until(to_ms)
    await loop.send(step)
    await asyncio.sleep(0)
    await _exchange(loop)
    await loop.act(step.intents)
    loop.end_step()


async def _exchange(loop: Loop) -> int:
    obeyed = loop.obey()
    if obeyed:
        await loop.flush()
    return await loop.read_feed(always=True) + obeyed


async def _settle(loop: Loop) -> None:
    clock = asyncio.get_running_loop()
    deadline_s = clock.time() + END_WITHIN_S
    quiet_since_s = clock.time()
    while clock.time() - quiet_since_s < QUIET_S and clock.time() < deadline_s:
        if await _exchange(loop):
            quiet_since_s = clock.time()
        await asyncio.sleep(ROUND_S)
