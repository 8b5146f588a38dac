"""Counters: what was used, whatever happens to the register.

A register counts up; at its end it rolls over to 0, and somebody may reset it. Readings may be
missing, repeated or out of order: the sum of the steps between the readings that are there is the
same. Source: DS8, PM4 and O2 ("counter rollover"); the step of a reset is what stands afterwards,
as metering standards count it (the least that was used).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reference_impl.kernel.ports import Bools, Floats, Times

IMPLAUSIBLE = 10.0
"""A step of more than so many times the greatest possible use is no use but a fault (O14)."""
ROLLED_SHARE = 0.5
"""A register that fell has rolled over if that is less than half a round; else it was reset."""
MS_PER_DAY = 86_400_000


class Steps(NamedTuple):
    """Per reading: use since the one before it (0 for the first), and whether that is a fault."""

    use: Floats
    implausible: Bools


def steps_of(
    at_ms: Times, readings: Floats, *, rollover: float = 0.0, daily_max: float = 0.0
) -> Steps:
    """What was used between readings of a counter.

    Args:
        at_ms: Times, ascending, shape ``(n,)``.
        readings: The register, shape ``(n,)``.
        rollover: Where the register begins anew; 0: it never does, whatever falls was reset.
        daily_max: The greatest possible use of a day; 0: nobody knows. A step above ten times that
            (of the days between, at least one) counts nothing.
    """
    use = np.zeros(readings.size)
    implausible: Bools = np.zeros(readings.size, dtype=np.bool_)
    if readings.size < 2:
        return Steps(use, implausible)
    before, after = readings[:-1], readings[1:]
    use[1:] = after - before
    fell = after < before
    if fell.any():
        use[1:][fell] = after[fell]
        if rollover > 0:
            over = after + rollover - before
            rolled = fell & (over < ROLLED_SHARE * rollover)
            use[1:][rolled] = over[rolled]
    if daily_max > 0:
        days = np.maximum(np.diff(at_ms) / MS_PER_DAY, 1.0)
        implausible[1:] = use[1:] > IMPLAUSIBLE * daily_max * days
        use[implausible] = 0.0
    return Steps(use, implausible)
