"""Several parties on one platform: what each gets of what was invoiced, and what it was paid (PM6).

Each line is split by the shares of its pricing, to the cent and without rest; without shares it is
the provider's. What a party may be paid is its part of invoices that are paid. Data are sold only
with a record that their owner consents, and the record is the evidence of the line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import DpsError, Forbidden, Invalid, Problem
from reference_impl.kernel.ids import digest
from reference_impl.kernel.money import ZERO, total, wire
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.money import rating as r
from reference_impl.outcomes.money.billing import BillingRows, Book
from reference_impl.outcomes.money.invoices import MAIN, Invoice, Kind
from reference_impl.outcomes.money.pricings import Pricings
from reference_impl.outcomes.money.terms import shares_of
from reference_impl.published import PaidOut, SettlementStated

PURPOSE = "monetisation"
"""What the owner of data must consent to before they are sold."""
OUT = (Invoice.ISSUED.value, Invoice.PAID.value, Invoice.CANCELLED.value)
"""States of invoices that went out; what was cancelled is taken back by its credit note."""
Consents = Callable[[sa.Connection, str, str], Mapping[str, Any] | None]
"""The record of a customer's consent to a purpose, if there is one."""


class NoConsent(Forbidden):
    """The owner has not consented to the sale of the data."""

    code = "no_consent"


class NothingToPayOut(DpsError):  # noqa: N818 - it names what is wrong
    """The party has got all of what was paid."""

    code = "nothing_to_pay_out"


@dataclass(slots=True)
class Account:
    """What a party gets: of what was invoiced, of what was paid, and what it got."""

    party: str
    invoiced_eur: Decimal = ZERO
    paid_eur: Decimal = ZERO
    paid_out_eur: Decimal = ZERO
    lines: int = 0

    @property
    def payable_eur(self) -> Decimal:
        """What it may be paid now."""
        return self.paid_eur - self.paid_out_eur


class Settlement:
    """Use cases of shares, payouts and data that are sold."""

    def __init__(
        self, *, rows: BillingRows, book: Book, pricings: Pricings, consents: Consents
    ) -> None:
        self._rows, self._book = rows, book
        self._pricings, self._consents = pricings, consents

    def accounts(self, conn: sa.Connection, month: str | None = None) -> list[Account]:
        """What each party gets, by name; of the invoices of one month, or of all.

        Of one month, payouts are not told: they are of all that was paid by then.
        """
        found: dict[str, Account] = {}
        for line, party, part in self._parts(conn, month):
            account = found.setdefault(party, Account(party))
            account.invoiced_eur += part
            account.lines += 1
            if line["paid"]:
                account.paid_eur += part
        if month is None:
            for row in self._rows.payouts.items(conn):
                found.setdefault(row["party"], Account(row["party"])).paid_out_eur += row[
                    "amount_eur"
                ]
        return [found[party] for party in sorted(found)]

    def parts(self, conn: sa.Connection, party: str, month: str | None) -> list[dict[str, Any]]:
        """The party's part of each line, for the drill-down."""
        shown = ("id", "invoice", "kind", "of", "what", "amount_eur", "paid")
        return [
            {**{name: line[name] for name in shown}, "part_eur": part}
            for line, whose, part in self._parts(conn, month)
            if whose == party
        ]

    def _parts(self, conn: sa.Connection, month: str | None) -> list[tuple[Row, str, Decimal]]:
        only = {} if month is None else {"month": month}
        sent = {
            row["id"]: row["state"] == Invoice.PAID and row["kind"] == Kind.INVOICE
            for row in self._rows.invoices.items(conn, **only)
            if row["state"] in OUT
        }
        shares = {row["id"]: shares_of(row) for row in self._pricings.listed(conn)}
        found = []
        for line in self._rows.billables.items(conn):
            if line["invoice"] not in sent or not lawful(line):
                continue
            whole = {line["provider"] or MAIN: r.ALL_PCT}
            parts = r.split(line["amount_eur"], shares[line["pricing"]] or whole)
            shown = {**line, "paid": sent[line["invoice"]]}
            found += [(shown, party, part) for party, part in parts.items()]
        return found

    def state(self, uow: UnitOfWork, month: str, *, at_ms: int) -> None:
        """Tell each party what is its of a month's invoices, once they went out.

        Nothing is told where all of it is the main organisation's.
        """
        accounts = self.accounts(uow.conn, month)
        if all(account.party == MAIN for account in accounts):
            return
        whole = total(account.invoiced_eur for account in accounts)
        for account in accounts:
            data = {
                "party": account.party,
                "month": month,
                "invoiced_eur": wire(account.invoiced_eur),
                "of_eur": wire(whole),
                "lines": account.lines,
                "parties": len(accounts),
            }
            kind, subject = "settlement.stated", f"{month}/{account.party}"
            uow.publish(SettlementStated(at_ms=at_ms, kind=kind, subject=subject, data=data))

    def pay_out(self, uow: UnitOfWork, party: str, *, by: str, at_ms: int) -> Row:
        """Pay a party what it may get now.

        Raises:
            NothingToPayOut: If there is nothing.
        """
        account = next((a for a in self.accounts(uow.conn) if a.party == party), Account(party))
        if account.payable_eur <= 0:
            what = f"{wire(account.payable_eur)} EUR are payable"
            problem = Problem(where="party", what=what, allowed="a part of invoices that are paid")
            raise NothingToPayOut(f"{party!r} has nothing to get", [problem])
        number = 1 + len(self._rows.payouts.items(uow.conn, party=party))
        row: Row = {
            "id": f"out-{party}-{number}",
            "party": party,
            "amount_eur": account.payable_eur,
            "at_ms": at_ms,
            "by": by,
        }
        self._rows.payouts.insert(uow, row)
        data = {"party": party, "amount_eur": wire(row["amount_eur"]), "by": by}
        uow.publish(PaidOut(at_ms=at_ms, kind="payout.made", subject=row["id"], data=data))
        return row

    def payouts(self, conn: sa.Connection, party: str) -> list[Row]:
        """What a party was paid, by id."""
        return self._rows.payouts.items(conn, party=party)

    def sell_data(
        self, uow: UnitOfWork, *, pricing: str, owner: str, what: str, records: int,
        unit_price: Decimal, at_ms: int,
    ) -> list[Row]:  # fmt: skip
        """Sell data of an owner to the customer of an ecosystem pricing; once a moment.

        Raises:
            Unknown: If there is no such pricing.
            Invalid: If it is no ecosystem pricing, or not in force.
            NoConsent: If the owner has not consented to it.
        """
        row = self._pricings.get(uow.conn, pricing)
        ended = row["to_ms"] is not None and at_ms >= row["to_ms"]
        if row["model"] != r.PricingModel.ECOSYSTEM or at_ms < row["from_ms"] or ended:
            problem = Problem(where="pricing", what=f"{pricing!r} is {row['model']}",
                              allowed="an ecosystem pricing that is in force")  # fmt: skip
            raise Invalid("the data cannot be sold so", [problem])
        consent = self._consents(uow.conn, owner, PURPOSE)
        if consent is None or not consent["granted"]:
            what_is = f"{owner} has not consented to {PURPOSE!r}"
            problem = Problem(where="owner", what=what_is, allowed="an owner who consented")
            raise NoConsent("the data may not be sold", [problem])
        record = {name: consent[name] for name in ("customer", "purpose", "by", "at_ms")}
        sale = f"sale-{digest(pricing, owner, what, at_ms)}"
        lines = r.of_data(sale, what, (records, unit_price), at_ms, {"consent": record})
        group = f"data:{sale}"
        self._book.book(uow, group, lines, row, at_ms=at_ms)
        return self._book.of_group(uow.conn, group)


def lawful(line: Mapping[str, Any]) -> bool:
    """Whether a line may be paid out: data only with the record of a consent."""
    return line["kind"] != r.LineKind.DATA or bool(line["evidence"].get("consent"))
