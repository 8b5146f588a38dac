"""What goes down to devices: decided in a transaction, published after it, at least once.

A device obeys an id once, so a row that was published but not yet marked may go out again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import sqlalchemy as sa

from broker.link.port import Packet
from broker.wire import topics
from broker.wire.codec import encode
from broker.wire.messages import Downlink
from reference_impl.kernel.cached import Cached
from reference_impl.kernel.store import Store, Text, UnitOfWork, metadata

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("command_id", Text, nullable=False, unique=True),
    sa.Column("topic", Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False, index=True),
    sqlite_autoincrement=True,
)
_newest = sa.select(sa.func.max(outbox.c.number))
_unsent = sa.select(outbox).where(outbox.c.sent.is_(False)).order_by(outbox.c.number)

Publish = Callable[[Sequence[Packet]], Awaitable[None]]
Sent = Callable[[UnitOfWork, Sequence[str]], None]


class Outbox:
    """Keeps what must be published until the broker has it."""

    def __init__(self, store: Store, publish: Publish) -> None:
        self._store = store
        self._publish = publish
        self._on_sent: list[Sent] = []
        self._newest: Cached[str, int] = Cached(lambda _conn: {})
        """The newest number, while nothing was written since it was read."""
        self._waiting = True  # a store that was opened may hold unsent rows

    def on_sent(self, handler: Sent) -> None:
        """Call ``handler(uow, command_ids)`` in the transaction that marks rows as sent."""
        self._on_sent.append(handler)

    def put(self, uow: UnitOfWork, site: str, message: Downlink) -> bool:
        """Write ``message`` for a device of ``site``; False if its id was written before."""
        known = sa.select(outbox.c.number).where(outbox.c.command_id == message.command_id)
        if uow.conn.execute(known).first() is not None:
            return False
        uow.conn.execute(
            outbox.insert().values(
                command_id=message.command_id,
                topic=topics.downlink(site, message),
                payload=encode(message),
                sent=False,
            )
        )
        self._newest.of(uow).clear()
        uow.after_commit(self._wake)
        return True

    def _wake(self) -> None:
        self._waiting = True

    @property
    def waiting(self) -> bool:
        """Whether something may be unsent."""
        return self._waiting

    async def flush(self) -> int:
        """Publish what is unsent, oldest first, and mark it; gives the number of messages."""
        if not self._waiting:
            return 0
        self._waiting = False
        with self._store.read() as conn:
            rows = conn.execute(_unsent).all()
        if not rows:
            return 0
        try:
            await self._publish([Packet(row.topic, row.payload) for row in rows])
        except BaseException:
            self._waiting = True
            raise
        ids = [row.command_id for row in rows]
        async with self._store.writing:
            with self._store.begin() as uow:
                uow.conn.execute(
                    outbox.update().where(outbox.c.command_id.in_(ids)).values(sent=True)
                )
                for handler in self._on_sent:
                    handler(uow, ids)
        return len(rows)

    def newest(self, uow: UnitOfWork) -> int:
        """The running number of the newest row; 0 while there is none."""
        known = self._newest.of(uow)
        if "newest" not in known:
            known["newest"] = uow.conn.execute(_newest).scalar_one() or 0
        return known["newest"]

    @staticmethod
    def ids_after(conn: sa.Connection, number: int) -> list[str]:
        """The ids of the rows after ``number``, oldest first."""
        rows = sa.select(outbox.c.command_id).where(outbox.c.number > number)
        return list(conn.execute(rows.order_by(outbox.c.number)).scalars())
