"""How often a caller may use the order API: a bucket of calls that fills steadily (SP6)."""

from __future__ import annotations

import math
from collections.abc import Callable

from reference_impl.kernel.access import Group, current
from reference_impl.kernel.errors import TooMany

CALLS_PER_MINUTE = 300
"""Of one caller, steadily and at once (estimate); who runs the DPS is not limited."""


class CallLimit:
    """One bucket per caller. ``wall_s`` is real time: it is real machines that are protected."""

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self._wall_s, self._per_minute = wall_s, CALLS_PER_MINUTE
        self._left: dict[str, tuple[float, float]] = {}

    async def take(self) -> None:
        """Take a call out of the current caller's bucket. Raises TooMany if it is empty."""
        who = current()
        if who.group is Group.OPERATOR:
            return
        now_s, rate = self._wall_s(), self._per_minute / 60.0
        left, then_s = self._left.get(who.user, (float(self._per_minute), now_s))
        left = min(float(self._per_minute), left + (now_s - then_s) * rate)
        if left < 1.0:
            self._left[who.user] = (left, now_s)
            wait_s = math.ceil((1.0 - left) / rate)
            raise TooMany(
                f"more than {self._per_minute} calls a minute", retry_after_s=max(1, wait_s)
            )
        self._left[who.user] = (left - 1.0, now_s)
