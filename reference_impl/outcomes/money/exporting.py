"""Invoices for other systems: CSV and JSON with the same numbers and amounts (CC15)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from reference_impl.kernel.money import wire
from reference_impl.kernel.rows import Row

COLUMNS = (
    "number", "id", "customer", "provider", "month", "state", "line", "kind", "of", "what",
    "thing", "quantity", "unit", "unit_price", "amount_eur", "from_ms", "to_ms", "corrects",
)  # fmt: skip


def shown_line(row: Row) -> dict[str, Any]:
    """A line as it goes out: quantity and unit price as numbers that are written exactly."""
    line = {name: row[name] for name in row if name not in ("group", "at_ms", "waived")}
    return {**line, "amount_eur": wire(row["amount_eur"])}


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """An invoice as it goes out."""
    money = {name: wire(row[name]) for name in ("total_eur", "settled_eur", "open_eur")}
    found = {**row, **money}
    if "lines" in row:
        found["lines"] = [shown_line(line) for line in row["lines"]]
    return found


def as_csv(invoices: Sequence[Mapping[str, Any]]) -> str:
    """A row for each line of each invoice, with two places for amounts (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for invoice in invoices:
        for line in invoice["lines"]:
            both = {**line, **{name: invoice[name] for name in ("number", "month", "state")}}
            both |= {"line": line["id"], "id": invoice["id"]}
            both["amount_eur"] = f"{line['amount_eur']:.2f}"
            writer.writerow([both[name] for name in COLUMNS])
    return out.getvalue()


def as_json(invoices: Sequence[Mapping[str, Any]]) -> str:
    """The invoices with their lines."""
    return json.dumps({"invoices": [shown(one) for one in invoices]}, sort_keys=True)
