"""A run in Markdown, for a pull request or a chat: verdict, failures, decisions, costs."""

from __future__ import annotations

from harness.events import CheckDecided
from harness.report.finished import FinishedReport
from harness.report.html import process_rows
from harness.report.runlog import ORDER_STEPS, VISIT_STEPS, RunLog
from harness.report.story import headline
from harness.report.words import count, euros, long_stamp, plain, stamp

MOST_ROWS = 20
"""Orders and visits that are listed; the rest is counted."""


class MarkdownReport(FinishedReport):
    """Gathers a run and writes its summary when it is over."""

    file_name = "report.md"

    def render(self, log: RunLog) -> str:
        """See FinishedReport."""
        return render(log)


def render(log: RunLog) -> str:
    """The summary as text.

    Raises:
        ValueError: If the run has not finished.
    """
    result = log.result
    if result is None:
        raise ValueError("a summary is made of a finished run; this one has no result")
    good = len(result.checks) - len(result.failed_checks)
    counts = [
        f"{good} of {count(len(result.checks), 'check')} hold",
        count(result.orders, "order"), count(result.work_orders, "work order"),
        f"{result.published:,} messages", f"{result.ledger.get('lost', 0):,} lost",
    ]  # fmt: skip
    title = headline(result.scenario, result.start_ms, result.end_ms)
    out = [f"## {result.verdict.upper()}: {result.title}", "", f"{title}, seed {result.seed}", ""]
    out += [", ".join(counts), ""]
    if result.error:
        out += [f"**Error:** {_cell(result.error)}", ""]
    for check in result.failed_checks:
        out += _failed(check)
    out += _processes(log)
    if result.costs_eur:
        out += ["| costs | |", "|---|---:|"]
        out += [f"| {plain(name)} | {euros(eur)} |" for name, eur in result.costs_eur.items()]
        out.append("")
    out += [f"Trace hash `{result.trace_hash}`", "", f"Again: `{result.replay}`", ""]
    return "\n".join(out)


def _failed(check: CheckDecided) -> list[str]:
    out = [f"### fails: {check.title}", "", f"`{check.where}`, {long_stamp(check.at_ms)}", ""]
    out += [f"- expected: {check.expected}"] if check.expected else []
    out += [f"- seen: {check.seen}"] if check.seen else []
    for title, lines in (("causes", check.causes), ("trace around it", check.around)):
        if lines:
            out += ["", f"<details><summary>{title}</summary>", "", "```text", *lines, "```"]
            out += ["", "</details>"]
    return [*out, ""]


def _processes(log: RunLog) -> list[str]:
    out: list[str] = []
    for title, what, steps in (
        ("order", "order", ORDER_STEPS), ("work order", "work_order", VISIT_STEPS),
    ):  # fmt: skip
        rows = process_rows(log.of_kind(what), steps)
        if not rows:
            continue
        out += [f"| {title} for | what | {' | '.join(steps)} |", "|---" * (2 + len(steps)) + "|"]
        for row in rows[:MOST_ROWS]:
            times = ["-" if at_ms is None else stamp(at_ms) for at_ms in row["times"]]
            process = row["process"]
            out.append(f"| {_cell(process.thing)} | {_cell(process.title)} | {' | '.join(times)} |")
        if len(rows) > MOST_ROWS:
            out.append(f"| and {len(rows) - MOST_ROWS} more |")
        out.append("")
    return out


def _cell(text: str) -> str:
    """Text that does not break a table."""
    return text.replace("|", "\\|").replace("\n", " ")
