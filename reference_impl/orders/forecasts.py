"""When to order, from whom, how urgent, and what it is good for. Pure; times in ms, lengths in h.

The order point is that of 6.4: order when run-out (p10) <= lead time (p90) + handling + wait for
the next suitable visit. Ordering at 100 % wear is too late for anything with a lead time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

HOUR_MS = 3_600_000
HANDLING_H = 24.0
"""From the ramp to the technician's van (estimate)."""
VISIT_H = 336.0
"""Wait for a visit where none is planned: two weeks (estimate)."""
BUNDLE_VISIT_H = 30 * 24.0
BUNDLE_LEFT_H = 60 * 24.0
"""6.4: if a visit is planned within 30 d, pull forward what lasts less than 60 d and costs less
than the visit."""


class When(StrEnum):
    """Which recommendation rule a part position has (SP9)."""

    RULES = "rules"
    THRESHOLD = "threshold"
    TOLERANCE = "tolerance"
    LEAD_TIME = "lead_time"


class Urgency(StrEnum):
    """How soon somebody should decide."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known of a part now: wear in percent and run-out in ms; None: not known."""

    wear_pct: float | None = None
    runout_p10_ms: float | None = None
    runout_p50_ms: float | None = None
    runout_p90_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The recommendation rule of a part position. ``tolerance_pct`` comes on top of 100."""

    when: When = When.RULES
    tolerance_pct: float = 20.0
    handling_h: float = HANDLING_H
    visit_h: float = VISIT_H
    visit_eur: Decimal | None = None
    """What a visit costs, where parts may be pulled forward to one; None: they may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One way to get a part."""

    supplier: str
    price_eur: Decimal
    lead_p50_h: float
    lead_p90_h: float
    express: bool = False
    free: int | None = None
    """Parts on its shelf that are promised to nobody; None: it does not say."""
    restock_ms: int | None = None
    """When more come in, if ``free`` is not enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who delivers, when, and what is wrong with that."""

    source: Source
    eta_ms: int
    risk: str
    """Not empty: the part comes after the projected run-out (O11)."""


def wait_h(rule: Rule, *, at_ms: int, lead_p90_h: float, visit_ms: int | None) -> float:
    """From the order to the visit that fits the part, hours: lead time, handling, visit.

    A visit that is planned counts if the part can be there by then.
    """
    ready_h = lead_p90_h + rule.handling_h
    if visit_ms is not None and visit_ms - at_ms >= ready_h * HOUR_MS:
        return (visit_ms - at_ms) / HOUR_MS
    return ready_h + rule.visit_h


def fires(
    rule: Rule,
    outlook: Outlook,
    *,
    at_ms: int,
    lead_p90_h: float,
    price_eur: Decimal,
    visit_ms: int | None,
) -> str:
    """Why the rule asks for an order now; empty if it does not."""
    wear, p10_ms = outlook.wear_pct, outlook.runout_p10_ms
    if rule.when is When.THRESHOLD and wear is not None and wear >= 100.0:
        return f"worn to {wear:.0f} %, 100 % is the limit"
    limit = 100.0 + rule.tolerance_pct
    if rule.when is When.TOLERANCE and wear is not None and wear >= limit:
        return f"worn to {wear:.0f} %, {limit:.0f} % is the limit with tolerance"
    if rule.when is not When.LEAD_TIME:
        return ""
    needed_h = wait_h(rule, at_ms=at_ms, lead_p90_h=lead_p90_h, visit_ms=visit_ms)
    if p10_ms is not None and p10_ms - at_ms <= needed_h * HOUR_MS:
        left_h = (p10_ms - at_ms) / HOUR_MS
        return f"may run out in {left_h:.0f} h, order to visit takes {needed_h:.0f} h"
    if wear is not None and wear >= 100.0:
        return f"worn to {wear:.0f} %, with no trend to forecast from"
    return pulled_forward(
        rule, outlook, at_ms=at_ms, price_eur=price_eur, visit_ms=visit_ms, lead_p90_h=lead_p90_h
    )


def pulled_forward(
    rule: Rule,
    outlook: Outlook,
    *,
    at_ms: int,
    price_eur: Decimal,
    visit_ms: int | None,
    lead_p90_h: float,
) -> str:
    """Why a part should go along with a visit that is planned anyway; empty if it should not."""
    p50_ms = outlook.runout_p50_ms
    if visit_ms is None or p50_ms is None or rule.visit_eur is None:
        return ""
    visit_h, left_h = (visit_ms - at_ms) / HOUR_MS, (p50_ms - at_ms) / HOUR_MS
    near = lead_p90_h + rule.handling_h <= visit_h <= BUNDLE_VISIT_H
    if not near or left_h >= BUNDLE_LEFT_H or price_eur >= rule.visit_eur:
        return ""
    return f"a visit is planned in {visit_h:.0f} h, and the part lasts {left_h:.0f} h"


def urgency(rule: Rule, outlook: Outlook, *, at_ms: int, eta_ms: int) -> Urgency:
    """High: worn beyond tolerance, or it comes too late. Low: it lasts twice that long."""
    wear, p10_ms, p50_ms = outlook.wear_pct, outlook.runout_p10_ms, outlook.runout_p50_ms
    if wear is not None and wear >= 100.0 + rule.tolerance_pct:
        return Urgency.HIGH
    if p10_ms is not None and p10_ms < eta_ms:
        return Urgency.HIGH
    if p50_ms is not None and p50_ms - at_ms > 2 * (eta_ms - at_ms + rule.visit_h * HOUR_MS):
        return Urgency.LOW
    return Urgency.NORMAL


def eta_of(source: Source, *, at_ms: int, quantity: int) -> int:
    """When nine of ten such orders are there; from stock that has to come in first, after that."""
    begin_ms = at_ms
    short = source.free is not None and source.free < quantity
    if short and source.restock_ms is not None:
        begin_ms = max(at_ms, source.restock_ms)
    return begin_ms + round(source.lead_p90_h * HOUR_MS)


def choose(
    sources: Sequence[Source], *, at_ms: int, quantity: int, runout_p10_ms: float | None
) -> Choice:
    """The cheapest source that is in time; if none is, the fastest, with the risk said (O11).

    Express is for what would come too late otherwise. Ties go to the source named first.
    """
    etas = [eta_of(source, at_ms=at_ms, quantity=quantity) for source in sources]
    latest = float("inf") if runout_p10_ms is None else runout_p10_ms
    in_time = [number for number, eta in enumerate(etas) if eta <= latest]
    if in_time:
        best = min(in_time, key=lambda n: (sources[n].express, sources[n].price_eur, n))
        return Choice(source=sources[best], eta_ms=etas[best], risk="")
    best = min(range(len(sources)), key=lambda n: (etas[n], sources[n].price_eur, n))
    late_h = (etas[best] - latest) / HOUR_MS
    risk = f"comes {late_h:.0f} h after it may have run out"
    return Choice(source=sources[best], eta_ms=etas[best], risk=risk)


def standstill_avoided_h(outlook: Outlook, *, at_ms: int, needed_h: float) -> float | None:
    """Expected effect of ordering now instead of at run-out: hours not stood still (AN5).

    Who orders at run-out waits ``needed_h``; who orders now waits what is left of it then. None
    without a forecast.
    """
    if outlook.runout_p50_ms is None:
        return None
    left_h = max(0.0, (outlook.runout_p50_ms - at_ms) / HOUR_MS)
    return min(left_h, needed_h)
