"""What maintenance answers, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import (
    NUMBER,
    Answers,
    Schema,
    by_name,
    listed,
    one_of,
    ref,
    row,
)
from reference_impl.maintenance import domain as d

_STEPS = {
    "plan": {"by": "planner", "start_ms": 1767600000000, "crew": "crew-north"},
    "depart": {"by": "crew-north"},
    "arrive": {"by": "crew-north"},
    "complete": {"by": "crew-north", "serial": "SN-4711", "readings": {"temp_c": 21.5}},
    "cancel": {"by": "planner", "reason": "customer closed for the holidays"},
}
"""Steps of a work order -> an example of who takes it."""
_SHAPES: Mapping[str, Schema] = {
    "WorkOrder": row(
        "work_orders",
        "A visit of a crew.",
        {
            "state": one_of(d.WorkOrder),
            "kind": one_of(d.Kind),
            "readings": by_name(NUMBER, "What the technician measured, by signal, in its unit"),
        },
    ),
    "WorkOrderList": listed(ref("WorkOrder")),
    "RegisterList": listed(row("maintenance_register", "A part that was fitted.")),
}
_OPERATIONS: Mapping[str, str | Schema] = {
    "GET /v1/work-orders": "WorkOrderList",
    "GET /v1/register": "RegisterList",
    **{f"POST /v1/work-orders/{{wo_id}}/{step}": "WorkOrder" for step in _STEPS},
}
_BY = {"by": "service"}
_EXAMPLES: Mapping[str, Any] = {
    **{f"POST /v1/work-orders/{{wo_id}}/{step}": body for step, body in _STEPS.items()},
    "POST /v1/things/{thing}/tickets": {
        "title": "It hums",
        "text": "Since this morning, louder than usual.",
        "priority": "normal",
        "by": "machine-user",
    },
    "POST /v1/tickets/{ticket}/notes": {"by": "service", "text": "We come on Monday."},
    **{f"POST /v1/tickets/{{ticket}}/{step}": _BY for step in ("start", "resume", "close")},
    **{
        f"POST /v1/tickets/{{ticket}}/{step}": {"by": "service", "reason": "waits for a part"}
        for step in ("hold", "reject")
    },
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
