"""What the ecosystem answers, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.ecosystem.domain import Taken, Use
from reference_impl.kernel.http.shapes import (
    NUMBER,
    WHOLE,
    Answers,
    Schema,
    by_name,
    many,
    maybe,
    one_of,
    paged,
    ref,
    row,
    said,
)

_SHAPES: Mapping[str, Schema] = {
    "SecondaryUse": row(
        "secondary_uses",
        "What an owner's data do for another service, while the owner consents.",
        {
            "state": one_of(Use),
            "take": one_of(Taken),
            "thing": said({"type": "string"}, "Where work is done"),
            "title": said({"type": "string"}, "What work is done"),
            "customer": said({"type": "string"}, "Whose thing the work is done at"),
            "things": said(many({"type": "string"}), "Things of the owner that are read"),
        },
    ),
    "SecondaryUsePage": paged(ref("SecondaryUse")),
    "SecondaryLook": row(
        "secondary_looks",
        "What was read at a moment, and what was ordered for it.",
        {
            "spans": by_name(said(many(WHOLE), "From and to, ms, both included"), "By thing"),
            "values": by_name(maybe(NUMBER), "What it came to, by thing; null: no readings"),
        },
    ),
    "SecondaryLookPage": paged(ref("SecondaryLook")),
}
_OPERATIONS: Mapping[str, str | Schema] = {
    "PUT /v1/secondary-uses/{use}": "SecondaryUse",
    "DELETE /v1/secondary-uses/{use}": "SecondaryUse",
    "GET /v1/secondary-uses": "SecondaryUsePage",
    "GET /v1/secondary-uses/{use}/looks": "SecondaryLookPage",
}
_EXAMPLES: Mapping[str, Any] = {
    "PUT /v1/secondary-uses/{use}": {
        "by": "service-manager",
        "recipient": "sweepers",
        "owner": "acme",
        "things": ["mix-1"],
        "signal": "temp_c",
        "take": "max",
        "above": 40.0,
        "thing": "mix-1",
        "title": "Clean around it",
    },
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
