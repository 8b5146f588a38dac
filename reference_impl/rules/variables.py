"""What a variable of a rule may be, beside the plain windows, conditions and parts of the domain.

Every kind becomes a column of one number per evaluation and thing (``NaN``: there is nothing), so
that a rule reads them alike. The source of what is needed are the rules P1-P14, V1-V13, B1-B13 and
6.4 of the domain; each kind names the first rule that needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LAST_WITHIN_MS = 7 * DAY_MS
"""How far back the last readings are looked for, where a pack does not say (``within``)."""
BACK_MS_MAX = 400 * DAY_MS
"""Furthest that any window reaches: a year and some, for seasons."""
CLOCK_FIELDS = ("hour", "weekday", "month", "within")
"""Hour 0 to under 24 with its fraction; weekday 1 (Monday) to 7; month 1 to 12; within 0 or 1."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STATE_FIELDS = ("active", "active_h", "fired")
AMONG = ("site", "customer", "model")
PEER_TAKES = ("median", "mean", "min", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Only readings of reports in which another signal stands so (P11: insulation at rest)."""

    signal: str
    above: float | None
    below: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles:
    """Reports on end in which a signal stands above a level: one run of a machine (P3)."""

    signal: str
    above: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """A stretch of each local day, from ``start_min`` after midnight on; may cross it (V11)."""

    start_min: int
    length_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Readings group by group, each group as one number; only groups that are over count."""

    by: Cycles | Daily
    each: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Not the thing's own number but that of the others beside it (B9)."""

    take: str
    among: str
    at_least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsInput:
    """A window of readings by time or by number, taken, grouped, shifted or compared.

    ``over_ms`` is how far back it reaches; with ``last`` it is of so many readings (or groups)
    within that, and nothing while there are fewer. ``ago_ms`` shifts the window back.
    """

    signal: str
    take: str
    over_ms: int
    last: int | None = None
    ago_ms: int = 0
    where: Where | None = None
    grouped: Grouped | None = None
    peers: Peers | None = None

    @property
    def back_ms(self) -> int:
        """How far back readings matter; the first group of a window may have begun before it."""
        return self.over_ms + self.ago_ms + (DAY_MS if self.grouped is not None else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeInput:
    """Seconds since a signal was last read; never stale itself (P13, V12, B12)."""

    signal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInput:
    """Seconds since the device last reported anything (P13, B12)."""

    over_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantInput:
    """A number of the model, or of the thing where it has its own (P5: commissioned capacity)."""

    name: str
    default: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockInput:
    """What time it is in the zone of the thing's location (V4: occupied; B8: at night)."""

    field: str
    start_min: int = 0
    length_min: int = 0
    days: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StateInput:
    """How another rule of the pack stood at the evaluation before (P3: three tries failed).

    ``active`` is 0 or 1, ``active_h`` hours since it became active (0 if it is not), ``fired`` how
    often it became active in the last ``over_ms``.
    """

    rule: str
    field: Literal["active", "active_h", "fired"]
    over_ms: int = 0


Variable = ReadingsInput | AgeInput | ReportInput | ConstantInput | ClockInput | StateInput
