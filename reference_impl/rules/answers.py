"""What rules answer, for the OpenAPI document; imported when somebody asks for that."""

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
    free,
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
from reference_impl.rules.actions import Task
from reference_impl.rules.domain import Phase, Severity
from reference_impl.rules.views import OFFLINE, ONLINE, OPERATING

_SEVERITY = one_of(Severity)
_VALUES = by_name(NUMBER, "Values of the rule's variables when it fired, by name")
_PACK_BODY = free("The pack as it was installed (docs/reference/dps-contract.md, rule packs)")
_NOTIFY = record(
    "How people are told.",
    {
        "delay_ms": said(WHOLE, "How long it must stand before, ms"),
        "remind_ms": said(WHOLE, "Told again after so long, ms; 0: never"),
        "channels": many(TEXT),
        "at_night": said(maybe(FLAG), "Whether also in quiet hours; null: as severity says"),
    },
    may_lack="delay_ms remind_ms at_night",
)
_ALERT = row(
    "alerts",
    "An alert: a rule that holds for a thing.",
    {
        "state": one_of(Phase),
        "severity": _SEVERITY,
        "values": _VALUES,
        "remedies": many(TEXT),
        "notify": _NOTIFY,
    },
)
_TRIED = row("remedy_outcomes", "What a remedy did.")
_WHOLE_ALERT = record(
    "An alert with its steps and the remedies that were tried.",
    {
        **_ALERT["properties"],
        "steps": many(row("alert_steps", "A step of an alert.")),
        "tried": many(ref("RemedyTried")),
    },
)
_ACTION = row("actions", "Something that is to be done.", {"state": one_of(Task)})
_CHECKED = record(
    "What is wrong with a pack that is only checked, and how its tests went.",
    {
        "ok": FLAG,
        "problems": many(ref("ProblemBody")),
        "warnings": many(ref("ProblemBody")),
        "tests": many(
            record(
                "A test of the pack: the first expectation that failed, or the last one.",
                {
                    "name": TEXT,
                    "passed": FLAG,
                    "at": said(TEXT, "When, from the start of the test, such as `2h`"),
                    "expected": said(many(TEXT), "Rules that should fire"),
                    "seen": said(many(TEXT), "Rules that fired"),
                },
            )
        ),
    },
)
_MACHINE = record(
    "A machine as lists show it.",
    {
        **dict.fromkeys(("thing", "title", "site", "customer", "model"), TEXT),
        "connection": one_of([ONLINE, OFFLINE]),
        "last_report_ms": maybe(WHOLE),
        "operating": one_of(OPERATING),
        "failures": WHOLE,
        "worst": maybe(_SEVERITY),
        "contract": said(FLAG, "Whether a contract covers it now"),
    },
)
_PORTAL_ALERT = record(
    "An alert as the portal shows it.",
    {
        **dict.fromkeys(("alert", "thing", "machine", "location", "title"), TEXT),
        "severity": _SEVERITY,
        "duration_ms": WHOLE,
    },
)
_ROOM_ALERT = record(
    "An alert as the control room shows it.",
    {
        **dict.fromkeys(("alert", "customer", "thing", "site", "rule", "title"), TEXT),
        "state": one_of(Phase),
        "severity": _SEVERITY,
        "duration_ms": WHOLE,
        "taken_by": TEXT,
        "to_takeover_ms": said(WHOLE, "Raised to taken over (or to now), ms"),
    },
)
_MARKER = record(
    "A machine on the map.",
    {"thing": TEXT, "site": TEXT, "customer": TEXT, "worst": maybe(_SEVERITY)},
)
_SUPERVISED = record(
    "How a rule did in a time (6.4, H21).",
    {
        **dict.fromkeys(("pack", "rule", "owner", "purpose"), TEXT),
        "severity": _SEVERITY,
        "fired": WHOLE,
        "per_thing_year": said(NUMBER, "Firings per thing and year"),
        "expected_per_year": said(maybe(NUMBER), "What its author expects, per thing and year"),
        "review": said(FLAG, "Whether it fires more than three times as often as expected"),
        "chattering": said(many(TEXT), "Things with three transitions within a minute"),
        "stale": said(WHOLE, "Firings that stood for more than a day"),
        "standing": said(WHOLE, "Firings that still stand"),
    },
)
_WHOLE_LOAD = record(
    "All rules together.",
    {
        "fired": WHOLE,
        "per_day": said(NUMBER, "Firings per day"),
        "busiest_day": said(WHOLE, "Firings of the busiest day"),
        "load": one_of(["manageable", "many", "too many"]),
        "in_floods": said(WHOLE, "Firings that ended a flood: more than ten in ten minutes"),
    },
)
_SHAPES: Mapping[str, Schema] = {
    "RulePack": row("rule_packs", "A version of a rule pack.", {"body": _PACK_BODY}),
    "RulePackList": listed(ref("RulePack")),
    "RulePackChecked": _CHECKED,
    "RulePackAnswer": {"anyOf": [ref("RulePack"), ref("RulePackChecked")]},
    "Alert": _ALERT,
    "AlertPage": paged(ref("Alert")),
    "AlertWhole": _WHOLE_ALERT,
    "RemedyTried": _TRIED,
    "Action": _ACTION,
    "ActionPage": paged(
        ref("Action"),
        {"badge": record("How much is to be done.", {"todo": WHOLE, "overdue": WHOLE})},
    ),
    "Contact": row(
        "contacts",
        "Somebody who is told of alerts.",
        {
            "channels": many(one_of(["web", "email", "sms"])),
            "customers": maybe(many(TEXT)),
            "severities": many(_SEVERITY),
        },
    ),
    "ContactList": listed(ref("Contact")),
    "NoticePage": paged(row("notices", "A notice to somebody.")),
    "Automation": row(
        "automations",
        "Something that happens by itself.",
        {"body": free("The automation as it was installed (docs/reference/dps-contract.md)")},
    ),
    "AutomationList": listed(ref("Automation")),
    "AutomationRunList": listed(row("automation_runs", "A run of an automation.")),
    "Gone": record("What is no more.", {"id": TEXT}),
    "PortalOverview": record(
        "Active alerts and machines, with counts (DS1).",
        {
            "at_ms": WHOLE,
            "alerts": many(_PORTAL_ALERT),
            "machines": many(ref("Machine")),
            "counts": by_name(WHOLE, "Machines by connection and by how they work"),
        },
    ),
    "ControlRoom": record(
        "Active alerts in responsibility, and a marker per machine (FS1).",
        {
            "at_ms": WHOLE,
            "alerts": many(_ROOM_ALERT),
            "markers": many(_MARKER),
            "counts": by_name(WHOLE, "Alerts by severity"),
        },
    ),
    "Machine": _MACHINE,
    "MachinePage": paged(ref("Machine"), {"total": said(WHOLE, "Machines that fit, on all pages")}),
    "CustomerMachinesList": listed(
        record(
            "A customer with how its machines are.",
            {
                "customer": TEXT,
                "machines": said(WHOLE, "How many it has"),
                "online": said(WHOLE, "How many are connected"),
                "failures": WHOLE,
                "contract": said(FLAG, "Whether a contract covers one of them now"),
            },
        )
    ),
    "WorkloadList": listed(
        record(
            "An action that is to be done.", {**_ACTION["properties"], "overdue": FLAG}
        )
    ),
    "Supervision": record(
        "Whether there are too many alarms, and which rules make them.",
        {"from_ms": WHOLE, "to_ms": WHOLE, "rules": many(_SUPERVISED), "whole": _WHOLE_LOAD},
    ),
}  # fmt: skip
_OPERATIONS: Mapping[str, str | Schema] = {
    "POST /v1/rule-packs": "RulePackAnswer",
    "GET /v1/rule-packs": "RulePackList",
    "GET /v1/alerts": "AlertPage",
    "GET /v1/alerts/{alert_id}": "AlertWhole",
    "POST /v1/alerts/{alert_id}/clear": "Alert",
    "POST /v1/alerts/{alert_id}/remedies": "RemedyTried",
    "POST /v1/alerts/{alert_id}/{step}": "Alert",
    "GET /v1/actions": "ActionPage",
    "POST /v1/actions/{action_id}/{step}": "Action",
    "PUT /v1/contacts/{name}": "Contact",
    "GET /v1/contacts": "ContactList",
    "DELETE /v1/contacts/{name}": "Gone",
    "GET /v1/notices": "NoticePage",
    "PUT /v1/automations/{name}": "Automation",
    "GET /v1/automations": "AutomationList",
    "DELETE /v1/automations/{name}": "Gone",
    "GET /v1/automations/{name}/runs": "AutomationRunList",
    "GET /v1/views/portal/overview": "PortalOverview",
    "GET /v1/views/control-room/overview": "ControlRoom",
    "GET /v1/views/machines": "MachinePage",
    "GET /v1/views/customers": "CustomerMachinesList",
    "GET /v1/views/actions": "WorkloadList",
    "GET /v1/rules/supervision": "Supervision",
}
_EXAMPLES: Mapping[str, Any] = {
    "POST /v1/rule-packs": {
        "pack": "mixer-hot",
        "version": "1.0.0",
        "model": "mixer-1",
        "owner": "service",
        "every": "30m",
        "stale_after": "6h",
        "rules": [
            {
                "id": "hot",
                "let": {"temp_c": {"signal": "temp_c", "take": "last", "over": "2h"}},
                "when": "temp_c > 60.0",
                "for": "0s",
                "severity": "minor",
                "why": "too hot",
                "remedies": ["grease it"],
                "then": [
                    {"alert": {}},
                    {"recommend": {"part": "seal", "position": "shaft", "quantity": 1}},
                ],
            }
        ],
    },
    "POST /v1/alerts/{alert_id}/clear": {"by": "technician", "reason": "seen on site"},
    "POST /v1/alerts/{alert_id}/remedies": {
        "by": "technician",
        "remedy": 0,
        "outcome": "helped",
        "note": "greased",
    },
    "POST /v1/alerts/{alert_id}/{step}": {"by": "technician", "reason": "on my way"},
    "POST /v1/actions/{action_id}/{step}": {"by": "technician", "reason": "lid was stuck"},
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
