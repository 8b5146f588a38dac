"""The Locust user: one device with its own connection that reports on an anchored schedule."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import gevent
from locust import User, task
from locust.exception import StopUser

from broker.wire import codec, topics
from loadtests import account, target
from loadtests.source import Outgoing
from loadtests.users.campaign import Campaign
from loadtests.users.connection import Connection, ConnectFailed

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits between two tries to connect; the last one repeats."""
NAME = "telemetry acknowledged, from due time"


class _Flight(NamedTuple):
    seq: int
    due_s: float
    sent_s: float
    size: int


class DeviceUser(User):  # type: ignore[misc]
    """A device: birth, then one message per interval, each due at its own moment whatever happens."""

    host = target.DEFAULT

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._campaign: Campaign = environment.campaign
        self._flights: dict[int, _Flight] = {}
        self._early: deque[int] = deque()
        self._held_until_s = 0.0
        self._blocked = False

    @task
    def live(self) -> None:
        """The whole life of the device; Locust stops it, or its share is done."""
        campaign = self._campaign
        try:
            self._number, source = campaign.join()
        except IndexError:
            raise StopUser from None
        self._record = account.DeviceRecord(
            site=source.site, device=source.device, boot=source.birth.boot, sent=[], unacknowledged=[]
        )
        campaign.records.append(self._record)
        where: target.Target = self.environment.campaign_target
        self._connection = Connection(
            f"{source.device}-{source.birth.boot}",
            host=where.host,
            port=where.port,
            on_ack=self._acknowledged,
        )
        try:
            self._come_up(source.site, codec.encode(source.birth), source.device)
            self._report(source.messages())
        finally:
            self._connection.close()
            self._close_books()
            campaign.leave()
        raise StopUser

    def _come_up(self, site: str, birth: bytes, device: str) -> None:
        """Connect, say the birth, and have it acknowledged; or give up and be counted."""
        until_s = time.perf_counter() + self._campaign.settings.connect_s
        try:
            began_s = time.perf_counter()
            self._connect(until_s)
            self._fire("connect, to CONNACK", time.perf_counter() - began_s)
            topic = f"{topics.ROOT}/up/{site}/{device}/birth"
            packet_id = self._connection.publish(topic, birth)
            while packet_id not in self._early:
                if time.perf_counter() >= until_s:
                    raise ConnectFailed("the birth was not acknowledged in time")  # noqa: TRY301
                if not self._connection.connected:
                    self._connect(until_s)
                self._connection.wait(until_s=until_s)
            self._early.clear()
            self._campaign.confirmed += 1
        except ConnectFailed as error:
            self._campaign.connect_errors[str(error)] += 1
            self._fire("connect, to CONNACK", 0.0, error=error)
            self._campaign.arrive()
            raise StopUser from error
        self._campaign.arrive()

    def _connect(self, until_s: float) -> None:
        for attempt in range(10_000):
            try:
                self._connection.open(until_s=until_s)
            except ConnectFailed:
                pause_s = RETRY_S[min(attempt, len(RETRY_S) - 1)]
                if time.perf_counter() + pause_s >= until_s:
                    raise
                gevent.sleep(pause_s)
            else:
                return

    def _report(self, messages: Iterator[Outgoing]) -> None:
        """Send what is due, never more than a window ahead of the acknowledgements."""
        campaign, settings = self._campaign, self._campaign.settings
        plan = campaign.plan
        if plan is None:
            self._interval_s, self._first_s = settings.every_s, time.perf_counter()
            asked: float = float("inf")
            end_s = float("inf")
        else:
            start_s = campaign.wait_for_start()
            self._interval_s = plan.interval_s
            self._first_s = start_s + plan.start_s(self._number)
            asked = plan.asked_of(self._number)
            end_s = start_s + plan.duration_s + settings.drain_s
        self._nth = 0
        connection = self._connection
        while (self._nth < asked or self._flights) and time.perf_counter() < end_s:
            if not connection.connected:
                self._come_back(end_s)
                continue
            now_s = time.perf_counter()
            due_s = self._first_s + self._nth * self._interval_s
            if self._nth >= asked or now_s < due_s:
                connection.wait(until_s=min(due_s, end_s) if self._nth < asked else end_s)
            elif len(self._flights) < settings.window:
                try:
                    self._send(next(messages), due_s)
                except StopIteration:
                    return
            else:
                self._blocked = True
                connection.wait(until_s=end_s)

    def _send(self, message: Outgoing, due_s: float) -> None:
        now_s = time.perf_counter()
        campaign = self._campaign
        packet_id = self._connection.publish(message.topic, message.payload)
        self._flights[packet_id] = _Flight(message.seq, due_s, now_s, len(message.payload))
        if self._early and packet_id in self._early:  # acknowledged inside publish()
            self._early.clear()
            self._acknowledged(packet_id)
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
            self._early.append(packet_id)
            return
        now_s = time.perf_counter()
        if self._blocked:
            self._blocked, self._held_until_s = False, now_s
        account.record_s(self._campaign.from_due, now_s - flight.due_s)
        account.record_s(self._campaign.from_send, now_s - flight.sent_s)
        self._fire(NAME, now_s - flight.due_s, size=flight.size)

    def _come_back(self, end_s: float) -> None:
        """Connect again; paho then repeats what was not acknowledged."""
        self._campaign.disconnects += 1
        self._blocked = True
        again = len(self._flights)
        try:
            self._connect(end_s)
        except ConnectFailed as error:
            self._fire("reconnect", 0.0, error=error)
            raise StopUser from error
        self._record.resent += again
        self._blocked, self._held_until_s = False, time.perf_counter()

    def _close_books(self) -> None:
        """Count what never got an answer with the time it waited: a lower bound, not a gap."""
        campaign, plan = self._campaign, self._campaign.plan
        self._record.unacknowledged = sorted(flight.seq for flight in self._flights.values())
        if not hasattr(self, "_nth"):
            return
        now_s = time.perf_counter()
        for flight in self._flights.values():
            account.record_s(campaign.from_due, now_s - flight.due_s)
            account.record_s(campaign.from_send, now_s - flight.sent_s)
        if plan is None:
            due = int((now_s - self._first_s) / self._interval_s) + 1
            campaign.free_asked += max(due, self._nth)
            return
        for nth in range(self._nth, plan.asked_of(self._number)):
            account.record_s(campaign.from_due, now_s - self._first_s - nth * self._interval_s)

    def _fire(
        self, name: str, seconds: float, *, size: int = 0, error: Exception | None = None
    ) -> None:
        self.environment.events.request.fire(
            request_type="MQTT",
            name=name,
            response_time=1000.0 * seconds,
            response_length=size,
            exception=error,
            context={},
        )
