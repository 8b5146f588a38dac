"""What outcomes answer, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import (
    NUMBER,
    TEXT,
    WHOLE,
    Answers,
    Schema,
    by_name,
    listed,
    many,
    maybe,
    one_of,
    record,
    ref,
    row,
    said,
)
from reference_impl.outcomes.domain import Klass

_TIMES = {
    f"{klass.value.lower()}_ms": said(WHOLE, f"How long it was {klass.value}, ms")
    for klass in Klass
}
_RESULT = record(
    "What a period came to (K1-K6).",
    {
        "availability": said(NUMBER, "Available share of the time of all things, 0 to 1"),
        "target": said(NUMBER, "The share that was promised, 0 to 1"),
        **_TIMES,
        "total_ms": said(WHOLE, "Length of the period times the number of things, ms"),
        "fee_eur": NUMBER,
        "credit_eur": NUMBER,
        "things": by_name(record("The times of one thing.", _TIMES), "Times by thing"),
    },
)
_INTERVAL = record(
    "A stretch of one class.", {"from_ms": WHOLE, "to_ms": WHOLE, "class": one_of(Klass)}
)
_INTERVALS = by_name(many(_INTERVAL), "Intervals that add up to the period, by thing")
_OUTCOME = record(
    "A period that was closed.", {"contract": TEXT, "period": TEXT, **_RESULT["properties"]}
)
_WHOLE_OUTCOME = row(
    "outcomes",
    "A period with its intervals; one that is open has no result yet.",
    {
        "closed_ms": maybe(WHOLE),
        "result": maybe(ref("OutcomeResult")),
        "intervals": _INTERVALS,
    },
)
_SHAPES: Mapping[str, Schema] = {
    "Contract": row("contracts", "An availability contract.", {"things": many(TEXT)}),
    "ContractList": listed(ref("Contract")),
    "OutcomeResult": _RESULT,
    "OutcomeList": listed(_OUTCOME),
    "OutcomeWhole": _WHOLE_OUTCOME,
}
_OPERATIONS: Mapping[str, str | Schema] = {
    "PUT /v1/contracts/{contract_id}": "Contract",
    "GET /v1/contracts": "ContractList",
    "GET /v1/outcomes": "OutcomeList",
    "GET /v1/outcomes/{contract_id}/{period}": "OutcomeWhole",
    "GET /v1/things/{thing}/unlocks": said(many(ref("UnlockView")), "Features that were ordered"),
    "GET /v1/things/{thing}/rentals": said(many(ref("RentalView")), "Rentals of the thing"),
}
_RENTAL = {
    "id": "rent-1f0c",
    "thing": "mix-1",
    "customer": "acme",
    "user": "ann",
    "tariff": "by-the-minute",
    "state": "RUNNING",
    "reserved_ms": 1767225600000,
    "from_ms": 1767225660000,
    "to_ms": None,
    "minutes": None,
}
_EXAMPLES: Mapping[str, Any] = {
    "POST /v1/subscriptions": {
        "by": "purchaser",
        "customer": "acme",
        "plan": "insight",
        "thing": "mix-1",
    },
    "POST /v1/subscriptions/{subscription}/change": {"by": "purchaser", "plan": "insight-plus"},
    "POST /v1/subscriptions/{subscription}/cancel": {"by": "purchaser"},
    "POST /v1/subscriptions/{subscription}/keep": {"by": "purchaser"},
    "POST /v1/charges/{charge}/payments": {"payment": "pay-2026-0001", "step": "settle"},
    "POST /v1/things/{thing}/unlocks": {"by": "purchaser", "feature": "boost"},
    "POST /v1/things/{thing}/rentals": {"user": "ann", "tariff": "by-the-minute"},
    "POST /v1/rentals/{rental}/take": _RENTAL,
    "POST /v1/rentals/{rental}/give-back": {
        **_RENTAL,
        "state": "ENDED",
        "to_ms": 1767227460000,
        "minutes": 30,
    },
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
