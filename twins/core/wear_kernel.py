"""Wear of many components as kernels: how far they are, and when they will be due.

What the columns mean stands in ``Worn``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Whole = NDArray[np.int64]
Yes = NDArray[np.bool_]

_GROWING, _FAILED = 1, 2


@compiled
def _go(  # noqa: PLR0917
    i: int, clock: float, service: Yes, stress: Columns, phase: NDArray[np.int8], pf_ms: Columns,
    due: Columns, progress: Columns, rate: Columns, anchor: Columns, due_clock: Columns,
) -> None:  # fmt: skip
    pace = stress[i] if service[i] and phase[i] != _FAILED else 0.0
    if phase[i] == _GROWING:
        pace /= max(pf_ms[i], 1.0)
    rate[i], anchor[i] = pace, clock
    left = max(due[i] - progress[i], 1e-9)
    due_clock[i] = clock + left / pace if pace > 0.0 else math.inf  # what stands still never is


@compiled
def go(  # noqa: PLR0917
    first: int, last: int, clock: Columns, service: Yes, stress: Columns, phase: NDArray[np.int8],
    pf_ms: Columns, due: Columns, progress: Columns, rate: Columns, anchor: Columns,
    due_clock: Columns,
) -> None:  # fmt: skip
    """Wear on from ``clock`` (one for all, or of each device) and note when the phase will change.

    Of devices ``first`` to ``last``.
    """
    for i in range(first, last):
        _go(
            i, clock[i if len(clock) > 1 else 0], service, stress, phase, pf_ms, due, progress,
            rate, anchor, due_clock,
        )  # fmt: skip


@compiled
def strain(  # noqa: PLR0917
    news: Columns, clock: Columns, after: float, service: Yes, stress: Columns,
    phase: NDArray[np.int8], pf_ms: Columns, due: Columns, progress: Columns, rate: Columns,
    anchor: Columns, due_clock: Columns,
) -> bool:  # fmt: skip
    """Wear at the stress ``news`` where that is new; what is due by ``after`` has its pace already.

    Returns:
        Whether that changed anything.
    """
    changed = False
    for i in range(len(news)):
        if news[i] == stress[i] or due_clock[i] <= after:
            continue
        now = clock[i if len(clock) > 1 else 0]
        progress[i] += rate[i] * (now - anchor[i])
        stress[i], changed = news[i], True
        _go(i, now, service, stress, phase, pf_ms, due, progress, rate, anchor, due_clock)
    return changed


@compiled
def any_due(due_clock: Columns, uses: Columns, per_use: float) -> bool:
    """Whether a component has been used as often as its phase lasts."""
    for i in range(len(uses)):  # noqa: SIM110 - a kernel knows no generators
        if due_clock[i] <= uses[i] * per_use:
            return True
    return False


@compiled
def grown(  # noqa: PLR0917
    members: Whole, clock: Columns, progress: Columns, rate: Columns, anchor: Columns,
    paths: NDArray[np.float32], shape: Columns,
) -> Columns:  # fmt: skip
    """Damage of growing components along their paths, and how much their signals have risen.

    A signal rises as ``A (e^(k u) - 1) / (e^k - 1)`` in damage u (twins reference, section 2).

    Args:
        members: Who they are, shape ``(count,)``.
        clock: Of all devices, or of each.
        progress: How far they were on their paths at ``anchor``.
        rate: What has come to that since then, per unit of clock.
        anchor: Clock at ``progress``.
        paths: Damage at even steps from 0 to 1, ``(>= count, steps + 1)``.
        shape: Rise at full damage and curvature, ``(2, >= count)``.

    Returns:
        Shape ``(2, count)``.
    """
    found, steps = np.empty((2, len(members))), paths.shape[1] - 1
    for row in range(len(members)):
        i = members[row]
        now = clock[i if len(clock) > 1 else 0]
        at = min(max(progress[i] + rate[i] * (now - anchor[i]), 0.0), 1.0) * steps
        low = min(int(at), steps - 1)
        begin, end = np.float64(paths[row, low]), np.float64(paths[row, low + 1])
        damage, bend = begin + (at - low) * (end - begin), shape[1, row]
        found[0, row] = damage
        found[1, row] = shape[0, row] * math.expm1(bend * damage) / math.expm1(bend)
    return found
