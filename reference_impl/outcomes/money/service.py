"""Money that is invoiced, put together: pricings, meters, the book, invoices, settlement."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts.periods import PeriodState
from reference_impl.outcomes.contracts.settling import Periods
from reference_impl.outcomes.money.billing import BillingRows, Book
from reference_impl.outcomes.money.closing import Closing
from reference_impl.outcomes.money.invoices import Invoices
from reference_impl.outcomes.money.metering import Metering, Users
from reference_impl.outcomes.money.pricings import Pricings
from reference_impl.outcomes.money.settlement import Consents, Settlement
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.outcomes.selling.charges import Charges


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The services."""

    pricings: Pricings
    metering: Metering
    book: Book
    invoices: Invoices
    settlement: Settlement
    closing: Closing

    def subscribe(self, bus: Bus) -> None:
        """Listen for what costs something, and wait for the ends of months."""
        self.closing.subscribe(bus)


def assemble(
    *, rows: BillingRows, selling: OutcomeRows, charges: Charges, scheduler: Scheduler,
    telemetry: TelemetryView, directory: Directory, users: Users, consents: Consents,
    periods: Periods,
) -> Money:  # fmt: skip
    """The services on their tables; of users and consents they are told what they ask for.

    ``periods`` are told on which invoice they stand.
    """
    book, pricings = Book(rows), Pricings(rows=rows, directory=directory)
    metering = Metering(telemetry=telemetry, directory=directory, users=users)

    def stands(uow: UnitOfWork, of: str, invoice: str, at_ms: int) -> None:
        contract, _, period = of.rpartition("/")
        row = selling.outcomes.get(uow.conn, contract, period)
        if row is not None and row["state"] == PeriodState.FINAL:
            periods.invoiced(uow, contract, period, invoice=invoice, by="billing", at_ms=at_ms)

    invoices = Invoices(rows=rows, selling=selling, charges=charges, stands=stands)
    settlement = Settlement(rows=rows, book=book, pricings=pricings, consents=consents)
    closing = Closing(
        rows=rows, selling=selling, book=book, metering=metering, invoices=invoices,
        settlement=settlement, directory=directory, scheduler=scheduler,
    )  # fmt: skip
    return Money(
        pricings=pricings,
        metering=metering,
        book=book,
        invoices=invoices,
        settlement=settlement,
        closing=closing,
    )
