"""A table as contexts use it: rows as dicts, and states that only a compare-and-set may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.prepared import Prepared
from reference_impl.kernel.store import UnitOfWork
from reference_impl.kernel.upsert import upsert

Row = dict[str, Any]
_PLAIN = (sa.String, sa.Integer, sa.Float, sa.LargeBinary)
"""Types whose values a driver takes as they are."""


class Rows:
    """The rows of one table. Services get this from their adapters and never see SQL.

    Each kind of statement is put together when it is first needed.
    """

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._names = [column.name for column in table.columns]
        self._plain = all(isinstance(c.type, _PLAIN) for c in table.columns) and not all(
            c.primary_key for c in table.columns
        )
        self._keys = [column.name for column in table.primary_key.columns]
        self._get = Prepared(sa.select(table).where(*self._is(self._keys)))
        self._remove = Prepared(table.delete().where(*self._is(self._keys)))
        self._inserts: dict[tuple[str, ...], Prepared] = {}
        self._swaps: dict[tuple[str, ...], Prepared] = {}
        self._lists: dict[tuple[tuple[str, bool], ...], Prepared] = {}

    def get(self, conn: sa.Connection, *key: str | int) -> Row | None:
        """The row with this primary key, or None."""
        found = self._get.rows(conn, **self._key(key))
        return dict(zip(self._names, found[0], strict=True)) if found else None

    def items(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """All rows whose columns equal what is given, by primary key."""
        kind = tuple((name, value is None) for name, value in equals.items())
        prepared = self._lists.get(kind)
        if prepared is None:
            keys = [self._table.c[name] for name in self._keys]
            where = [self._table.c[n].is_(None) if none else self._equal(n) for n, none in kind]
            prepared = Prepared(sa.select(self._table).where(*where).order_by(*keys))
            self._lists[kind] = prepared
        values = {f"is_{name}": value for name, value in equals.items() if value is not None}
        return [dict(zip(self._names, row, strict=True)) for row in prepared.rows(conn, **values)]

    def insert(self, uow: UnitOfWork, *rows: Mapping[str, Any]) -> None:
        """Add rows (none is fine), all with the same columns."""
        if not rows:
            return
        names = tuple(rows[0])
        prepared = self._inserts.get(names)
        if prepared is None:
            prepared = self._inserts[names] = Prepared(self._table.insert(), *names)
        prepared.run(uow.conn, *rows)

    def put(self, uow: UnitOfWork, *rows: Mapping[str, Any]) -> None:
        """Add rows, each in place of the one with the same key, if there is one."""
        if not rows:
            return
        if self._plain and all(len(row) == len(self._names) for row in rows):
            upsert(uow.conn, self._table, [[row[name] for name in self._names] for row in rows])
            return
        self._remove.run(uow.conn, *({f"is_{n}": row[n] for n in self._keys} for row in rows))
        self.insert(uow, *rows)

    def delete(self, uow: UnitOfWork, *key: str | int) -> None:
        """Remove the row with this primary key, if there is one."""
        self._remove.run(uow.conn, self._key(key))

    def swap(self, uow: UnitOfWork, *key: str | int, expected: str, values: Row) -> bool:
        """Write ``values`` if the row's ``state`` is still ``expected``; say whether it was."""
        names = tuple(values)
        prepared = self._swaps.get(names)
        if prepared is None:
            new: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
            where = self._is([*self._keys, "state"])
            prepared = Prepared(self._table.update().where(*where).values(new))
            self._swaps[names] = prepared
        given = {f"new_{name}": value for name, value in values.items()}
        return prepared.run(uow.conn, {**given, **self._key(key), "is_state": expected}) == 1

    def _key(self, key: Sequence[str | int]) -> dict[str, str | int]:
        """The values of a primary key, as statements name them."""
        return {f"is_{name}": value for name, value in zip(self._keys, key, strict=True)}

    def _is(self, names: Sequence[str]) -> list[sa.ColumnElement[bool]]:
        return [self._equal(name) for name in names]

    def _equal(self, name: str) -> sa.ColumnElement[bool]:
        return self._table.c[name] == sa.bindparam(f"is_{name}")
