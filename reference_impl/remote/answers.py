"""Examples for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from reference_impl.kernel.http.shapes import Answers

_STEPS = ("submit", "approve", "reject", "start", "pause", "resume", "stop")
_STEP = {"by": "service manager", "reason": "as agreed with the customer"}

ANSWERS = Answers(
    examples={
        **{f"POST /v1/firmware/rollouts/{{ident}}/{step}": _STEP for step in _STEPS},
        "POST /v1/things/{thing}/commands": {
            "by": "service",
            "name": "set_settings",
            "args": {"speed_rpm": 1450.0},
            "expires_s": 3600.0,
        },
    }
)
