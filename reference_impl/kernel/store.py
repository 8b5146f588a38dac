"""The store and its unit of work: one transaction, one set of effects.

SQLite by default (WAL, ``synchronous=NORMAL``, BEGIN IMMEDIATE), PostgreSQL by URL; either has one
writer.
Every context defines its tables on :data:`metadata`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from reference_impl.kernel import postgres
from reference_impl.kernel.bus import Bus, DomainEvent
from reference_impl.kernel.json_columns import JSON_COLUMNS

metadata = sa.MetaData()
Text = sa.String().with_variant(sa.String(collation="C"), "postgresql")
"""The type of every text column: sorted by code point, whatever language a database speaks."""
CHECKPOINT_PAGES = 8_000
"""The log goes into the database every 32 MB, not every 4 as is SQLite's habit: the same few pages
are written by every batch, and a checkpoint waits for the disk."""
Connection = sa.Connection
"""What services read through; they name it without knowing the database package."""


class UnitOfWork:
    """One transaction. What it writes, and what it publishes, happens whole or not at all.

    ``conn`` is the SQLAlchemy connection; ``publish`` hands an event to the subscribers of
    the bus within this transaction; ``after_commit`` registers what to do once it is durable.
    """

    def __init__(self, conn: sa.Connection, bus: Bus, *, timers_version: int = 0) -> None:
        self.conn = conn
        self.timers_version = timers_version
        """Names a state of the timer table, so that the scheduler reads it only after a change."""
        self._bus = bus
        self._after: list[Callable[[], None]] = []
        self._ends: list[Callable[[], None]] = []

    def publish(self, event: DomainEvent) -> None:
        """Tell the subscribers, in this transaction, in the order of publication."""
        self._bus.dispatch(self, event)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do ``act`` once this transaction is durable; not at all if it is rolled back."""
        self._after.append(act)

    def at_end(self, act: Callable[[], None]) -> None:
        """Do ``act`` when this transaction is over, committed or rolled back."""
        self._ends.append(act)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for act in self._after:
            act()

    def ended(self) -> None:
        """Run what waited for the end, before what waited for the commit."""
        for act in self._ends:
            act()


class Store:
    """Opens transactions on one database. Used from one thread: the event loop's.

    ``writing`` is held by whoever writes across an ``await``: one writer at a time.
    """

    def __init__(self, url: str, bus: Bus, *, full_sync: bool = False) -> None:
        self.url = url
        self.bus = bus
        self.engine = _engine(url, full_sync=full_sync)
        self.writing = asyncio.Lock()
        self._open: UnitOfWork | None = None
        self._timers_version = 0
        self._kept: dict[bool, sa.Connection] = {}
        """SQLite's connections for writing and for reading only: two views of the one there is."""
        self._joined: ContextVar[UnitOfWork | None] = ContextVar("joined", default=None)
        self._reading: ContextVar[sa.Connection | None] = ContextVar("reading", default=None)

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """A transaction that commits at the end of the block and rolls back on an error.

        Inside :meth:`joinable` it is a part of that larger transaction.
        """
        joined = self._joined.get()
        if joined is not None:
            yield joined
            return
        with self._connection() as conn:
            unit = UnitOfWork(conn, self.bus, timers_version=self._timers_version)
            try:
                with conn.begin():
                    self._open = unit
                    yield unit
                self._timers_version = unit.timers_version
            except BaseException:
                # rolled back: no version that it went through names what is there now
                self._timers_version = unit.timers_version + 1
                raise
            finally:
                self._open = None
                unit.ended()
        unit.committed()

    @contextmanager
    def joinable(self) -> Iterator[UnitOfWork]:
        """A transaction that every :meth:`begin` of the same task joins; hold ``writing``."""
        with self.begin() as unit:
            token = self._joined.set(unit)
            try:
                yield unit
            finally:
                self._joined.reset(token)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for reading only; inside a transaction it sees what that has written.

        Inside another read of the same task it is that one's: SQLite has one connection.
        """
        outer = self._reading.get() if self._open is None else self._open.conn
        if outer is not None:
            yield outer
            return
        with self._connection(read_only=True) as reading:
            token = self._reading.set(reading)
            try:
                yield reading
            finally:
                self._reading.reset(token)

    @contextmanager
    def _connection(self, *, read_only: bool = False) -> Iterator[sa.Connection]:
        """A connection without a transaction; what is open at the end is rolled back.

        SQLite's is kept: to take it from the pool and give it back costs as much as a commit.
        """
        conn = self._kept.get(read_only)
        if conn is None:
            conn = self.engine.connect()
            if read_only:
                conn = conn.execution_options(read_only=True)
            if self.engine.dialect.name == "sqlite":
                self._kept[read_only] = conn
        try:
            yield conn
        finally:
            if read_only not in self._kept:
                conn.close()
            elif conn.in_transaction():
                conn.rollback()

    def backup(self, path: Path) -> int:
        """Copy the whole store; gives the size of the copy in bytes.

        SQLite: into a file, which appears once complete. PostgreSQL: into a database on the same
        server, whose name the file then holds.
        """
        if self.engine.dialect.name != "sqlite":
            return postgres.backup(self.engine, path)
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(part)) as target, closing(self.engine.raw_connection()) as raw:
            raw.driver_connection.backup(target)  # type: ignore[union-attr]  # sqlite3's own
        part.replace(path)
        return path.stat().st_size

    def restore(self, path: Path) -> None:
        """Replace the whole content by that of a :meth:`backup` of the same kind of store."""
        if self.engine.dialect.name != "sqlite":
            postgres.restore(self.engine, path)
            return
        with closing(sqlite3.connect(path)) as source, closing(self.engine.raw_connection()) as raw:
            source.backup(raw.driver_connection)  # type: ignore[arg-type]  # sqlite3's own

    def close(self) -> None:
        """Close every connection."""
        while self._kept:
            self._kept.popitem()[1].close()
        self.engine.dispose()


def opened(url: str, bus: Bus, *, full_sync: bool) -> Store:
    """The store at a URL. Raises ValueError if it is none, or its package is not installed."""
    try:
        return Store(url, bus, full_sync=full_sync)
    except sa.exc.ArgumentError as error:
        raise ValueError(
            f"{url!r} is no store; allowed: sqlite://, sqlite:///path, postgresql+psycopg://…"
        ) from error
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{url!r} needs the package {error.name!r}: pip install 'twinrig[postgres]'"
        ) from error


def _engine(url: str, *, full_sync: bool) -> sa.Engine:
    if not url.startswith("sqlite"):
        return postgres.engine(url)
    engine = sa.create_engine(
        url,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": 30.0},
        **JSON_COLUMNS,
    )
    level = "FULL" if full_sync else "NORMAL"

    @sa.event.listens_for(engine, "connect")
    def _on_connect(raw: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3 or a wrapper
        raw.isolation_level = None  # we say BEGIN ourselves, see below
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={level}",
            "foreign_keys=ON",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(conn: sa.Connection) -> None:
        reading = conn.get_execution_options().get("read_only", False)
        raw: Any = conn.connection.driver_connection
        raw.execute("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
