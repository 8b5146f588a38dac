"""Writes into the OpenAPI document what contexts say of their answers, and what fields mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reference_impl.kernel.http.shapes import Answers, Schema, ref
from reference_impl.kernel.http.vocabulary import meaning_of

_COMPONENT = "#/components/schemas/"
OWN = Answers(
    examples={
        "POST /v1/clock": {"now_ms": 1767229200000, "delivered": {"site-01": 12}, "wait_s": 10.0},
        "POST /v1/snapshot": {"path": "/var/lib/dps/monday.sqlite"},
    }
)
"""The kernel's own calls; their models are with their routes."""


def document(schema: dict[str, Any], sources: Sequence[Answers]) -> None:
    """Write answers, examples and the meaning of fields into an OpenAPI document.

    Operations that the application does not have are left out, so that an application of some of
    the contexts has a document too.
    """
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for source in (OWN, *sources):
        schemas.update(source.shapes)
        for operation, answer in source.operations.items():
            for content in _answers_of(schema, operation):
                content["schema"] = ref(answer) if isinstance(answer, str) else answer
        for operation, example in source.examples.items():
            for content in _asked_of(schema, operation):
                content["example"] = example
    _prune(schema, schemas)
    for described in list(_objects(schema)):
        for name, field in described["properties"].items():
            if "description" not in field:
                described["properties"][name] = {**field, "description": meaning_of(name)}


def _operation(schema: dict[str, Any], operation: str) -> dict[str, Any] | None:
    method, _, path = operation.partition(" ")
    found: dict[str, Any] | None = schema["paths"].get(path, {}).get(method.lower())
    return found


def _answers_of(schema: dict[str, Any], operation: str) -> Iterator[dict[str, Any]]:
    """The JSON of the answers that say yes."""
    found = _operation(schema, operation)
    for status, answer in {} if found is None else found["responses"].items():
        if status.startswith("2") and "content" in answer:
            yield answer["content"]["application/json"]


def _asked_of(schema: dict[str, Any], operation: str) -> Iterator[dict[str, Any]]:
    """The JSON that an operation takes; what it answers if it takes none."""
    found = _operation(schema, operation)
    if found is None:
        return
    if "requestBody" in found:
        yield found["requestBody"]["content"]["application/json"]
    else:
        yield from _answers_of(schema, operation)


def _objects(node: object) -> Iterator[Schema]:
    """Every schema of an object with fields, inner ones first."""
    if isinstance(node, dict):
        for key, inner in node.items():
            if key != "example":
                yield from _objects(inner)
        if node.get("type") == "object" and isinstance(node.get("properties"), dict):
            yield node
    elif isinstance(node, list):
        for inner in node:
            yield from _objects(inner)


def _refs(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str):
            yield target.removeprefix(_COMPONENT)
        for inner in node.values():
            yield from _refs(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _refs(inner)


def _prune(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Leave out models that no operation names any more."""
    wanted: set[str] = set()
    new = set(_refs(schema["paths"]))
    while new:
        wanted |= new
        new = {one for name in new for one in _refs(schemas.get(name, {}))} - wanted
    for name in set(schemas) - wanted:
        del schemas[name]
