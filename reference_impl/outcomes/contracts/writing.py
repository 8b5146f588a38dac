"""What is written of a contract: versions of its terms, its places; and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts import agreement as k
from reference_impl.outcomes.contracts.measuring import Measuring
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import ContractChanged

MIRRORED = (
    "things",
    "fee_eur",
    "target",
    "step",
    "credit_pct_per_step",
    "cap_pct",
    "up_when",
    "unknown_after_s",
    "grace_s",
)
"""Terms that a contract's own row shows, as they count now."""


class Writing:
    """Writes contracts; who changes them decides what."""

    def __init__(self, *, rows: OutcomeRows, measuring: Measuring) -> None:
        self._rows, self._measuring = rows, measuring

    def get(self, conn: sa.Connection, contract: str) -> Row:
        """One contract. Raises Unknown if there is none."""
        row = self._rows.contracts.get(conn, contract)
        if row is None:
            raise Unknown(f"there is no contract {contract!r}")
        return row

    def terms_of(self, conn: sa.Connection, said: Mapping[str, Any]) -> dict[str, Any]:
        """The whole document of terms: what is said, what its tier says, and the defaults."""
        tier = said.get("tier", "")
        if not tier:
            return k.whole(said)
        row = self._rows.tiers.get(conn, tier)
        if row is None:
            raise Invalid(
                f"contract {said['id']!r} is refused",
                [Problem(where="tier", what=f"there is no tier {tier!r}")],
            )
        return k.whole({**row["terms"], **said})

    def check(self, conn: sa.Connection, contract: str, terms: Mapping[str, Any]) -> None:
        """Raise Invalid with everything that is wrong with a document of terms."""
        problems = k.contradictions(terms)
        if "up_when" in terms and "things" in terms:
            problems = self._measuring.problems(conn, terms) + problems
        if problems:
            raise Invalid(f"contract {contract!r} is refused", problems)

    def version(
        self, uow: UnitOfWork, row: Row, terms: Row, *, number: int, from_ms: int, by: str
    ) -> None:
        """Write a version, effective from the begin of a period."""
        self._rows.versions.put(
            uow,
            {
                "contract": row["id"], "number": number, "from_ms": from_ms,
                "customer": row["customer"], "tier": row["tier"], "terms": terms, "by": by,
            },
        )  # fmt: skip

    def occupy(
        self, uow: UnitOfWork, contract: str, things: Sequence[str], from_ms: int, by: str
    ) -> None:
        """Places that are new are taken by the things that they are named after."""
        known = {row["place"] for row in self._rows.places.items(uow.conn, contract=contract)}
        self._rows.places.insert(
            uow,
            *(
                {
                    "contract": contract, "place": thing, "from_ms": from_ms, "thing": thing,
                    "by": by, "reason": "",
                }
                for thing in things
                if thing not in known
            ),
        )  # fmt: skip


def tell(
    uow: UnitOfWork, row: Row, what: str, at_ms: int, *, by: str, reason: str, **more: object
) -> None:
    """Tell that something became of a contract."""
    data = {"customer": row["customer"], "state": row["state"], "by": by, "reason": reason, **more}
    uow.publish(ContractChanged(at_ms=at_ms, kind=f"contract.{what}", subject=row["id"], data=data))
