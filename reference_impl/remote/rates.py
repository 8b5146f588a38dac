"""Whether one group of machines has more events than another: an exact test of two Poisson rates.

Given how many events both have together, those of the first are binomial with the first's share of
the time observed, if the rates are equal. Source: Przyborowski, J., and Wilenski, H. (1940),
"Homogeneity of results in testing samples from Poisson series", Biometrika 31, 313-323.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import comb, exp, fsum, log, log1p


class Verdict(StrEnum):
    """What a comparison says."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    NOT_JUDGED = "NOT_JUDGED"
    """There is nobody to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Events of a group in the time that its machines were watched, machine-hours."""

    events: int
    hours: float


def tail(successes: int, trials: int, share: float) -> float:
    """The chance of at least so many successes, each with the chance ``share`` (0 to 1, open).

    In logarithms: the number of ways is beyond a float from 1030 trials on.
    """
    return fsum(
        exp(log(comb(trials, k)) + k * log(share) + (trials - k) * log1p(-share))
        for k in range(successes, trials + 1)
    )


def more_events(treated: Watched, control: Watched) -> float:
    """The chance of at least so many events in the treated group if both rates are equal."""
    both = treated.hours + control.hours
    return tail(treated.events, treated.events + control.events, treated.hours / both)


def judge(treated: Watched, control: Watched, *, alpha: float) -> tuple[Verdict, float | None]:
    """Compare event rates (FW12); the chance is None where nobody can be compared with.

    Args:
        treated: The updated machines since their update.
        control: Machines that were not updated, in the same time.
        alpha: Below this chance the difference is no accident.
    """
    if not treated.hours or not control.hours:
        return Verdict.NOT_JUDGED, None
    chance = more_events(treated, control)
    return (Verdict.UNHEALTHY if chance < alpha else Verdict.HEALTHY), chance
