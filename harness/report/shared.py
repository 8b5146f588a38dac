"""What a platform's parties owe, get and allow each other, in words. Product-agnostic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.events import FeedSeen
from harness.report.words import euros, number

Data = Mapping[str, Any]
Told = tuple[str, str, str]
"""Whom it is about, the sentence, its tone."""


def _invoice(words: str) -> Callable[[Data], Told]:
    def tell(data: Data) -> Told:
        sender = f" of {data['provider']}" if data.get("provider") else ""
        text = f"invoice {data.get('number', '?')}{sender} over {euros(float(data['total_eur']))}"
        return str(data["customer"]), f"{text} {words}", "plain"

    return tell


def _stated(data: Data) -> Told:
    mine, whole = euros(float(data["invoiced_eur"])), euros(float(data["of_eur"]))
    return (
        str(data["party"]),
        f"has {mine} of {whole} that were invoiced for {data['month']}",
        "good",
    )


def _paid_out(data: Data) -> Told:
    return str(data["party"]), f"is paid {euros(float(data['amount_eur']))}", "good"


def _right(words: str, tone: str) -> Callable[[Data], Told]:
    def tell(data: Data) -> Told:
        whom = str(data.get("purpose") or data.get("recipient"))
        return str(data["customer"]), words.format(whom), tone

    return tell


def _use(words: str, tone: str) -> Callable[[Data], Told]:
    def tell(data: Data) -> Told:
        text = words.format(owner=data["owner"])
        return str(data["recipient"]), text + (f": {data['why']}" if data.get("why") else ""), tone

    return tell


def values_of(data: Data) -> str:
    """What a look came to, by thing."""
    return ", ".join(
        f"{thing} {'says nothing' if value is None else number(float(value))}"
        for thing, value in data["values"].items()
    )


def _ordered(data: Data) -> Told:
    limit = f"{data['take']} of {data['signal']} above {number(float(data['above']))}"
    text = f"orders work at {data['thing']}, for {data['owner']} lets it know: {limit}"
    return str(data["recipient"]), f"{text} ({values_of(data)})", "plain"


TELLERS: Mapping[str, Callable[[Data], Told]] = {
    "invoice.issued": _invoice("goes out"),
    "invoice.paid": _invoice("is paid"),
    "invoice.cancelled": _invoice("is taken back"),
    "settlement.stated": _stated,
    "payout.made": _paid_out,
    "consent.given": _right("consents to {}", "good"),
    "consent.withdrawn": _right("withdraws its consent to {}", "warn"),
    "grant.given": _right("opens its data to {}", "good"),
    "grant.revoked": _right("closes its data to {}", "warn"),
    "secondary_use.opened": _use("may read data of {owner} from now on", "good"),
    "secondary_use.withheld": _use("may not read data of {owner}", "warn"),
    "secondary_use.ended": _use("reads data of {owner} no more", "plain"),
    "secondary_use.ordered": _ordered,
}


def told(event: FeedSeen) -> Told | None:
    """The sentence for an event between parties; None if it is no news."""
    teller = TELLERS.get(event.kind)
    return teller(event.data) if teller else None


def accounts(events: list[FeedSeen]) -> list[dict[str, Any]]:
    """Table rows of who got what: each party's part of each month, and what it was paid."""
    paid: dict[str, float] = {}
    for event in events:
        if event.kind == "payout.made":
            party = str(event.data["party"])
            paid[party] = round(paid.get(party, 0.0) + float(event.data["amount_eur"]), 2)
    rows = [dict(e.data) for e in events if e.kind == "settlement.stated"]
    last = {str(row["party"]): number for number, row in enumerate(rows)}
    return [
        {**row, "paid_eur": paid.get(row["party"], 0.0) if last[row["party"]] == n else None}
        for n, row in enumerate(rows)
    ]


def looks(events: list[FeedSeen]) -> list[dict[str, Any]]:
    """Table rows of whose data served whom: each look, what it came to, what was ordered."""
    return [
        {"at_ms": event.at_ms, "said": values_of(event.data), **event.data}
        for event in events
        if event.kind in ("secondary_use.looked", "secondary_use.ordered")
    ]
