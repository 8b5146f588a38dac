"""The registry's rows, and the Directory that other contexts read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import UnitOfWork
from reference_impl.registry.adapters import tables as t

KINDS = {"customer": t.customers, "site": t.sites, "model": t.models, "thing": t.things}

_refs = (
    sa.select(
        t.things.c.id,
        t.things.c.model,
        t.things.c.site,
        t.sites.c.customer,
        t.things.c.title,
        t.sites.c.time_zone,
    )
    .join_from(t.things, t.sites, t.things.c.site == t.sites.c.id)
    .order_by(t.things.c.id)
)


@dataclass(frozen=True, slots=True)
class _Book:
    """Everything the Directory answers from."""

    things: dict[str, ThingRef]
    by_model: dict[str, tuple[ThingRef, ...]]
    everything: tuple[ThingRef, ...]
    signals: dict[str, tuple[str, ...]]


class RegistryRows:
    """Reads and writes the registry; implements the port ``Directory`` from memory.

    While a transaction that changed the registry is open, it answers from that transaction.
    """

    def __init__(self) -> None:
        self._rows = {kind: Rows(table) for kind, table in KINDS.items()}
        self._book: _Book | None = None
        self._changing = False

    def get(self, conn: sa.Connection, kind: str, name: str) -> dict[str, Any] | None:
        """One row of ``customer``, ``site``, ``model`` or ``thing``."""
        return self._rows[kind].get(conn, name)

    def items(self, conn: sa.Connection, kind: str) -> list[dict[str, Any]]:
        """All rows of a kind, ordered by id."""
        return self._rows[kind].items(conn)

    def put(self, uow: UnitOfWork, kind: str, row: dict[str, Any]) -> bool:
        """Write a row; False if it stands there already, just so."""
        if self.get(uow.conn, kind, row["id"]) == row:
            return False
        self._rows[kind].put(uow, row)
        self._book, self._changing = None, True
        uow.at_end(self._forget)
        return True

    def _forget(self) -> None:
        self._book, self._changing = None, False

    def thing(self, conn: sa.Connection, thing: str) -> ThingRef | None:
        """The thing, or None."""
        return self._read(conn).things.get(thing)

    def things(self, conn: sa.Connection, model: str | None = None) -> Sequence[ThingRef]:
        """All things (of a model), ordered by id."""
        book = self._read(conn)
        return book.everything if model is None else book.by_model.get(model, ())

    def signals(self, conn: sa.Connection, model: str) -> Sequence[str]:
        """Names of the signals of a model; empty if there is no such model."""
        return self._read(conn).signals.get(model, ())

    def constants(self, conn: sa.Connection, model: str) -> Mapping[str, float]:
        """Numbers that hold for every thing of a model, by name."""
        row = self.get(conn, "model", model)
        return {} if row is None else row["constants"]

    def _read(self, conn: sa.Connection) -> _Book:
        if self._book is not None:
            return self._book
        refs = tuple(
            ThingRef(
                thing=r.id,
                model=r.model,
                site=r.site,
                customer=r.customer,
                title=r.title,
                time_zone=r.time_zone,
            )
            for r in conn.execute(_refs)
        )
        by_model: dict[str, tuple[ThingRef, ...]] = {}
        for ref in refs:
            by_model[ref.model] = (*by_model.get(ref.model, ()), ref)
        signals = {
            row.id: tuple(row.signals)
            for row in conn.execute(sa.select(t.models.c.id, t.models.c.signals))
        }
        book = _Book({r.thing: r for r in refs}, by_model, refs, signals)
        if not self._changing:
            self._book = book
        return book
