"""A table as contexts use it: rows as dicts, and states that only a compare-and-set may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.store import UnitOfWork
from reference_impl.kernel.upsert import upsert

Row = dict[str, Any]
_PLAIN = (sa.String, sa.Integer, sa.Float, sa.LargeBinary)
"""Types whose values a driver takes as they are."""


class Rows:
    """The rows of one table. Services get this from their adapters and never see SQL."""

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._names = [column.name for column in table.columns]
        self._plain = all(isinstance(c.type, _PLAIN) for c in table.columns) and not all(
            c.primary_key for c in table.columns
        )
        self._keys = tuple(table.primary_key.columns)
        self._insert = table.insert()
        self._remove = table.delete().where(
            *(column == sa.bindparam(f"key_{column.name}") for column in self._keys)
        )

    def get(self, conn: sa.Connection, *key: str | int) -> Row | None:
        """The row with this primary key, or None."""
        query = sa.select(self._table).where(*self._is(key))
        row = conn.execute(query).mappings().first()
        return None if row is None else dict(row)

    def items(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """All rows whose columns equal what is given, by primary key."""
        query = sa.select(self._table).order_by(*self._keys)
        query = query.where(*(self._table.c[name] == value for name, value in equals.items()))
        return [dict(row) for row in conn.execute(query).mappings()]

    def insert(self, uow: UnitOfWork, *rows: Mapping[str, Any]) -> None:
        """Add rows (none is fine)."""
        if rows:
            uow.conn.execute(self._insert, [dict(row) for row in rows])

    def put(self, uow: UnitOfWork, *rows: Mapping[str, Any]) -> None:
        """Add rows, each in place of the one with the same key, if there is one."""
        if not rows:
            return
        if self._plain and all(len(row) == len(self._names) for row in rows):
            upsert(uow.conn, self._table, [[row[name] for name in self._names] for row in rows])
            return
        names = [column.name for column in self._keys]
        uow.conn.execute(self._remove, [{f"key_{n}": row[n] for n in names} for row in rows])
        self.insert(uow, *rows)

    def delete(self, uow: UnitOfWork, *key: str | int) -> None:
        """Remove the row with this primary key, if there is one."""
        uow.conn.execute(self._table.delete().where(*self._is(key)))

    def swap(self, uow: UnitOfWork, *key: str | int, expected: str, values: Row) -> bool:
        """Write ``values`` if the row's ``state`` is still ``expected``; say whether it was."""
        where = (*self._is(key), self._table.c.state == expected)
        return uow.conn.execute(self._table.update().where(*where).values(values)).rowcount == 1

    def _is(self, key: Sequence[str | int]) -> list[sa.ColumnElement[bool]]:
        assert len(key) == len(self._keys), "one value for each primary key column"
        return [column == value for column, value in zip(self._keys, key, strict=True)]
