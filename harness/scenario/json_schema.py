"""The JSON Schema of scenario files, for editors: generated from the models and the checks."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.scenario.checkproblems import ArgModels
from harness.scenario.checkrefs import KINDS
from harness.scenario.features import allowed
from harness.scenario.fleets import ID_PATTERN
from harness.scenario.include import KEY as INCLUDE
from harness.scenario.schema import Scenario
from harness.scenario.units import DURATION_PATTERN
from harness.scenario.variants import MATRIX, PARAMETERS, Matrix, Parameter

SHORT: dict[str, dict[str, Any]] = {
    "At": {"type": "string", "pattern": DURATION_PATTERN},
    "When": {"type": "string"},
    "Site": {"type": "string", "pattern": ID_PATTERN},
    "Device": {"type": "string", "pattern": ID_PATTERN},
}
"""Models that may be written as one word."""
OPEN_PATTERN = r"\$\([A-Za-z][A-Za-z0-9_-]*\)"
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
        devices = arguments.get("properties", {}).get("device", {})
        kinds = [one.get("type") for one in devices.get("anyOf", [])]
        if "array" in kinds and "string" not in kinds:  # one name stands for a list of one
            devices["anyOf"].append({"type": "string"})
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
    schema["properties"]["features"]["items"] = {"enum": list(allowed())}
    for name, short in SHORT.items():
        schema["$defs"][f"{name}OrShort"] = {"anyOf": [short, {"$ref": f"#/$defs/{name}"}]}
    schema = _open(_shortened(schema))
    return {"$schema": DIALECT, **_around(schema)}


def _shortened(node: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Wherever a model has a short form, let that stand, too."""
    if isinstance(node, list):
        return [_shortened(one) for one in node]
    if not isinstance(node, dict):
        return node
    name = str(node.get("$ref", "")).removeprefix("#/$defs/")
    if name in SHORT:
        return {**node, "$ref": f"#/$defs/{name}OrShort"}
    return {
        key: value if key.endswith("OrShort") else _shortened(value) for key, value in node.items()
    }


def _open(node: Any) -> Any:  # noqa: ANN401
    """Let ``$(name)`` stand in every place that takes a number, a word or a duration."""
    if isinstance(node, list):
        return [_open(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _open(value) for key, value in node.items()}
    if isinstance(properties := found.get("properties"), dict):
        found["properties"] = {key: _or_open(value) for key, value in properties.items()}
    if isinstance(found.get("additionalProperties"), dict):
        found["additionalProperties"] = _or_open(found["additionalProperties"])
    return found


def _or_open(value: Any) -> Any:  # noqa: ANN401
    """A schema that takes ``$(name)``, too, unless it takes any text or is no single value."""
    if not isinstance(value, dict) or "const" in value or not {"type", "enum"} & set(value):
        return value
    text = value.get("type") == "string" and not {"pattern", "enum"} & set(value)
    if text or value.get("type") in ("array", "object"):
        return value
    return {"anyOf": [value, {"$ref": "#/$defs/Open"}]}


def _around(schema: dict[str, Any]) -> dict[str, Any]:
    """What a file may hold besides the scenario: includes, parameters, a matrix, longer lists."""
    for model in (Parameter, Matrix):
        own = model.model_json_schema(mode="validation")
        schema["$defs"] |= own.pop("$defs", {}) | {model.__name__: own}
    schema["$defs"]["Open"] = {"type": "string", "pattern": OPEN_PATTERN}
    schema["properties"] |= {
        INCLUDE: {"type": ["string", "array"], "items": {"type": "string"}},
        PARAMETERS: {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/Parameter"},
        },
        MATRIX: {"$ref": "#/$defs/Matrix"},
    }
    lists = [key for key, value in schema["properties"].items() if value.get("type") == "array"]
    schema["patternProperties"] = {rf"^({'|'.join(sorted(lists))})\+$": {"type": "array"}}
    schema["$defs"]["Run"].pop("required")  # an included file may have them
    schema["anyOf"] = [{"required": schema.pop("required")}, {"required": [INCLUDE]}]
    return schema


def scenario_schema_text(checks: ArgModels) -> str:
    """The schema as the file holds it."""
    return (
        msgspec.json.format(msgspec.json.encode(scenario_schema(checks)), indent=2).decode() + "\n"
    )
