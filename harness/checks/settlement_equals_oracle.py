"""What each party gets equals what the harness computes itself, to the cent (PM6, ST8).

Each line that is new on an invoice, or by how much it was corrected, is split by the shares of its
pricing as the scenario installed it. What parties are told of a month together is what the invoices
ask for, and a payout is a party's part of the invoices that are paid, less what it got before.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field

from harness.checks.base import Args, Brief, Decision, Ending
from harness.checks.invoicing import Invoiced
from harness.events import FeedSeen
from harness.oracles import invoices as oracle
from harness.oracles import settlement

NOTHING = Decimal(0)


class SettlementArgs(Args):
    """``parties``: so many get something; ``payouts``: so many are made, if it matters."""

    parties: int = Field(default=2, ge=1)
    payouts: int | None = Field(default=None, ge=0)


class SettlementEqualsOracle(Invoiced):
    """Compares every ``settlement.stated`` and ``payout.made`` with the oracle's."""

    name = "settlement_equals_oracle"
    title = "Each party gets its share, and all of it is shared out"
    Arguments = SettlementArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._booked: dict[str, Decimal] = {}
        """By line: what earlier invoices asked for."""
        self._invoices: dict[str, dict[str, Decimal]] = {}
        """By invoice: what of it is whose."""
        self._months: dict[str, dict[str, Decimal]] = {}
        self._stated: dict[str, dict[str, Decimal]] = {}
        self._totals: dict[str, Decimal] = {}
        self._paid: dict[str, Decimal] = {}
        self._got: dict[str, Decimal] = {}
        self._payouts = 0

    def _told(self, event: FeedSeen) -> None:
        super()._told(event)
        if event.kind == "settlement.stated":
            self._state(event)
        elif event.kind == "invoice.paid":
            settlement.add(self._paid, self._invoices.get(event.subject, {}))
        elif event.kind == "payout.made":
            self._pay(event)

    def drafted(self, event: FeedSeen) -> None:
        """See Invoiced: the invoice is split, not compared."""
        parts: dict[str, Decimal] = {}
        for key, (terms, amount) in self.lines(event).items():
            new = amount - self._booked.get(key, NOTHING)
            self._booked[key] = amount
            settlement.add(parts, settlement.parted(new, settlement.shares_of(terms.said)))
        month = str(event.data["month"])
        self._invoices[event.subject] = parts
        settlement.add(self._months.setdefault(month, {}), parts)
        asked = oracle.exact(event.data["total_eur"])
        self._totals[month] = self._totals.get(month, NOTHING) + asked

    def _state(self, event: FeedSeen) -> None:
        party, month = str(event.data["party"]), str(event.data["month"])
        ours = self._months.get(month, {}).get(party, NOTHING)
        told = oracle.exact(event.data["invoiced_eur"])
        self._stated.setdefault(month, {})[party] = told
        self._seen.append(f"{party} {told:.2f} EUR of {month}")
        if told != ours:
            self.violate(event.at_ms, f"{party}: {ours:.2f} EUR of {month}", self._seen[-1], event)

    def _pay(self, event: FeedSeen) -> None:
        party, got = str(event.data["party"]), oracle.exact(event.data["amount_eur"])
        ours = self._paid.get(party, NOTHING) - self._got.get(party, NOTHING)
        self._got[party] = self._got.get(party, NOTHING) + got
        self._payouts += 1
        if got != ours:
            expected = f"{party} is paid {ours:.2f} EUR"
            self.violate(event.at_ms, expected, f"it got {got:.2f} EUR", event)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        for month, stated in self._stated.items():
            together, asked = sum(stated.values(), NOTHING), self._totals.get(month, NOTHING)
            if together != asked:
                seen = f"parties have {together:.2f} EUR of {month}"
                self.violate(ending.at_ms, f"{asked:.2f} EUR, as was invoiced", seen)
        parties = {party for stated in self._stated.values() for party in stated}
        if len(parties) != self.args.parties:
            seen = f"{len(parties)}: {', '.join(sorted(parties))}"
            self.violate(ending.at_ms, f"{self.args.parties} parties", seen)
        if self.args.payouts not in (None, self._payouts):
            self.violate(ending.at_ms, f"{self.args.payouts} payouts", f"{self._payouts}")
        decision = super().decide(ending)
        if decision.passed:
            decision.seen = "; ".join(self._seen)
        return decision
