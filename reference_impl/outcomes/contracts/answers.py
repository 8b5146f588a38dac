"""What outcomes answer, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import Answers, Schema, many, ref, said
from reference_impl.outcomes.contracts import contract_answers

_OPERATIONS: Mapping[str, str | Schema] = {
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
ANSWERS = Answers(
    shapes=contract_answers.SHAPES,
    operations={**contract_answers.OPERATIONS, **_OPERATIONS},
    examples={**contract_answers.EXAMPLES, **_EXAMPLES},
)
