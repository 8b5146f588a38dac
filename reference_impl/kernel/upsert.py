"""Insert or replace by primary key, on either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

_statements: dict[tuple[sa.Table, str], Any] = {}


def upsert(conn: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``; one whose primary key is there already replaces all other columns.

    Every row names every column of the table that has no default.
    """
    if not rows:
        return
    key = (table, conn.dialect.name)
    statement = _statements.get(key)
    if statement is None:
        make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        insert = make(table)
        columns = list(table.primary_key.columns)
        others = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
        statement = _statements[key] = (
            insert.on_conflict_do_update(index_elements=columns, set_=others)
            if others
            else insert.on_conflict_do_nothing(index_elements=columns)
        )
    conn.execute(statement, list(rows))
