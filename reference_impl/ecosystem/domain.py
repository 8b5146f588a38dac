"""Secondary use of data: what an owner's readings say, and whether work follows (CC26, ST8). Pure.

A secondary use flows only while the owner consents. It never reads what lies before the consent, or
before the moment at which its data were opened to the reader; after a withdrawal it reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum


class Use(StrEnum):
    """Where a secondary use stands."""

    WITHHELD = "WITHHELD"
    OPEN = "OPEN"
    ENDED = "ENDED"


class Step(StrEnum):
    """What moves it: the owner's rights, and whoever set it up."""

    OPEN = "open"
    WITHHOLD = "withhold"
    END = "end"


USES: Mapping[Use, Mapping[Step, Use]] = {
    Use.WITHHELD: {Step.OPEN: Use.OPEN, Step.END: Use.ENDED},
    Use.OPEN: {Step.WITHHOLD: Use.WITHHELD, Step.END: Use.ENDED},
    Use.ENDED: {},
}
assert USES.keys() == set(Use), "every state needs a row, final ones an empty one"
PAST = {Step.OPEN: "opened", Step.WITHHOLD: "withheld", Step.END: "ended"}
"""The feed's word for each step."""


class Taken(StrEnum):
    """How the readings of a span become one number."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"


def span(at_ms: int, over_ms: int, opened_ms: int) -> tuple[int, int]:
    """From when to when readings may be used at an instant, both ends included, ms.

    Never from before the data were opened, however long the use looks back.
    """
    return max(at_ms - over_ms + 1, opened_ms), at_ms


def taken(values: Sequence[float], how: Taken) -> float | None:
    """Readings as one number, to a thousandth; None if there are none."""
    if not values:
        return None
    found = {
        Taken.MEAN: lambda: sum(values) / len(values),
        Taken.MIN: lambda: min(values),
        Taken.MAX: lambda: max(values),
    }[how]()
    return round(found, 3)


def calls_for_work(values: Mapping[str, float | None], above: float) -> bool:
    """Whether one of the things says more than the limit; what says nothing asks for nothing."""
    return any(value is not None and value > above for value in values.values())
