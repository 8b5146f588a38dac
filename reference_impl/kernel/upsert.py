"""Insert or replace by primary key, on either database: many rows by one call of the driver."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from reference_impl.kernel import postgres

Rows = Sequence[Sequence[Any]]


def upsert(conn: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert ``rows``; one whose primary key is there already replaces all other columns.

    A row has a value for each column of the table, in its order, as the driver takes it: no
    column may need a conversion.
    """
    if not rows:
        return
    sql, names = _upsert(table, conn.dialect.name)
    if conn.dialect.name == "sqlite":
        _execute_raw(conn, sql, rows)
    else:
        conn.exec_driver_sql(sql, [dict(zip(names, row, strict=True)) for row in rows])


def insert(conn: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert ``rows``: as :func:`upsert`, without the column that numbers them.

    On PostgreSQL they go by COPY.
    """
    if not rows:
        return
    sql, names = _insert(table)
    if conn.dialect.name == "sqlite":
        _execute_raw(conn, sql, rows)
    else:
        postgres.copy_rows(conn, table.name, names, rows)


def _execute_raw(conn: sa.Connection, sql: str, rows: Rows) -> None:
    """Past SQLAlchemy, which would make a context and look for conversions at each call."""
    raw: Any = conn.connection.driver_connection
    raw.executemany(sql, rows)


@lru_cache
def _upsert(table: sa.Table, dialect: str) -> tuple[str, list[str]]:
    names = _plain(table, [column.name for column in table.columns])
    known = _dialect(dialect)
    statement = known.insert(table)
    others = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    keys = list(table.primary_key.columns)
    statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    return _compiled(statement, known.dialect(), names), names


def _dialect(name: str) -> Any:  # noqa: ANN401 - a package with the same names for each database
    if name == "sqlite":
        return sqlite
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a large one, if used

    return postgresql


@lru_cache
def _insert(table: sa.Table) -> tuple[str, list[str]]:
    numbers = table.autoincrement_column
    names = _plain(table, [c.name for c in table.columns if c is not numbers])
    return _compiled(sqlite.insert(table), sqlite.dialect(), names), names


def _compiled(statement: Any, dialect: sa.Dialect, names: list[str]) -> str:  # noqa: ANN401
    compiled = statement.compile(dialect=dialect, column_keys=names)
    assert compiled.positiontup in (None, names), "values stand in the order of the columns"
    return str(compiled)


def _plain(table: sa.Table, names: list[str]) -> list[str]:
    odd = any(isinstance(table.c[name].type, sa.JSON | sa.DateTime) for name in names)
    assert not odd, f"{table.name} has columns that need a conversion"
    return names
