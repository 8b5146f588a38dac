"""Examples for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from reference_impl.kernel.http.shapes import Answers

ANSWERS = Answers(
    examples={
        "POST /v1/things/{thing}/commands": {
            "by": "service",
            "name": "set_settings",
            "args": {"speed_rpm": 1450.0},
            "expires_s": 3600.0,
        }
    }
)
