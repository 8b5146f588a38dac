"""The ledger as a table for people."""

from __future__ import annotations

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from loadtests.account import Latency, Ledger

_COLOURS = {"passed": "green", "failed": "red", "invalid": "yellow"}


def show(ledger: Ledger, console: Console) -> None:
    """Print the account, and what it says."""
    console.print(Group(_counts(ledger), _latencies(ledger)))
    colour = _COLOURS[ledger.verdict]
    lines = [f"[bold {colour}]{ledger.verdict.upper()}[/]"]
    lines += [f"- {reason}" for reason in ledger.reasons]
    lines += [f"  lost: {example}" for example in ledger.lost_examples]
    if ledger.verdict == "invalid":
        lines.append(
            "The load that was asked for did not reach the target: no figure above counts."
        )
    console.print(Panel("\n".join(lines), border_style=colour, expand=False))


def _counts(ledger: Ledger) -> Table:
    table = Table(title="Delivery ledger", title_justify="left")
    table.add_column("", no_wrap=True)
    table.add_column("count", justify="right")
    table.add_column("meaning", overflow="fold")
    reordered = "not seen" if ledger.reordered is None else f"{ledger.reordered:,}"
    rows = [
        ("connections asked", ledger.connections_asked, ""),
        ("connections confirmed", ledger.connections_confirmed, "by CONNACK"),
        ("connections lost", ledger.disconnects, f"{ledger.resent:,} messages sent again after"),
        ("asked", ledger.asked, "messages due by the schedule"),
        ("sent", ledger.sent, f"{ledger.sent_per_s:,.0f} per second"),
        ("sent late", ledger.late, "by the generator"),
        ("held back", ledger.held, "late, because a window of acknowledgements was owed"),
        ("acknowledged", ledger.acknowledged, f"{ledger.unconfirmed:,} never were"),
        ("stored", ledger.stored, f"{ledger.unexpected:,} more were never sent"),
        ("lost", ledger.lost, "acknowledged and not stored"),
        ("doubled", ledger.doubled, "stored or delivered again"),
    ]
    for name, count, meaning in rows:
        bad = name in ("lost", "doubled") and count
        table.add_row(name, f"[red]{count:,}[/]" if bad else f"{count:,}", meaning)
    table.add_row("out of order", reordered, "arrived after a later one of the same device")
    table.add_row(
        "generator",
        f"{ledger.cpu_share:.0%}",
        f"of one core; {ledger.cpu_wait_share:.0%} waited for one",
    )
    return table


def _latencies(ledger: Ledger) -> Table:
    table = Table(title="Milliseconds", title_justify="left")
    for head in ("", "p50", "p95", "p99", "max"):
        table.add_column(head, justify="left" if not head else "right")
    for name, latency in (
        ("due to acknowledged", ledger.ack_from_due_ms),
        ("sent to acknowledged", ledger.ack_from_send_ms),
        ("due to sent", ledger.send_lag_ms),
    ):
        table.add_row(name, *_row(latency))
    return table


def _row(latency: Latency) -> list[str]:
    values = (latency.p50, latency.p95, latency.p99, latency.max)
    return ["-" if value is None else f"{value:,.2f}" for value in values]
