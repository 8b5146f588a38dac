"""What maintenance answers, for the OpenAPI document; imported when somebody asks for that."""

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
    paged,
    record,
    ref,
    row,
    said,
)
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.incidents import Run
from reference_impl.maintenance.planned import Planned
from reference_impl.maintenance.service_levels import SCOPES, Begins, Limit, Priority, Tier

_AT_MS = 1767600000000
_STEPS = {
    "triage": {
        "by": "desk",
        "priority": "P1",
        "skills": ["electric"],
        "parts": [{"part": "shaft-kit", "quantity": 1}],
    },
    "remote": {"by": "control-room"},
    "plan": {"by": "planner", "start_ms": _AT_MS, "crew": "crew-north"},
    "dispatch": {"by": "planner"},
    "accept": {"by": "ann"},
    "depart": {"by": "crew-north"},
    "arrive": {"by": "crew-north"},
    "begin": {"by": "crew-north"},
    "hold": {"by": "crew-north", "reason": "customer_access"},
    "resume": {"by": "crew-north"},
    "complete": {"by": "crew-north", "serial": "SN-4711", "readings": {"temp_c": 21.5}},
    "cancel": {"by": "planner", "reason": "customer closed for the holidays"},
}
"""Steps of a work order -> an example of who takes it."""
_PARTS = many(
    record("A part and how many of it.", {"part": TEXT, "quantity": WHOLE}),
)
_PRIORITY = said(one_of([*Priority, ""]), "How urgent it is; empty: nobody has said")
_ORDER: Mapping[str, Schema] = {
    "state": one_of(d.WorkOrder),
    "kind": one_of(d.Kind),
    "readings": by_name(NUMBER, "What the technician measured, by signal, in its unit"),
    "priority": _PRIORITY,
    "alerts": said(many(TEXT), "Ids of the alerts that it is about"),
    "faults": said(many(TEXT), "Rules that told of the fault"),
    "skills": said(many(TEXT), "What a technician must know for it"),
    "parts": said(_PARTS, "What it will take, by triage or diagnosis"),
    "reserved": said(_PARTS, "What a shelf has promised to it"),
    "used": said(_PARTS, "What it took"),
}
_MORE: Mapping[str, Schema] = {
    "notes": many(row("work_order_notes", "What was said.", drop="work_order")),
    "sla": maybe(ref("Incident")),
}
_LIMIT = record(
    "A time limit.",
    {
        "limit_ms": WHOLE,
        **{name: maybe(WHOLE) for name in ("due_ms", "stopped_ms", "breached_ms")},
        "state": one_of(Run),
    },
)
_HOURS = by_name(many(many(TEXT)), "Open hours by day (mon to sun); null: always")
_SLOT = record(
    "When somebody is planned for what.",
    {"work_order": TEXT, "from_ms": WHOLE, "to_ms": maybe(WHOLE)},
)
_LEVEL: Mapping[str, Schema] = {
    "tier": one_of(Tier),
    "begins": one_of(Begins),
    "hours": maybe(_HOURS),
    "holidays": said(many(TEXT), "Days on which no time counts"),
    "priorities": by_name(by_name(WHOLE), "Minutes of each limit, by priority"),
    "priority_of": by_name(one_of(Priority), "Priority of a fault by the severity of its alert"),
    "pause_reasons": said(many(one_of(d.Hold)), "What makes the limits wait"),
    "opens_for": said(many(TEXT), "Severities of alerts that open a work order by themselves"),
    "covers": record("Who has it.", {name: many(TEXT) for name in sorted(SCOPES)}),
}
_INCIDENT: Mapping[str, Schema] = {
    "tier": one_of(Tier),
    "priority": _PRIORITY,
    "state": one_of(Run),
    "outcome": said(one_of(["", "restored", "cancelled"]), "How it ended; empty: it has not"),
    "pauses": many(
        record("Time that does not count.", {"from_ms": WHOLE, "to_ms": WHOLE, "reason": TEXT})
    ),
    "limits": by_name(_LIMIT, f"What is promised: {', '.join(Limit)}"),
    "paused_ms": WHOLE,
}
_SHAPES: Mapping[str, Schema] = {
    "WorkOrder": row("work_orders", "A visit of a crew.", _ORDER),
    "WorkOrderDetail": row(
        "work_orders", "A visit with notes and time limits.", {**_ORDER, **_MORE}
    ),
    "WorkOrderList": listed(ref("WorkOrder")),
    "RegisterList": listed(row("maintenance_register", "A part that was fitted.")),
    "ServiceLevel": row("service_levels", "What is promised to whom.", _LEVEL),
    "ServiceLevelList": listed(ref("ServiceLevel")),
    "Verification": row(
        "verification_windows", "How long telemetry has to look well after a visit.",
        {"minutes": by_name(WHOLE, "Minutes by position; `machine`: all that are not named")},
    ),
    "Incident": row(
        "sla_incidents", "A fault with its time limits.", _INCIDENT, drop="terms held_by"
    ),
    "IncidentPage": paged(ref("Incident")),
    "Technician": row("technicians", "Somebody who can be sent.", {"skills": many(TEXT)}),
    "TechnicianPage": paged(
        row(
            "technicians", "Somebody who can be sent.",
            {"skills": many(TEXT), "slots": many(_SLOT)},
        )
    ),
    "PlannedWork": row(
        "planned_work", "Planned work and its window.",
        {"state": one_of(Planned), "side": one_of(["", "customer", "provider"])},
    ),
    "PlannedWorkPage": paged(ref("PlannedWork")),
}  # fmt: skip
_DETAILED = ("priority", "notes")
_OPERATIONS: Mapping[str, str | Schema] = {
    "GET /v1/work-orders": "WorkOrderList",
    "GET /v1/work-orders/{wo_id}": "WorkOrderDetail",
    "GET /v1/register": "RegisterList",
    **{f"POST /v1/work-orders/{{wo_id}}/{step}": "WorkOrder" for step in _STEPS},
    **{f"POST /v1/work-orders/{{wo_id}}/{step}": "WorkOrderDetail" for step in _DETAILED},
    "POST /v1/things/{thing}/work-orders": "WorkOrderDetail",
    "PUT /v1/service-levels/{level}": "ServiceLevel",
    "GET /v1/service-levels/{level}": "ServiceLevel",
    "GET /v1/service-levels": "ServiceLevelList",
    "PUT /v1/models/{model}/verification": "Verification",
    "GET /v1/models/{model}/verification": "Verification",
    "GET /v1/sla": "IncidentPage",
    "GET /v1/sla/{incident}": "Incident",
    "PUT /v1/technicians/{technician}": "Technician",
    "GET /v1/technicians": "TechnicianPage",
    "POST /v1/things/{thing}/planned-work": "PlannedWork",
    "GET /v1/planned-work": "PlannedWorkPage",
    "POST /v1/planned-work/{work}/agree": "PlannedWork",
    "POST /v1/planned-work/{work}/reschedule": "PlannedWork",
}
_BY = {"by": "service"}
_WINDOW = {"from_ms": 4102444800000, "to_ms": 4102452000000}
_EXAMPLES: Mapping[str, Any] = {
    **{f"POST /v1/work-orders/{{wo_id}}/{step}": body for step, body in _STEPS.items()},
    "POST /v1/work-orders/{wo_id}/priority": {"by": "desk", "priority": "P1"},
    "POST /v1/work-orders/{wo_id}/notes": {"by": "desk", "text": "The key is at the door."},
    "POST /v1/things/{thing}/work-orders": {"by": "machine-user", "title": "It stands still"},
    "POST /v1/things/{thing}/planned-work": {"by": "planner", "title": "Yearly check", **_WINDOW},
    "POST /v1/planned-work/{work}/agree": {"by": "site-manager"},
    "POST /v1/planned-work/{work}/reschedule": {
        "by": "site-manager",
        "side": "customer",
        "reason": "a fair is on",
        **_WINDOW,
    },
    "PUT /v1/service-levels/{level}": {
        "title": "Gold",
        "time_zone": "Europe/Rome",
        "hours": {"mon": [["08:00", "17:00"]]},
        "priorities": {"P1": {"acknowledge": 30, "respond": 240, "restore": 480}},
        "covers": {"customers": ["acme"]},
    },
    "PUT /v1/models/{model}/verification": {"minutes": {"machine": 120, "seal": 1560}},
    "PUT /v1/technicians/{technician}": {"name": "Ann", "skills": ["electric"]},
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
