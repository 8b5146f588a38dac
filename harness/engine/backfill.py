"""History in virtual time, then live from there: one run, no seam.

The past is driven in lock-step as fast as it goes. Meanwhile real time goes on, so that what it
took is made up in ever shorter stretches; then the DPS is started again on its store with a clock
that follows what arrives, and the devices go on where they are: same boots, next numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import InvalidRun
from harness.world.loop import Loop
from harness.world.virtual import drive

CAUGHT_UP_MS = 5_000
"""So far behind real time the world may be when it goes live."""
STRETCHES_MAX = 20
"""A world that has not caught up after so many stretches is slower than real time."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """How much history is wanted.

    Attributes:
        span_ms: From the scenario's start.
        now_ms: What time it is where the run goes live, asked after each stretch.
    """

    span_ms: int
    now_ms: Callable[[], int]


async def fill(loop: Loop, backfill: Backfill) -> None:
    """Run through the history and make the DPS live.

    Raises:
        InvalidRun: If the world does not catch up, or the DPS cannot go live.
        SutError: If the DPS does not answer as the contract says.
    """
    to_ms = loop.run.start + backfill.span_ms
    for _ in range(STRETCHES_MAX):
        await drive(loop, to_ms)
        if loop.control.stopped:
            return
        now_ms = backfill.now_ms()
        if now_ms - to_ms <= CAUGHT_UP_MS:
            break
        to_ms = now_ms
    else:
        raise InvalidRun("the fleet is too large to catch up with real time; take a smaller one")
    await loop.sut.go_live()
