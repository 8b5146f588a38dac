"""Use cases of ingestion: take a batch in once, count it, see what is missing, ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import MalformedMessage
from broker.wire.reports import UplinkReader
from reference_impl.ingestion import domain
from reference_impl.ingestion.asking import Asking
from reference_impl.ingestion.batch import Batch
from reference_impl.ingestion.domain import (
    REPORTS,
    Columns,
    DeviceLog,
    IngestionStore,
    Key,
    Message,
    Reading,
    Requests,
    pack_all,
)
from reference_impl.ingestion.sites import Sites
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.crashpoints import crash_point
from reference_impl.kernel.ids import payload_digest
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.store import Connection, Store, UnitOfWork
from reference_impl.published import CommandAcknowledged, DeviceSeen, MessageDead, ThingInstalled

Blocks = Sequence[tuple[Key, domain.Block]]
NOWHERE = "unknown"
"""Stands for the site of a message whose topic names none."""


class Ingestion:
    """Takes in what devices send; the clock's ``Intake``."""

    def __init__(
        self,
        *,
        store: Store,
        rows: IngestionStore,
        columns: Columns,
        directory: Directory,
        requests: Requests,
        now_ms: Callable[[], int],
        wall_s: Callable[[], float],
        idle_site_s: float | None = None,
        driven: bool = True,
    ) -> None:
        """``driven``: by clock calls, not by what arrives."""
        self._store = store
        self._rows = rows
        self._columns = columns
        self._directory = directory
        self._asking = Asking(rows, requests)
        self._now_ms = now_ms
        self._wall_s = wall_s
        self._idle_site_s = idle_site_s
        self._driven = driven
        self._reader = UplinkReader()
        self._logs: dict[Key, DeviceLog] = {}
        self._sites = Sites()
        self._latest_ms: dict[str, int] = {}
        self._gappy: set[Key] = set()
        self._undated = False
        self._listeners: list[Callable[[], None]] = []
        self.duplicates = 0
        """Messages that had been taken in before, since this process started."""

    def subscribe(self, bus: Bus) -> None:
        """Listen for things that are installed."""
        bus.subscribe(ThingInstalled, self._on_installed)

    def on_stored(self, act: Callable[[], None]) -> None:
        """Call ``act`` after each batch that was stored."""
        self._listeners.append(act)

    def load(self) -> None:
        """Start from what is stored, in memory too."""
        with self._store.read() as conn:
            self._logs = self._rows.logs(conn)
            self._sites.load(self._rows.counts(conn), self._wall_s())
            self._latest_ms = {t: at for t, (at, _) in self._rows.latest(conn).items()}
        self._gappy = {key for key, log in self._logs.items() if log.gaps()}
        self._undated = True
        self._columns.load()

    def rebirth_of_all(self) -> m.RebirthRequest:
        """The request to send at this start; each start on this store has its own id."""
        with self._store.begin() as uow:
            number = self._rows.count_start(uow)
        return m.RebirthRequest(command_id=f"rebirth-all-{number}")

    # ----- a batch

    def take(self, packets: Sequence[Packet]) -> None:
        """Store a batch in one transaction; afterwards every message of it may be acknowledged."""
        batch = Batch()
        try:
            with self._store.begin() as uow:
                self._take_all(uow, batch, packets)
                blocks = pack_all(batch.readings)
                self._write(uow, batch, blocks)
                crash_point("before_commit")
        except BaseException:
            self.load()  # what was noted in memory did not happen
            raise
        crash_point("after_commit")
        self._columns.add([(thing, block) for (thing, _), block in blocks])
        for act in self._listeners:
            act()

    def _take_all(self, uow: UnitOfWork, batch: Batch, packets: Sequence[Packet]) -> None:
        read = self._reader.read
        for packet in packets:
            try:
                site, message = read(packet.topic, packet.payload)
            except MalformedMessage as error:
                address = topics.parse(packet.topic)
                site = NOWHERE if address is None else address.site
                if self._bury(uow, site, packet, error.problem):
                    self._count(batch, site, 1)
                continue
            if isinstance(message, REPORTS):
                known = batch.open.get((site, message.device, message.boot))
                if known is not None:  # usual: nothing that is done for each message
                    known.append(message)
                    continue
            self._take_one(uow, batch, packet, site, message)
        self._look_at_open(batch)

    def _take_one(
        self, uow: UnitOfWork, batch: Batch, packet: Packet, site: str, message: Message
    ) -> None:
        thing = self._directory.thing(uow.conn, message.device)
        key = (message.device, message.boot)
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = DeviceLog(site=site)
        batch.logs[key] = log
        if thing is None or thing.site != site:
            counted = self._refuse(uow, site, packet, message, log)
            self._count(batch, site, counted)
            return
        log.site = site
        if isinstance(message, REPORTS):
            batch.open[site, *key] = [message]
        else:
            self._look_at_open(batch)
            self._take_other(uow, batch, log, message)
        self._heard(uow, log, message)

    def _take_other(self, uow: UnitOfWork, batch: Batch, log: DeviceLog, message: m.Uplink) -> None:
        """Take what is no single report."""
        if isinstance(message, m.TelemetryBatch):
            self._readings(batch, (message.device, message.boot), log, message.samples)
            return
        new, counts = log.take(message.seq)
        at_ms = None if message.at_ms is None else self._dated_ms(message.at_ms)
        self._count(batch, log.site, counts, at_ms)
        if isinstance(message, m.Birth):
            self._reader.learn(log.site, message)
            self._birth(uow, message, log, self._dated_ms(message.at_ms))
        elif new and isinstance(message, m.Will):
            self._will(uow, message)
            log.lost = True
        elif new and isinstance(message, m.CommandAck):
            uow.publish(_acknowledged(message, self._dated_ms(message.at_ms)))

    def _heard(self, uow: UnitOfWork, log: DeviceLog, message: Message) -> None:
        """A device that nobody knows is asked what it is; one that was lost is found."""
        if not log.born and not log.asked:
            self._asking.birth(uow, log.site, message.device, str(message.boot))
            log.asked = True
        if log.lost and not isinstance(message, m.Will):
            self._rows.set_lost(uow, message.device, message.boot, None)
            log.lost = False

    def _look_at_open(self, batch: Batch) -> None:
        """Take the reports that came so far, device by device."""
        waiting, batch.open = batch.open, {}
        for (_, device, boot), readings in waiting.items():
            key = (device, boot)
            self._readings(batch, key, self._logs[key], readings)

    def _readings(
        self, batch: Batch, key: Key, log: DeviceLog, readings: Sequence[Reading]
    ) -> None:
        times = [reading.at_ms for reading in readings]
        first_ms, last_ms = min(times), max(times)
        now_ms = self._now_ms()
        dated = domain.dated(first_ms, now_ms) and domain.dated(last_ms, now_ms)
        if not dated or not log.take_run([reading.seq for reading in readings]):
            for reading in readings:
                self._reading(batch, key, log, reading, now_ms)
            return
        batch.readings.setdefault(key, []).extend(readings)
        self._count(batch, log.site, len(readings), first_ms, last_ms)
        if last_ms >= self._latest_ms.get(key[0], -1):
            self._latest_ms[key[0]] = last_ms
            batch.latest[key[0]] = readings[len(times) - 1 - times[::-1].index(last_ms)]

    def _reading(
        self, batch: Batch, key: Key, log: DeviceLog, reading: Reading, now_ms: int
    ) -> None:
        new, counts = log.take(reading.seq)
        if not new:
            self.duplicates += 1
            return
        if not domain.dated(reading.at_ms, now_ms):
            self._count(batch, log.site, counts)
            batch.undated.append((key, reading))
            self._undated = True
            return
        batch.readings.setdefault(key, []).append(reading)
        self._count(batch, log.site, counts, reading.at_ms)
        if reading.at_ms >= self._latest_ms.get(key[0], -1):
            self._latest_ms[key[0]] = reading.at_ms
            batch.latest[key[0]] = reading

    def _write(self, uow: UnitOfWork, batch: Batch, blocks: Blocks) -> None:
        counts = self._sites.heard(batch.sites, self._wall_s())
        self._rows.write(uow, blocks=blocks, logs=batch.logs, counts=counts, latest=batch.latest)
        self._rows.write_undated(uow, batch.undated)
        for key, log in batch.logs.items():
            if log.gaps():
                self._gappy.add(key)
            else:
                self._gappy.discard(key)

    def _count(
        self,
        batch: Batch,
        site: str,
        n: int,
        first_ms: int | None = None,
        last_ms: int | None = None,
    ) -> None:
        self._sites.count(site, n, first_ms, last_ms)
        batch.sites.add(site)

    def _refuse(
        self,
        uow: UnitOfWork,
        site: str,
        packet: Packet,
        message: Message,
        log: DeviceLog,
    ) -> int:
        reason = f"device {message.device} is not registered at site {site}"
        numbers = (
            [s.seq for s in message.samples]
            if isinstance(message, m.TelemetryBatch)
            else [message.seq]
        )
        self._bury(uow, site, packet, reason)
        if not log.asked:
            self._asking.birth(uow, site, message.device, str(message.boot))
            log.asked = True
        return sum(log.refuse(seq) for seq in numbers)

    def _bury(self, uow: UnitOfWork, site: str, packet: Packet, reason: str) -> bool:
        self._undated = True
        return self._rows.bury(
            uow,
            topic=packet.topic,
            digest=payload_digest(packet.payload),
            site=site,
            reason=reason,
            payload=packet.payload,
        )

    def _dated_ms(self, at_ms: int) -> int:
        """The time that a device names, or the present if its clock is in a wrong year."""
        now_ms = self._now_ms()
        return at_ms if domain.dated(at_ms, now_ms) else now_ms

    def _birth(self, uow: UnitOfWork, birth: m.Birth, log: DeviceLog, at_ms: int) -> None:
        if log.born:
            return
        log.born = True
        known = {"product": birth.product, "model": birth.model, "firmware": birth.firmware}
        where = {"thing": birth.device, "boot": birth.boot, "at_ms": at_ms}
        self._rows.add_birth(uow, {**where, **known, "serial": birth.serial})
        data = {"boot": birth.boot, "model": birth.model, "firmware": birth.firmware}
        uow.publish(DeviceSeen(at_ms=at_ms, kind="device.born", subject=birth.device, data=data))

    def _will(self, uow: UnitOfWork, will: m.Will) -> None:
        at_ms = self._now_ms() if will.at_ms is None else self._dated_ms(will.at_ms)
        self._rows.set_lost(uow, will.device, will.boot, at_ms)
        born = self._rows.birth_of(uow.conn, will.device) or {}
        known = {name: born.get(name, "") for name in ("model", "firmware")}
        data = {"boot": will.boot, **known}
        uow.publish(DeviceSeen(at_ms=at_ms, kind="device.lost", subject=will.device, data=data))

    def _on_installed(self, uow: UnitOfWork, event: ThingInstalled) -> None:
        """A device that spoke before it was registered is asked to say again what it is."""
        if any(device == event.thing for device, _ in self._logs):
            self._asking.birth(uow, event.site, event.thing, f"at-{event.site}")

    # ----- what the clock wants to know

    @property
    def total(self) -> int:
        """Distinct messages stored or put aside."""
        return self._sites.total

    @property
    def first_ms(self) -> int | None:
        """The earliest time any message named."""
        return self._sites.first_ms

    def short_of(self, delivered: Mapping[str, int]) -> dict[str, int]:
        """Per site, how many messages are still missing."""
        return self._sites.short_of(delivered)

    def watermark_ms(self) -> int | None:
        """The oldest of the newest times, over sites with things that are not idle."""
        with self._store.read() as conn:
            sites = {ref.site for ref in self._directory.things(conn)}
        return self._sites.watermark_ms(sites, self._wall_s(), self._idle_site_s)

    def settle(self, uow: UnitOfWork, now_ms: int) -> None:
        """Give what came without a time that of its receipt, and ask for gaps that are seen."""
        if self._driven and self._sites.newest_ms > now_ms + domain.FAST_MS:
            self._set_apart(uow, now_ms + domain.FAST_MS)
        if self._undated:
            self._rows.date_undated(uow, now_ms)
            for row in self._rows.date_dead_letters(uow, now_ms):
                data = {"topic": row["topic"], "reason": row["reason"], "digest": row["digest"]}
                uow.publish(
                    MessageDead(at_ms=now_ms, kind="message.dead", subject=row["site"], data=data)
                )
            uow.after_commit(self._all_dated)
        for key in sorted(self._gappy):
            self._asking.gaps(uow, key, self._logs[key], now_ms)

    def _set_apart(self, uow: UnitOfWork, after_ms: int) -> None:
        """Believe no reading that is later than that: a clock is in a wrong year."""
        newest_ms = self._rows.set_apart(uow, after_ms)
        self._columns.again(uow.conn, newest_ms)
        self._undated = True

        def forget() -> None:
            self._sites.forget_after(after_ms)
            self._latest_ms |= newest_ms

        uow.after_commit(forget)

    def _all_dated(self) -> None:
        self._undated = False

    def ask_for(self, uow: UnitOfWork, now_ms: int, short: Mapping[str, int]) -> None:
        """Ask devices of short sites for known gaps, for what may follow, and for births."""
        newest = dict(sorted(self._logs))
        for ref in self._directory.things(uow.conn):
            if ref.site not in short:
                continue
            boot = newest.get(ref.thing)
            if boot is None or not self._logs[ref.thing, boot].born:
                self._asking.birth(uow, ref.site, ref.thing, f"short-{now_ms}")
            if boot is None:
                continue
            key = (ref.thing, boot)
            log, missing = self._logs[key], short[ref.site]
            self._asking.all_missing(uow, key, log, site=ref.site, short=missing, now_ms=now_ms)

    # ----- reading

    def stored(self, conn: Connection) -> dict[str, Any]:
        """What is stored, by device, boot and ranges of numbers: as the store says, not memory."""
        devices: dict[str, dict[str, list[tuple[int, int]]]] = {}
        for (device, boot), log in sorted(self._rows.logs(conn).items()):
            if len(log.stored):
                devices.setdefault(device, {})[str(boot)] = log.stored.to_ranges()
        return {"devices": devices, "dead": self._rows.dead_count(conn), "total": self.total}

    def detail(self, conn: Connection, thing: str) -> dict[str, Any]:
        """The birth and latest readings of a thing, to be shown with it."""
        return {
            "born": self._rows.birth_of(conn, thing),
            "latest": self._rows.latest_of(conn, thing),
        }


def _acknowledged(ack: m.CommandAck, at_ms: int) -> CommandAcknowledged:
    return CommandAcknowledged(
        at_ms=at_ms,
        command_id=ack.command_id,
        thing=ack.device,
        status=ack.status,
        detail=ack.detail,
    )
