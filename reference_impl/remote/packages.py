"""Packages of firmware: what may be installed, on what (CC8)."""

from __future__ import annotations

from reference_impl.kernel import access
from reference_impl.kernel.errors import IllegalStep, Unknown
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.remote.ports import RemoteRows


class Packages:
    """Keeps what is offered."""

    def __init__(self, *, rows: RemoteRows) -> None:
        self._rows = rows.firmware_packages

    def put(self, uow: UnitOfWork, row: Row) -> Row:
        """Offer a package; the same again changes nothing.

        Raises:
            IllegalStep: If there is another one of this id: what may be installed never changes.
        """
        known = self._rows.get(uow.conn, row["id"])
        if known is None:
            self._rows.insert(uow, row)
            return row
        access.must_see_party(known["party"], what=f"package {row['id']!r}")
        kept = {"created_ms": known["created_ms"], "party": known["party"]}
        if known != {**row, **kept}:
            raise IllegalStep(f"package {row['id']!r}", "offered", "change", ["another id"])
        return known

    def items(self, conn: Connection) -> list[Row]:
        """All packages that the caller sees, by id."""
        return access.seen_of_parties(self._rows.items(conn))

    def get(self, conn: Connection, ident: str) -> Row:
        """One package. Raises Unknown."""
        row = self._rows.get(conn, ident)
        if row is None:
            raise Unknown(f"there is no package {ident!r}")
        access.must_see_party(row["party"], what=f"package {ident!r}")
        return row
