"""What is to be paid, and what was: charges, settled once by payments that may come twice.

A charge belongs to a subject (a subscription, a feature sold, a rental); whoever made it listens
for :class:`ChargeChanged`. A payment is known by the id that the payment provider gives it: the
same one again changes nothing (SU4).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import DpsError, IllegalStep, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.money import wire
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import ChargeChanged


class Charge(StrEnum):
    """Where a charge stands."""

    OPEN = "OPEN"
    SETTLED = "SETTLED"
    REFUNDED = "REFUNDED"
    VOID = "VOID"


class Payment(StrEnum):
    """What a payment provider says, and what we do: a void charge is no longer asked for."""

    SETTLE = "settle"
    REFUND = "refund"
    VOID = "void"


CHARGES: Mapping[Charge, Mapping[Payment, Charge]] = {
    Charge.OPEN: {Payment.SETTLE: Charge.SETTLED, Payment.VOID: Charge.VOID},
    Charge.SETTLED: {Payment.REFUND: Charge.REFUNDED},
    Charge.REFUNDED: {},
    Charge.VOID: {},
}
assert CHARGES.keys() == set(Charge), "every state needs a row, final ones an empty one"
PAST = {Payment.SETTLE: "settled", Payment.REFUND: "refunded", Payment.VOID: "voided"}


class PaymentReused(DpsError):  # noqa: N818 - it names what happened
    """A payment's id came back for another charge or another step."""

    code = "payment_reused"


class Charges:
    """Use cases of charges and payments."""

    def __init__(self, *, rows: OutcomeRows) -> None:
        self._rows = rows

    def ask(
        self,
        uow: UnitOfWork,
        *,
        subject: str,
        customer: str,
        amount: Decimal,
        what: str,
        at_ms: int,
    ) -> Row:
        """Ask for an amount; a subject's charges are numbered from 1."""
        number = 1 + len(self._rows.charges.items(uow.conn, subject=subject))
        row = {
            "id": f"chg-{subject}-{number}",
            "subject": subject,
            "customer": customer,
            "what": what,
            "amount_eur": amount,
            "state": Charge.OPEN.value,
            "asked_ms": at_ms,
            "changed_ms": at_ms,
        }
        self._rows.charges.insert(uow, row)
        _tell(uow, row, "asked", at_ms)
        return row

    def open_of(self, conn: sa.Connection, subject: str) -> list[Row]:
        """The open charges of a subject."""
        return self._rows.charges.items(conn, subject=subject, state=Charge.OPEN.value)

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Charges, by id."""
        return self._rows.charges.items(conn, **equals)

    def take(self, uow: UnitOfWork, charge: str, step: Payment, *, payment: str, at_ms: int) -> Row:
        """Take what a payment provider says; the same payment again changes nothing.

        Raises:
            Unknown: If there is no such charge.
            PaymentReused: If the payment was for something else.
            IllegalStep: If the charge's state forbids it.
        """
        row = self._rows.charges.get(uow.conn, charge)
        if row is None:
            raise Unknown(f"there is no charge {charge!r}", [Problem(where="charge", what=charge)])
        known = self._rows.payments.get(uow.conn, payment)
        if known is not None:
            if (known["charge"], known["step"]) != (charge, step):
                seen = f"it is to {known['step']} {known['charge']}"
                problem = Problem(where="payment", what=seen, allowed="an id for each payment")
                raise PaymentReused(f"payment {payment!r} is known for something else", [problem])
            return row
        self._rows.payments.insert(
            uow, {"id": payment, "charge": charge, "step": step.value, "at_ms": at_ms}
        )
        return self.move(uow, row, step, at_ms=at_ms)

    def move(self, uow: UnitOfWork, row: Row, step: Payment, *, at_ms: int) -> Row:
        """Move a charge one step and tell whom it concerns."""
        state = Charge(row["state"])
        target = after(CHARGES, subject=row["id"], state=state, step=step)
        values: Row = {"state": target.value, "changed_ms": at_ms}
        if not self._rows.charges.swap(uow, row["id"], expected=state, values=values):
            raise IllegalStep(row["id"], state, step, [])
        row.update(values)
        _tell(uow, row, PAST[step], at_ms)
        return row


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data: dict[str, Any] = {name: row[name] for name in ("subject", "customer", "what", "state")}
    data["amount_eur"] = wire(row["amount_eur"])
    uow.publish(ChargeChanged(at_ms=at_ms, kind=f"charge.{what}", subject=row["id"], data=data))
