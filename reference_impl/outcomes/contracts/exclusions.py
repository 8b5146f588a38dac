"""Time that shall not count: asked for with evidence, decided by who does not benefit (K8).

Windows of planned work are agreed before they begin and need no further decision (W10); a flag of
the data needs none at all (K12).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import sqlalchemy as sa

from reference_impl.kernel import access
from reference_impl.kernel.access import Group
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Forbidden, Invalid, Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.ports import OutcomeRows
from reference_impl.published import DataFlagged, ExclusionChanged


class Exclusion(StrEnum):
    """Where a request for an exclusion stands."""

    ASKED = "ASKED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"


class Decision(StrEnum):
    """What may become of it."""

    APPROVE = "approve"
    REFUSE = "refuse"


EXCLUSIONS: Mapping[Exclusion, Mapping[Decision, Exclusion]] = {
    Exclusion.ASKED: {
        Decision.APPROVE: Exclusion.APPROVED,
        Decision.REFUSE: Exclusion.REFUSED,
    },
    Exclusion.APPROVED: {},
    Exclusion.REFUSED: {},
}
_TOLD = ("contract", "thing", "from_ms", "to_ms", "reason", "evidence", "by", "state", "approver")


class Side(StrEnum):
    """Whom an approver speaks for; the provider benefits from an exclusion, and is none."""

    CUSTOMER = "customer"
    AUDITOR = "auditor"


def must_not_benefit(*, by: str, asked_by: str, side: Side) -> None:
    """Raise Forbidden if who approves what the provider gains from is the provider (K8).

    A caller's own group counts before what he says of himself; the operator, who runs the platform
    for everybody, is taken at his word.
    """
    group = access.current().group
    problems = []
    if group in (Group.ORGANISATION, Group.PARTNER):
        allowed = "somebody of the customer, or an auditor"
        problems.append(Problem(where="by", what=f"{by!r} is of the provider", allowed=allowed))
    if group is Group.CUSTOMER and side is not Side.CUSTOMER:
        problems.append(Problem(where="side", what=f"is {side}", allowed=Side.CUSTOMER.value))
    if by == asked_by:
        problems.append(Problem(where="by", what=f"{by!r} asked for it", allowed="somebody else"))
    if problems:
        raise Forbidden("who benefits from an exclusion does not approve it", problems)


class Exclusions:
    """Use cases of exclusions; remembers when data were not to be believed."""

    def __init__(self, *, rows: OutcomeRows) -> None:
        self._rows = rows

    def subscribe(self, bus: Bus) -> None:
        """Listen for flags of the data."""
        bus.subscribe(DataFlagged, self.on_flag)

    def on_flag(self, uow: UnitOfWork, event: DataFlagged) -> None:
        """A signal is not to be believed from ``since_ms`` on, or is again from now on."""
        key = {"thing": event.subject, "signal": event.data["signal"], "flag": event.data["flag"]}
        open_rows = self._rows.doubts.items(uow.conn, **key, until_ms=None)
        if event.kind == "data.cleared":
            for row in open_rows:
                self._rows.doubts.put(uow, row | {"until_ms": event.at_ms})
        elif not open_rows:
            row = key | {"since_ms": event.data["since_ms"], "until_ms": None}
            self._rows.doubts.put(uow, row)

    def listed(self, conn: sa.Connection, **equals: object) -> list[Row]:
        """Requests (of a contract), by id."""
        return self._rows.exclusions.items(conn, **equals)

    def get(self, conn: sa.Connection, exclusion: str) -> Row:
        """One request. Raises Unknown if there is none."""
        row = self._rows.exclusions.get(conn, exclusion)
        if row is None:
            raise Unknown(f"there is no exclusion {exclusion!r}")
        return row

    def ask(
        self,
        uow: UnitOfWork,
        contract: Row,
        *,
        agreed: Sequence[str],
        things: Sequence[str],
        said: Mapping[str, object],
        at_ms: int,
    ) -> Row:
        """Ask that a stretch of time shall not count.

        Args:
            uow: The unit of work.
            contract: Whose period it is.
            agreed: The reasons that its terms allow.
            things: Its things.
            said: ``thing`` (None: all), ``from_ms``, ``to_ms``, ``reason``, ``evidence``, ``by``.
            at_ms: Now.

        Raises:
            Invalid: If the reason is not agreed, the thing is none of the contract, or the time
                is none.
        """
        problems = []
        if said["reason"] not in agreed:
            allowed = ", ".join(agreed) or "none: the contract agrees on no exclusions"
            problems.append(Problem(where="reason", what=f"{said['reason']!r}", allowed=allowed))
        if said["thing"] is not None and said["thing"] not in things:
            allowed = ", ".join(things)
            problems.append(Problem(where="thing", what=f"{said['thing']!r}", allowed=allowed))
        if not said["from_ms"] < said["to_ms"]:  # type: ignore[operator]
            problems.append(Problem(where="to_ms", what="is not after from_ms"))
        if problems:
            raise Invalid("the exclusion is refused", problems)
        place = (contract["id"], said["thing"], said["from_ms"], said["to_ms"], said["reason"])
        row = {
            **said,
            "id": f"excl-{digest(*place)}",
            "contract": contract["id"],
            "customer": contract["customer"],
            "asked_ms": at_ms,
            "state": Exclusion.ASKED.value,
            "approver": "",
            "decided_ms": None,
        }
        if self._rows.exclusions.get(uow.conn, row["id"]) is not None:
            raise Invalid(
                "the exclusion is refused", [Problem(where="from_ms", what="was asked for already")]
            )
        self._rows.exclusions.insert(uow, row)
        _tell(uow, row, "asked", at_ms)
        return row

    def decide(
        self,
        uow: UnitOfWork,
        exclusion: str,
        decision: Decision,
        *,
        by: str,
        side: Side,
        at_ms: int,
    ) -> Row:
        """Approve or refuse a request.

        Raises:
            Unknown: If there is none.
            IllegalStep: If it is decided already.
            Forbidden: If who approves benefits (K8).
        """
        row = self.get(uow.conn, exclusion)
        state = Exclusion(row["state"])
        target = after(EXCLUSIONS, subject=exclusion, state=state, step=decision)
        if decision is Decision.APPROVE:
            must_not_benefit(by=by, asked_by=row["by"], side=side)
        row |= {"state": target.value, "approver": by, "decided_ms": at_ms}
        self._rows.exclusions.put(uow, row)
        _tell(uow, row, target.value.lower(), at_ms)
        return row


def _tell(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
    data = {name: row[name] for name in _TOLD}
    uow.publish(
        ExclusionChanged(
            at_ms=at_ms, kind=f"exclusion.{what}", subject=row["id"], data=data,
            customer=row["customer"],
        )
    )  # fmt: skip
