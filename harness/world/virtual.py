"""Lock-step: world and DPS meet at agreed moments, as fast as both can go (architecture, 2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.world.loop import Loop

Gate = Callable[[int, int], Awaitable[None]]
"""Awaited before each step with time and length of it, simulated ms; paced time holds it back."""
Between = Callable[[], Awaitable[None]]
"""Awaited after each step, at rest: snapshots are taken there."""


async def drive(
    loop: Loop, until_ms: int, *, gate: Gate | None = None, between: Between | None = None
) -> None:
    """Run to ``until_ms``.

    Raises:
        SutError: If the DPS does not answer as the contract says.
        LinkLost: If the broker stays away.
    """
    if loop.timeline.calls_at_once and loop.progress.now_ms == loop.run.start:
        await loop.tell_time()  # else its answer depends on whether the births are there already
    while loop.progress.now_ms < until_ms and not loop.control.stopped:
        await loop.apply_moments()
        if gate is not None:
            now_ms = loop.progress.now_ms
            await gate(now_ms, loop.next_stop_ms(until_ms) - now_ms)
            if loop.control.stopped:
                break
            await loop.apply_moments()  # what a hand asked for while it was held
        await _step(loop, loop.next_stop_ms(until_ms))
        if between is not None:
            await between()
    await loop.read_feed(always=True)


async def _step(loop: Loop, to_ms: int) -> None:
    step = loop.world.run_until(to_ms)
    await loop.send(step)
    answer = await loop.tell_time()
    await loop.hear(answer.commands)
    loop.obey()
    await loop.read_feed()
    await loop.act(step.intents)
    loop.end_step()
