"""The trace hash: what happened, as canonical records; and the lines that people read of it.

SHA-256 over canonical JSON (msgspec, sorted keys). Message and truth records are hashed by
simulated day, so that the state is plain data (a snapshot can carry it) and two runs that differ
can be told apart by their first different day. Wall time, arrival order, transport duplicates,
resent births and names of brokers are not in it (architecture, section 2).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from broker.wire import codec
from broker.wire.messages import Telemetry, TelemetryBatch, Uplink
from harness.events import FeedSeen
from twins.core.ports import Truth

DAY_MS = 86_400_000
_canonical = msgspec.json.Encoder(order="deterministic")


def sig9(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The same value with floats at 9 significant digits, through lists and mappings."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, Mapping):
        return {key: sig9(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [sig9(inner) for inner in value]
    return value


_Record = tuple[tuple[Any, ...], bytes]
"""``((at_ms, ...), bytes)``."""
_key: Callable[[_Record], tuple[Any, ...]] = itemgetter(0)


def _at_ms(record: _Record) -> int:
    at_ms: int = record[0][0]
    return at_ms


class _Days:
    """Records in time order, hashed by simulated day. A record of the latest instant may wait."""

    def __init__(self) -> None:
        self.digests: list[tuple[int, str]] = []
        self._day = -1
        self._today: list[bytes] = []
        self._waiting: list[_Record] = []

    def add(self, keyed: Iterable[_Record], now_ms: int) -> None:
        """Take records; those at ``now_ms`` may still get neighbours."""
        self._waiting += keyed
        self._waiting.sort(key=_key)
        done = bisect_left(self._waiting, now_ms, key=_at_ms)
        self._put(self._waiting[:done])
        del self._waiting[:done]

    def _put(self, records: Sequence[_Record]) -> None:
        """Take records in time order, a day at a time."""
        begin = 0
        while begin < len(records):
            day = _at_ms(records[begin]) // DAY_MS
            end = bisect_left(records, (day + 1) * DAY_MS, begin, key=_at_ms)
            if day != self._day:
                self._close()
                self._day = day
            self._today += [data for _, data in records[begin:end]]
            begin = end

    def _close(self) -> None:
        if self._today:
            digest = hashlib.sha256(b"\n".join(self._today)).hexdigest()
            self.digests.append((self._day, digest))
            self._today = []

    def finish(self) -> list[tuple[int, str]]:
        self._put(self._waiting)
        self._waiting = []
        self._close()
        return self.digests

    def state(self) -> dict[str, Any]:
        return {
            "digests": self.digests,
            "day": self._day,
            "today": self._today,
            "waiting": self._waiting,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.digests = [tuple(d) for d in state["digests"]]
        self._day, self._today = state["day"], list(state["today"])
        self._waiting = [(tuple(key), data) for key, data in state["waiting"]]


def order_of(message: Uplink, sent_ms: int | None = None) -> tuple[int, str, int, int]:
    """Where a message stands in the trace: by the time it was sent, device, boot and number.

    Without ``sent_ms`` that is the time that the message names.
    """
    if isinstance(message, TelemetryBatch):
        first = message.samples[0]
        at_ms: int | None = first.at_ms
        seq = first.seq
    else:
        at_ms, seq = message.at_ms, message.seq
    when_ms = at_ms if sent_ms is None else sent_ms
    assert when_ms is not None, "a will that the world sends has its time"
    return when_ms, message.device, message.boot, seq


class Trace:
    """Collects records while a run goes on; at the end gives both hashes."""

    def __init__(self) -> None:
        self._messages, self._truths = _Days(), _Days()
        self._feed: list[tuple[int, str, str, bytes]] = []
        self._faults: list[bytes] = []

    def messages(
        self,
        messages: Sequence[tuple[str, Uplink]],
        now_ms: int,
        sent_ms: Sequence[int | None] = (),
        payloads: Sequence[bytes] = (),
    ) -> None:
        """What devices sent, before the faults of the link.

        ``sent_ms`` is when, and ``payloads`` what each is as bytes, where that is known.
        """
        times = sent_ms or [None] * len(messages)
        payloads = payloads or [codec.encode(message) for _, message in messages]
        sites = {site: site.encode() + b" " for site in {site for site, _ in messages}}
        self._messages.add(
            [
                (
                    (at_ms, message.device, message.boot, message.seq)
                    if type(message) is Telemetry and at_ms is not None  # usual
                    else order_of(message, at_ms),
                    sites[site] + payload,
                )
                for (site, message), at_ms, payload in zip(messages, times, payloads, strict=True)
            ],
            now_ms,
        )

    def truths(self, truths: Iterable[Truth], now_ms: int) -> None:
        """What really happened."""
        self._truths.add(
            [
                (
                    (t.at_ms, t.kind, t.subject),
                    _canonical.encode([t.at_ms, t.kind, t.subject, sig9(t.data)]),
                )
                for t in truths
            ],
            now_ms,
        )

    def fault(self, record: Any) -> None:  # noqa: ANN401 - a timeline entry or a verdict
        """What the harness did to link and DPS: in the trace hash, not in the outcome hash."""
        self._faults.append(_canonical.encode(sig9(record)))

    def feed(self, events: Iterable[FeedSeen]) -> None:
        """What the DPS told."""
        self._feed += [
            (e.at_ms, e.kind, e.subject, _canonical.encode([e.at_ms, e.kind, e.subject, e.data]))
            for e in events
        ]

    def days(self) -> dict[str, list[tuple[int, str]]]:
        """Digests by simulated day since the epoch: where two runs begin to differ."""
        return {"messages": self._messages.finish(), "truths": self._truths.finish()}

    def hashes(self) -> tuple[str, str]:
        """``(trace_hash, outcome_hash)``; call once, at the end."""
        outcome = hashlib.sha256()
        days = self.days()
        for name in ("truths", "messages"):
            outcome.update(_canonical.encode([name, days[name]]))
        for _, _, _, data in sorted(self._feed):
            outcome.update(data + b"\n")
        trace = outcome.copy()
        for record in self._faults:
            trace.update(record + b"\n")
        return trace.hexdigest(), outcome.hexdigest()

    def so_far(self) -> str:
        """The trace hash of what has happened up to now; more may follow."""
        copy = Trace()
        copy.restore(self.state())
        return copy.hashes()[0]

    def state(self) -> dict[str, Any]:
        """Everything as plain data, for a snapshot."""
        return {
            "messages": self._messages.state(),
            "truths": self._truths.state(),
            "feed": self._feed,
            "faults": self._faults,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what the snapshot was taken of."""
        self._messages.restore(state["messages"])
        self._truths.restore(state["truths"])
        self._feed = [(a, k, s, d) for a, k, s, d in state["feed"]]
        self._faults = list(state["faults"])
