"""The store and its unit of work: one transaction, one set of effects.

SQLite by default (WAL, ``synchronous=NORMAL``, BEGIN IMMEDIATE, one writer), PostgreSQL by URL.
Every context defines its tables on :data:`metadata`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from reference_impl.kernel.bus import Bus, DomainEvent

metadata = sa.MetaData()


class UnitOfWork:
    """One transaction. What it writes, and what it publishes, happens whole or not at all.

    ``conn`` is the SQLAlchemy connection; ``publish`` hands an event to the subscribers of
    the bus within this transaction; ``after_commit`` registers what to do once it is durable.
    """

    def __init__(self, conn: sa.Connection, bus: Bus) -> None:
        self.conn = conn
        self._bus = bus
        self._after: list[Callable[[], None]] = []

    def publish(self, event: DomainEvent) -> None:
        """Tell the subscribers, in this transaction, in the order of publication."""
        self._bus.dispatch(self, event)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do ``act`` once this transaction is durable; not at all if it is rolled back."""
        self._after.append(act)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for act in self._after:
            act()


class Store:
    """Opens transactions on one database. Used from one thread: the event loop's."""

    def __init__(self, url: str, bus: Bus, *, full_sync: bool = False) -> None:
        self.url = url
        self.bus = bus
        self.engine = _engine(url, full_sync=full_sync)

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        """A transaction that commits at the end of the block and rolls back on an error."""
        with self.engine.connect() as conn:
            with conn.begin():
                unit = UnitOfWork(conn, self.bus)
                yield unit
            unit.committed()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for reading only."""
        with self.engine.connect() as conn:
            yield conn

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _engine(url: str, *, full_sync: bool) -> sa.Engine:
    if not url.startswith("sqlite"):
        return sa.create_engine(url)
    engine = sa.create_engine(
        url, poolclass=StaticPool, connect_args={"check_same_thread": False, "timeout": 30.0}
    )
    level = "FULL" if full_sync else "NORMAL"

    @sa.event.listens_for(engine, "connect")
    def _on_connect(raw: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3 or a wrapper
        raw.isolation_level = None  # we say BEGIN ourselves, see below
        for pragma in ("journal_mode=WAL", f"synchronous={level}", "foreign_keys=ON"):
            raw.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(conn: sa.Connection) -> None:
        conn.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
