"""Insert or replace by primary key, on either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from reference_impl.kernel import postgres

Rows = Sequence[Mapping[str, Any]]
_prepared: dict[tuple[sa.Table, str, bool], tuple[str, list[str] | None]] = {}


def upsert(conn: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert ``rows``; one whose primary key is there already replaces all other columns.

    Every row names every column of the table. See :func:`insert` for the types allowed.
    """
    _execute(conn, table, rows, replace=True)


def insert(conn: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Insert ``rows``, which name every column of the table but an integer ``id``.

    The statement is compiled once and the values go to the driver as they are (SQLAlchemy would
    look at each: a third of the cost of a batch), so no column may need a conversion. On
    PostgreSQL they go by COPY.
    """
    if rows and conn.dialect.name == "postgresql":
        names = list(rows[0])
        postgres.copy_rows(conn, table.name, names, [tuple(row[n] for n in names) for row in rows])
    else:
        _execute(conn, table, rows, replace=False)


def _execute(conn: sa.Connection, table: sa.Table, rows: Rows, *, replace: bool) -> None:
    if not rows:
        return
    key = (table, conn.dialect.name, replace)
    if key not in _prepared:
        _prepared[key] = _prepare(conn.dialect, table, list(rows[0]), replace=replace)
    sql, order = _prepared[key]
    if order is None:
        conn.exec_driver_sql(sql, [dict(row) for row in rows])
    else:
        conn.exec_driver_sql(sql, [tuple(row[name] for name in order) for row in rows])


def _prepare(
    dialect: sa.Dialect, table: sa.Table, names: list[str], *, replace: bool
) -> tuple[str, list[str] | None]:
    plain = not any(isinstance(column.type, sa.JSON | sa.DateTime) for column in table.columns)
    assert plain, f"{table.name} has columns that need a conversion"
    make = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    statement: Any = make(table)
    if replace:
        keys = list(table.primary_key.columns)
        others = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    compiled = statement.compile(dialect=dialect, column_keys=names)
    return str(compiled), compiled.positiontup
