"""One device: its connection, its anchored schedule, and what it must account for."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterator
from typing import NamedTuple

import gevent

from broker.link.address import Address
from broker.wire import codec, topics
from loadtests import account
from loadtests.source import Outgoing, Source
from loadtests.users.campaign import Campaign
from loadtests.users.connection import ConnectFailed, Connection

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits between two tries to connect; the last one repeats."""
CONNECT, REPORT = "connect, to CONNACK", "telemetry, due to PUBACK"
"""Names in Locust's tables: a row per kind, not per topic."""

Fire = Callable[[str, float, int, Exception | None], None]
"""Told of each result: name, seconds, bytes, error."""


class _Flight(NamedTuple):
    seq: int
    due_s: float
    sent_s: float
    size: int


class Device:
    """A device that lives in the greenlet that calls :meth:`live`.

    Args:
        campaign: What it shares with the others.
        number: Its place in the plan.
        source: What it says.
        address: Broker.
        fire: Told of each result.
    """

    def __init__(
        self, campaign: Campaign, *, number: int, source: Source, address: Address, fire: Fire
    ) -> None:
        self._campaign, self._source, self._fire = campaign, source, fire
        self._flights: dict[int, _Flight] = {}
        self._blocked = False
        self._held_until_s = 0.0
        self._nth, self._asked = 0, 0.0
        self._interval_s = self._first_s = 0.0
        self._number = number
        self._record = account.DeviceRecord(
            site=source.site,
            device=source.device,
            boot=source.birth.boot,
            sent=[],
            unacknowledged=[],
        )
        campaign.records.append(self._record)
        self._connection = Connection(
            f"{source.device}-{source.birth.boot}", address=address, on_ack=self._acknowledged
        )

    def live(self) -> None:
        """Connect, say the birth, report until the share is done; account for it in any case."""
        try:
            if self._come_up():
                self._report()
        except Exception:
            self._campaign.bugs.append(traceback.format_exc())
            raise
        finally:
            self._connection.close()
            self._close_books()
            self._campaign.leave()

    def _come_up(self) -> bool:
        campaign = self._campaign
        began_s = time.perf_counter()
        try:
            self._connect(began_s + campaign.settings.connect_s)
        except ConnectFailed as error:
            campaign.connect_errors[str(error)] += 1
            self._fire(CONNECT, 0.0, 0, error)
            campaign.arrive()
            return False
        self._fire(CONNECT, time.perf_counter() - began_s, 0, None)
        birth = self._source.birth
        self._connection.publish(topics.uplink(self._source.site, birth), codec.encode(birth))
        campaign.confirmed += 1
        campaign.arrive()
        return True

    def _connect(self, until_s: float) -> None:
        attempt = 0
        while True:
            try:
                self._connection.open(until_s=until_s)
            except ConnectFailed:
                pause_s = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                if time.perf_counter() + pause_s >= until_s:
                    raise
                attempt += 1
                gevent.sleep(pause_s)
            else:
                return

    def _schedule(self) -> float:
        """Fix the schedule; returns the moment (of ``perf_counter``) to end at in any case."""
        plan, settings = self._campaign.plan, self._campaign.settings
        if plan is None:
            self._interval_s, self._first_s = settings.every_s, time.perf_counter()
            self._asked = math.inf
            return math.inf
        start_s = self._campaign.wait_for_start()
        self._interval_s = plan.interval_s
        self._first_s = start_s + plan.start_s(self._number)
        self._asked = plan.asked_of(self._number)
        return start_s + plan.duration_s + settings.drain_s

    def _report(self) -> None:
        """Send what is due, never more than a window ahead of the acknowledgements."""
        end_s = self._schedule()
        messages: Iterator[Outgoing] = self._source.messages()
        connection, window = self._connection, self._campaign.settings.window
        while (self._nth < self._asked or self._flights) and time.perf_counter() < end_s:
            if not connection.connected:
                self._come_back(end_s)
                continue
            due_s = self._first_s + self._nth * self._interval_s
            if self._nth >= self._asked or time.perf_counter() < due_s:
                connection.wait(until_s=min(due_s, end_s) if self._nth < self._asked else end_s)
            elif len(self._flights) >= window:
                self._blocked = True
                connection.wait(until_s=end_s)
            else:
                message = next(messages, None)
                if message is None:
                    return  # a tape without a plan ends here
                self._send(message, due_s)

    def _send(self, message: Outgoing, due_s: float) -> None:
        campaign = self._campaign
        now_s = time.perf_counter()
        packet_id = self._connection.publish(message.topic, message.payload)
        self._flights[packet_id] = _Flight(message.seq, due_s, now_s, len(message.payload))
        self._nth += 1
        self._record.add_sent(message.seq)
        account.record_s(campaign.lag, now_s - due_s)
        if now_s - due_s > campaign.settings.late_ms / 1000.0:
            if due_s <= self._held_until_s:
                campaign.held += 1
            else:
                campaign.late += 1

    def _acknowledged(self, packet_id: int) -> None:
        flight = self._flights.pop(packet_id, None)
        if flight is None:
            return  # the birth
        now_s = time.perf_counter()
        if self._blocked:
            self._blocked, self._held_until_s = False, now_s
        account.record_s(self._campaign.from_due, now_s - flight.due_s)
        account.record_s(self._campaign.from_send, now_s - flight.sent_s)
        self._fire(REPORT, now_s - flight.due_s, flight.size, None)

    def _come_back(self, end_s: float) -> None:
        """Connect again; paho then repeats what was not acknowledged."""
        self._campaign.disconnects += 1
        again = len(self._flights)
        try:
            self._connect(min(end_s, time.perf_counter() + self._campaign.settings.connect_s))
        except ConnectFailed as error:
            self._fire("reconnect", 0.0, 0, error)
            return
        self._record.resent += again
        self._blocked, self._held_until_s = False, time.perf_counter()

    def _close_books(self) -> None:
        """Count what never got an answer with the time it waited: a lower bound, not a gap."""
        campaign = self._campaign
        self._record.unacknowledged = sorted(flight.seq for flight in self._flights.values())
        if not self._interval_s:
            return
        now_s = time.perf_counter()
        for flight in self._flights.values():
            account.record_s(campaign.from_due, now_s - flight.due_s)
            account.record_s(campaign.from_send, now_s - flight.sent_s)
        asked = self._asked
        if math.isinf(asked):
            asked = max(self._nth, int((now_s - self._first_s) / self._interval_s) + 1)
            campaign.free_asked += asked
        for nth in range(self._nth, int(asked)):
            account.record_s(campaign.from_due, now_s - self._first_s - nth * self._interval_s)
