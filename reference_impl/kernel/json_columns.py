"""How JSON columns are written and read, on either database."""

from __future__ import annotations

from typing import Any

import msgspec


def _written(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return msgspec.json.encode(value).decode()


JSON_COLUMNS: dict[str, Any] = {
    "json_serializer": _written,
    "json_deserializer": msgspec.json.decode,
}
"""Arguments of ``create_engine``; the standard library's ``json`` takes several times as long."""
