"""What the feedback to design answers, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import (
    NUMBER,
    TEXT,
    WHOLE,
    Answers,
    Schema,
    many,
    maybe,
    record,
    said,
)

_COUNTS: Mapping[str, Schema] = {
    "lives": said(WHOLE, "Parts that were or are in place"),
    "ends": said(WHOLE, "Failed and worn"),
    "failed": said(WHOLE, "Replaced while an alert of severity failure stood"),
    "worn": said(WHOLE, "Replaced because something asked for it, before a failure"),
    "renewed": said(WHOLE, "Replaced in planned upkeep; censored"),
    "running": said(WHOLE, "In place now; censored"),
    "exposure_h": said(NUMBER, "Hours of all lives, by the clock"),
    "per_1000_h": said(maybe(NUMBER), "Ends per 1,000 hours; null: no hours"),
}
_ESTIMATE = record(
    "A value with its 95 % interval (profile likelihood).",
    {
        "value": said(NUMBER, "The likeliest"),
        "low": said(NUMBER, "Lower end"),
        "high": said(NUMBER, "Upper end"),
    },
)
_REVISION = record(
    "One part number in a place.",
    {
        "part": said(TEXT, "Part number; empty: as built, and the model names none"),
        "since_ms": said(WHOLE, "When the first one was in place, ms since 1970 UTC (simulated)"),
        **_COUNTS,
        "weibull": said(
            maybe(record(
                "The likeliest Weibull.",
                {"beta": said(_ESTIMATE, "Shape: above 1 it wears, below it fails early"),
                 "eta_h": said(_ESTIMATE, "Characteristic life, hours"),
                 "b10_h": said(_ESTIMATE, "Nine of ten live longer, hours")},
            )),
            "Null: fewer than three ends",
        ),
    },
)  # fmt: skip
_STEP = record(
    "One revision against the one before.",
    {
        "from": said(TEXT, "Part number of the one before"),
        "to": said(TEXT, "Part number of the revision"),
        "life_ratio": said(maybe(NUMBER), "Life over that of the one before; null: none ended"),
        "low": said(NUMBER, "Lower end of the 95 % interval"),
        "high": said(maybe(NUMBER), "Upper end; null: none ended"),
        "chance": said(NUMBER, "Of so few ends if both lived alike, 0 to 1"),
    },
)
_MODE = record(
    "A place whose parts end.",
    {
        "position": TEXT,
        **_COUNTS,
        "share": said(NUMBER, "Of all ends of the model, 0 to 1"),
        "cumulative_share": said(NUMBER, "With all more frequent ones"),
        "revisions": said(many(_REVISION), "In the order in which they were first in place"),
        "steps": said(many(_STEP), "From each revision to the next, where a fit is known"),
    },
)
_RELIABILITY = record(
    "How parts of a model end in the field.",
    {
        "model": TEXT,
        "at_ms": WHOLE,
        "clock": said(TEXT, "What hours are counted by"),
        "things": said(WHOLE, "How many there are"),
        "modes": said(many(_MODE), "The most frequent first"),
    },
)
_SHAPES: Mapping[str, Schema] = {"Reliability": _RELIABILITY}
_OPERATIONS: Mapping[str, str | Schema] = {
    "GET /v1/models/{model}/reliability": "Reliability",
    "POST /v1/models/{model}/reliability/reviews": "Reliability",
}
_EXAMPLES: Mapping[str, Any] = {
    "POST /v1/models/{model}/reliability/reviews": {"by": "research", "clock": "calendar"},
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
