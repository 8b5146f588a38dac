"""Examples for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from typing import Any

from reference_impl.kernel.http.shapes import Answers

_HOOK: dict[str, Any] = {
    "id": "wh-5f2b",
    "state": "ACTIVE",
    "title": "The ERP",
    "url": "https://erp.example/hooks",
    "kinds": ["order.*"],
    "owner": "key:erp",
    "created_ms": 1767225600000,
    "changed_ms": 1767225600000,
    "detail": "",
}
_DELIVERY: dict[str, Any] = {
    "id": "msg-8c1e",
    "webhook": "wh-5f2b",
    "state": "PENDING",
    "event_id": "17",
    "kind": "order.placed",
    "subject": "ord-mix-1-shaft-1-1",
    "at_ms": 1767225600000,
    "attempts": 0,
    "due_ms": 1767312000000,
    "changed_ms": 1767312000000,
    "status": None,
    "error": "",
}
ANSWERS = Answers(
    examples={
        "POST /v1/webhooks": {name: _HOOK[name] for name in ("url", "kinds", "title")},
        "POST /v1/webhooks/{webhook}/pause": {**_HOOK, "state": "PAUSED"},
        "POST /v1/webhooks/{webhook}/resume": _HOOK,
        "POST /v1/webhooks/{webhook}/rotate": {**_HOOK, "secret": "whsec_bm90IGEgc2VjcmV0"},
        "POST /v1/webhook-deliveries/{delivery}/redeliver": _DELIVERY,
        "POST /v1/webhook-deliveries/{delivery}/discard": {**_DELIVERY, "state": "DISCARDED"},
        "POST /v1/connectors": {
            "role": "fsm",
            "url": "https://fsm.example/dps",
            "title": "Field service",
            "words": {"Scheduled": "PLANNED"},
        },
        "POST /v1/callbacks": {
            "connector": "fsm-5f2b",
            "kind": "work_order",
            "subject": "wo-mix-1-shaft-1",
            "status": "ON_SITE",
            "number": 3,
            "at_ms": 1767229200000,
            "external_id": "JOB-17",
            "details": {"technician": ""},
        },
    }
)
