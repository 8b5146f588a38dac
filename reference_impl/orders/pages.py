"""Lists by the page: ``limit`` at once, ``after`` the id of the last one seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Query

Limit = Annotated[int | None, Query(ge=1, le=1000)]
After = Annotated[str | None, Query(max_length=500)]


def page(
    rows: Sequence[Mapping[str, Any]], limit: int | None, after: str | None, *, key: str = "id"
) -> dict[str, Any]:
    """The rows after ``after`` by ``key``, at most ``limit``; ``next`` is null at the end."""
    ordered = sorted(rows, key=lambda row: str(row[key]))
    rest = [row for row in ordered if after is None or str(row[key]) > after]
    shown = rest if limit is None else rest[:limit]
    return {"items": shown, "next": str(shown[-1][key]) if len(shown) < len(rest) else None}
