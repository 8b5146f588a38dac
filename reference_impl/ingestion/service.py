"""Use cases of ingestion: take a batch in once, count it, see what is missing, ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.link.port import Packet
from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import MalformedMessage, decode_uplink
from reference_impl.ingestion import domain
from reference_impl.ingestion.domain import Columns, DeviceLog, IngestionStore, Reading, Requests
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.crashpoints import crash_point
from reference_impl.kernel.ids import payload_digest
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.store import Connection, Store, UnitOfWork
from reference_impl.published import CommandAcknowledged, DeviceSeen, MessageDead, ThingInstalled

Key = tuple[str, int]
NOWHERE = "unknown"
"""Stands for the site of a message whose topic names none."""


@dataclass(slots=True)
class _Batch:
    """What one batch brings, until it is written."""

    readings: dict[Key, list[Reading]] = field(default_factory=dict)
    logs: dict[Key, DeviceLog] = field(default_factory=dict)
    sites: set[str] = field(default_factory=set)
    latest: dict[str, Reading] = field(default_factory=dict)
    undated: list[Reading] = field(default_factory=list)
    """Stored, but of no known time: nobody decides anything by them."""


@dataclass(slots=True)
class _Site:
    count: int = 0
    first_ms: int = 2**62
    newest_ms: int = -1
    heard_s: float = 0.0


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
    ) -> None:
        self._store = store
        self._rows = rows
        self._columns = columns
        self._directory = directory
        self._requests = requests
        self._now_ms = now_ms
        self._wall_s = wall_s
        self._idle_site_s = idle_site_s
        self._logs: dict[Key, DeviceLog] = {}
        self._sites: dict[str, _Site] = {}
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
            heard_s = self._wall_s()
            self._sites = {
                site: _Site(*row, heard_s) for site, row in self._rows.counts(conn).items()
            }
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
        batch = _Batch()
        try:
            with self._store.begin() as uow:
                for packet in packets:
                    self._take_one(uow, batch, packet)
                self._write(uow, batch)
                crash_point("before_commit")
        except BaseException:
            self.load()  # what was noted in memory did not happen
            raise
        crash_point("after_commit")
        for (thing, _), readings in batch.readings.items():
            known = [r for r in readings if r not in batch.undated] if batch.undated else readings
            if known:
                self._columns.add(thing, known)
        for act in self._listeners:
            act()

    def _take_one(self, uow: UnitOfWork, batch: _Batch, packet: Packet) -> None:
        try:
            site, message = decode_uplink(packet.topic, packet.payload)
        except MalformedMessage as error:
            address = topics.parse(packet.topic)
            site = NOWHERE if address is None else address.site
            if self._bury(uow, site, packet, error.problem):
                self._count(batch, site, 1)
            return
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
        if isinstance(message, m.Telemetry):
            self._readings(batch, key, log, (message,))
        elif isinstance(message, m.TelemetryBatch):
            self._readings(batch, key, log, message.samples)
        else:
            new, counts = log.take(message.seq)
            at_ms = None if message.at_ms is None else self._dated_ms(message.at_ms)
            self._count(batch, site, counts, at_ms)
            if isinstance(message, m.Birth):
                self._birth(uow, message, log, self._dated_ms(message.at_ms))
            elif new and isinstance(message, m.Will):
                self._will(uow, message)
                log.lost = True
            elif new and isinstance(message, m.CommandAck):
                uow.publish(_acknowledged(message, self._dated_ms(message.at_ms)))
        if not log.born and not log.asked:
            self._ask_birth(uow, site, message.device, str(message.boot))
            log.asked = True
        if log.lost and not isinstance(message, m.Will):
            self._rows.set_lost(uow, message.device, message.boot, None)
            log.lost = False

    def _readings(
        self, batch: _Batch, key: Key, log: DeviceLog, samples: Sequence[m.Telemetry | m.Sample]
    ) -> None:
        now_ms = self._now_ms()
        for sample in samples:
            new, counts = log.take(sample.seq)
            if not new:
                self.duplicates += 1
                continue
            reading = Reading(sample.seq, sample.at_ms, sample.signals)
            batch.readings.setdefault(key, []).append(reading)
            if not domain.dated(sample.at_ms, now_ms):
                self._count(batch, log.site, counts)
                batch.undated.append(reading)
                continue
            self._count(batch, log.site, counts, sample.at_ms)
            if sample.at_ms >= self._latest_ms.get(key[0], -1):
                self._latest_ms[key[0]] = sample.at_ms
                batch.latest[key[0]] = reading

    def _write(self, uow: UnitOfWork, batch: _Batch) -> None:
        heard_s = self._wall_s()
        counts: dict[str, tuple[int, int, int]] = {}
        for site in batch.sites:
            state = self._sites[site]
            state.heard_s = heard_s
            counts[site] = (state.count, state.first_ms, state.newest_ms)
        self._rows.write(
            uow, readings=batch.readings, logs=batch.logs, counts=counts, latest=batch.latest
        )
        for key, log in batch.logs.items():
            if log.gaps():
                self._gappy.add(key)
            else:
                self._gappy.discard(key)

    def _count(self, batch: _Batch, site: str, n: int, at_ms: int | None = None) -> None:
        state = self._sites.get(site)
        if state is None:
            state = self._sites[site] = _Site()
        state.count += n
        if at_ms is not None:
            state.newest_ms = max(state.newest_ms, at_ms)
            state.first_ms = min(state.first_ms, at_ms)
        batch.sites.add(site)

    def _refuse(
        self,
        uow: UnitOfWork,
        site: str,
        packet: Packet,
        message: m.Uplink,
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
            self._ask_birth(uow, site, message.device, str(message.boot))
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
        at_ms = self._now_ms() if will.at_ms is None else will.at_ms
        self._rows.set_lost(uow, will.device, will.boot, at_ms)
        born = self._rows.birth_of(uow.conn, will.device) or {}
        data = {
            "boot": will.boot,
            "model": born.get("model", ""),
            "firmware": born.get("firmware", ""),
        }
        uow.publish(DeviceSeen(at_ms=at_ms, kind="device.lost", subject=will.device, data=data))

    def _ask_birth(self, uow: UnitOfWork, site: str, device: str, occasion: str) -> None:
        request = m.RebirthRequest(command_id=f"rebirth-{device}-{occasion}", device=device)
        self._requests.put(uow, site, request)

    def _on_installed(self, uow: UnitOfWork, event: ThingInstalled) -> None:
        """A device that spoke before it was registered is asked to say again what it is."""
        if any(device == event.thing for device, _ in self._logs):
            self._ask_birth(uow, event.site, event.thing, f"at-{event.site}")

    # ----- what the clock wants to know

    @property
    def total(self) -> int:
        """Distinct messages stored or put aside."""
        return sum(site.count for site in self._sites.values())

    @property
    def first_ms(self) -> int | None:
        """The earliest time any message named."""
        first_ms = min((site.first_ms for site in self._sites.values()), default=2**62)
        return None if first_ms == 2**62 else first_ms

    def short_of(self, delivered: Mapping[str, int]) -> dict[str, int]:
        """Per site, how many messages are still missing."""
        none = _Site()
        short = {s: n - self._sites.get(s, none).count for s, n in delivered.items()}
        return {site: missing for site, missing in short.items() if missing > 0}

    def watermark_ms(self) -> int | None:
        """The oldest of the newest times, over sites with things that are not idle."""
        with self._store.read() as conn:
            sites = {ref.site for ref in self._directory.things(conn)}
        now_s = self._wall_s()
        newest: list[int] = []
        for site in sites:
            state = self._sites.setdefault(site, _Site(heard_s=now_s))
            idle = self._idle_site_s is not None and now_s - state.heard_s > self._idle_site_s
            if not idle:
                newest.append(state.newest_ms)
        watermark_ms = min(newest, default=-1)
        return None if watermark_ms < 0 else watermark_ms

    def settle(self, uow: UnitOfWork, now_ms: int) -> None:
        """Give dead letters their time, and ask for gaps that are seen."""
        if self._undated:
            for row in self._rows.date_dead_letters(uow, now_ms):
                data = {"topic": row["topic"], "reason": row["reason"], "digest": row["digest"]}
                uow.publish(
                    MessageDead(at_ms=now_ms, kind="message.dead", subject=row["site"], data=data)
                )
            uow.after_commit(self._all_dated)
        for key in sorted(self._gappy):
            self._ask_gaps(uow, key, self._logs[key], now_ms)

    def _all_dated(self) -> None:
        self._undated = False

    def _ask_gaps(self, uow: UnitOfWork, key: Key, log: DeviceLog, now_ms: int) -> None:
        for from_seq, to_seq in log.gaps()[: domain.RANGES_AT_ONCE]:
            span = (*key, from_seq, to_seq)
            asked_ms, attempts = self._rows.resend_asked(uow.conn, span)
            again = now_ms - asked_ms >= domain.RESEND_AGAIN_MS
            if attempts == 0 or (again and attempts < domain.RESEND_ATTEMPTS):
                self._ask_resend(uow, log.site, key, (from_seq, to_seq), str(attempts + 1))
                self._rows.note_resend(uow, span, now_ms, attempts + 1)

    def ask_for(self, uow: UnitOfWork, now_ms: int, short: Mapping[str, int]) -> None:
        """Ask devices of short sites for known gaps, for what may follow, and for births."""
        newest = dict(sorted(self._logs))
        for ref in self._directory.things(uow.conn):
            if ref.site not in short:
                continue
            boot = newest.get(ref.thing)
            if boot is None or not self._logs[ref.thing, boot].born:
                self._ask_birth(uow, ref.site, ref.thing, f"short-{now_ms}")
            if boot is None:
                continue
            log = self._logs[ref.thing, boot]
            tail = (log.top + 1, log.top + short[ref.site])
            for span in (*log.gaps()[: domain.RANGES_AT_ONCE], tail):
                self._ask_resend(uow, ref.site, (ref.thing, boot), span, f"short-{now_ms}")

    def _ask_resend(
        self, uow: UnitOfWork, site: str, key: Key, span: tuple[int, int], occasion: str
    ) -> None:
        device, boot = key
        request = m.ResendRequest(
            command_id=f"resend-{device}-{boot}-{span[0]}-{span[1]}-{occasion}",
            device=device,
            boot=boot,
            from_seq=span[0],
            to_seq=span[1],
        )
        self._requests.put(uow, site, request)

    # ----- reading

    def stored(self, conn: Connection) -> dict[str, Any]:
        """What is stored, by device, boot and ranges of numbers."""
        devices: dict[str, dict[str, list[tuple[int, int]]]] = {}
        for (device, boot), log in sorted(self._logs.items()):
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
