"""Makes the documents; nothing in them is written by hand but titles."""

from __future__ import annotations

import json
from inspect import getdoc
from pathlib import Path
from typing import Any, get_args

import msgspec

from broker.wire import messages as m
from broker.wire import topics

FOLDER = Path(__file__).parent
"""Where the documents of this version are kept."""
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_UP: tuple[type[m.Uplink], ...] = get_args(m.Uplink)
_DOWN: tuple[type[m.Downlink], ...] = get_args(m.Downlink)

Document = dict[str, Any]


def documents() -> dict[str, str]:
    """Every document as text, by file name."""
    made = {f"{_kind_of(cls)}.json": _text(_json_schema(cls)) for cls in (*_UP, *_DOWN)}
    made["asyncapi.json"] = _text(_asyncapi())
    return made


def write(folder: Path) -> list[Path]:
    """Write every document into a folder; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in documents().items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def _text(document: Document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _kind_of(cls: type) -> str:
    """Name of a message on the wire, without its version: ``telemetry``."""
    return str(cls.__struct_config__.tag).partition(".")[0]  # type: ignore[attr-defined]


def _json_schema(cls: type) -> Document:
    return {"$schema": _DRAFT, "$id": f"{topics.ROOT}/{_kind_of(cls)}", **msgspec.json.schema(cls)}


def _asyncapi() -> Document:
    """AsyncAPI 3.0, from the point of view of a service: it receives uplinks, sends downlinks."""
    classes = (*_UP, *_DOWN)
    _, schemas = msgspec.json.schema_components(classes, ref_template="#/components/schemas/{name}")
    channels: Document = {}
    operations: Document = {}
    for cls in classes:
        up = cls in _UP
        key = _channel(cls)
        channel = channels.setdefault(
            key,
            {
                "address": _address(cls),
                "messages": {},
                "parameters": {
                    "site": {"description": "The partition: its messages stay in order."},
                    "device": {"description": "The device's id."},
                },
            },
        )
        channel["messages"][cls.__name__] = {"$ref": f"#/components/messages/{cls.__name__}"}
        operations.setdefault(
            key,
            {
                "action": "receive" if up else "send",
                "channel": {"$ref": f"#/channels/{key}"},
                "bindings": {"mqtt": {"qos": 1, "retain": cls is m.Birth}},
            },
        )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Twinrig, native wire profile",
            "version": "1",
            "description": (
                f"JSON over MQTT 3.1.1 at QoS 1. What is said to all devices goes to "
                f"{topics.DOWN_BROADCAST}."
            ),
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                cls.__name__: {
                    "name": str(cls.__struct_config__.tag),
                    "summary": (getdoc(cls) or "").partition("\n")[0],
                    "payload": {"$ref": f"#/components/schemas/{cls.__name__}"},
                }
                for cls in classes
            },
            "schemas": schemas,
        },
    }


def _address(cls: type) -> str:
    direction = "up" if cls in _UP else "down"
    return f"{topics.ROOT}/{direction}/{{site}}/{{device}}/{_topic_kind(cls)}"


def _channel(cls: type) -> str:
    return f"{'up' if cls in _UP else 'down'}_{_topic_kind(cls)}"


def _topic_kind(cls: type) -> str:
    return topics._KINDS[cls]  # noqa: SLF001 - the table of the same package
