"""What notices say, in the languages of their readers (CC21: no key is untranslated)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

DEFAULT_LANGUAGE = "en"
WHATS = ("raised", "cleared", "reminder")
TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "raised.title": "{severity}: {thing}",
        "raised.text": "{why}. Since {since}, at {site}.",
        "cleared.title": "Over: {thing}",
        "cleared.text": "{why}: over at {ended}, after {duration}.",
        "reminder.title": "Still active: {thing}",
        "reminder.text": "{why}. For {duration} now, at {site}.",
        "failure": "Failure",
        "major": "Major anomaly",
        "minor": "Minor anomaly",
        "operation": "Information",
        "maintenance": "Maintenance",
        "hours": "{hours} h {minutes} min",
        "time": "%d %b %Y, %H:%M",
    },
    "it": {
        "raised.title": "{severity}: {thing}",
        "raised.text": "{why}. Dal {since}, presso {site}.",
        "cleared.title": "Rientrato: {thing}",
        "cleared.text": "{why}: rientrato il {ended}, dopo {duration}.",
        "reminder.title": "Ancora attivo: {thing}",
        "reminder.text": "{why}. Da {duration}, presso {site}.",
        "failure": "Guasto",
        "major": "Anomalia grave",
        "minor": "Anomalia lieve",
        "operation": "Informazione",
        "maintenance": "Manutenzione",
        "hours": "{hours} h {minutes} min",
        "time": "%d/%m/%Y, %H:%M",
    },
    "de": {
        "raised.title": "{severity}: {thing}",
        "raised.text": "{why}. Seit {since}, in {site}.",
        "cleared.title": "Vorbei: {thing}",
        "cleared.text": "{why}: vorbei am {ended}, nach {duration}.",
        "reminder.title": "Noch aktiv: {thing}",
        "reminder.text": "{why}. Seit {duration}, in {site}.",
        "failure": "Ausfall",
        "major": "Schwere Störung",
        "minor": "Leichte Störung",
        "operation": "Hinweis",
        "maintenance": "Wartung",
        "hours": "{hours} h {minutes} min",
        "time": "%d.%m.%Y, %H:%M",
    },
}
PLACEHOLDERS = ("thing", "site", "severity", "why", "since", "ended", "duration")


def written(
    what: str,
    language: str,
    zone: str,
    facts: Mapping[str, str],
    *,
    severity: str,
    since_ms: int,
    at_ms: int,
) -> tuple[str, str]:
    """Title and text of a notice.

    Args:
        what: One of ``WHATS``.
        language: Of the reader; English where it is not among ``TEXTS``.
        zone: Of the reader's clock.
        facts: ``thing``, ``site`` and ``why``, as they are called.
        severity: Of the alert.
        since_ms: When its condition first held.
        at_ms: When it was raised or cleared, or now.
    """
    words = TEXTS.get(language, TEXTS[DEFAULT_LANGUAGE])
    minutes = (at_ms - since_ms) // 60_000
    filled = {
        **facts,
        "severity": words[severity],
        "since": local(since_ms, zone, words["time"]),
        "ended": local(at_ms, zone, words["time"]),
        "duration": words["hours"].format(hours=minutes // 60, minutes=minutes % 60),
    }
    return words[f"{what}.title"].format(**filled), words[f"{what}.text"].format(**filled)


def local(at_ms: int, zone: str, form: str) -> str:
    """A time on the clock of a zone; months by name are English, whatever the machine speaks."""
    moment = dt.datetime.fromtimestamp(at_ms / 1000, tz=ZoneInfo(zone))
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return moment.strftime(form.replace("%b", months[moment.month - 1]))
