"""Notices of alerts: who is told what, by which channel, when (CC7, DS4, A3).

A notice is a row that is written in the transaction of what it tells; the courier carries it out
afterwards. Its id is made of alert, what, contact and channel, so that it exists once.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import NoticeChanged
from reference_impl.rules.domain import OPEN, NotifyReaction, Phase, Severity
from reference_impl.rules.notice_texts import written
from reference_impl.rules.ports import Readers, RuleRows

WAITING, SENT, FAILED, DROPPED = "WAITING", "SENT", "FAILED", "DROPPED"
DELAY, REMIND = "notice-delay", "notice-remind"
"""Timers of an alert: its first notice, and the next one while it goes on."""
WEB = "web"
"""The channel that disturbs nobody: a list in the portal."""
_DAY_MIN = 24 * 60
To = tuple[Row, str]
"""A contact, and the channel that it is told by."""


class Notices:
    """Writes notices for contacts that may know of an alert."""

    def __init__(
        self,
        *,
        rows: RuleRows,
        scheduler: Scheduler,
        directory: Directory,
        readers: Readers | None,
    ) -> None:
        self._rows, self._directory, self._readers = rows, directory, readers
        self._contacts: Cached[str, Row] = Cached(
            lambda conn: {row["id"]: row for row in rows.contacts.items(conn)}
        )
        scheduler.on_timer(DELAY, self._after_the_delay)
        scheduler.on_timer(REMIND, self._again)

    def put_contact(self, uow: UnitOfWork, contact: Row) -> Row:
        """Install or change somebody who is told."""
        self._rows.contacts.put(uow, contact)
        self._contacts.of(uow)[contact["id"]] = contact
        return contact

    def drop_contact(self, uow: UnitOfWork, ident: str) -> None:
        """Tell somebody nothing any more; what is written already goes out."""
        self._rows.contacts.delete(uow, ident)
        self._contacts.of(uow).pop(ident, None)

    def raised(self, uow: UnitOfWork, alert: Row, at_ms: int) -> None:
        """An alert was raised: tell those who may know, now or after its delay."""
        if not self._contacts.of(uow):
            return
        if alert["notify"].get("delay_ms"):
            set_timer(uow, DELAY, alert["id"], at_ms + alert["notify"]["delay_ms"])
        else:
            self._first(uow, alert, at_ms)

    def _after_the_delay(self, uow: UnitOfWork, timer: Timer) -> None:
        alert = self._rows.alerts.get(uow.conn, timer.subject)
        if alert is not None and alert["state"] in OPEN:
            self._first(uow, alert, timer.due_ms)

    def _first(self, uow: UnitOfWork, alert: Row, at_ms: int) -> None:
        if alert["state"] != Phase.SHELVED:
            for contact in self._who(uow, alert):
                for channel in self._channels(contact, alert):
                    self._write(uow, alert, (contact, channel), "raised", at_ms=at_ms)
        self._remind_later(uow, alert, at_ms)

    def _remind_later(self, uow: UnitOfWork, alert: Row, at_ms: int) -> None:
        if alert["notify"].get("remind_ms"):
            set_timer(uow, REMIND, alert["id"], at_ms + alert["notify"]["remind_ms"])

    def _again(self, uow: UnitOfWork, timer: Timer) -> None:
        """Remind those who were told, unless somebody has it in hand or it is silenced (Q4)."""
        alert = self._rows.alerts.get(uow.conn, timer.subject)
        if alert is None or alert["state"] not in OPEN:
            return
        if alert["state"] == Phase.ACTIVE:
            number = (timer.due_ms - alert["raised_ms"]) // alert["notify"]["remind_ms"]
            for to in self._told(uow, alert):
                at_ms, suffix = timer.due_ms, f"-{number}"
                self._write(uow, alert, to, "reminder", at_ms=at_ms, suffix=suffix)
        self._remind_later(uow, alert, timer.due_ms)

    def ended(self, uow: UnitOfWork, alert: Row, at_ms: int) -> None:
        """An alert is over: tell those who were told that it began, and nobody else (A3)."""
        if not self._contacts.of(uow):
            return
        cancel_timer(uow, DELAY, alert["id"])
        cancel_timer(uow, REMIND, alert["id"])
        for to in self._told(uow, alert, at_ms=at_ms):
            self._write(uow, alert, to, "cleared", at_ms=at_ms)

    def say(
        self, uow: UnitOfWork, automation: str, reaction: NotifyReaction, *, thing: str, cause: str,
        at_ms: int,
    ) -> None:  # fmt: skip
        """Write what an automation says; ``{thing}`` and ``{cause}`` are filled in."""
        ref = self._directory.thing(uow.conn, thing) if thing else None
        about = {
            "id": f"{automation}-{at_ms}-{thing}",
            "thing": thing,
            "customer": ref.customer if ref is not None else "",
            "severity": Severity.OPERATION.value,
            "started_ms": at_ms,
            "notify": {"channels": list(reaction.channels)},
        }
        text = reaction.text.replace("{thing}", (ref.title if ref is not None else "") or thing)
        for contact in self._who(uow, about):
            for channel in self._channels(contact, about):
                zone = contact["time_zone"] or (ref.time_zone if ref is not None else "UTC")
                words = (automation, text.replace("{cause}", cause))
                to = (contact, channel)
                self._insert(uow, about, to, "said", words=words, zone=zone, at_ms=at_ms)

    def _told(self, uow: UnitOfWork, alert: Row, *, at_ms: int | None = None) -> list[To]:
        """Whom the alert's first notice went to. At its end, one that still waits for the morning
        is dropped, and whom it was for is not told at all.
        """  # noqa: D205 - one sentence each
        contacts, found = self._contacts.of(uow), []
        for row in self._rows.notices.items(uow.conn, alert=alert["id"], what="raised"):
            if at_ms is not None and row["state"] == WAITING and row["due_ms"] > at_ms:
                self._rows.notices.swap(uow, row["id"], expected=WAITING, values={"state": DROPPED})
            elif row["state"] != DROPPED and row["contact"] in contacts:
                found.append((contacts[row["contact"]], row["channel"]))
        return found

    def _who(self, uow: UnitOfWork, alert: Row) -> list[Row]:
        """The contacts that may know of an alert."""
        found = []
        for _, contact in sorted(self._contacts.of(uow).items()):
            customers = contact["customers"]
            if customers is not None and alert["customer"] not in customers:
                continue
            if contact["severities"] and alert["severity"] not in contact["severities"]:
                continue
            if contact["user"] and not self._may(uow.conn, contact["user"], alert):
                continue
            found.append(contact)
        return found

    def _may(self, conn: Connection, user: str, alert: Row) -> bool:
        readers = self._readers
        return readers is not None and readers.sees_alerts(
            conn, user, alert["thing"], alert["started_ms"]
        )

    @staticmethod
    def _channels(contact: Row, alert: Row) -> list[str]:
        wanted = alert["notify"].get("channels", ())
        return [channel for channel in contact["channels"] if channel in wanted]

    def _write(
        self, uow: UnitOfWork, alert: Row, to: To, what: str, *, at_ms: int, suffix: str = ""
    ) -> None:
        contact = to[0]
        ref = self._directory.thing(uow.conn, alert["thing"])
        zone = contact["time_zone"] or (ref.time_zone if ref is not None else "UTC")
        facts = {
            "thing": (ref.title if ref is not None else "") or alert["thing"],
            "site": alert["site"],
            "why": alert["why"],
        }
        title, text = written(
            what, contact["language"], zone, facts,
            severity=alert["severity"], since_ms=alert["started_ms"], at_ms=at_ms,
        )  # fmt: skip
        words = (title, text)
        self._insert(uow, alert, to, f"{what}{suffix}", words=words, zone=zone, at_ms=at_ms)

    def _insert(
        self,
        uow: UnitOfWork,
        alert: Row,
        to: To,
        what: str,
        *,
        words: tuple[str, str],
        zone: str,
        at_ms: int,
    ) -> None:
        contact, channel = to
        due_ms = at_ms
        if channel != WEB and not _at_night(alert):
            due_ms = after_quiet(at_ms, contact["quiet"], zone)
        row: dict[str, Any] = {
            "id": f"ntc-{alert['id']}-{what}-{contact['id']}-{channel}",
            "state": WAITING,
            "alert": alert["id"],
            "thing": alert["thing"],
            "what": what.partition("-")[0],
            "contact": contact["id"],
            "channel": channel,
            "address": _address(contact, channel),
            "title": words[0],
            "text": words[1],
            "created_ms": at_ms,
            "due_ms": due_ms,
            "attempts": 0,
            "error": "",
        }
        self._rows.notices.insert(uow, row)
        data = {name: row[name] for name in ("alert", "thing", "what", "contact", "channel")}
        uow.publish(
            NoticeChanged(
                at_ms=at_ms,
                kind="notice.written",
                subject=row["id"],
                data={**data, "due_ms": due_ms, "language": contact["language"]},
            )
        )


def _at_night(alert: Row) -> bool:
    """Whether it cannot wait until the morning: as the rule says, else only a failure cannot."""
    said = alert["notify"].get("at_night")
    return alert["severity"] == Severity.FAILURE if said is None else bool(said)


def _address(contact: Row, channel: str) -> str:
    if channel == "email":
        return str(contact["email"])
    return str(contact["phone"]) if channel == "sms" else contact["user"] or contact["id"]


def after_quiet(at_ms: int, quiet: str, zone: str) -> int:
    """The first moment from ``at_ms`` on that is not in the hours ``22:00-07:00`` of a zone.

    ``quiet`` is empty where nobody sleeps. The end is looked up on the wall clock, so that it is
    7:00 also in the night in which the clocks are changed.
    """
    if not quiet:
        return at_ms
    begin, end = (int(t[:2]) * 60 + int(t[3:]) for t in quiet.split("-"))
    moment = dt.datetime.fromtimestamp(at_ms / 1000, tz=ZoneInfo(zone))
    minute = moment.hour * 60 + moment.minute
    if (minute - begin) % _DAY_MIN >= ((end - begin) % _DAY_MIN or _DAY_MIN):
        return at_ms
    days = 1 if minute >= end else 0
    day = moment.date() + dt.timedelta(days=days)
    morning = dt.datetime(day.year, day.month, day.day, end // 60, end % 60, tzinfo=ZoneInfo(zone))
    return int(morning.timestamp() * 1000)
