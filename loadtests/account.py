"""The delivery ledger: what was asked, sent, acknowledged and stored, and what that says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal

import msgspec
from hdrh.histogram import HdrHistogram

from broker.ledger import SeqSet
from loadtests.plan import Plan

_EXAMPLES = 5
Ranges = list[tuple[int, int]]
"""``(from, to)``, both included."""
Stored = Mapping[str, Mapping[int, Ranges]]
"""Device → boot → ranges of seq. A number that stands in two ranges is stored twice."""
Verdict = Literal["passed", "failed", "invalid"]
EXIT_CODES: Mapping[Verdict, int] = {"passed": 0, "failed": 1, "invalid": 6}

HIGHEST_US = 3_600_000_000
"""Latencies are counted in µs up to an hour, to three digits."""
BUSY_SHARE = 0.85
"""From this share of one processor on (used or waited for), the generator is the bottleneck."""


class DeviceRecord(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the generator knows of one device. The birth (seq 0) is not counted anywhere."""

    site: str
    device: str
    boot: int
    sent: Ranges
    unacknowledged: list[int]
    resent: int = 0

    def add_sent(self, seq: int) -> None:
        """Note that ``seq`` went out for the first time."""
        if self.sent and self.sent[-1][1] == seq - 1:
            self.sent[-1] = (self.sent[-1][0], seq)
        else:
            self.sent.append((seq, seq))


class ShardReport(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What one generator process writes at its end; histograms in HdrHistogram's own coding.

    ``late``: sent more than the allowed time after they were due, though the target had room.
    ``held``: sent late because the target owed a whole window of acknowledgements.
    """

    plan: Plan
    confirmed: int
    connect_errors: dict[str, int]
    disconnects: int
    devices: list[DeviceRecord]
    late: int
    held: int
    cpu_share: float
    cpu_wait_share: float = 0.0
    """Share of the time in which it could have run and had to wait for a processor (Linux only)."""
    bugs: list[str] = []
    """Tracebacks of devices that died of our own mistakes."""
    traffic_s: float
    from_due: str
    from_send: str
    lag: str

    @property
    def busy_share(self) -> float:
        """Share of a processor that it used or would have used."""
        return self.cpu_share + self.cpu_wait_share


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles in ms; all ``None`` if nothing was measured."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """The account of a whole run. Counts are telemetry messages, except ``connections_*``."""

    verdict: Verdict
    exit_code: int
    reasons: tuple[str, ...]
    connections_asked: int
    connections_confirmed: int
    disconnects: int
    asked: int
    sent: int
    acknowledged: int
    stored: int
    lost: int
    """Acknowledged to the device, and not stored."""
    doubled: int
    unconfirmed: int
    """Sent, never acknowledged: nobody promised anything; ``unconfirmed_stored`` arrived."""
    unconfirmed_stored: int
    unexpected: int
    """Stored under a boot of this run, but never sent."""
    resent: int
    reordered: int | None
    late: int
    held: int
    sent_per_s: float
    cpu_share: float
    cpu_wait_share: float
    ack_from_due_ms: Latency
    ack_from_send_ms: Latency
    send_lag_ms: Latency
    lost_examples: tuple[str, ...]


def histogram() -> HdrHistogram:
    """A histogram of µs."""
    return HdrHistogram(1, HIGHEST_US, 3)


def record_s(into: HdrHistogram, seconds: float) -> None:
    """Count one duration."""
    into.record_value(min(max(int(seconds * 1e6), 1), HIGHEST_US))


def latency(coded: Iterable[str]) -> Latency:
    """Merge coded histograms and read the percentiles."""
    total = histogram()
    for text in coded:
        total.decode_and_add(text)
    count = total.get_total_count()
    if not count:
        return Latency(count=0, p50=None, p95=None, p99=None, max=None)
    at = total.get_percentile_to_value_dict([50.0, 95.0, 99.0, 100.0])
    p50, p95, p99, top = (round(at[p] / 1e3, 3) for p in (50.0, 95.0, 99.0, 100.0))
    return Latency(count=count, p50=p50, p95=p95, p99=p99, max=top)


class _Delivery(msgspec.Struct):
    """Sums over devices of what the two sides say."""

    sent: int = 0
    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    unconfirmed: int = 0
    unconfirmed_stored: int = 0
    unexpected: int = 0
    resent: int = 0
    lost_examples: list[str] = []

    def add(self, record: DeviceRecord, ranges: Ranges) -> None:
        told = [(max(first, 1), last) for first, last in ranges if last >= 1]
        stored, sent = SeqSet.from_ranges(told), SeqSet.from_ranges(record.sent)
        open_ = SeqSet.from_ranges((seq, seq) for seq in record.unacknowledged)
        acknowledged = sent.minus(open_)
        lost = acknowledged.minus(stored)
        self.sent += len(sent)
        self.acknowledged += len(acknowledged)
        self.stored += len(sent) - len(sent.minus(stored))
        self.lost += len(lost)
        self.doubled += sum(last - first + 1 for first, last in told) - len(stored)
        self.unconfirmed += len(open_)
        self.unconfirmed_stored += len(open_) - len(open_.minus(stored))
        self.unexpected += len(stored.minus(sent))
        self.resent += record.resent
        if lost and len(self.lost_examples) < _EXAMPLES:
            seqs = ", ".join(str(seq) for seq in islice(lost, _EXAMPLES))
            more = f" and {len(lost) - _EXAMPLES} more" if len(lost) > _EXAMPLES else ""
            self.lost_examples.append(f"{record.device} boot {record.boot}: seq {seqs}{more}")


def settled(reports: Sequence[ShardReport], stored: Stored) -> bool:
    """Whether everything acknowledged is stored, so that waiting longer changes no loss."""
    delivery = _Delivery()
    for report in reports:
        for record in report.devices:
            delivery.add(record, stored.get(record.device, {}).get(record.boot, []))
    return delivery.lost == 0


def judge(
    reports: Sequence[ShardReport],
    stored: Stored,
    *,
    tolerance_pct: float,
    late_ms: float,
    reordered: int | None = None,
    at_least_once: bool = False,
) -> Ledger:
    """Put the generator's and the store's word together.

    Args:
        reports: One per generator process.
        stored: What the DPS or the witness has.
        tolerance_pct: How far connections and messages may fall short of the asked, in percent.
        late_ms: What the generator counted as late (named in the reason).
        reordered: Messages that came after a later one, where somebody counted them.
        at_least_once: ``stored`` counts deliveries, so a message that a device had to send
            again may stand there twice; a store must never.
    """
    delivery = _Delivery()
    for report in reports:
        for record in report.devices:
            delivery.add(record, stored.get(record.device, {}).get(record.boot, []))
    asked = sum(report.plan.asked for report in reports)
    users = sum(len(report.plan.devices) for report in reports)
    confirmed = sum(report.confirmed for report in reports)
    late, held = (sum(getattr(report, name) for report in reports) for name in ("late", "held"))
    failures = _failures(delivery, at_least_once=at_least_once)
    shortfalls = _shortfalls(
        reports, sent=delivery.sent, tolerance_pct=tolerance_pct, late_ms=late_ms
    )
    verdict: Verdict = "failed" if failures else "invalid" if shortfalls else "passed"
    traffic_s = max((report.traffic_s for report in reports), default=0.0)
    return Ledger(
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        reasons=(*failures, *shortfalls),
        connections_asked=users,
        connections_confirmed=confirmed,
        disconnects=sum(report.disconnects for report in reports),
        asked=asked,
        sent=delivery.sent,
        acknowledged=delivery.acknowledged,
        stored=delivery.stored,
        lost=delivery.lost,
        doubled=delivery.doubled,
        unconfirmed=delivery.unconfirmed,
        unconfirmed_stored=delivery.unconfirmed_stored,
        unexpected=delivery.unexpected,
        resent=delivery.resent,
        reordered=reordered,
        late=late,
        held=held,
        sent_per_s=round(delivery.sent / traffic_s, 1) if traffic_s else 0.0,
        cpu_share=max((report.cpu_share for report in reports), default=0.0),
        cpu_wait_share=max((report.cpu_wait_share for report in reports), default=0.0),
        ack_from_due_ms=latency(report.from_due for report in reports),
        ack_from_send_ms=latency(report.from_send for report in reports),
        send_lag_ms=latency(report.lag for report in reports),
        lost_examples=tuple(delivery.lost_examples),
    )


def _failures(delivery: _Delivery, *, at_least_once: bool) -> list[str]:
    failures = []
    if delivery.lost:
        failures.append(f"{delivery.lost:,} messages were acknowledged and are not stored")
    allowed = delivery.resent if at_least_once else 0
    if delivery.doubled > allowed:
        failures.append(
            f"{delivery.doubled:,} messages arrived twice; {delivery.resent:,} were sent again"
            if at_least_once
            else f"{delivery.doubled:,} messages are stored twice"
        )
    if delivery.unexpected:
        failures.append(f"{delivery.unexpected:,} messages are stored that were never sent")
    return failures


def _shortfalls(
    reports: Sequence[ShardReport], *, sent: int, tolerance_pct: float, late_ms: float
) -> list[str]:
    users = sum(len(report.plan.devices) for report in reports)
    asked = sum(report.plan.asked for report in reports)
    confirmed = sum(report.confirmed for report in reports)
    held = sum(report.held for report in reports)
    busy = max((report.busy_share for report in reports), default=0.0)
    # A full window is the target's doing only while we were quick enough to read its answers.
    late = sum(r.late + (r.held if r.busy_share >= BUSY_SHARE else 0) for r in reports)
    share = tolerance_pct / 100.0
    found = []
    if users - confirmed > users * share:
        errors: dict[str, int] = {}
        for report in reports:
            for text, count in report.connect_errors.items():
                errors[text] = errors.get(text, 0) + count
        why = "; ".join(f"{count} x {text}" for text, count in errors.items()) or "no answer"
        found.append(f"{confirmed:,} of {users:,} connections were confirmed ({why})")
    if asked - sent > asked * share:
        found.append(
            f"{sent:,} of {asked:,} messages were sent"
            f" ({held:,} waited for acknowledgements; generator wanted {busy:.0%} of a core)"
        )
    if late > asked * share:
        found.append(
            f"{late:,} of {asked:,} messages left more than {late_ms:g} ms after they were due"
            f" (generator wanted {busy:.0%} of a core; more: --processes)"
        )
    return found
