"""What planning answers, for the OpenAPI document; imported when somebody asks for that."""

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
    one_of,
    paged,
    record,
    ref,
    row,
    said,
)
from reference_impl.maintenance.planning.load import Grade
from reference_impl.maintenance.service_levels import Priority

_WHY = said(
    record(
        "The reasons of a visit.",
        {
            "technician": said(TEXT, "Why this technician"),
            "time": said(TEXT, "Why then"),
            "others": by_name(TEXT, "Why not the others who cannot, by technician"),
            "bundled": said(TEXT, "Why it is done at the same visit; empty: it has its own"),
        },
    ),
    "The reasons",
)
_HOURS = by_name(many(many(TEXT)), "Pairs of HH:MM by day, mon to sun")
_VISIT: Mapping[str, Schema] = {"why": _WHY}
_STOP = row("planning_visits", "A visit of a plan.", _VISIT, drop="confirmed_by moves")
_UNDONE = many(
    record("A visit without a slot.", {"work_order": TEXT, "why": said(TEXT, "Why nobody comes")})
)
_SETTINGS: Mapping[str, Schema] = {
    "enabled": FLAG,
    "time_zone": TEXT,
    "daily_at": TEXT,
    "horizon_days": WHOLE,
    "urgent": many(one_of(Priority)),
    "at_risk": maybe(one_of(Priority)),
    "notice_min": WHOLE,
    "work_min": WHOLE,
    "work_min_of": by_name(WHOLE, "Minutes that a visit takes, by its kind"),
    "bundle_work_min": WHOLE,
    "visit_eur": NUMBER,
    "detour": NUMBER,
    "speed_kmh": NUMBER,
}
_LOAD: Mapping[str, Schema] = {
    "alerts": said(WHOLE, "How many were raised"),
    "technicians": WHOLE,
    "things": said(WHOLE, "How many machines they look after"),
    "things_per_technician": maybe(NUMBER),
    "per_technician_day": maybe(NUMBER),
    "busiest_day": maybe(NUMBER),
    "grade": said(one_of(Grade), "By the benchmark: up to 150 a day, from 300 on too many"),
    "flood_share": NUMBER,
    "stale": WHOLE,
    "severity_share": by_name(NUMBER, "Share of the alerts by severity"),
}
_RUN: Mapping[str, Schema] = {
    "at_ms": WHOLE,
    "plans": said(many(TEXT), "Ids of the plans that are new"),
    "exact": said(FLAG, "Whether no plan can be better; else none is known to be"),
    "breaches": said(WHOLE, "Weights of the limits that will be missed"),
    "late_ms": WHOLE,
    "travel_ms": WHOLE,
    "undone": _UNDONE,
    "moved": said(many(TEXT), "Confirmed visits that were moved; their customers were told"),
    "bundled": said(many(TEXT), "Work orders that are done at a visit that is made anyway"),
}
_SHAPES: Mapping[str, Schema] = {
    "PlanningSettings": record("How planning is done.", _SETTINGS),
    "SitePlace": row("planning_places", "Where a site is."),
    "SitePlacePage": paged(ref("SitePlace")),
    "Shift": row(
        "planning_shifts", "When a technician works, and from where.",
        {"hours": _HOURS, "holidays": many(TEXT), "away": many(many(WHOLE))},
    ),
    "ShiftPage": paged(ref("Shift")),
    "PlanningRun": record("What was planned.", _RUN),
    "DayPlan": row(
        "planning_plans", "The day of a technician.",
        {"stops": many(_STOP), "cause": said(TEXT, "daily, urgent or asked")},
    ),
    "DayPlanPage": paged(ref("DayPlan")),
    "Visit": row("planning_visits", "Who comes when, and why.", _VISIT),
    "TechnicianLoad": record("What reaches one technician.", _LOAD),
}  # fmt: skip
_PLACE = {"latitude_deg": 45.46, "longitude_deg": 9.19}
_OPERATIONS: Mapping[str, str | Schema] = {
    "GET /v1/planning/settings": "PlanningSettings",
    "PUT /v1/planning/settings": "PlanningSettings",
    "PUT /v1/planning/places/{site}": "SitePlace",
    "GET /v1/planning/places": "SitePlacePage",
    "PUT /v1/planning/shifts/{technician}": "Shift",
    "GET /v1/planning/shifts": "ShiftPage",
    "POST /v1/planning/runs": "PlanningRun",
    "GET /v1/planning/days": "DayPlanPage",
    "POST /v1/work-orders/{wo_id}/confirm": "Visit",
    "GET /v1/work-orders/{wo_id}/visit": "Visit",
    "GET /v1/planning/load": "TechnicianLoad",
}
_EXAMPLES: Mapping[str, Any] = {
    "PUT /v1/planning/settings": {"enabled": True, "time_zone": "Europe/Rome", "notice_min": 720},
    "PUT /v1/planning/places/{site}": _PLACE,
    "PUT /v1/planning/shifts/{technician}": {
        **_PLACE,
        "time_zone": "Europe/Rome",
        "hours": {"mon": [["08:00", "12:00"], ["13:00", "17:00"]]},
        "stock": "van-1",
    },
    "POST /v1/planning/runs": {"by": "planner"},
    "POST /v1/work-orders/{wo_id}/confirm": {"by": "service-desk"},
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
