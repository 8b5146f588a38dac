"""Wear, recomputed: from the truth of each component, and from the readings on the wire.

Truth: what the service believes lies within so many points of the true damage, and begins anew
with each part that was really fitted. Wire: where the service shows its evidence, the level that it
names is the trimmed mean of the readings of its window (docs/reference/dps-contract.md).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from harness.events import FeedSeen
from harness.oracles.log import Log, Row

POINTS = 25.0
"""Percent points between belief and truth that a service may be off by, unless a check says so."""
FROM_PCT = 50.0
"""Below that true damage most of what shows is noise."""
TRIM = 0.1
"""Share of the readings of a window that is cut off at each end."""
READINGS_MIN = 3
"""Fewer make no level."""
LEVEL_DIGITS = 1e-6
"""Relative difference of levels that is rounding: feeds show nine digits."""


def wear(log: Log, *, points: float = POINTS, from_pct: float = FROM_PCT) -> Iterator[Row]:
    """One row per evaluation that can be compared with the truth at its time.

    Compared are parts that are worn by ``from_pct`` really, and those that were fitted in the run.
    """
    truth: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
    for sample in log.samples:
        times, values = truth.setdefault((sample.device, sample.component), ([], []))
        times.append(sample.at_ms)
        values.append(100.0 * sample.damage)
    fitted: dict[tuple[str, str], list[int]] = {}
    for told in log.truths:
        if told.kind == "part.fitted":
            place = (told.subject, str(told.data.get("component")))
            fitted.setdefault(place, []).append(told.at_ms)
    for event in log.of("condition"):
        place = (event.subject, str(event.data.get("position")))
        belief, found = event.data.get("wear_pct"), truth.get(place)
        if belief is None or found is None:
            continue
        number = bisect_right(found[0], event.at_ms)
        if number == 0:
            continue
        true_pct = found[1][number - 1]
        fresh = any(found[0][number - 1] <= at <= event.at_ms for at in fitted.get(place, []))
        if fresh:
            true_pct = 0.0
        renewed = any(at <= event.at_ms for at in fitted.get(place, []))
        if true_pct >= from_pct or renewed:
            yield Row(
                key=f"wear of {'/'.join(place)}",
                expected=f"{true_pct:.1f} % (truth), within {points:g} points",
                seen=f"{belief:.1f} %",
                at_ms=event.at_ms,
                agrees=abs(belief - true_pct) <= points,
                event=event,
            )


def levels(log: Log) -> Iterator[Row]:
    """One row per evaluation that names its level: the same mean of the readings on the wire."""
    for event, count in log.evaluated:
        evidence = event.data.get("evidence") or {}
        condition = _condition(log, event)
        if condition is None or evidence.get("level") is None:
            continue
        params = condition["params"]
        # What came later than the evaluation can have had no part in it.
        readings = log.readings.get(event.subject, [])[:count]
        ours = _level(readings, params, _since(log, event, params), event.at_ms)
        if ours is None:
            continue
        theirs = float(evidence["level"])
        yield Row(
            key=f"level of {event.subject}/{event.data.get('position')}",
            expected=f"{ours:.6g} {params['signal']} (mean of the wire)",
            seen=f"{theirs:.6g}",
            at_ms=event.at_ms,
            agrees=abs(ours - theirs) <= LEVEL_DIGITS * max(abs(ours), abs(theirs), 1e-12),
            event=event,
        )


def _condition(log: Log, event: FeedSeen) -> Mapping[str, Any] | None:
    for condition in log.brief.conditions.get(event.subject, ()):
        if condition.get("id") == event.data.get("condition"):
            return condition
    return None


def _since(log: Log, event: FeedSeen, params: Mapping[str, Any]) -> int:
    """Where the window begins: its length ago, but not before the part was fitted."""
    since_ms = event.at_ms - round(float(params["window_s"]) * 1000)
    place = (event.subject, event.data.get("position"))
    for told in log.of("part"):
        if (told.subject, told.data.get("position")) == place and told.at_ms <= event.at_ms:
            since_ms = max(since_ms, told.at_ms)
    return since_ms


def _level(
    readings: Sequence[tuple[int, Mapping[str, float]]],
    params: Mapping[str, Any],
    after_ms: int,
    to_ms: int,
) -> float | None:
    """The mean of ``(after, to]`` without a tenth at each end; None for fewer than three.

    A gate (``where``) has to be open in the same report.
    """
    where, signal = params.get("where"), params["signal"]
    rows: dict[int, float] = {}
    for at_ms, signals in readings:
        if not after_ms < at_ms <= to_ms or signal not in signals:
            continue
        if where is None or signals.get(where["signal"], -inf) > where["above"]:
            rows.setdefault(at_ms, signals[signal])
    window = sorted(rows.values())
    if len(window) < READINGS_MIN:
        return None
    cut = int(len(window) * TRIM)
    core = window[cut : len(window) - cut]
    return sum(core) / len(core)
