"""Use cases of the registry: install customers, sites, models and things; each is idempotent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import ModelInstalled, ThingInstalled
from reference_impl.registry import domain

Row = dict[str, Any]


class RegistryStore(Protocol):
    """What the registry keeps; kinds are ``customer``, ``site``, ``model`` and ``thing``."""

    def get(self, conn: Connection, kind: str, name: str) -> Row | None:
        """One row, or None."""
        ...

    def items(self, conn: Connection, kind: str) -> list[Row]:
        """All rows, ordered by id."""
        ...

    def put(self, uow: UnitOfWork, kind: str, row: Row) -> bool:
        """Write a row; False if nothing changed."""
        ...


class Registry:
    """Who and what there is."""

    def __init__(self, *, rows: RegistryStore) -> None:
        self._rows = rows

    def get(self, conn: Connection, kind: str, name: str) -> Row:
        """One row. Raises Unknown if there is none."""
        row = self._rows.get(conn, kind, name)
        if row is None:
            raise Unknown(f"there is no {kind} {name!r}", [Problem(where=kind, what=name)])
        return row

    def items(self, conn: Connection, kind: str) -> Sequence[Row]:
        """All rows of a kind, ordered by id."""
        return self._rows.items(conn, kind)

    def put_customer(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Install a customer, or change one."""
        row = {"id": name, **body}
        self._rows.put(uow, "customer", row)
        return row

    def put_site(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Install a site, or change one. Raises Invalid with all problems."""
        row = {"id": name, **body}
        problems = self._missing(uow, {"customer": row["customer"]})
        if not domain.is_time_zone(row["time_zone"]):
            problems.append(
                Problem(
                    where="time_zone",
                    what=f"{row['time_zone']!r} is no time zone",
                    allowed="an IANA name such as Europe/Rome, or UTC",
                )
            )
        if problems:
            raise Invalid(f"site {name!r} is refused", problems)
        self._rows.put(uow, "site", row)
        return row

    def put_model(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Install a model, or change one; its conditions and parts go to their contexts."""
        row = {"id": name, **body}
        if self._rows.put(uow, "model", row):
            uow.publish(
                ModelInstalled(
                    model=name,
                    product=row["product"],
                    signals=row["signals"],
                    parts=tuple(row["parts"]),
                    conditions=tuple(row["conditions"]),
                    metrics=tuple(row["metrics"]),
                    sessions=tuple(row["sessions"]),
                    diagnosis=tuple(row["diagnosis"]),
                    quality=tuple(row["quality"]),
                    obeys=row["obeys"],
                )
            )
        return row

    def put_thing(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Install a thing, or change one. Raises Invalid with all problems."""
        row = {"id": name, **body}
        problems = self._missing(uow, {"model": row["model"], "site": row["site"]})
        if problems:
            raise Invalid(f"thing {name!r} is refused", problems)
        if self._rows.put(uow, "thing", row):
            uow.publish(ThingInstalled(thing=name, model=row["model"], site=row["site"]))
        return row

    def _missing(self, uow: UnitOfWork, wanted: Mapping[str, str]) -> list[Problem]:
        return domain.problems_of_references(
            {
                kind: (name, self._rows.get(uow.conn, kind, name) is not None)
                for kind, name in wanted.items()
            }
        )
