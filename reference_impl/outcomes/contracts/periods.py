"""The life of a measuring period, as a table; and what its frozen inputs come to.

When a period closes, everything that its result depends on is put into one document: terms,
intervals by reports, windows, exclusions, flags, days of the gain share. From then on the result is
a function of that document alone (:func:`result_of`), so that it can be had again at any time, bit
for bit (K5), also after the readings are gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from reference_impl.kernel.numbers import sig9
from reference_impl.outcomes.contracts import classes as c
from reference_impl.outcomes.contracts.agreement import Terms
from reference_impl.outcomes.contracts.baselines import Line, gained
from reference_impl.outcomes.contracts.domain import Interval, Klass, Period, due, exact

Document = Mapping[str, Any]
_ALWAYS = (Klass.UP, Klass.DOWN, Klass.UNKNOWN)


class PeriodState(StrEnum):
    """Where a measuring period stands."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    PROVISIONAL = "PROVISIONAL"
    DISPUTED = "DISPUTED"
    ADJUSTED = "ADJUSTED"
    FINAL = "FINAL"
    INVOICED = "INVOICED"


class PeriodStep(StrEnum):
    """What moves a period."""

    CLOSE = "close"
    COMPUTE = "compute"
    DISPUTE = "dispute"
    ADJUST = "adjust"
    FINALISE = "finalise"
    INVOICE = "invoice"


P, S = PeriodState, PeriodStep
PERIODS: Mapping[PeriodState, Mapping[PeriodStep, PeriodState]] = {
    P.OPEN: {S.CLOSE: P.CLOSED},
    P.CLOSED: {S.COMPUTE: P.PROVISIONAL},
    P.PROVISIONAL: {S.DISPUTE: P.DISPUTED, S.FINALISE: P.FINAL},
    P.DISPUTED: {S.ADJUST: P.ADJUSTED},
    P.ADJUSTED: {S.DISPUTE: P.DISPUTED, S.FINALISE: P.FINAL},
    P.FINAL: {S.INVOICE: P.INVOICED},
    P.INVOICED: {},
}
"""FINAL and INVOICED never change what they say: a correction is a new document (K3)."""


def plain(spans: Sequence[Interval]) -> list[dict[str, Any]]:
    """Intervals as they are stored and told; what is empty is left out."""
    out = []
    for span in spans:
        told: dict[str, Any] = {"from_ms": span.from_ms, "to_ms": span.to_ms}
        told["class"] = span.klass.value
        texts = {"reason": span.reason, "rule": span.rule, "evidence": span.evidence}
        told |= {name: text for name, text in texts.items() if text}
        if not span.charged:
            told["charged"] = False
        out.append(told)
    return out


def spans_of(told: Sequence[Mapping[str, Any]]) -> list[Interval]:
    """Intervals from how :func:`plain` tells them."""
    return [
        Interval(
            one["from_ms"], one["to_ms"], Klass(one["class"]), one.get("reason", ""),
            one.get("rule", ""), one.get("evidence", ""), one.get("charged", True),
        )
        for one in told
    ]  # fmt: skip


def measured(frozen: Document) -> tuple[dict[str, list[Interval]], dict[str, list[Interval]]]:
    """The partitions of all things, and of the units that the KPI is of, within the period."""
    terms = Terms.of(frozen["terms"])
    from_ms, to_ms = frozen["from_ms"], frozen["to_ms"]
    things = {
        thing: c.overlay(spans_of(frozen["reports"][thing]), _agreed(frozen, terms, thing))
        for thing in terms.things
    }
    grouped = {thing for group in terms.groups for thing in group.things}
    units = {
        group.id: c.together(group, [things[thing] for thing in group.things])
        for group in terms.groups
    }
    units |= {thing: spans for thing, spans in things.items() if thing not in grouped}
    whole = {
        unit: c.clip(c.judged(spans, terms.rectify_ms), from_ms, to_ms)
        for unit, spans in units.items()
    }
    shown = {
        thing: whole[thing] if thing in whole else c.clip(spans, from_ms, to_ms)
        for thing, spans in things.items()
    }
    return shown, whole


def _agreed(frozen: Document, terms: Terms, thing: str) -> list[Interval]:
    """What is laid over the reports of a thing, in the order of precedence."""
    begin_ms, end_ms = frozen["from_ms"], frozen["to_ms"]
    mine = {
        what: spans_of([one for one in frozen[what] if one.get("thing") in (None, thing)])
        for what in ("flags", "windows", "exclusions", "corrections", "suspended")
    }
    inside = c.clip(mine["windows"], begin_ms, end_ms)
    outside = c.clip(mine["windows"], 0, begin_ms) + c.clip(mine["windows"], end_ms, 2**62)
    planned = outside + c.allowed(inside, terms.planned_allowance_ms)
    return [*mine["flags"], *planned, *mine["exclusions"], *mine["corrections"],
            *mine["suspended"]]  # fmt: skip


def result_of(frozen: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a period comes to: its result, and the intervals that add up to it (K6).

    Args:
        frozen: The frozen inputs (docs/reference/dps-contract.md, "Frozen inputs").

    Returns:
        The result as the feed tells it, and the intervals by thing and group.
    """
    terms = Terms.of(frozen["terms"])
    things, units = measured(frozen)
    period = Period(frozen["period"], frozen["from_ms"], frozen["to_ms"], frozen["month_ms"])
    reached = c.kpi(units, exact(terms.degraded_weight))
    unbilled_ms = sum(
        span.length_ms
        for span in c.clip(spans_of(frozen["suspended"]), period.from_ms, period.to_ms)
    )
    judged = not frozen["baselining"]
    euros = due(terms.clauses, period, reached.share, unbilled_ms=unbilled_ms, judged=judged)
    by_unit = {unit: c.lengths(spans) for unit, spans in units.items()}
    sums = {klass: sum(each[klass] for each in by_unit.values()) for klass in Klass}
    by_thing = {thing: c.lengths(spans) for thing, spans in things.items()}
    result: dict[str, Any] = {
        "availability": sig9(float(reached.share)),
        "target": terms.target,
        **_times(sums),
        "total_ms": (period.to_ms - period.from_ms) * len(units),
        "fee_eur": euros.fee_eur,
        "credit_eur": euros.credit_eur,
        "things": {thing: _times(each) for thing, each in by_thing.items()},
    }
    result |= _more(terms, frozen, reached, units, euros.bonus_eur)
    shown = {thing: plain(spans) for thing, spans in things.items()}
    shown |= {group.id: plain(units[group.id]) for group in terms.groups}
    return result, shown


def _more(
    terms: Terms,
    frozen: Document,
    reached: c.Kpi,
    units: Mapping[str, Sequence[Interval]],
    bonus_eur: float,
) -> dict[str, Any]:
    """The fields that only contracts with more clauses have."""
    more: dict[str, Any] = {}
    if terms.full:
        more = {
            "counted_ms": reached.counted_ms,
            "charged_ms": float(reached.charged_ms),
            "bonus_eur": bonus_eur,
            "version": frozen["version"],
            "baselining": frozen["baselining"],
            "failures": sum(_failures(spans) for spans in units.values()),
        }
    if terms.groups:
        more["groups"] = {group.id: _times(c.lengths(units[group.id])) for group in terms.groups}
    if terms.gain is not None and frozen["gain"] is not None:
        line = Line(**frozen["gain"]["line"])
        more |= gained(terms.gain, line, frozen["gain"]["days"], judged=not frozen["baselining"])
    return more


def _failures(spans: Sequence[Interval]) -> int:
    """How many failures are charged: each from the end of UP time to the next (K4)."""
    count, within = 0, False
    for span in spans:
        if span.klass is Klass.UP:
            within = False
        elif span.charged and span.klass not in (Klass.PLANNED, Klass.EXCLUDED) and not within:
            count, within = count + 1, True
    return count


def _times(found: Mapping[Klass, int]) -> dict[str, int]:
    return {f"{klass.lower()}_ms": ms for klass, ms in found.items() if ms or klass in _ALWAYS}
