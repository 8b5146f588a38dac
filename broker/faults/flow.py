"""What becomes of messages on their way, in the order of simulated time: asks the faults.

:class:`broker.faults.path.FaultyLink` hands it what devices say in a step, and publishes what comes
out at the other end.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, groupby
from typing import NamedTuple

from broker.faults.state import Held, Presence, Remembered, Waits
from broker.faults.verdict import (
    Again,
    Behind,
    Direction,
    Drop,
    Fault,
    Late,
    Offer,
    Pass,
    Retry,
    Spoil,
    Verdict,
    VerdictRecord,
    number_of,
)
from broker.ledger import DeliveryLedger
from broker.wire.messages import Birth, Sample, Telemetry, TelemetryBatch, Uplink, Will

_WILL, _RELEASE, _MESSAGE = range(3)


class Out(NamedTuple):
    """Something that arrives at the broker."""

    site: str
    message: Uplink
    late: bool = False
    """It waited, in its device or on the way."""
    spoilt: bytes | None = None
    """The bytes that arrive, if they are no message any more."""


class Flow:
    """Knows where every message is that has been sent and has not arrived.

    Args:
        faults: What goes wrong, by name; may grow meanwhile.
        ledger: Told of what is lost, and of wills that the broker publishes.
        memory: What the faults remember.
    """

    def __init__(
        self, faults: Mapping[str, Fault], ledger: DeliveryLedger, memory: Remembered
    ) -> None:
        self._faults, self._ledger, self._memory = faults, ledger, memory
        self.held: list[Held] = []
        self.presences: dict[str, Presence] = {}
        self.taken_over: list[str] = []
        """Devices whose sessions somebody took over in the latest step."""
        self._records: list[VerdictRecord] = []
        self._heap: list[tuple[int, int, int, Fault | Offer | None]] = []
        self._number = count()
        self._now_ms = -1

    def calm(self, since_ms: int, now_ms: int) -> bool:
        """Whether nothing goes wrong in a span, so that nobody has to be asked."""
        return not self.held and not any(
            fault.window.from_ms <= now_ms and since_ms <= fault.ends_ms()
            for fault in self._faults.values()
        )

    def through(
        self, messages: Sequence[tuple[str, Uplink]], since_ms: int, now_ms: int
    ) -> tuple[list[Out], list[VerdictRecord]]:
        """Take messages, wills and returns in the order of simulated time.

        Returns:
            What arrives up to ``now_ms``, in order, and what the faults decided.
        """
        self._records, self._heap, self._now_ms = [], [], now_ms
        self.taken_over = []
        for fault in self._faults.values():
            for will_ms in fault.will_times_ms():
                if since_ms < will_ms <= now_ms:
                    self._plan(will_ms, _WILL, fault)
        for until_ms in {held.until_ms for held in self.held}:
            if until_ms <= now_ms:
                self._plan(max(until_ms, since_ms), _RELEASE, None)
        for site, message in messages:
            at_ms = getattr(message, "at_ms", None)
            # What bears an old time is an answer that is given now.
            sent_ms = at_ms if at_ms is not None and since_ms < at_ms <= now_ms else now_ms
            self._plan(sent_ms, _MESSAGE, Offer(site, message, sent_ms))
        outs: list[Out] = []
        while self._heap:
            at_ms, kind, _, what = heapq.heappop(self._heap)
            if kind == _RELEASE:
                outs.extend(self._releases(at_ms))
            elif isinstance(what, Offer):
                outs.extend(self._offer(what, late=False))
            elif what is not None:
                outs.extend(self._wills(what, at_ms))
        return outs, self._records

    def _plan(self, at_ms: int, kind: int, what: Fault | Offer | None) -> None:
        heapq.heappush(self._heap, (at_ms, kind, next(self._number), what))

    def _hold(self, held: Held) -> None:
        self.held.append(held)
        if held.until_ms <= self._now_ms:
            self._plan(held.until_ms, _RELEASE, None)

    def _note(self, offer: Offer, fault: str, verdict: str) -> None:
        at_ms, site, message = offer.at_ms, offer.site, offer.message
        self._records.append(
            VerdictRecord(
                at_ms, fault, verdict, site, message.device, message.boot, number_of(message)
            )
        )

    # One message.

    def _offer(self, offer: Offer, *, late: bool) -> Iterator[Out]:
        """Ask the faults; about a message that has to wait, the others are asked when it leaves."""
        site, message, at_ms = offer
        if isinstance(message, Will):  # the broker says it, not the device
            self.note_presence(site, message)
            yield Out(site, message, late)
            return
        cut = self.cut_off(site, message.device, at_ms, "up")
        if cut is not None:
            name, until_ms = cut
            self._hold(Held(site, message, until_ms))
            self._note(offer, name, "hold")
            return
        again: list[tuple[str, Again]] = []
        for fault in self._faults.values():
            if not fault.window.covers(site, message.device, at_ms):
                continue
            verdict = fault.judge(offer, self._memory)
            if isinstance(verdict, Again):
                again.append((fault.name, verdict))
            elif not isinstance(verdict, Pass):
                yield from self._stopped(offer, fault.name, verdict)
                return
        self.note_presence(site, message)
        yield Out(site, message, late)
        for name, copy in again:
            yield from self._copied(offer, name, copy)
        yield from self._overtaken(message)

    def _stopped(self, offer: Offer, fault: str, verdict: Verdict) -> Iterator[Out]:
        """A message does not arrive now, or not as it was."""
        site, message, _ = offer
        if isinstance(verdict, Drop):
            self._ledger.dropped(site, message)
            self._note(offer, fault, "drop")
        elif isinstance(verdict, Retry):
            self._ledger.dropped(site, message)
            self._note(offer, fault, "fail")
            self._hold(Held(site, message, verdict.at_ms, "retry"))
        elif isinstance(verdict, Late):
            self._note(offer, fault, "delay")
            self._hold(Held(site, message, verdict.until_ms, "wire"))
        elif isinstance(verdict, Behind):
            self._note(offer, fault, "swap")
            self._hold(Held(site, message, verdict.until_ms, "behind", verdict.others))
        elif isinstance(verdict, Spoil):
            self._ledger.dropped(site, message)
            self._note(offer, fault, "corrupt")
            yield Out(site, message, spoilt=verdict.payload)

    def _copied(self, offer: Offer, fault: str, copy: Again) -> Iterator[Out]:
        """A message that has arrived comes once more."""
        self._note(offer, fault, copy.verdict)
        if copy.at_ms > offer.at_ms:
            where: Waits = "retry" if copy.judged else "wire"
            self._hold(Held(offer.site, offer.message, copy.at_ms, where))
        elif copy.judged:
            yield from self._offer(offer, late=False)
        else:
            yield Out(offer.site, offer.message)

    def _overtaken(self, passing: Uplink) -> Iterator[Out]:
        """Those that waited for a message of their device to overtake them follow it."""
        if not any(held.where == "behind" for held in self.held):
            return
        for held in [h for h in self.held if h.where == "behind"]:
            if held.message.device != passing.device or held.message is passing:
                continue
            held.others -= 1
            if held.others == 0:
                self.held.remove(held)
                self.note_presence(held.site, held.message)
                yield Out(held.site, held.message, late=True)

    def _releases(self, at_ms: int) -> Iterator[Out]:
        """What was on its way arrives; devices are back, and say what has waited in them."""
        due = [held for held in self.held if held.until_ms <= at_ms]
        self.held = [held for held in self.held if held.until_ms > at_ms]
        for held in due:
            if held.where in ("wire", "behind"):
                self.note_presence(held.site, held.message)
                yield Out(held.site, held.message, late=True)
            elif held.where == "retry":
                yield from self._offer(Offer(held.site, held.message, at_ms), late=True)
        waited = [held for held in due if held.where == "device"]
        waited.sort(key=_home)  # stable: order is kept
        for (site, _), of_device in groupby(waited, key=_home):
            for message in _as_batches([held.message for held in of_device]):
                offer = Offer(site, message, at_ms)
                self._note(offer, "", "release")
                yield from self._offer(offer, late=True)

    # Connections.

    def cut_off(
        self, site: str, device: str, at_ms: int, direction: Direction
    ) -> tuple[str, int] | None:
        """Which fault cuts the device off, and until when, with those that overlap it."""
        name, until_ms = None, at_ms
        extended = True
        while extended:
            extended = False
            for fault in self._faults.values():
                away_ms = fault.away_until_ms(site, device, until_ms, direction, self._memory)
                if away_ms is not None and away_ms > until_ms:
                    name, until_ms, extended = name or fault.name, away_ms, True
        return None if name is None else (name, until_ms)

    def note_presence(self, site: str, message: Uplink) -> None:
        """Follow what the broker knows of a device's connection."""
        device, boot = message.device, message.boot
        presence = self.presences.get(device)
        if presence is None or presence.boot != boot:
            birth = message if isinstance(message, Birth) else None
            presence = self.presences[device] = Presence(site, boot, birth=birth)
        if isinstance(message, Will):
            presence.online, presence.connection = False, -message.seq
        elif not presence.online:
            presence.online, presence.connection = True, presence.connection + 1

    def _wills(self, fault: Fault, at_ms: int) -> Iterator[Out]:
        """The broker notices that connections are gone."""
        for device, presence in sorted(self.presences.items()):
            if not (presence.online and fault.window.place(presence.site, device)):
                continue
            presence.online = False
            if fault.takes_over():
                self.taken_over.append(device)
            will = Will(device=device, boot=presence.boot, seq=-presence.connection, at_ms=at_ms)
            tells = fault.tells()
            self._note(
                Offer(presence.site, will, at_ms), fault.name, "will" if tells else "takeover"
            )
            if tells:
                self._ledger.produced(presence.site, will)
                yield Out(presence.site, will)
            if fault.greets() and presence.birth is not None:
                yield from self._offer(Offer(presence.site, presence.birth, at_ms), late=False)


def _home(held: Held) -> tuple[str, str]:
    return held.site, held.message.device


def _as_batches(messages: Sequence[Uplink]) -> Iterator[Uplink]:
    """Put neighbouring reports of one boot together; leave all else as and where it is."""
    for boot, group in groupby(messages, key=_batch_key):
        if boot is None:
            yield from group
            continue
        samples: list[Sample] = []
        device = ""
        for message in group:
            device = message.device
            if isinstance(message, TelemetryBatch):
                samples.extend(message.samples)
            elif isinstance(message, Telemetry):
                samples.append(
                    Sample(seq=message.seq, at_ms=message.at_ms, signals=message.signals)
                )
        yield TelemetryBatch(device=device, boot=boot, samples=samples)


def _batch_key(message: Uplink) -> int | None:
    return message.boot if isinstance(message, Telemetry | TelemetryBatch) else None
