"""Every message that a device produced is stored by the DPS, and none that it did not produce."""

from __future__ import annotations

from harness.checks.base import Check, Decision, Ending

SHOWN_MAX = 8
"""Gaps named in the failure; the report has the ledger."""


class NothingLost(Check):
    """Compares the ledger of what was produced with what the DPS says that it stored."""

    name = "nothing_lost"
    title = "Nothing is lost between device and store"

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        lost, extra = ending.ledger.get("lost", 0), ending.ledger.get("unexpected", 0)
        if not lost and not extra:
            return Decision(passed=True)
        gaps = "; ".join(ending.lost[:SHOWN_MAX])
        return Decision(
            passed=False,
            expected=f"all {ending.ledger.get('produced', 0)} messages stored",
            seen=f"{lost} lost, {extra} that nobody produced. {gaps}",
            at_ms=ending.at_ms,
        )
