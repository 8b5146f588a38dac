"""What money answers, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import (
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Answers,
    Schema,
    by_name,
    free,
    listed,
    many,
    maybe,
    one_of,
    paged,
    record,
    ref,
    row,
    said,
)
from reference_impl.outcomes.money.invoices import Invoice, Kind
from reference_impl.outcomes.money.rating import LineKind, PricingModel

_PROVIDER = said(TEXT, "Who invoices; empty: the main organisation")
_EXACT = {
    "quantity": said(TEXT, "How much, as a decimal number"),
    "unit_price": said(TEXT, "Euros for one, as a decimal number"),
}
_READING = record("What the signal said.", {"at_ms": WHOLE, "value": NUMBER})
_GAP = record("Time without a reading.", {"from_ms": WHOLE, "to_ms": WHOLE})
_USED: Mapping[str, Schema] = {
    "first": said(maybe(ref("MeterReading")), "The newest reading when the span began"),
    "last": said(maybe(ref("MeterReading")), "The newest reading when it ended"),
    "readings": said(WHOLE, "How many readings lie in it"),
    "estimated": said(TEXT, "How much of it is an estimate, as a decimal number"),
    "gaps": said(many(ref("MeterGap")), "Time without a reading"),
    "missing_ms": said(WHOLE, "How long the gaps are, ms"),
    "resets": said(WHOLE, "How often the register was reset"),
    "rollovers": said(WHOLE, "How often it went round"),
    "implausible": said(WHOLE, "How many steps count nothing, being impossible"),
}
_LINE = row(
    "billables",
    "What is charged, once; `corrects` names a line of an earlier invoice.",
    {
        "kind": one_of(LineKind),
        "provider": _PROVIDER,
        **_EXACT,
        "evidence": free("What stands behind it, by the kind of line"),
    },
    drop="group at_ms waived",
)
_STATES = {"state": one_of(Invoice), "kind": one_of(Kind)}
_DUE = {
    "number": said(TEXT, "Number of the document, without gaps for each provider and year"),
    "provider": _PROVIDER,
    "settled_eur": said(NUMBER, "What of it was paid by itself, euros"),
    "open_eur": said(NUMBER, "What is to be paid, euros"),
}
_ACCOUNT = {
    "party": TEXT,
    "lines": said(WHOLE, "How many lines it has a part of"),
    "invoiced_eur": said(NUMBER, "Its part of what was invoiced, euros"),
    "paid_eur": said(NUMBER, "Its part of invoices that are paid, euros"),
    "paid_out_eur": said(NUMBER, "What it got, euros"),
    "payable_eur": said(NUMBER, "What it may get now, euros"),
}
_PART = record(
    "A party's part of a line.",
    {
        **dict.fromkeys(("id", "invoice", "of", "what"), TEXT),
        "kind": one_of(LineKind),
        "amount_eur": said(NUMBER, "What the line costs, euros"),
        "paid": said(FLAG, "Whether its invoice is paid"),
        "part_eur": said(NUMBER, "The part, euros"),
    },
)
_SHAPES: Mapping[str, Schema] = {
    "Pricing": row(
        "pricings",
        "How somebody pays for a thing, or for all that have no pricing of their own.",
        {
            "model": one_of(PricingModel),
            "provider": _PROVIDER,
            "terms": free("The terms of the model"),
            "shares": by_name(NUMBER, "Percent by party, together 100"),
        },
    ),
    "PricingPage": paged(ref("Pricing")),
    "MeterReading": _READING,
    "MeterGap": _GAP,
    "Usage": listed(
        record(
            "What a meter counted in a span.",
            {
                "signal": TEXT,
                "unit": said(TEXT, "What is billed"),
                "from_ms": WHOLE,
                "to_ms": WHOLE,
                "quantity": _EXACT["quantity"],
                **_USED,
            },
        )
    ),
    "BillLine": _LINE,
    "BillLinePage": paged(ref("BillLine")),
    "BillLineList": listed(ref("BillLine")),
    "Invoice": row("invoices", "An invoice or a credit note.", {**_STATES, **_DUE}),
    "InvoicePage": paged(ref("Invoice")),
    "InvoiceWhole": row(
        "invoices",
        "An invoice or a credit note with its lines, which add up to it.",
        {**_STATES, **_DUE, "lines": said(many(ref("BillLine")), "What it is of")},
    ),
    "InvoiceExport": record(
        "Invoices for another system.",
        {
            "form": one_of(("csv", "json")),
            "month": TEXT,
            "count": said(WHOLE, "How many invoices"),
            "text": said(TEXT, "The file: a row for each line (csv), or a document (json)"),
        },
    ),
    "Account": record("What a party gets.", _ACCOUNT),
    "AccountList": listed(ref("Account")),
    "AccountPart": _PART,
    "Payout": row("payouts", "What a party was paid."),
    "AccountWhole": record(
        "What a party gets, line by line.",
        {
            **_ACCOUNT,
            "parts": said(many(ref("AccountPart")), "Its part of each line"),
            "payouts": said(many(ref("Payout")), "What it was paid"),
        },
    ),
}
_OPERATIONS: Mapping[str, str | Schema] = {
    "PUT /v1/pricings/{pricing}": "Pricing",
    "POST /v1/pricings/{pricing}/migrate": "Pricing",
    "GET /v1/pricings": "PricingPage",
    "GET /v1/pricings/{pricing}/usage": "Usage",
    "GET /v1/billables": "BillLinePage",
    "GET /v1/invoices": "InvoicePage",
    "GET /v1/invoices/{invoice}": "InvoiceWhole",
    "GET /v1/invoice-export": "InvoiceExport",
    "POST /v1/invoices/{invoice}/issue": "InvoiceWhole",
    "POST /v1/invoices/{invoice}/payments": "InvoiceWhole",
    "POST /v1/invoices/{invoice}/cancel": "InvoiceWhole",
    "GET /v1/settlements": "AccountList",
    "GET /v1/settlements/{party}": "AccountWhole",
    "POST /v1/settlements/{party}/payouts": "Payout",
    "POST /v1/data-sales": "BillLineList",
}
_EXAMPLES: Mapping[str, Any] = {
    "PUT /v1/pricings/{pricing}": {
        "by": "sales",
        "customer": "acme",
        "thing": "mix-1",
        "model": "usage",
        "terms": {"meters": [{"signal": "temp_c", "unit": "K", "unit_price": 0.25}]},
        "from_ms": 1767225600000,
    },
    "POST /v1/pricings/{pricing}/migrate": {
        "by": "sales",
        "to": "mix-1-all-in",
        "model": "subscription",
        "terms": {"fees": [{"what": "all in", "unit_price_eur": 310.0}]},
        "at_ms": 1767744000000,
    },
    "POST /v1/invoices/{invoice}/issue": {"by": "finance"},
    "POST /v1/invoices/{invoice}/payments": {
        "by": "bank",
        "payment": "pay-2026-0007",
        "amount_eur": 203.8,
    },
    "POST /v1/invoices/{invoice}/cancel": {"by": "finance", "reason": "wrong", "again": True},
    "POST /v1/settlements/{party}/payouts": {"by": "finance"},
    "POST /v1/data-sales": {
        "pricing": "city-data",
        "owner": "acme",
        "what": "air quality",
        "records": 1000,
        "unit_price_eur": 0.05,
    },
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
