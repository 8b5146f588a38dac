"""Ingestion's rows: blocks, latest readings, what arrived of each device, dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from broker.ledger import SeqSet
from reference_impl.ingestion.adapters import tables as t
from reference_impl.ingestion.domain import Block, DeviceLog, Key, Reading, pack, reports
from reference_impl.kernel.prepared import Prepared
from reference_impl.kernel.store import UnitOfWork
from reference_impl.kernel.upsert import insert, upsert

_encode = msgspec.json.Encoder().encode
_PAYLOAD_KEPT = 4096
"""Bytes of a dead letter that are kept to look at."""
_FRESH = Prepared(
    sa.select(t.blocks.c.thing, sa.func.min(t.blocks.c.first_ms), sa.func.max(t.blocks.c.id))
    .where(t.blocks.c.id > sa.bindparam("after"))
    .group_by(t.blocks.c.thing)
)


class IngestionRows:
    """Reads and writes the tables of ingestion."""

    def logs(self, conn: sa.Connection) -> dict[tuple[str, int], DeviceLog]:
        """What arrived so far, by device and boot."""
        births = sa.select(t.births.c.thing, t.births.c.boot, t.births.c.lost_ms)
        born = {(row.thing, row.boot): row.lost_ms for row in conn.execute(births)}
        found: dict[tuple[str, int], DeviceLog] = {}
        for row in conn.execute(sa.select(t.logs)):
            stored = SeqSet.from_ranges(_ranges(row.stored))
            top = max((to for _, to in stored.to_ranges()), default=0)
            found[row.device, row.boot] = DeviceLog(
                site=row.site,
                stored=stored,
                refused=SeqSet.from_ranges(_ranges(row.refused)),
                top=max(top, 0),
                born=(row.device, row.boot) in born,
                lost=born.get((row.device, row.boot)) is not None,
            )
        return found

    def counts(self, conn: sa.Connection) -> dict[str, tuple[int, int, int]]:
        """Per site: messages counted, earliest and newest time named."""
        rows = conn.execute(sa.select(t.site_counts))
        return {row.site: (row.messages, row.first_ms, row.newest_ms) for row in rows}

    def write(
        self,
        uow: UnitOfWork,
        *,
        blocks: Sequence[tuple[tuple[str, int], Block]],
        logs: Mapping[tuple[str, int], DeviceLog],
        counts: Mapping[str, tuple[int, int, int]],
        latest: Mapping[str, Reading],
    ) -> None:
        """Write one batch: a block per device and boot, and what changed beside."""
        stored = [
            (thing, boot, b.first_ms, b.last_ms, b.size, ",".join(b.names), b.payload)
            for (thing, boot), b in blocks
        ]
        insert(uow.conn, t.blocks, stored)
        newest = [(thing, r.at_ms, _encode(r.signals)) for thing, r in latest.items()]
        upsert(uow.conn, t.latest, newest)
        changed = [
            (
                device,
                boot,
                log.site,
                _encode(log.stored.to_ranges()),
                _encode(log.refused.to_ranges()),
            )
            for (device, boot), log in logs.items()
        ]
        upsert(uow.conn, t.logs, changed)
        upsert(uow.conn, t.site_counts, [(site, *count) for site, count in counts.items()])

    def latest(self, conn: sa.Connection) -> dict[str, tuple[int, dict[str, float]]]:
        """The newest report of every thing: its time and signals."""
        rows = conn.execute(sa.select(t.latest))
        return {row.thing: (row.at_ms, msgspec.json.decode(row.signals)) for row in rows}

    def latest_of(self, conn: sa.Connection, thing: str) -> dict[str, Any] | None:
        """The newest report of one thing."""
        row = conn.execute(sa.select(t.latest).where(t.latest.c.thing == thing)).first()
        if row is None:
            return None
        return {"at_ms": row.at_ms, "signals": msgspec.json.decode(row.signals)}

    def blocks(
        self, conn: sa.Connection, *, after_ms: int, thing: str | None = None
    ) -> Iterator[tuple[str, Block]]:
        """Blocks that hold something newer than ``after_ms``, in the order of storing."""
        query = sa.select(t.blocks).where(t.blocks.c.last_ms > after_ms).order_by(t.blocks.c.id)
        if thing is not None:
            query = query.where(t.blocks.c.thing == thing)
        for row in conn.execute(query):
            yield row.thing, _block(row)

    def forget(self, uow: UnitOfWork, thing: str, before_ms: int) -> None:
        """Delete the blocks of a thing that end before a time, and what it said undated before."""
        old = (t.blocks.c.thing == thing, t.blocks.c.last_ms < before_ms)
        uow.conn.execute(t.blocks.delete().where(*old))
        undated = (t.undated.c.thing == thing, t.undated.c.received_ms < before_ms)
        uow.conn.execute(t.undated.delete().where(*undated))

    def write_undated(self, uow: UnitOfWork, readings: Sequence[tuple[Key, Reading]]) -> None:
        """Keep readings of no known time apart from all others."""
        rows = [(*key, r.seq, r.at_ms, None, _encode(r.signals)) for key, r in readings]
        upsert(uow.conn, t.undated, rows)

    def date_undated(self, uow: UnitOfWork, now_ms: int) -> None:
        """Note when they were received, if that is not known."""
        unknown = t.undated.c.received_ms.is_(None)
        uow.conn.execute(t.undated.update().where(unknown).values(received_ms=now_ms))

    def undated_of(
        self, conn: sa.Connection, thing: str, *, after: tuple[int, ...], from_ms: int, limit: int
    ) -> list[dict[str, Any]]:
        """Those of a thing that were received since ``from_ms``, behind a boot and number."""
        table = t.undated.c
        query = sa.select(t.undated).where(
            table.thing == thing,
            sa.tuple_(table.boot, table.seq) > after,
            sa.func.coalesce(table.received_ms, from_ms) >= from_ms,
        )
        rows = conn.execute(query.order_by(table.boot, table.seq).limit(limit)).mappings()
        return [{**row, "signals": msgspec.json.decode(row["signals"])} for row in rows]

    def set_apart(self, uow: UnitOfWork, after_ms: int) -> dict[str, int]:
        """Keep readings later than that apart; gives the newest time left of their things, or -1.

        Nothing newer stays known of any site.
        """
        later = sa.select(t.blocks).where(t.blocks.c.last_ms > after_ms)
        things = set()
        for row in uow.conn.execute(later).all():
            said = reports(_block(row))
            key = (row.thing, row.boot)
            self.write_undated(uow, [(key, one) for one in said if one.at_ms > after_ms])
            self._rewrite(uow, row.id, [one for one in said if one.at_ms <= after_ms])
            things.add(row.thing)
        wrong = t.site_counts.c.newest_ms > after_ms
        uow.conn.execute(t.site_counts.update().where(wrong).values(newest_ms=after_ms))
        return {thing: self._latest_again(uow, thing) for thing in sorted(things)}

    def _rewrite(self, uow: UnitOfWork, number: int, said: Sequence[Reading]) -> None:
        """Let a block hold these readings only."""
        here = t.blocks.c.id == number
        if not said:
            uow.conn.execute(t.blocks.delete().where(here))
            return
        block = pack(said)
        columns = {**block._asdict(), "names": ",".join(block.names)}
        uow.conn.execute(t.blocks.update().where(here).values(columns))

    def _latest_again(self, uow: UnitOfWork, thing: str) -> int:
        """Look up the newest report of a thing; its time, or -1."""
        newest = (
            sa.select(t.blocks)
            .where(t.blocks.c.thing == thing)
            .order_by(t.blocks.c.last_ms.desc(), t.blocks.c.id.desc())
            .limit(1)
        )
        row = uow.conn.execute(newest).first()
        if row is None:
            uow.conn.execute(t.latest.delete().where(t.latest.c.thing == thing))
            return -1
        last = max(reports(_block(row)), key=lambda one: one.at_ms)
        upsert(uow.conn, t.latest, [(thing, last.at_ms, _encode(last.signals))])
        return last.at_ms

    def fresh(self, conn: sa.Connection, after: int) -> tuple[dict[str, int], int]:
        """The earliest time in the blocks behind number ``after``, by thing; the newest number."""
        rows = _FRESH.rows(conn, after=after)
        newest = max((number for _, _, number in rows), default=after)
        return {thing: first_ms for thing, first_ms, _ in rows}, newest

    def things(self, conn: sa.Connection) -> list[str]:
        """The things that have stored readings."""
        return list(conn.execute(sa.select(t.latest.c.thing)).scalars())

    def newest_by_thing(self, conn: sa.Connection) -> dict[str, int]:
        """When each thing reported last, in event time."""
        rows = conn.execute(sa.select(t.latest.c.thing, t.latest.c.at_ms))
        return {row.thing: row.at_ms for row in rows}

    def newest_ms(self, conn: sa.Connection) -> int | None:
        """The newest time that any device named and that can be true."""
        newest_ms = conn.execute(sa.select(sa.func.max(t.site_counts.c.newest_ms))).scalar()
        return None if newest_ms is None or newest_ms < 0 else newest_ms

    def add_birth(self, uow: UnitOfWork, row: Mapping[str, Any]) -> None:
        """Write a birth, once per device and boot."""
        uow.conn.execute(t.births.insert().values(**row, lost_ms=None))

    def birth_of(
        self, conn: sa.Connection, thing: str, *, to_ms: int | None = None
    ) -> dict[str, Any] | None:
        """The birth of the newest boot (at or before ``to_ms``)."""
        query = sa.select(t.births).where(t.births.c.thing == thing)
        if to_ms is not None:
            query = query.where(t.births.c.at_ms <= to_ms)
        row = conn.execute(query.order_by(t.births.c.boot.desc()).limit(1)).mappings().first()
        return None if row is None else dict(row)

    def set_lost(self, uow: UnitOfWork, thing: str, boot: int, at_ms: int | None) -> None:
        """Note since when a device is lost; None: it is heard again."""
        where = (t.births.c.thing == thing, t.births.c.boot == boot)
        uow.conn.execute(t.births.update().where(*where).values(lost_ms=at_ms))

    def bury(
        self, uow: UnitOfWork, *, topic: str, digest: str, site: str, reason: str, payload: bytes
    ) -> bool:
        """Put a message aside; False if the same one lies there."""
        where = (t.dead_letters.c.topic == topic, t.dead_letters.c.digest == digest)
        if uow.conn.execute(sa.select(t.dead_letters.c.topic).where(*where)).first() is not None:
            return False
        uow.conn.execute(
            t.dead_letters.insert().values(
                topic=topic,
                digest=digest,
                site=site,
                reason=reason,
                payload=payload[:_PAYLOAD_KEPT],
                received_ms=None,
            )
        )
        return True

    def date_dead_letters(self, uow: UnitOfWork, now_ms: int) -> list[dict[str, Any]]:
        """Give dead letters without a time ``now_ms``; gives those, by topic and digest."""
        undated = t.dead_letters.c.received_ms.is_(None)
        query = sa.select(t.dead_letters).where(undated)
        rows = [dict(row) for row in uow.conn.execute(query).mappings()]
        uow.conn.execute(t.dead_letters.update().where(undated).values(received_ms=now_ms))
        return sorted(rows, key=lambda row: (row["topic"], row["digest"]))

    def dead_letters(self, conn: sa.Connection, limit: int) -> list[dict[str, Any]]:
        """Dead letters by topic and digest."""
        query = sa.select(t.dead_letters).order_by(*t.dead_letters.primary_key.columns)
        return [dict(row) for row in conn.execute(query.limit(limit)).mappings()]

    def dead_count(self, conn: sa.Connection) -> int:
        """How many distinct messages were put aside."""
        return conn.execute(sa.select(sa.func.count()).select_from(t.dead_letters)).scalar_one()

    def resend_asked(self, conn: sa.Connection, key: tuple[str, int, int, int]) -> tuple[int, int]:
        """When a range was last asked for and how often; ``(-1, 0)``: never."""
        columns = t.resends.primary_key.columns
        where = [column == value for column, value in zip(columns, key, strict=True)]
        row = conn.execute(sa.select(t.resends).where(*where)).first()
        return (-1, 0) if row is None else (row.asked_ms, row.attempts)

    def note_resend(
        self, uow: UnitOfWork, key: tuple[str, int, int, int], asked_ms: int, attempts: int
    ) -> None:
        """Note that a range was asked for."""
        upsert(uow.conn, t.resends, [(*key, asked_ms, attempts)])

    def count_start(self, uow: UnitOfWork) -> int:
        """The number of this start of the DPS on this store, from 1."""
        result = uow.conn.execute(t.starts.insert())
        assert result.inserted_primary_key is not None
        return int(result.inserted_primary_key[0])


def _ranges(text: bytes) -> list[tuple[int, int]]:
    return msgspec.json.decode(text, type=list[tuple[int, int]])


def _block(row: Any) -> Block:  # noqa: ANN401 - a row of the table
    names = tuple(row.names.split(",")) if row.names else ()
    return Block(names, row.size, row.first_ms, row.last_ms, row.payload)
