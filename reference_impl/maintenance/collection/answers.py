"""What collection answers, for the OpenAPI document; imported when somebody asks for that."""

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
    free,
    many,
    maybe,
    one_of,
    paged,
    record,
    ref,
    row,
    said,
)
from reference_impl.maintenance.collection.reports import About
from reference_impl.maintenance.collection.states import Route, StopState

_AT_MS = 1767600000000
_LEFT = many(
    record("A thing that is not driven to.", {"thing": TEXT, "must": FLAG, "reason": TEXT})
)
_STOP: Mapping[str, Schema] = {
    "state": one_of(StopState),
    "why": said(many(TEXT), "Rules whose alert holds, `predicted`, `report`, `cleaning`"),
    "tasks": said(many(one_of(["empty", "clean"])), "What is done there"),
}
_ROUTE: Mapping[str, Schema] = {
    "state": one_of(Route),
    "plan": said(TEXT, "Id of the day's plan"),
    "cost_eur": said(NUMBER, "What it costs to drive, euros"),
    "end_ms": said(WHOLE, "When the truck is home by plan, ms since 1970 UTC (simulated)"),
    "begun_ms": said(maybe(WHOLE), "When it left; null: not yet, ms since 1970 UTC (simulated)"),
    "ended_ms": said(
        maybe(WHOLE), "When it was home; null: not yet, ms since 1970 UTC (simulated)"
    ),
}
_COST = said(NUMBER, "What it costs to drive, euros")
_SHAPES: Mapping[str, Schema] = {
    "Collection": row(
        "collections", "Things that trucks empty by plan.",
        {"body": free("What was set up, as it was given, with what was left out filled in")},
    ),
    "CollectionPage": paged(ref("Collection")),
    "CollectionPlan": row(
        "collection_plans", "A day's plan.", {"left_out": _LEFT, "cost_eur": _COST}
    ),
    "CollectionPlanPage": paged(ref("CollectionPlan")),
    "CollectionRoute": row("collection_routes", "A truck's day.", _ROUTE),
    "CollectionRoutePage": paged(ref("CollectionRoute")),
    "CollectionStop": row("collection_stops", "A stop of a route.", _STOP),
    "CollectionStopPage": paged(ref("CollectionStop")),
    "CollectionRouteDetail": row(
        "collection_routes", "A truck's day with its stops.",
        {**_ROUTE, "stops": many(ref("CollectionStop"))},
    ),
    "CitizenReport": row("citizen_reports", "What citizens told.", {"about": one_of(About)}),
    "CitizenReportPage": paged(ref("CitizenReport")),
    "CollectionSummary": record(
        "What some days came to.",
        {
            "collection": TEXT, "from_ms": WHOLE, "to_ms": WHOLE, "plans": WHOLE,
            "routes": WHOLE, "stops": WHOLE, "served": WHOLE, "must": WHOLE, "cleaned": WHOLE,
            "distance_m": WHOLE, "cost_eur": _COST, "baseline_eur": NUMBER,
            "fixed_eur": maybe(NUMBER), "served_per_week": NUMBER,
        },
    ),
}  # fmt: skip
_ON_THE_ROAD = ("begin", "cancel", "finish")
_OPERATIONS: Mapping[str, str | Schema] = {
    "PUT /v1/collections/{collection}": "Collection",
    "GET /v1/collections": "CollectionPage",
    "GET /v1/collections/{collection}": "Collection",
    "POST /v1/collections/{collection}/plan": "CollectionPlan",
    "GET /v1/collection-plans": "CollectionPlanPage",
    "GET /v1/collections/{collection}/summary": "CollectionSummary",
    "GET /v1/collection-routes": "CollectionRoutePage",
    "GET /v1/collection-routes/{route}": "CollectionRouteDetail",
    **{f"POST /v1/collection-routes/{{route}}/{s}": "CollectionRouteDetail" for s in _ON_THE_ROAD},
    "POST /v1/collection-routes/{route}/stops/{thing}/serve": "CollectionStop",
    "POST /v1/collection-routes/{route}/stops/{thing}/skip": "CollectionStop",
    "GET /v1/collection-stops": "CollectionStopPage",
    "POST /v1/things/{thing}/citizen-reports": "CitizenReport",
    "GET /v1/citizen-reports": "CitizenReportPage",
}
_BY = {"by": "crew-1"}
_COLLECTION: Mapping[str, Any] = {
    "title": "Old town", "time_zone": "Europe/Berlin",
    "depot": {"latitude_deg": 53.0, "longitude_deg": 10.0},
    "trucks": [{"id": "truck-1", "capacity_l": 12000, "capacity_kg": 4000}],
    "models": ["mixer-1"], "fill_signal": "fill_pct", "holds_l": 570,
    "must_rules": ["urgent", "overflow"], "ready_rules": ["ready"],
}  # fmt: skip
ANSWERS = Answers(
    shapes=_SHAPES,
    operations=_OPERATIONS,
    examples={
        "PUT /v1/collections/{collection}": _COLLECTION,
        "POST /v1/collections/{collection}/plan": {"by": "planner"},
        "POST /v1/collection-routes/{route}/begin": _BY,
        "POST /v1/collection-routes/{route}/cancel": _BY,
        "POST /v1/collection-routes/{route}/finish": {
            **_BY, "distance_m": 23000,
            "served": [{"thing": "thing-1", "at_ms": _AT_MS, "tasks": ["empty"]}],
            "skipped": [{"thing": "thing-2", "reason": "a car stands before it"}],
        },
        "POST /v1/collection-routes/{route}/stops/{thing}/serve": _BY,
        "POST /v1/collection-routes/{route}/stops/{thing}/skip": {
            **_BY, "reason": "a car stands before it",
        },
        "POST /v1/things/{thing}/citizen-reports": {
            "by": "a passer-by", "about": "overflow", "text": "Bags lie beside it",
        },
    },
)  # fmt: skip
