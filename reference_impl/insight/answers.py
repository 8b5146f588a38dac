"""What insight answers, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.insight.algorithms import Kind, Of
from reference_impl.insight.describing import Kpi
from reference_impl.insight.diagnosing import Figure, Way
from reference_impl.insight.plausible import Flag
from reference_impl.insight.revisions import Revision, Step
from reference_impl.insight.zones import By
from reference_impl.kernel.http.shapes import (
    FLAG,
    NUMBER,
    PLAIN,
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

_IN_UNIT = "In the signal's unit"
_LEVEL = said(maybe(NUMBER), "What the algorithm says beside wear, in its own unit")
_RUNOUT = {name: maybe(WHOLE) for name in ("runout_p10_ms", "runout_p50_ms", "runout_p90_ms")}
_STATE = record(
    "The newest evaluation of a condition.",
    {
        "thing": TEXT,
        "condition": TEXT,
        "position": TEXT,
        "cycle": WHOLE,
        "level": _LEVEL,
        "evaluated_ms": WHOLE,
        "wear_pct": maybe(NUMBER),
        **_RUNOUT,
        "baseline": said(maybe(NUMBER), "Level of the part when it was new; null: not needed"),
    },
)
_BODY = record(
    "A condition as it was installed; `params` belong to the algorithm (GET /v1/algorithms).",
    {
        "id": TEXT,
        "position": TEXT,
        "algorithm": TEXT,
        "version": TEXT,
        "every_s": NUMBER,
        "daily_at": said(maybe(TEXT), "Time of day of the place, `HH:MM`"),
        "daily_max_pct": said(NUMBER, "Most wear that a day can bring, percent; 0: no limit"),
        "revision": maybe(TEXT),
        "params": by_name(
            {"type": ["string", "number", "object", "null"]},
            "Parameters by name; a gate is an object {signal, above}",
        ),
    },
    may_lack="version every_s daily_at daily_max_pct revision",
)
_REVISION = row(
    "condition_revisions",
    "A revision of a condition, with every step that was taken.",
    {
        "state": one_of(Revision),
        "body": ref("ConditionDeclared"),
        "steps": many(
            record(
                "A step of a revision.",
                {"step": one_of(Step), "at_ms": WHOLE, "by": TEXT, "why": TEXT},
            )
        ),
    },
)
_PARAM = record(
    "A parameter of an algorithm.",
    {
        "name": TEXT,
        "kind": one_of(Kind),
        "title": TEXT,
        "unit": TEXT,
        "default": said(PLAIN, "What it is if nothing is said; absent: it must be given"),
        "low": said(NUMBER, "The least that is allowed"),
        "above": said(NUMBER, "It must be more than this"),
        "choices": said(many(TEXT), "What is allowed"),
    },
    may_lack="unit default low above choices",
)
_COMPARED_SIDE = record(
    "The newest evaluation of one side.",
    {
        "level": _LEVEL,
        "wear_pct": maybe(NUMBER),
        "runout_p50_ms": maybe(WHOLE),
        "evaluated_ms": WHOLE,
    },
)
_COMPARED = record(
    "What a shadow says beside the active revision; null: nothing yet.",
    {
        "thing": TEXT,
        "revision": TEXT,
        "active": maybe(_COMPARED_SIDE),
        "shadow": maybe(_COMPARED_SIDE),
        "difference": record(
            "Shadow less active.",
            {
                "level": _LEVEL,
                "wear_pct": said(maybe(NUMBER), "Percentage points"),
                "runout_p50_ms": said(maybe(WHOLE), "How much later, ms"),
            },
        ),
    },
)
_FLAGGED = row(
    "data_flags",
    "A signal that is not to be believed; `until_ms` null: now.",
    {
        "flag": one_of(Flag),
        "evidence": by_name(PLAIN, "The readings that show it, in the signal's unit"),
    },
)
_SERIES = record(
    "Readings of a signal as they came.",
    {
        "signal": TEXT,
        "at_ms": many(WHOLE),
        "values": said(many(NUMBER), _IN_UNIT),
        "readings": said(WHOLE, "How many readings"),
        "gaps": many(
            record(
                "A stretch without readings.",
                {"after_ms": WHOLE, "before_ms": WHOLE},
            )
        ),
    },
)
_PERIOD = record(
    "A period; without readings `value` is null.",
    {"from_ms": WHOLE, "to_ms": WHOLE, "value": said(maybe(NUMBER), _IN_UNIT), "readings": WHOLE},
)
_HEAD: Mapping[str, Schema] = {"thing": TEXT, "signal": TEXT, "kpi": one_of(Kpi)}
_VALUE = said(maybe(NUMBER), _IN_UNIT)
_SESSION = record(
    "A work session; `end_ms` null: still on.",
    {
        "thing": TEXT,
        "kind": TEXT,
        "begin_ms": WHOLE,
        "end_ms": maybe(WHOLE),
        "duration_ms": maybe(WHOLE),
        "metrics": by_name(
            maybe(
                record(
                    "What a signal did, in its unit.",
                    dict.fromkeys(("initial", "min", "max", "last"), NUMBER),
                )
            ),
            "Watched signals by name; null: no reading",
        ),
    },
)
_WEAR = record(
    "Wear of a position, with its band.",
    {
        "position": TEXT,
        "condition": TEXT,
        "wear_pct": maybe(NUMBER),
        "tolerance_pct": NUMBER,
        "band": one_of(["unknown", "good", "due", "overdue"]),
        "cycle": maybe(WHOLE),
        **_RUNOUT,
    },
)
_FORECAST = record(
    "When something will be full, flat or due: no failure, but what is to be done by then.",
    {
        "forecast": TEXT,
        "title": TEXT,
        "ends": one_of(["full", "flat", "due"]),
        "algorithm": TEXT,
        "level": _LEVEL,
        "unit": said(TEXT, "Unit of the level"),
        "share_pct": maybe(NUMBER),
        "p10_ms": maybe(WHOLE),
        "p50_ms": maybe(WHOLE),
        "p90_ms": maybe(WHOLE),
        "interval_pct": WHOLE,
    },
)
_SIGN = record(
    "A sign of a cause: which way it moves a figure, and what the figure did.",
    {
        "name": TEXT,
        "figure": one_of(Figure),
        "way": one_of(Way),
        "weight": NUMBER,
        "before": said(maybe(NUMBER), "The figure in the days before"),
        "now": said(maybe(NUMBER), "The figure in the last days"),
        "peers": said(maybe(NUMBER), "How much it changed for other things of the model"),
        "z": said(maybe(NUMBER), "Change less that of peers, in standard deviations"),
        "seen": said(maybe(NUMBER), "How much it speaks for the cause, -1 to 1"),
    },
)
_CAUSE = record(
    "A cause with how well it fits.",
    {
        "cause": TEXT,
        "title": TEXT,
        "position": TEXT,
        "score": said(NUMBER, "Weighted mean of its signs, -1 to 1"),
        "signs": many(_SIGN),
        "remedies": many(TEXT),
    },
)
_CONNECTION = record(
    "How well a thing was connected.",
    {
        "index_pct": said(NUMBER, "Reports that came of those that were due, percent"),
        "low": said(FLAG, "Whether too few came to conclude anything"),
        "days": WHOLE,
        "newest_ms": maybe(WHOLE),
    },
)
_DIAGNOSIS = record(
    "Connectivity, flags, alerts, causes by likelihood (FS3).",
    {
        "thing": TEXT,
        "at_ms": WHOLE,
        "time_zone": TEXT,
        "connection": _CONNECTION,
        "flags": many(_FLAGGED),
        "events": many(ref("Alert")),
        "peers": said(WHOLE, "How many other things of the model it was compared with"),
        "causes": many(_CAUSE),
    },
)
_SHAPES: Mapping[str, Schema] = {
    "ConditionState": _STATE,
    "ConditionStateList": listed(ref("ConditionState")),
    "ConditionDeclared": _BODY,
    "ConditionHistoryList": listed(row("condition_history", "An evaluation of a condition.",
        {"recomputation": said(TEXT, "What replaced it, where replaced ones are asked for")},
        may_lack="recomputation")),
    "ConditionRevision": _REVISION,
    "ConditionRevisionList": listed(ref("ConditionRevision")),
    "Algorithm": record(
        "A version of an algorithm.",
        {"name": TEXT, "version": TEXT, "of": one_of(Of), "title": TEXT,
         "source": said(TEXT, "Where the formula comes from"), "params": many(_PARAM)},
    ),
    "AlgorithmList": listed(ref("Algorithm")),
    "DataFlagPage": paged(
        record("A data flag.", {"id": TEXT, **_FLAGGED["properties"]})
    ),
    "RevisionsComparedList": listed(_COMPARED),
    "Recomputation": row("recomputations", "History that was rewritten by order."),
    "RecomputationPage": paged(ref("Recomputation")),
    "Readings": record(
        "Readings as they came.", {"thing": TEXT, "time_zone": TEXT, "series": many(_SERIES)}
    ),
    "Aggregates": record(
        "Readings by period of the place's calendar.",
        {**_HEAD, "by": one_of(By), "time_zone": TEXT, "items": many(_PERIOD)},
    ),
    "PeriodsCompared": record(
        "A period against as long of the one before.",
        {**_HEAD, "by": one_of(By), "time_zone": TEXT, "from_ms": WHOLE, "to_ms": WHOLE,
         "before_from_ms": WHOLE, "before_to_ms": WHOLE, "value": _VALUE, "before": _VALUE,
         "change": _VALUE, "change_pct": maybe(NUMBER)},
    ),
    "Benchmark": record(
        "Where a thing stands among all of its model.",
        {**_HEAD, "model": TEXT, "value": _VALUE,
         "peers": said(WHOLE, "How many others"),
         "percentile": said(maybe(NUMBER), "Share of things that are not above it, percent"),
         "quartiles": said(maybe(many(NUMBER)), "Of the others, in the signal's unit")},
    ),
    "SessionList": listed(_SESSION),
    "WearList": listed(_WEAR),
    "ForecastList": listed(_FORECAST),
    "Diagnosis": _DIAGNOSIS,
}  # fmt: skip
_OPERATIONS: Mapping[str, str | Schema] = {
    "GET /v1/conditions": "ConditionStateList",
    "GET /v1/conditions/history": "ConditionHistoryList",
    "GET /v1/algorithms": "AlgorithmList",
    "GET /v1/data-flags": "DataFlagPage",
    "GET /v1/conditions/{name}/revisions": "ConditionRevisionList",
    "POST /v1/models/{model}/revisions": "ConditionRevision",
    "POST /v1/conditions/{name}/revisions/{revision}/activate": "ConditionRevision",
    "POST /v1/conditions/{name}/revisions/{revision}/withdraw": "ConditionRevision",
    "GET /v1/conditions/{name}/comparison": "RevisionsComparedList",
    "POST /v1/conditions/{name}/recompute": "Recomputation",
    "GET /v1/recomputations": "RecomputationPage",
    "GET /v1/things/{thing}/data": "Readings",
    "GET /v1/things/{thing}/aggregates": "Aggregates",
    "GET /v1/things/{thing}/comparison": "PeriodsCompared",
    "GET /v1/things/{thing}/benchmark": "Benchmark",
    "GET /v1/things/{thing}/sessions": "SessionList",
    "GET /v1/things/{thing}/wear": "WearList",
    "GET /v1/things/{thing}/forecasts": "ForecastList",
    "GET /v1/things/{thing}/diagnosis": "Diagnosis",
    "POST /v1/things/{thing}/diagnoses": "Diagnosis",
}
_WHY = {"model": "mixer-1", "by": "research", "why": "fits the failures of last year better"}
_PLAN = {
    "title": "A lower speed saves energy",
    "model": "mixer-1",
    "addressee": "energy-manager",
    "let": {"load": {"signal": "load_pct", "take": "mean", "over_s": 604800.0}},
    "when": "load < 40.0 && now > 50.0",
    "parameter": "speed",
    "usual": 60.0,
    "to": "now - 10.0",
    "expected_pct": "0.5 * (now - advised)",
    "measure": {"signal": "energy_kwh", "take": "use"},
}
_DECIDED = {"by": "energy manager", "why": "it costs nothing to try"}
_EXAMPLES: Mapping[str, Any] = {
    "POST /v1/things/{thing}/diagnoses": {"by": "service engineer"},
    "PUT /v1/advice-plans/{ident}": _PLAN,
    "PUT /v1/advice-plans/{ident}/consents/{customer}": {"by": "energy manager"},
    "POST /v1/advice/{advice_id}/accept": _DECIDED,
    "POST /v1/advice/{advice_id}/decline": _DECIDED,
    "POST /v1/models/{model}/revisions": {
        "id": "seal_wear",
        "position": "shaft",
        "algorithm": "exponential_rise",
        "every_s": 21600,
        "revision": "b",
        "params": {"signal": "temp_c", "limit": 100.0, "baseline_s": 86400.0},
    },
    "POST /v1/conditions/{name}/revisions/{revision}/activate": _WHY,
    "POST /v1/conditions/{name}/revisions/{revision}/withdraw": _WHY,
    "POST /v1/conditions/{name}/recompute": {
        **_WHY,
        "from_ms": 1767225600000,
        "to_ms": 1767312000000,
    },
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
