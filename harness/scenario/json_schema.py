"""The JSON Schema of scenario files, for editors: generated from the models and the checks."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.scenario.checkproblems import ArgModels
from harness.scenario.checkrefs import KINDS
from harness.scenario.schema import Scenario

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scenario_schema(checks: ArgModels) -> dict[str, Any]:
    """The schema, with one alternative per check.

    Args:
        checks: Checks by name with the model of their arguments.
    """
    schema = Scenario.model_json_schema(mode="validation")
    alternatives: list[dict[str, Any]] = [{"enum": sorted(checks)}]
    for name, model in sorted(checks.items()):
        arguments = model.model_json_schema(mode="validation")
        schema["$defs"] |= arguments.get("$defs", {})
        head = {} if name in KINDS else {"check": {"const": name}}
        alternatives.append(
            {
                "type": "object",
                "description": (model.__doc__ or "").strip(),
                "properties": {**head, **arguments.get("properties", {})},
                "required": [*head, *arguments.get("required", [])],
                "additionalProperties": False,
            }
        )
    for phase in ("always", "eventually"):
        inner = {"$ref": "#/$defs/CheckRef"}
        alternatives.append(
            {
                "type": "object",
                "description": "A check by its name, in this phase.",
                "properties": {phase: inner},
                "required": [phase],
                "additionalProperties": False,
            }
        )
    alternatives.append({"type": "string", "description": "An expression (CEL)."})
    schema["$defs"]["CheckRef"] = {"anyOf": alternatives}
    return {"$schema": DIALECT, **schema}


def scenario_schema_text(checks: ArgModels) -> str:
    """The schema as the file holds it."""
    return (
        msgspec.json.format(msgspec.json.encode(scenario_schema(checks)), indent=2).decode() + "\n"
    )
