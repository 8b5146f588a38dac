"""What the DPS invoices equals what the harness computes itself, to the cent (PM1-PM6, CC19)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field

from harness.checks.base import Args, Brief, Decision, Ending
from harness.checks.invoicing import Invoiced
from harness.events import FeedSeen
from harness.oracles import invoices as oracle


class InvoicesArgs(Args):
    """``exactly``: so many invoices there must be."""

    exactly: int = Field(default=1, ge=0)


class InvoicesEqualOracle(Invoiced):
    """Compares the sum of every ``invoice.drafted`` with the oracle's."""

    name = "invoices_equal_oracle"
    title = "Invoices ask for what it costs, once"
    Arguments = InvoicesArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._asked: dict[tuple[str, str], Decimal] = {}

    def drafted(self, event: FeedSeen) -> None:
        """Compare an invoice that is drafted."""
        total = sum((amount for _, amount in self.lines(event).values()), oracle.NOTHING)
        whose = (event.data["customer"], event.data.get("provider", ""))
        asked, seen = total - self._asked.get(whose, oracle.NOTHING), event.data["total_eur"]
        self._asked[whose] = total
        self._seen.append(f"{event.data['number']}: {seen:.2f} EUR")
        if oracle.exact(seen) != asked:
            self.violate(event.at_ms, f"{asked:.2f} EUR", self._seen[-1], event)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if len(self._seen) != self.args.exactly:
            seen = f"{len(self._seen)}: {'; '.join(self._seen)}"
            self.violate(ending.at_ms, f"{self.args.exactly} invoices", seen)
        decision = super().decide(ending)
        if decision.passed:
            decision.seen = "; ".join(self._seen) or "nothing was invoiced"
        return decision
