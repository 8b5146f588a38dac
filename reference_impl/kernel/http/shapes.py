"""What answers look like, as plain data: JSON schemas that cost nothing until they are asked for.

A context says in its ``answers.py`` what each operation answers that has no response model, and
gives an example of each body that it takes. FastAPI would make a validator of each model and check
every answer by it; here nothing is made but the document, and the tests hold the answers to it
(tests/dps/integration).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.store import metadata

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
PLAIN: Schema = {"type": ["string", "number", "boolean", "null"]}
_TYPES: Mapping[type[sa.types.TypeEngine[Any]], str] = {
    sa.Boolean: "boolean",
    sa.Integer: "integer",
    sa.Float: "number",
    sa.String: "string",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a context adds to the OpenAPI document.

    ``shapes`` are named schemas. ``operations`` say what ``"POST /v1/orders/{order_id}/ship"``
    answers: a name of ``shapes``, or a schema. ``examples`` are bodies that such an operation
    takes, or what it answers where it takes none.
    """

    shapes: Mapping[str, Schema] = field(default_factory=dict)
    operations: Mapping[str, str | Schema] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)


def ref(name: str) -> Schema:
    """A named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(schema: Schema) -> Schema:
    """It, or null."""
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def said(schema: Schema, description: str) -> Schema:
    """It, with words."""
    return {**schema, "description": description}


def one_of(words: Iterable[str]) -> Schema:
    """One of several words."""
    return {"type": "string", "enum": sorted(str(word) for word in words)}


def many(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def by_name(schema: Schema, description: str = "") -> Schema:
    """A mapping whose keys are names."""
    found: Schema = {"type": "object", "additionalProperties": schema}
    return said(found, description) if description else found


def free(description: str) -> Schema:
    """A mapping with what somebody else defines, as the words say."""
    return {"type": "object", "additionalProperties": True, "description": description}


def record(description: str, fields: Mapping[str, Schema], *, may_lack: str = "") -> Schema:
    """An object with these fields; ``may_lack`` names those that may be absent."""
    lacking = set(may_lack.split())
    assert lacking <= fields.keys(), f"no fields: {lacking - fields.keys()}"
    return {
        "type": "object",
        "description": description,
        "required": [name for name in fields if name not in lacking],
        "properties": dict(fields),
    }


def row(
    table: str,
    description: str,
    more: Mapping[str, Schema] | None = None,
    *,
    drop: str = "",
    may_lack: str = "",
) -> Schema:
    """A row of a table, and what a context adds to it.

    Args:
        table: Name of the table; its columns are the truth about their types.
        description: What the row is.
        more: Fields beside the columns, or instead of them; a JSON column needs one.
        drop: Columns that are not answered.
        may_lack: Fields that some callers do not see.
    """
    dropped = set(drop.split())
    columns = {str(c.name): c for c in metadata.tables[table].columns if c.name not in dropped}
    fields = {name: _of(c) for name, c in columns.items() if name not in (more or {})}
    return record(description, {**fields, **(more or {})}, may_lack=may_lack)


def listed(schema: Schema, more: Mapping[str, Schema] | None = None) -> Schema:
    """All of a kind: ``{"items": [...]}``."""
    return record("A list.", {"items": many(schema), **(more or {})})


def paged(schema: Schema, more: Mapping[str, Schema] | None = None) -> Schema:
    """A page of a kind; ``next`` asks for the one behind it."""
    behind = said(maybe(TEXT), "What to give as `after` for the next page; null: this is the last")
    return record("A page of a list.", {"items": many(schema), "next": behind, **(more or {})})


def _of(column: sa.Column[Any]) -> Schema:
    if isinstance(column.type, sa.types.TypeDecorator):  # money: whole cents kept, euros told
        return maybe(NUMBER) if column.nullable else NUMBER
    found = next((name for kind, name in _TYPES.items() if isinstance(column.type, kind)), None)
    assert found is not None, f"{column}: say what is in this JSON"
    return {"type": [found, "null"] if column.nullable else found}
