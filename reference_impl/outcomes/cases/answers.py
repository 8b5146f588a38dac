"""What the business case answers, for the OpenAPI document; imported when somebody asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import (
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Answers,
    Schema,
    by_name,
    many,
    maybe,
    record,
    ref,
    said,
)

_SPREAD = record(
    "Three quantiles of many draws.",
    {
        "p10": said(NUMBER, "One in ten is lower, euros"),
        "p50": said(NUMBER, "Half are lower, euros"),
        "p90": said(NUMBER, "One in ten is higher, euros"),
    },
)
_WORTH: Mapping[str, Schema] = {
    "npv_eur": said(NUMBER, "Net present value, euros"),
    "trough_eur": said(NUMBER, "Lowest cumulative cash, euros; 0: it is never below"),
    "trough_month": said(WHOLE, "Its month, from 0"),
    "payback_month": said(maybe(WHOLE), "Month from which it stays paid back; null: never"),
    "cash_eur": said(many(NUMBER), "What comes in each month, less what goes out, euros"),
}
_ARM: Mapping[str, Schema] = {
    **_WORTH,
    "kinds": by_name(NUMBER, "Sum of each kind of flow, not discounted, euros"),
    "upfront_eur": said(NUMBER, "What is paid at the start, euros"),
    "ownership_eur": said(ref("CaseSpread"), "Total cost, less what comes in, euros"),
    "revenue_mean_eur": said(NUMBER, "Mean monthly revenue, euros"),
    "revenue_deviation_eur": said(NUMBER, "Standard deviation of monthly revenue, euros"),
    "revenue_variation": said(
        maybe(NUMBER), "Its share of the mean; null: the mean is not above 0"
    ),
}
_SIDE = record(
    "One side in two worlds.",
    {
        "with": said(ref("CaseArm"), "With the project"),
        "without": said(ref("CaseArm"), "Without it"),
        "difference": said(ref("CaseWorth"), "With it, less without it"),
        "npv_spread_eur": said(ref("CaseSpread"), "Of the difference's value, euros"),
        "doing_nothing_eur": said(NUMBER, "Value of today's cash less what it becomes, euros"),
    },
)
_WAY = record(
    "A way to have a product.",
    {
        "what": TEXT,
        "upfront_eur": _ARM["upfront_eur"],
        "life_cycle_eur": said(NUMBER, "Present value of all it costs, euros"),
        "spread_eur": said(ref("CaseSpread"), "Of that, euros"),
        "saves_eur": said(NUMBER, "Less than the first way, present value, euros"),
        "payback_month": _WORTH["payback_month"],
        "years_eur": said(many(NUMBER), "What is paid in each year, euros"),
    },
)
_SHAPES: Mapping[str, Schema] = {
    "CaseSpread": _SPREAD,
    "CaseWorth": record("What a stream of cash is worth.", _WORTH),
    "CaseArm": record("One world.", _ARM),
    "CaseSide": _SIDE,
    "BusinessCase": record(
        "A business case.",
        {
            "provider": said(maybe(ref("CaseSide")), "Who offers the service"),
            "customer": said(maybe(ref("CaseSide")), "Who buys it"),
            "report": said(TEXT, "The same as a page to read (Markdown)"),
        },
    ),
    "LifeCycle": record(
        "Ways compared over a life.",
        {"years": said(WHOLE, "How long"), "ways": said(many(_WAY), "In the order asked for")},
    ),
    "ScaleUp": record(
        "Whether to go on from a pilot.",
        {
            "advised": said(FLAG, "Whether the interval lies within the band"),
            "interval_low_eur": said(NUMBER, "Where the interval begins, euros"),
            "interval_high_eur": said(NUMBER, "Where it ends, euros"),
            "why": said(TEXT, "Why, or why not"),
        },
    ),
}
_OPERATIONS: Mapping[str, str | Schema] = {
    "POST /v1/business-cases/evaluate": "BusinessCase",
    "POST /v1/business-cases/life-cycle": "LifeCycle",
    "POST /v1/business-cases/scale-up": "ScaleUp",
}
_EXAMPLES: Mapping[str, Any] = {
    "POST /v1/business-cases/evaluate": {
        "months": 60,
        "rate_pct": 8.0,
        "provider": {
            "with_project": [
                {"what": "platform", "kind": "capex", "eur": 60000.0, "every": 0},
                {"what": "fees", "kind": "revenue", "eur": 4000.0, "first": 6},
            ],
            "without_project": [
                {"what": "parts", "kind": "revenue", "eur": 1500.0, "growth_pct": -5.0}
            ],
        },
    },
    "POST /v1/business-cases/life-cycle": {
        "years": 20,
        "rate_pct": 4.0,
        "ways": [{"what": "bought", "purchase_eur": 90000.0, "upkeep_eur_per_year": 2500.0}],
    },
    "POST /v1/business-cases/scale-up": {
        "effects_eur": [900.0, 1100.0, 1040.0],
        "low_eur": 800.0,
        "high_eur": 1300.0,
    },
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
