"""Every message that a device produced is stored once by the DPS, and no other."""

from __future__ import annotations

from harness.checks.base import Check, Decision, Ending

SHOWN_MAX = 8
"""Gaps named in the failure; the report has the ledger."""


class NothingLost(Check):
    """Compares the ledger of what was produced with what the DPS says that it stored."""

    name = "nothing_lost"
    title = "Nothing is lost between device and store"
    hears = ()

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        ledger, stored = ending.ledger, ending.stored
        lost, extra = ledger.get("lost", 0), ledger.get("unexpected", 0)
        distinct = ledger.get("stored", 0) + stored.dead
        if not lost and not extra and stored.total <= distinct:
            return Decision(passed=True)
        gaps = "; ".join(ending.lost[:SHOWN_MAX])
        seen = f"{lost} lost, {extra} that nobody produced. {gaps}"
        if stored.total > distinct:
            seen += f" {stored.total} counted as stored, {distinct} of them different"
        return Decision(
            passed=False,
            expected=f"all {ledger.get('produced', 0)} messages stored, each once",
            seen=seen,
            at_ms=ending.at_ms,
        )
