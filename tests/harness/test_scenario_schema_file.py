from __future__ import annotations

import json

from harness.engine import schema_file


def test_the_schema_file_for_editors_is_what_the_models_say() -> None:
    assert schema_file.FILE.read_text("utf-8") == schema_file.text(), (
        "run: python -m harness.engine.schema_file"
    )


def test_the_schema_knows_checks_and_refuses_unknown_keys() -> None:
    schema = json.loads(schema_file.text())
    assert schema["additionalProperties"] is False
    alternatives = schema["$defs"]["CheckRef"]["anyOf"]
    assert "nothing_lost" in alternatives[0]["enum"]
    delivered = next(a for a in alternatives if _named(a) == "order_delivered")
    assert delivered["required"] == ["check", "device"]
    within = next(a for a in alternatives if "comes" in a.get("properties", {}))
    assert within["required"] == ["within", "after", "comes"]


def _named(alternative: dict) -> str | None:
    check = alternative.get("properties", {}).get("check", {})
    return next((one["const"] for one in check.get("anyOf", [check]) if "const" in one), None)
