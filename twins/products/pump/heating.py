"""Temperatures of motors and bearings, in exact steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.products.pump.duty import Works
from twins.products.pump.model import Columns

Whole = NDArray[np.int64]


class Runs(NamedTuple):
    """Which set of pumps ran how long, and when."""

    keys: Whole
    """Station, number of pumps and lead as one number."""
    steps_s: Columns
    """How long."""
    left_s: Columns
    """Time left after it."""
    shape: tuple[int, int, int]
    """``(stations, pumps + 1, pumps)``: what the keys count through."""


def warmed_c(  # noqa: PLR0917
    runs: Runs,
    works: Works,
    joint: Sequence[tuple[Whole, Works]],
    water_c: float,
    span_s: float,
    now_c: Columns,
    tau_s: float,
    *,
    factor: Columns,
    extra_k: Columns,
) -> Columns:
    """Temperature after a span, shape ``(stations, pumps)``.

    Args:
        runs: Which sets ran.
        works: Each pump alone.
        joint: Stations with several pumps on, and their sets.
        water_c: What a standing pump cools down to.
        span_s: Length of the span.
        now_c: Temperature at its begin.
        tau_s: Time constant.
        factor: Rise in the long run per kW drawn, as ``now_c``.
        extra_k: Rise in the long run besides, while a pump runs, as ``now_c``.
    """
    size = runs.shape[0] * runs.shape[1] * runs.shape[2]
    weights = np.exp(runs.left_s / -tau_s) * -np.expm1(runs.steps_s / -tau_s)
    shares = np.bincount(runs.keys, weights, size).reshape(runs.shape)
    rise: Columns = shares[:, 1] * (works.kw * factor + extra_k)
    for several, sets in joint:
        spans = shares[several, 2:].reshape(len(several), -1)
        loads = sets.kw * factor[several][:, None]
        loads += np.where(sets.flow > 0.0, extra_k[several][:, None], 0.0)
        rise[several] += np.einsum("fc,fcj->fj", spans, loads)
    return water_c + (now_c - water_c) * math.exp(-span_s / tau_s) + rise
