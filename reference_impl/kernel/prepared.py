"""Statements that are put together once and asked often.

On SQLite they go to the driver as text and numbers: what SQLAlchemy does for each execution takes
several times as long as SQLite does. Values are converted as the types of the columns say, so
nothing else is different; on any other database SQLAlchemy executes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

Converter = Callable[[Any], Any]


class _Written(NamedTuple):
    """A statement as SQLite takes it."""

    text: str
    binds: list[tuple[str, Converter | None]]
    """Its parameters in order, and what makes a value what the driver takes."""
    fixed: Mapping[str, Any]
    """Values that the statement has itself, such as a limit."""
    reads: list[tuple[int, Converter]]
    """Columns of its rows that need a conversion."""

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """The parameters of one execution."""
        both = {**self.fixed, **given} if self.fixed else given
        return [both[name] if make is None else make(both[name]) for name, make in self.binds]


class Prepared:
    """One statement; its open values are ``bindparam``, or columns that are inserted."""

    def __init__(
        self, statement: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete, *columns: str
    ) -> None:
        """``columns``: those that an insert is given."""
        self._statement, self._columns = statement, columns
        self._written: _Written | None = None

    def rows(self, conn: sa.Connection, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        """All rows that it finds."""
        if conn.dialect.name != "sqlite":
            return [tuple(row) for row in conn.execute(self._statement, values)]
        written = self._written or self._write(conn.dialect)
        raw: Any = conn.connection.driver_connection
        found: list[tuple[Any, ...]] = raw.execute(written.text, written.values(values)).fetchall()
        return [_read(row, written.reads) for row in found] if written.reads else found

    def run(self, conn: sa.Connection, *many: Mapping[str, Any]) -> int:
        """Do it with each of these values; gives how many rows it concerned."""
        if conn.dialect.name != "sqlite":
            return conn.execute(self._statement, list(many)).rowcount
        written = self._written or self._write(conn.dialect)
        raw: Any = conn.connection.driver_connection
        if len(many) == 1:
            return int(raw.execute(written.text, written.values(many[0])).rowcount)
        return int(raw.executemany(written.text, map(written.values, many)).rowcount)

    def _write(self, dialect: sa.Dialect) -> _Written:
        compiled: Any = self._statement.compile(
            dialect=dialect, column_keys=list(self._columns) or None
        )
        names: Sequence[str] = compiled.positiontup
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in names}
        chosen = self._statement.selected_columns if isinstance(self._statement, sa.Select) else ()
        reads = (one.type.dialect_impl(dialect).result_processor(dialect, None) for one in chosen)
        self._written = _Written(
            str(compiled),
            [(name, types[name].bind_processor(dialect)) for name in names],
            {name: compiled.params[name] for name in names if compiled.params[name] is not None},
            [(place, read) for place, read in enumerate(reads) if read is not None],
        )
        return self._written


def _read(row: tuple[Any, ...], reads: Sequence[tuple[int, Converter]]) -> tuple[Any, ...]:
    values = list(row)
    for place, read in reads:
        values[place] = read(values[place])
    return tuple(values)
