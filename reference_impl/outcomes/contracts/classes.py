"""Interval classes: what agreements lay over reports, redundancy, failures, and the KPI.

The order of precedence is fixed: a suspension, a correction, an approved exclusion, an agreed
window, a flag of the data, and only then what reports say. None of the upper ones depends on
reports, so that what reports can still change only ever gets worse with fewer of them (K7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from reference_impl.outcomes.contracts.domain import Interval, Klass

Spans = list[Interval]
_OUT = frozenset({Klass.PLANNED, Klass.EXCLUDED})
"""Time that the KPI leaves out."""
_SHORT = frozenset({Klass.DEGRADED, Klass.DOWN, Klass.UNKNOWN})
"""Time in which less is delivered than was promised."""


class Group(NamedTuple):
    """Things of which ``k`` must be up for the whole to be up (K10)."""

    id: str
    things: tuple[str, ...]
    k: int


class Kpi(NamedTuple):
    """What a period comes to, exactly."""

    counted_ms: int
    """Length without PLANNED and EXCLUDED, of all units together."""
    charged_ms: Fraction
    """DOWN and UNKNOWN that are charged, and the weighted DEGRADED."""

    @property
    def share(self) -> Fraction:
        """Between 0 and 1 (K2); 1 where nothing counted, for nothing was missed."""
        if not self.counted_ms:
            return Fraction(1)
        return 1 - self.charged_ms / self.counted_ms


def overlay(base: Sequence[Interval], patches: Iterable[Interval]) -> Spans:
    """The partition with patches laid over it, later ones over earlier ones.

    Parts of patches outside the partition are cut off; neighbours that agree become one.
    """
    spans = list(base)
    for patch in patches:
        spans = [piece for span in spans for piece in _cut(span, patch)]
    return merged(spans)


def _cut(span: Interval, patch: Interval) -> Iterable[Interval]:
    begin_ms, end_ms = max(span.from_ms, patch.from_ms), min(span.to_ms, patch.to_ms)
    if begin_ms >= end_ms:
        yield span
        return
    if span.from_ms < begin_ms:
        yield span._replace(to_ms=begin_ms)
    yield patch._replace(from_ms=begin_ms, to_ms=end_ms)
    if end_ms < span.to_ms:
        yield span._replace(from_ms=end_ms)


def merged(spans: Iterable[Interval]) -> Spans:
    """Neighbours that agree in everything but their times as one; empty ones left out."""
    out: Spans = []
    for span in spans:
        if span.to_ms <= span.from_ms:
            continue
        if out and out[-1].why == span.why:
            out[-1] = out[-1]._replace(to_ms=span.to_ms)
        else:
            out.append(span)
    return out


def clip(spans: Iterable[Interval], from_ms: int, to_ms: int) -> Spans:
    """The part of a partition between two times."""
    return [
        span._replace(from_ms=max(span.from_ms, from_ms), to_ms=min(span.to_ms, to_ms))
        for span in spans
        if span.from_ms < to_ms and from_ms < span.to_ms
    ]


def allowed(windows: Iterable[Interval], allowance_ms: int | None) -> Spans:
    """Agreed windows as far as the allowance of the period reaches, earliest first.

    Beyond it they are cut off: that time counts as reports say. Overlaps are used up once.
    """
    if allowance_ms is None:
        return list(windows)
    out: Spans = []
    left_ms, reached_ms = allowance_ms, 0
    for window in sorted(windows):
        begin_ms = max(window.from_ms, reached_ms)
        end_ms = min(window.to_ms, begin_ms + left_ms)
        if begin_ms < end_ms:
            out.append(window._replace(from_ms=begin_ms, to_ms=end_ms))
            left_ms -= end_ms - begin_ms
            reached_ms = end_ms
    return out


def together(group: Group, members: Sequence[Sequence[Interval]]) -> Spans:
    """The partition of a group from those of its members: k of n, never an average (K10).

    Where so many members are taken out by agreement that fewer than ``k`` are left, the group is
    taken out too; otherwise it is UP with ``k`` members up, DEGRADED with ``k`` up or degraded,
    and not available with fewer: UNKNOWN if those that nobody knows of could make the difference.
    """
    edges = sorted({at for spans in members for span in spans for at in span[:2]})
    places = [0] * len(members)
    out: Spans = []
    for begin_ms, end_ms in pairwise(edges):
        at: list[Interval] = []
        for number, spans in enumerate(members):
            while spans[places[number]].to_ms <= begin_ms:
                places[number] += 1
            at.append(spans[places[number]])
        out.append(_of_group(group, at)._replace(from_ms=begin_ms, to_ms=end_ms))
    return merged(out)


def _of_group(group: Group, at: Sequence[Interval]) -> Interval:
    count = {klass: sum(span.klass is klass for span in at) for klass in Klass}
    excluded, planned = count[Klass.EXCLUDED], count[Klass.PLANNED]
    for klass, out in ((Klass.EXCLUDED, excluded), (Klass.PLANNED, excluded + planned)):
        if len(at) - out < group.k:
            return next(span for span in at if span.klass is klass)
    up, degraded = count[Klass.UP], count[Klass.DEGRADED]
    if up >= group.k:
        return Interval(0, 0, Klass.UP)
    if up + degraded >= group.k:
        return Interval(0, 0, Klass.DEGRADED)
    unsure = up + degraded + count[Klass.UNKNOWN] >= group.k
    klass = Klass.UNKNOWN if unsure else Klass.DOWN
    reasons = sorted({span.reason for span in at if span.klass is klass and span.reason})
    return Interval(0, 0, klass, ", ".join(reasons))


def judged(spans: Sequence[Interval], rectify_ms: int) -> Spans:
    """The partition with what was rectified in time not charged.

    A failure lasts from the end of UP time to the next UP time; PLANNED and EXCLUDED time within it
    does not count and does not end it. One that was mended within the rectification period counts
    as available for its whole time, another as a failure from its beginning (domain 3.4, from UK
    PFI guidance). It is one failure, whatever classes it went through, and is charged once.
    """
    if not rectify_ms:
        return list(spans)
    out: Spans = []
    failure: Spans = []
    for span in [*spans, None]:
        if span is not None and span.klass is not Klass.UP:
            failure.append(span)
            continue
        short_ms = sum(each.length_ms for each in failure if each.klass in _SHORT)
        mended = short_ms <= rectify_ms
        out += [each._replace(charged=not mended) if each.klass in _SHORT else each
                for each in failure]  # fmt: skip
        failure = []
        if span is not None:
            out.append(span)
    return out


def lengths(spans: Iterable[Interval]) -> dict[Klass, int]:
    """How long each class lasts in all, ms."""
    found = dict.fromkeys(Klass, 0)
    for span in spans:
        found[span.klass] += span.length_ms
    return found


def kpi(units: Mapping[str, Sequence[Interval]], weight: Fraction) -> Kpi:
    """Availability over units: ``(T' - DOWN_charged - d DEGRADED) / T'``.

    T' is the time without PLANNED and EXCLUDED (domain 3.5). ``weight`` is d, what a degraded hour
    costs of one that is down; UNKNOWN is charged like DOWN.
    """
    counted, charged = 0, Fraction(0)
    for spans in units.values():
        for span in spans:
            if span.klass in _OUT:
                continue
            counted += span.length_ms
            if span.klass in _SHORT and span.charged:
                part = weight if span.klass is Klass.DEGRADED else 1
                charged += part * span.length_ms
    return Kpi(counted, charged)
