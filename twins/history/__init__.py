"""Months of a fleet as columns, and the checks of how real they look. A layer above the world."""

from twins.history.checklist import Listed, Owned, Verdict, collect, judge, listed
from twins.history.recorder import (
    DAY_MS,
    HOUR_MS,
    Recorded,
    Recorder,
    fingerprint,
    record,
    world_spec,
)

__all__ = [
    "DAY_MS",
    "HOUR_MS",
    "Listed",
    "Owned",
    "Recorded",
    "Recorder",
    "Verdict",
    "collect",
    "fingerprint",
    "judge",
    "listed",
    "record",
    "world_spec",
]
