"""Stations from one report to the next: moved, measured and given what flows in, one by one.

A kernel, which calls those of ``switching.py``, ``hydraulics.py``, ``measuring.py`` and
``rainfall.py``: whatever is done to a station is done while it is in the cache.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled, fetch, lent
from twins.products.pump.hydraulics import point_out
from twins.products.pump.measuring import close, know, measure
from twins.products.pump.rainfall import flow
from twins.products.pump.switching import go_on

Columns = NDArray[np.float64]
Whole = NDArray[np.int64]
Table = NDArray[np.record]
Record = Any
"""One row of a table; its fields are attributes."""
Control = Any
"""What a station's control goes by: see ``station.py``."""

NOTHING = 0
"""What stations ask for: see ``switching.py``."""


class Round(NamedTuple):
    """What all stations share in a round."""

    to_s: float
    water_c: float
    size: Any
    """Of ``hydraulics.py``."""
    measured: Any
    """Of ``measuring.py``: the interval that ends."""
    begins: Any
    """Of ``rainfall.py``: the interval that begins."""


@compiled
def come(control: Control, what: Round, well: Record, pumps: Table) -> None:
    """Let a station come to the report, with operating points for whatever runs then."""
    asks = well.now_s < what.to_s
    while asks:  # named once: what a condition calls would be made part of this twice
        asks = go_on(control, well, pumps, what.to_s, what.water_c)
        if well.asks != NOTHING:  # a motor may trip with the report itself
            point_out(what.size, well, pumps)


@lent
def go_round(  # noqa: PLR0917
    control: Control, what: Round, wells: Table, pumps: Table, first: int, signal_dbm: Columns,
    rain_mm_h: Columns, normals: NDArray[np.float32], told: Columns, known: NDArray[np.bool_],
    ragged: Whole,
) -> tuple[int, int]:  # fmt: skip
    """Let some stations come to the report, write down what they are like, and begin the next.

    Args:
        control: Of ``station.py``.
        what: What all share.
        wells: Stations.
        pumps: Their pumps.
        first: The first of those stations.
        signal_dbm: Of the stations' modems, shape ``(stations,)``.
        rain_mm_h: What falls on them in the interval that begins, as ``signal_dbm``.
        normals: Draws for what flows to them, as ``signal_dbm``.
        told: Where their true values go, shape ``(signals, those stations, pumps)``.
        known: Where the states that controls know go, shape ``(states, stations, pumps)``.
        ragged: Where to write at which pumps rags come or come off, shape ``(n,)``.

    Returns:
        At how many pumps that is, and to how many stations the mains come back.
    """
    measured, rags, mains = what.measured, 0, 0
    for row in range(told.shape[1]):
        s = first + row
        well, its = wells[s], pumps[s]
        fetch(wells, s + 1)
        fetch(pumps, s + 1)
        come(control, what, well, its)
        measure(measured, well, its, signal_dbm[s], row, told)
        rags = close(well, its, s * len(its), ragged, rags)
        mains += well.dead and well.mains_until_s <= measured.now_s
        flow(what.begins, well, rain_mm_h[s], np.float64(normals[s]))
        know(well, its, s, measured.float_m, measured.stator_from, known)
    return rags, mains
