"""The same lock-step, held back to wall time times a speed that a hand can change at any time."""

from __future__ import annotations

import asyncio

from harness.world.control import POLL_S, Control
from harness.world.loop import Loop
from harness.world.virtual import Between, drive


class Pacer:
    """Lets a step begin when its simulated length has passed at the speed of the moment."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def hold(self, now_ms: int, span_ms: int) -> None:
        """Wait for ``span_ms`` of simulated time.

        A pause stops the wait; a single step, and a jump beyond ``now_ms``, end it.
        """
        control = self._control
        loop = asyncio.get_running_loop()
        left_s = span_ms / 1000
        before = loop.time()
        while left_s > 0 and control.jump_to_ms <= now_ms:
            if control.stopped or control.take_step():
                return
            speed = control.speed
            nap_s = POLL_S if control.paused else min(POLL_S, left_s / speed)
            await asyncio.sleep(nap_s)
            after = loop.time()
            if not control.paused:
                left_s -= (after - before) * speed
            before = after


async def drive_paced(loop: Loop, until_ms: int, *, between: Between | None = None) -> None:
    """Run to ``until_ms`` at the pace of the loop's control; raises as ``virtual.drive``."""
    await drive(loop, until_ms, gate=Pacer(loop.control).hold, between=between)
