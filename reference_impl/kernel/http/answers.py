"""What lists of rows look like in the OpenAPI document: as the columns of their tables say.

Rows go out as they are kept, with what a context adds to them, so their tables are the truth about
their types; the fuzzer of the document holds the answers to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.store import metadata

LISTS: Mapping[str, str] = {
    "/v1/parts": "parts",
    "/v1/part-categories": "part_categories",
    "/v1/stock": "part_stock",
    "/v1/policies": "policies",
    "/v1/recommendations": "recommendations",
    "/v1/refused-advice": "refused_advice",
    "/v1/needs": "needs",
    "/v1/orders": "orders",
    "/v1/compliance": "recommendation_compliance",
    "/v1/breakers": "order_breakers",
    "/v1/rule-packs": "rule_packs",
    "/v1/alerts": "alerts",
    "/v1/actions": "actions",
    "/v1/notices": "notices",
    "/v1/contacts": "contacts",
    "/v1/automations": "automations",
    "/v1/work-orders": "work_orders",
    "/v1/register": "maintenance_register",
    "/v1/contracts": "contracts",
    "/v1/conditions/history": "condition_history",
    "/v1/recomputations": "recomputations",
}
"""Path of a GET that answers ``{"items": [row, ...]}`` -> the table of the rows."""
_TYPES: Mapping[type[sa.types.TypeEngine[Any]], str] = {
    sa.Boolean: "boolean",
    sa.Integer: "integer",
    sa.Float: "number",
    sa.String: "string",
    sa.LargeBinary: "string",
}


def document(schema: dict[str, Any]) -> None:
    """Write the rows into an OpenAPI document, where a list has no model of its own."""
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for path, table in LISTS.items():
        operation = schema["paths"].get(path, {}).get("get")
        if operation is None or "200" not in operation["responses"]:
            continue
        content = operation["responses"]["200"]["content"]["application/json"]
        if "$ref" in content["schema"]:
            continue
        name = "".join(word.capitalize() for word in table.split("_"))
        schemas[f"{name}Row"] = row_schema(metadata.tables[table])
        schemas[f"{name}List"] = {
            "type": "object",
            "description": "A list of rows; ``next``, where there is one, asks for those behind.",
            "required": ["items"],
            "properties": {
                "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}Row"}},
                "next": {"type": ["string", "integer", "null"]},
            },
        }
        content["schema"] = {"$ref": f"#/components/schemas/{name}List"}


def row_schema(table: sa.Table) -> dict[str, Any]:
    """A row of a table; a context may add to it."""
    return {
        "type": "object",
        "description": f"A row of {table.name.replace('_', ' ')}.",
        "properties": {column.name: _of(column) for column in table.columns},
    }


def _of(column: sa.Column[Any]) -> dict[str, Any]:
    if isinstance(column.type, sa.JSON):
        return {}
    if isinstance(column.type, sa.types.TypeDecorator):  # money: whole cents kept, euros told
        found = "number"
    else:
        found = next(name for kind, name in _TYPES.items() if isinstance(column.type, kind))
    return {"type": [found, "null"] if column.nullable else found}
