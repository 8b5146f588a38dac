"""PostgreSQL as the store: one session that keeps others out, copies as template databases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool, StaticPool

from reference_impl.kernel.errors import StoreUnusable
from reference_impl.kernel.json_columns import JSON_COLUMNS

LOCK = 0x7477_696E
"""Key of the advisory lock of the one writer ("twin"); such locks are per database."""
LOCK_WAIT_S = 10
"""A server needs a moment to see that a client was killed; then its lock is free."""
_LOCK_NOT_AVAILABLE = "55P03"
_NAME_MAX = 63
"""Longest name of a database, bytes (NAMEDATALEN - 1)."""


class StoreBusy(StoreUnusable):
    """Another DPS works on this database."""


def engine(url: str) -> sa.Engine:
    """One session for everything, as on SQLite, so that transactions are serial.

    The session holds an advisory lock: a second DPS on the same database is refused.

    Raises:
        StoreBusy: At the first connection, if another DPS holds the lock.
    """
    made = sa.create_engine(url, poolclass=StaticPool, **JSON_COLUMNS)

    @sa.event.listens_for(made, "connect")
    def _on_connect(raw: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
        try:
            with raw.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
                cursor.execute(f"SELECT pg_advisory_lock({LOCK})")
            raw.commit()
        except made.dialect.loaded_dbapi.Error as error:
            if getattr(error, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            raise StoreBusy(
                f"another DPS works on {made.url!r}; one database is for one DPS"
            ) from error

    return made


def copy_rows(
    conn: sa.Connection, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Append rows by COPY, which costs one round trip however many there are."""
    quote = conn.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    raw: Any = conn.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {quote(table)} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def backup(store: sa.Engine, path: Path) -> int:
    """Copy the database beside itself; ``path`` becomes a note of where. Gives the copy's size.

    A database can only be copied while nobody is connected to it, so our session ends first; the
    next transaction opens another.
    """
    database = _database(store)
    mark = sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"{database[: _NAME_MAX - 18]}_copy_{mark}"
    with _elsewhere(store) as conn:
        conn.exec_driver_sql(f"DROP DATABASE IF EXISTS {_quoted(conn, name)}")
        _copy(conn, source=database, target=name)
        size = conn.execute(sa.select(sa.func.pg_database_size(name))).scalar_one()
    path.write_text(json.dumps({"postgresql_database": name}), encoding="utf-8")
    return int(size)


def restore(store: sa.Engine, path: Path) -> None:
    """Replace the database by the copy that ``path`` notes; the copy stays.

    Raises:
        ValueError: If ``path`` is no such note.
    """
    try:
        name = str(json.loads(path.read_text(encoding="utf-8"))["postgresql_database"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no copy of a PostgreSQL store") from error
    database = _database(store)
    with _elsewhere(store) as conn:
        conn.exec_driver_sql(f"DROP DATABASE IF EXISTS {_quoted(conn, database)}")
        _copy(conn, source=name, target=database)


def _copy(conn: sa.Connection, *, source: str, target: str) -> None:
    conn.exec_driver_sql(
        f"CREATE DATABASE {_quoted(conn, target)} TEMPLATE {_quoted(conn, source)}"
    )


def _database(store: sa.Engine) -> str:
    assert store.url.database, "a URL of PostgreSQL names its database"
    return store.url.database


def _quoted(conn: sa.Connection, name: str) -> str:
    return conn.dialect.identifier_preparer.quote_identifier(name)


@contextmanager
def _elsewhere(store: sa.Engine) -> Iterator[sa.Connection]:
    """A session on another database of the server, with none of ours on the store's own."""
    store.dispose()
    other = "template1" if store.url.database == "postgres" else "postgres"
    admin = sa.create_engine(
        store.url.set(database=other), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as conn:
        yield conn
