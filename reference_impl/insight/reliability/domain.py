"""How parts of a model end in the field: lives, the Pareto of failure modes, revisions (FS15).

A **life** is one part in one place of one thing, from when it was fitted (or its thing first
reported) to when the next one was, or to now. It ends

- ``failed``: an alert of severity ``failure`` stood on the thing when the next part was fitted;
- ``worn``: the next part was fitted because something asked for it, before that;
- ``renewed``: it was taken out in planned upkeep: nothing is known of how long it would have lived.

A **mode** is a place whose parts end. Failed and worn are its ends; renewed and running lives are
censored. A part that takes another's place (supersession) is a **revision** of the design.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from reference_impl.insight.reliability.weibull import Estimate, Ratio, Span, fit, lives_longer

HOURS_DIGITS = 1
PER_H = 1000.0


class End(StrEnum):
    """How a life ended, or that it has not."""

    FAILED = "failed"
    WORN = "worn"
    RENEWED = "renewed"
    RUNNING = "running"


COUNTED = (End.FAILED, End.WORN)
"""Ends of a failure mode; the others are censored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life; ``age_h`` by the clock that was asked for, ``entry_h`` its age when first seen."""

    thing: str
    position: str
    part: str
    serial: str
    begin_ms: int
    end_ms: int
    age_h: float
    end: End
    entry_h: float = 0.0

    @property
    def span(self) -> Span:
        """What it tells of the lives of its kind."""
        return Span(self.entry_h, self.entry_h + self.age_h, self.end in COUNTED)


def pareto(lives: Sequence[Life]) -> list[dict[str, Any]]:
    """The modes of a model, the most frequent first, each with its revisions.

    Returns:
        Per place: ``position``, ``ends``, ``failed``, ``worn``, ``share`` and
        ``cumulative_share`` of all ends (0 without any), ``exposure_h``, ``per_1000_h``,
        ``revisions`` in the order in which they were first fitted, and ``steps`` between them.
    """
    by_place: dict[str, list[Life]] = {}
    for life in lives:
        by_place.setdefault(life.position, []).append(life)
    counted = {place: _ends(mine) for place, mine in by_place.items()}
    total, sum_so_far, found = sum(counted.values()), 0, []
    for place in sorted(by_place, key=lambda place: (-counted[place], place)):
        mine, ends = by_place[place], counted[place]
        sum_so_far += ends
        found.append({
            "position": place,
            **_counts(mine),
            "share": round(ends / total, 4) if total else 0.0,
            "cumulative_share": round(sum_so_far / total, 4) if total else 0.0,
            **_revisions(mine),
        })  # fmt: skip
    return found


def _ends(lives: Sequence[Life]) -> int:
    return sum(life.end in COUNTED for life in lives)


def _counts(lives: Sequence[Life]) -> dict[str, Any]:
    exposure_h, ends = sum(life.age_h for life in lives), _ends(lives)
    by_end = {end.value: sum(life.end == end for life in lives) for end in End}
    return {
        "lives": len(lives),
        "ends": ends,
        **by_end,
        "exposure_h": round(exposure_h, HOURS_DIGITS),
        "per_1000_h": round(PER_H * ends / exposure_h, 4) if exposure_h else None,
    }


def _revisions(lives: Sequence[Life]) -> dict[str, Any]:
    first: dict[str, int] = {}
    for life in sorted(lives, key=lambda life: life.begin_ms):
        first.setdefault(life.part, life.begin_ms)
    by_part = {part: [life for life in lives if life.part == part] for part in first}
    fits = {part: fit([life.span for life in mine]) for part, mine in by_part.items()}
    shown = [
        {
            "part": part,
            "since_ms": first[part],
            **_counts(mine),
            "weibull": None if (found := fits[part]) is None else {
                "beta": _shown(found.beta, 3), "eta_h": _shown(found.eta, HOURS_DIGITS),
                "b10_h": _shown(found.b10, HOURS_DIGITS),
            },
        }
        for part, mine in by_part.items()
    ]  # fmt: skip
    steps = []
    for old, new in pairwise(by_part):
        known = fits[old]
        if known is None:
            continue
        spans = [[life.span for life in by_part[part]] for part in (old, new)]
        ratio = lives_longer(*spans, beta=known.beta.value)
        if ratio is not None:
            steps.append({"from": old, "to": new, **_told(ratio)})
    return {"revisions": shown, "steps": steps}


def _shown(one: Estimate, digits: int) -> Mapping[str, float]:
    return {name: round(getattr(one, name), digits) for name in ("value", "low", "high")}


def _told(ratio: Ratio) -> dict[str, float | None]:
    return {
        "life_ratio": None if ratio.value is None else round(ratio.value, 3),
        "low": round(ratio.low, 3),
        "high": None if ratio.high is None else round(ratio.high, 3),
        "chance": round(ratio.chance, 6),
    }
