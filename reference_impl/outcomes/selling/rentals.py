"""Shared use: find, reserve, take, give back; each begun minute costs (DS15, a metering fixture).

One thing is in one hand at a time. The bill goes by event time: whole minutes from the moment the
thing was taken, a begun one counted; pauses between two rentals cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa

from reference_impl.kernel.errors import DpsError, IllegalStep, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.money import times, total, wire
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.outcomes.selling.charges import Charges
from reference_impl.published import RentalChanged

MINUTE_MS = 60_000
RESERVED_FOR_MS = 15 * MINUTE_MS
"""A reservation lasts so long (estimate; free-floating car sharing gives 15 to 20 minutes)."""
LAPSE = "rentals/lapse"
_SHOWN = ("thing", "customer", "user", "tariff", "state", "from_ms", "to_ms", "minutes")


class Rental(StrEnum):
    """Where a rental stands."""

    RESERVED = "RESERVED"
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    LAPSED = "LAPSED"


class Step(StrEnum):
    """What moves it."""

    TAKE = "take"
    GIVE_BACK = "give_back"
    LAPSE = "lapse"


RENTALS: Mapping[Rental, Mapping[Step, Rental]] = {
    Rental.RESERVED: {Step.TAKE: Rental.RUNNING, Step.LAPSE: Rental.LAPSED},
    Rental.RUNNING: {Step.GIVE_BACK: Rental.ENDED},
    Rental.ENDED: {},
    Rental.LAPSED: {},
}
assert RENTALS.keys() == set(Rental), "every state needs a row, final ones an empty one"
OPEN = frozenset({Rental.RESERVED, Rental.RUNNING})
PAST = {Step.TAKE: "taken", Step.GIVE_BACK: "given_back", Step.LAPSE: "lapsed"}


class InUse(DpsError):  # noqa: N818 - it names what happened
    """Somebody else has it."""

    code = "in_use"


def minutes(from_ms: int, to_ms: int) -> int:
    """Begun minutes of ``[from_ms, to_ms)``; one at least."""
    return max(1, -(-(to_ms - from_ms) // MINUTE_MS))


def fee(tariff: Mapping[str, Decimal], used_min: int) -> Decimal:
    """What a rental costs: the start, and each minute."""
    return total([tariff["start_eur"], times(tariff["per_minute_eur"], used_min)])


class Rentals:
    """Use cases of shared things."""

    def __init__(
        self, *, rows: OutcomeRows, scheduler: Scheduler, directory: Directory, charges: Charges
    ) -> None:
        self._rows, self._scheduler = rows, scheduler
        self._directory, self._charges = directory, charges

    def subscribe(self) -> None:
        """Wait for reservations that lapse."""
        self._scheduler.on_timer(LAPSE, self._on_lapse)

    def put_tariff(self, uow: UnitOfWork, tariff: Mapping[str, object]) -> Row:
        """Set a price; rentals under way keep theirs."""
        row = dict(tariff)
        self._rows.tariffs.put(uow, row)
        return row

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Rentals, by id."""
        return self._rows.rentals.items(conn, **equals)

    def get(self, conn: sa.Connection, rental: str) -> Row:
        """One rental. Raises Unknown if there is none."""
        row = self._rows.rentals.get(conn, rental)
        if row is None:
            raise Unknown(f"there is no rental {rental!r}", [Problem(where="rental", what=rental)])
        return row

    def reserve(self, uow: UnitOfWork, *, thing: str, user: str, tariff: str, at_ms: int) -> Row:
        """Keep a thing for a user for a quarter of an hour.

        Raises:
            Unknown: If there is no such thing or tariff.
            InUse: If somebody has it.
        """
        ref, price = (
            self._directory.thing(uow.conn, thing),
            self._rows.tariffs.get(uow.conn, tariff),
        )
        if ref is None or price is None:
            missing = f"thing {thing!r}" if ref is None else f"tariff {tariff!r}"
            raise Unknown(f"there is no {missing}")
        earlier = self._rows.rentals.items(uow.conn, thing=thing)
        for row in earlier:
            if Rental(row["state"]) in OPEN:
                problem = Problem(where="thing", what=f"is {row['state']}", allowed="a free one")
                raise InUse(f"{thing!r} is in use", [problem])
        row = {
            "id": f"rnt-{thing}-{len(earlier) + 1}",
            "thing": thing,
            "customer": ref.customer,
            "user": user,
            "tariff": tariff,
            "start_eur": price["start_eur"],
            "per_minute_eur": price["per_minute_eur"],
            "state": Rental.RESERVED.value,
            "reserved_ms": at_ms,
            "from_ms": None,
            "to_ms": None,
            "minutes": None,
            "changed_ms": at_ms,
        }
        self._rows.rentals.insert(uow, row)
        set_timer(uow, LAPSE, row["id"], at_ms + RESERVED_FOR_MS)
        _tell(uow, row, "reserved", at_ms)
        return row

    def take(self, uow: UnitOfWork, rental: str, *, at_ms: int) -> Row:
        """Unlock it: from now on minutes count."""
        cancel_timer(uow, LAPSE, rental)
        return self._step(uow, self.get(uow.conn, rental), Step.TAKE, at_ms, from_ms=at_ms)

    def give_back(self, uow: UnitOfWork, rental: str, *, at_ms: int) -> Row:
        """Lock it and ask for the fee."""
        row = self.get(uow.conn, rental)
        used = minutes(row["from_ms"] if row["from_ms"] is not None else at_ms, at_ms)
        row = self._step(uow, row, Step.GIVE_BACK, at_ms, to_ms=at_ms, minutes=used)
        self._charges.ask(
            uow, subject=rental, customer=row["customer"], amount=fee(row, used),
            what=f"{used} min of {row['thing']}", at_ms=at_ms,
        )  # fmt: skip
        return row

    def _on_lapse(self, uow: UnitOfWork, timer: Timer) -> None:
        self._step(uow, self.get(uow.conn, timer.subject), Step.LAPSE, timer.due_ms)

    def _step(self, uow: UnitOfWork, row: Row, step: Step, at_ms: int, **more: object) -> Row:
        state = Rental(row["state"])
        target = after(RENTALS, subject=row["id"], state=state, step=step)
        values: Row = {"state": target.value, "changed_ms": at_ms, **more}
        if not self._rows.rentals.swap(uow, row["id"], expected=state, values=values):
            raise IllegalStep(row["id"], state, step, [])
        row.update(values)
        _tell(uow, row, PAST[step], at_ms)
        return row


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data = {name: row[name] for name in _SHOWN}
    if row["to_ms"] is not None:
        data["fee_eur"] = wire(fee(row, row["minutes"]))
    uow.publish(RentalChanged(at_ms=at_ms, kind=f"rental.{what}", subject=row["id"], data=data))
