"""State of stations as two tables of records: one row a well, one a pump; numpy reads them by name.

A kernel works on the record of one well and on those of its pumps. Whole columns are views:
``pumps["motor_c"]`` has shape ``(stations, pumps)``, ``pumps["ill"]["clog"]`` too. Seconds count
from the start of the world; all numbers are 64 bits wide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.record]
Dtype = np.dtype[Any]


def _record(floats: str = "", whole: str = "", flags: str = "", **parts: Dtype) -> Dtype:
    fields: list[tuple[str, Any]] = [(name, np.float64) for name in floats.split()]
    fields += [(name, np.int64) for name in whole.split()]
    fields += [*parts.items(), *((name, np.bool_) for name in flags.split())]
    return np.dtype((np.record, np.dtype(fields, align=True)))


POINT = _record("speed a0 a1 a2 flow kw amps rough npsh_margin_m")
"""An operating point: speed ratio, the pump's curve ``H = A0 - A1 Q - A2 Q^2`` at it, flow in m3/s,
electric power, current, roughness (1 at the best point), NPSH left."""
PART = _record("run_s m3 kws amp_s rough_s speed_s")
"""Sums since the last report."""
ILL = _record(
    "clog clog_mode impeller ring valve suction_m backflow cooling seal hours_limit starts_limit "
    "winding bearing misaligned_k imbalance misaligned bearing_mm_s"
)
"""What is wrong with a pump: see ``ills.py``."""
WAS = _record("level_m clog clog_mode impeller ring valve suction_m")
"""For what ``alone`` was worked out."""
PUMP = _record(
    "power_factor head_factor least_speed healthy_mm_s "  # as it was built
    "trip_s trip_before_s run_share starts_h starts_before "
    # What every step needs lies together, for the cache.
    "bearing_c motor_c run_s starts last_start_s works_level_m m3 kwh ground_h rags_m3 "
    "clean_starts reversals",
    "role",
    "running able stopped hot latched",
    alone=POINT,
    was=WAS,
    ill=ILL,
    joint=POINT,
    part=PART,
)
"""``role``: whether the level control may run it now (``switching.py``). ``trip_s``: when its motor
tripped last, and the time before. ``works_level_m``: level for which ``alone`` and ``joint``, the
points of this report interval, hold. ``m3``, ``kwh``: in all, up to the last report. ``ground_h``:
run hours since the wear of its impeller was brought up; ``run_share``, ``starts_h``: its use of the
last days, as its seal feels it, by then; ``starts_before``: starts by then. ``rags_m3``,
``clean_starts``: with which volume the next rags come, with which start they come off (infinity:
none will). ``reversals``: how often it was told to turn backwards."""
WELL = _record(
    "now_s volume_m3 level_m spilled_m3 tend_m head_ms "
    "start_m stop_m stop_m3 wait_s dry_s "
    "mean_m3_s inflow_m3_s inflow_was_m3_s rain_mm_h residual quick_mm_h ground_mm_h "
    "storm_mm_h storm_until_ms "
    "offset_m drift_m_s drift_from_s grease_m grease_until_s mains_until_s volts",
    "lead k most able asks",
    "floated dead opened",
)
"""``tend_m``: level when this interval began. ``head_ms``: friction times time since the last
report. ``stop_m3``: volume at which all pumps stop. ``dry_s``: when the dry-run probe
fell dry. ``wait_s``: when a start that was held back is tried again. ``k``: so many run, from the
``lead`` on, out of ``most`` by level, ``able`` by the float. ``floated``: the float has started the
pumps, until they have emptied the well. ``dead``: no mains. ``opened``: somebody was at the
station since the last report. ``asks``: what must be worked out
before it goes on (``switching.py``). ``mean_m3_s`` to ``storm_until_ms``: ``rainfall.py``.
``offset_m`` to ``mains_until_s``: ``ills.py``."""


def dump(table: Table) -> dict[str, Any]:
    """Every column by name."""
    names = table.dtype.names or ()
    return {name: dump(table[name]) if table[name].dtype.names else table[name] for name in names}


def load(table: Table, state: Mapping[str, Any]) -> None:
    """Take over what :func:`dump` gave."""
    for name, column in state.items():
        if isinstance(column, Mapping):
            load(table[name], column)
        else:
            table[name] = column
