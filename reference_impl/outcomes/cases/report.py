"""A business case as a page to read (Markdown): figures of the API, none of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def report(answer: Mapping[str, Any]) -> str:
    """The section that a report takes in."""
    lines = ["## Business case", "", "| | with | without | difference |", "|---|---:|---:|---:|"]
    for side in ("provider", "customer"):
        found = answer[side]
        if found is None:
            continue
        both = [found[arm] for arm in ("with", "without", "difference")]
        for name, title in (
            ("npv_eur", "net present value, EUR"),
            ("trough_eur", "lowest cumulative cash, EUR"),
            ("trough_month", "in month"),
            ("payback_month", "paid back in month"),
        ):
            cells = " | ".join(_cell(one.get(name)) for one in both)
            lines.append(f"| {side}: {title} | {cells} |")
        spread = found["npv_spread_eur"]
        low, high = _cell(spread["p10"]), _cell(spread["p90"])
        lines.append(f"| {side}: p10 / p90 of the difference, EUR | | | {low} / {high} |")
    lines += ["", *_sentences(answer), ""]
    return "\n".join(lines)


def _sentences(answer: Mapping[str, Any]) -> list[str]:
    said = []
    provider, customer = answer["provider"], answer["customer"]
    if provider is not None:
        said.append(f"Doing nothing costs {_cell(provider['doing_nothing_eur'])} EUR.")
        lost = provider["with"]["kinds"].get("lost_revenue", 0.0)
        margin = provider["with"]["kinds"].get("partner_margin", 0.0)
        said.append(
            f"The service takes {_cell(-lost)} EUR from spare parts and visits, and leaves "
            f"{_cell(-margin)} EUR to partners."
        )
    if customer is not None:
        cost = customer["with"]["ownership_eur"]
        said.append(
            f"The customer pays {_cell(customer['with']['upfront_eur'])} EUR at the start (without:"
            f" {_cell(customer['without']['upfront_eur'])}); owning costs {_cell(cost['p10'])} to "
            f"{_cell(cost['p90'])} EUR (p10 to p90)."
        )
    return said


def _cell(value: float | None) -> str:
    if value is None:
        return "never"
    return f"{value:,.0f}" if isinstance(value, float) else str(value)
