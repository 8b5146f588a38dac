"""Features sold after the hardware: paid, then unlocked over the air; refunded, then taken back.

DS14. What a device never got, for its licence expired on the way or was refused, is refunded. A
device checks licences by itself, without a cloud: a licence is a signed token for one
device and feature with an end and a running number, ``v1.<device>.<feature>.<end>.<number>.<mac>``,
HMAC-SHA256 (RFC 2104) under the vendor's key. A newer one whose end has passed takes the right
back.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.outcomes.selling.charges import Charge, Charges, Payment
from reference_impl.published import ChargeChanged, CommandChanged, CommandWanted, FeatureSold

FOR_EVER_MS = 253_402_300_799_000
"""The last second of the year 9999: a right without an end."""
COMMAND_LASTS_MS = 30 * 86_400_000
"""A device that was off for a month still gets what was paid for."""
LICENCE = "cmd-"
"""What ids of commands that carry licences begin with; then the unlock's id and number."""
_SHOWN = ("thing", "customer", "feature", "state", "number", "by")


class Unlock(StrEnum):
    """Where a feature that was ordered stands."""

    PENDING = "PENDING"
    UNLOCKED = "UNLOCKED"
    REVOKED = "REVOKED"


class Step(StrEnum):
    """What moves it."""

    SETTLE = "settle"
    REFUND = "refund"


UNLOCKS: Mapping[Unlock, Mapping[Step, Unlock]] = {
    Unlock.PENDING: {Step.SETTLE: Unlock.UNLOCKED},
    Unlock.UNLOCKED: {Step.REFUND: Unlock.REVOKED},
    Unlock.REVOKED: {},
}
assert UNLOCKS.keys() == set(Unlock), "every state needs a row, final ones an empty one"
STEP_OF = {"charge.settled": Step.SETTLE, "charge.refunded": Step.REFUND}
PAST = {Step.SETTLE: "unlocked", Step.REFUND: "revoked"}


def token(key: str, *, thing: str, feature: str, ends_ms: int, number: int) -> str:
    """A licence, signed."""
    body = f"v1.{thing}.{feature}.{ends_ms}.{number}"
    return f"{body}.{hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()}"


class Unlocks:
    """Use cases of features sold by themselves."""

    def __init__(
        self, *, rows: OutcomeRows, directory: Directory, charges: Charges, licence_key: str
    ) -> None:
        self._rows, self._directory, self._charges = rows, directory, charges
        self._key = licence_key

    def subscribe(self, bus: Bus) -> None:
        """Listen for payments, and for licences that do not arrive."""
        bus.subscribe(ChargeChanged, self._on_charge)
        bus.subscribe(CommandChanged, self._on_command)

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """What was ordered, by id."""
        return self._rows.unlocks.items(conn, **equals)

    def put_price(self, uow: UnitOfWork, *, model: str, feature: str, amount: Decimal) -> Row:
        """Sell a feature of a model at a price."""
        row = {"model": model, "feature": feature, "price_eur": amount}
        self._rows.feature_prices.put(uow, row)
        return row

    def order(self, uow: UnitOfWork, *, thing: str, feature: str, by: str, at_ms: int) -> Row:
        """Order a feature for a thing; while one order is open or in force, it is that one.

        Raises:
            Unknown: If there is no such thing.
            Invalid: If the feature is not sold for its model.
        """
        ref = self._directory.thing(uow.conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}", [Problem(where="thing", what=thing)])
        price = self._rows.feature_prices.get(uow.conn, ref.model, feature)
        if price is None:
            sold = [
                r["feature"] for r in self._rows.feature_prices.items(uow.conn, model=ref.model)
            ]
            allowed = ", ".join(sold) or "there is none"
            problem = Problem(where="feature", what=f"{feature!r} is not sold", allowed=allowed)
            raise Invalid(f"{feature!r} of {thing!r} is not sold", [problem])
        earlier = self._rows.unlocks.items(uow.conn, thing=thing, feature=feature)
        for row in earlier:
            if UNLOCKS[Unlock(row["state"])]:
                return row
        row = {
            "id": f"unl-{thing}-{feature}-{len(earlier) + 1}",
            "thing": thing,
            "customer": ref.customer,
            "feature": feature,
            "state": Unlock.PENDING.value,
            "number": 0,
            "by": by,
            "ordered_ms": at_ms,
            "changed_ms": at_ms,
        }
        self._rows.unlocks.insert(uow, row)
        _tell(uow, row, "ordered", at_ms)
        self._charges.ask(
            uow, subject=row["id"], customer=ref.customer, amount=price["price_eur"],
            what=f"feature {feature} of {thing}", at_ms=at_ms,
        )  # fmt: skip
        return row

    def _on_charge(self, uow: UnitOfWork, event: ChargeChanged) -> None:
        row, step = self._rows.unlocks.get(uow.conn, event.data["subject"]), STEP_OF.get(event.kind)
        if row is None or step is None:
            return
        target = after(UNLOCKS, subject=row["id"], state=Unlock(row["state"]), step=step)
        thing, feature = row["thing"], row["feature"]
        all_of = self._rows.unlocks.items(uow.conn, thing=thing, feature=feature)
        number = 1 + max(one["number"] for one in all_of)
        row |= {"state": target.value, "number": number, "changed_ms": event.at_ms}
        self._rows.unlocks.put(uow, row)
        _tell(uow, row, PAST[step], event.at_ms)
        ends_ms = FOR_EVER_MS if target is Unlock.UNLOCKED else event.at_ms
        licence = token(self._key, thing=thing, feature=feature, ends_ms=ends_ms, number=number)
        uow.publish(
            CommandWanted(
                at_ms=event.at_ms,
                command_id=_command(row),
                thing=thing,
                name="unlock_feature",
                args={"token": licence},
                expires_ms=event.at_ms + COMMAND_LASTS_MS,
                by="billing",
            )
        )

    def _on_command(self, uow: UnitOfWork, event: CommandChanged) -> None:
        """A licence did not arrive: what was paid for it goes back."""
        if event.kind != "command.failed" or not event.subject.startswith(LICENCE):
            return
        unlock = event.subject.removeprefix(LICENCE).rpartition("-")[0]
        row = self._rows.unlocks.get(uow.conn, unlock)
        if row is None or row["state"] != Unlock.UNLOCKED or _command(row) != event.subject:
            return  # an older one, or one that takes the right back: nothing was paid for that
        for charge in self._charges.listed(uow.conn, subject=unlock, state=Charge.SETTLED.value):
            self._charges.move(uow, charge, Payment.REFUND, at_ms=event.at_ms)


def _command(row: Mapping[str, object]) -> str:
    """The id of the command that carries a licence."""
    return f"{LICENCE}{row['id']}-{row['number']}"


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data = {name: row[name] for name in _SHOWN}
    uow.publish(FeatureSold(at_ms=at_ms, kind=f"feature.{what}", subject=row["id"], data=data))
