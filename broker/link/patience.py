"""Waiting that is not fooled by a machine that stands still.

A virtual machine that is moved, or starved by its neighbours, stands still for seconds. Whoever
then looks at the clock finds the time over in which the other side had none of it.
"""

from __future__ import annotations

import asyncio

SLICES = 8
"""A stand-still costs a wait no more than one of so many parts of it."""


async def wait_at_most(future: asyncio.Future[None] | asyncio.Task[None], within_s: float) -> bool:
    """Wait until a future is done, at most ``within_s`` seconds in which this process ran.

    Returns:
        Whether it is done; it is neither cancelled nor asked for its result.
    """
    for _ in range(SLICES):
        if future.done():
            return True
        await asyncio.wait({future}, timeout=within_s / SLICES)
    return future.done()
