"""Who pays by which model for what, from when to when; and the change from one to another (CC19).

A pricing is of one thing, or of all things of a customer that have none of their own. Pricings of
one service of one thing never overlap; one that follows another begins at the instant at which that
ends, so that nothing is charged twice and nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import DpsError, Invalid, Problem, Unknown
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.money.billing import BillingRows
from reference_impl.outcomes.money.rating import PricingModel
from reference_impl.outcomes.money.terms import read_shares, read_terms
from reference_impl.published import PricingChanged

_SHOWN = ("customer", "thing", "service", "provider", "model", "from_ms", "to_ms", "follows", "by")
Body = Mapping[str, Any]


class AlreadyPriced(DpsError):  # noqa: N818 - it names what happened
    """The same service of the same thing has a pricing at that time."""

    code = "already_priced"


class Pricings:
    """Use cases of pricings."""

    def __init__(self, *, rows: BillingRows, directory: Directory) -> None:
        self._rows, self._directory = rows, directory

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Pricings, by id."""
        return self._rows.pricings.items(conn, **equals)

    def get(self, conn: sa.Connection, pricing: str) -> Row:
        """One pricing. Raises Unknown if there is none."""
        row = self._rows.pricings.get(conn, pricing)
        if row is None:
            problem = Problem(where="pricing", what=pricing)
            raise Unknown(f"there is no pricing {pricing!r}", [problem])
        return row

    def put(self, uow: UnitOfWork, pricing: str, body: Body, *, at_ms: int) -> Row:
        """Agree on a pricing; the same again changes nothing.

        Raises:
            Invalid: With everything that is wrong with it.
            AlreadyPriced: If another one is of the same service of the same thing at that time,
                or this one is there already with other terms (:meth:`migrate` changes them).
        """
        row = {"id": pricing, "follows": "", **body}
        known = self._rows.pricings.get(uow.conn, pricing)
        if known is not None:
            if any(known[name] != row[name] for name in body if name not in ("to_ms", "by")):
                problem = Problem(
                    where="pricing", what="stands with other terms", allowed="migrate"
                )
                raise AlreadyPriced(f"{pricing!r} is agreed upon", [problem])
            return known
        self._check(uow.conn, row, ending=None)
        self._rows.pricings.insert(uow, row)
        _tell(uow, row, "agreed", at_ms)
        return row

    def migrate(
        self, uow: UnitOfWork, pricing: str, *, to: str, body: Body, at_ms: int, now_ms: int
    ) -> Row:
        """Let a pricing end at an instant, and another one begin there (CC19).

        Raises:
            Unknown: If there is no such pricing.
            Invalid: If the instant is not within it, or lies in a month that is invoiced.
            AlreadyPriced: If the new id is taken.
        """
        old = self.get(uow.conn, pricing)
        row = {**old, "id": to, "follows": pricing, **body, "from_ms": at_ms}
        if self._rows.pricings.get(uow.conn, to) is not None:
            problem = Problem(where="to", what=f"{to!r} is taken", allowed="an id of its own")
            raise AlreadyPriced(f"{to!r} is agreed upon", [problem])
        if not old["from_ms"] < at_ms < (old["to_ms"] or at_ms + 1):
            allowed = f"after {old['from_ms']}" + (
                f", before {old['to_ms']}" if old["to_ms"] else ""
            )
            problem = Problem(where="at_ms", what=f"is {at_ms}", allowed=allowed)
            raise Invalid(f"{pricing!r} cannot end there", [problem])
        self._check(uow.conn, row, ending=old["id"])
        old["to_ms"] = at_ms
        self._rows.pricings.put(uow, old)
        self._rows.pricings.insert(uow, row)
        _tell(uow, old, "ended", now_ms)
        _tell(uow, row, "agreed", now_ms)
        return row

    def _check(self, conn: sa.Connection, row: Row, *, ending: str | None) -> None:
        problems: list[Problem] = []
        model = PricingModel(row["model"])
        terms = read_terms(model, row["terms"], problems)
        read_shares(model, row["shares"], problems)
        ref = self._directory.thing(conn, row["thing"]) if row["thing"] else None
        if row["thing"] and (ref is None or ref.customer != row["customer"]):
            what = f"{row['thing']!r} is no thing of {row['customer']!r}"
            problems.append(Problem(where="thing", what=what, allowed="a thing of the customer"))
        if terms.tariffs and ref is None:
            what = "is missing: a meter is of one thing"
            problems.append(Problem(where="thing", what=what, allowed="a thing of the customer"))
        if ref is not None:
            known = self._directory.signals(conn, ref.model)
            for index, tariff in enumerate(terms.tariffs):
                if tariff.meter.signal not in known:
                    where = f"terms.meters[{index}].signal"
                    what = f"{tariff.meter.signal!r} is no signal of {ref.model!r}"
                    problems.append(Problem(where=where, what=what, allowed=", ".join(known)))
        closed = [m["to_ms"] for m in self._rows.billing_months.items(conn) if m["closed_ms"]]
        closed_ms = max(closed, default=0)
        if row["from_ms"] < closed_ms:
            what = f"{row['from_ms']} lies in a month that is invoiced"
            problems.append(Problem(where="from_ms", what=what, allowed=f"from {closed_ms} on"))
        if row["to_ms"] is not None and row["to_ms"] <= row["from_ms"]:
            problems.append(Problem(where="to_ms", what="is not after from_ms"))
        if problems:
            raise Invalid(f"pricing {row['id']!r} is refused", problems)
        for other in self._rows.pricings.items(
            conn, customer=row["customer"], thing=row["thing"], service=row["service"]
        ):
            if other["id"] != ending and overlap(other, row):
                problem = Problem(where="from_ms", what=f"{other['id']} is in force",
                                  allowed="another service, or a migration of it")  # fmt: skip
                raise AlreadyPriced(f"{row['service']!r} is priced already", [problem])


def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two spans ``[from_ms, to_ms)`` have an instant in common; no end: for ever."""
    begins_before = one["to_ms"] is None or other["from_ms"] < one["to_ms"]
    ends_after = other["to_ms"] is None or one["from_ms"] < other["to_ms"]
    return begins_before and ends_after


def in_force(rows: list[Row], *, thing: str, at_ms: int) -> list[Row]:
    """The pricings that hold for a thing (or, without one, for the customer) at an instant.

    Of each service the thing's own, else the one for all things of the customer.
    """
    found: dict[str, Row] = {}
    for row in rows:
        holds = row["from_ms"] <= at_ms and (row["to_ms"] is None or at_ms < row["to_ms"])
        if holds and (row["thing"] == thing or (not row["thing"] and row["service"] not in found)):
            found[row["service"]] = row
    return [found[service] for service in sorted(found)]


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data = {name: row[name] for name in _SHOWN}
    kind = f"pricing.{what}"
    uow.publish(PricingChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
