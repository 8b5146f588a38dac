"""The registry's rows, and the Directory that other contexts read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.access import Group
from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import UnitOfWork
from reference_impl.registry.adapters import tables as t
from reference_impl.registry.scope import MAIN, Trees, party_key

KINDS = {
    "customer": t.customers,
    "site": t.sites,
    "model": t.models,
    "thing": t.things,
    "ownership": t.ownerships,
    "organisation": t.organisations,
    "partner": t.partners,
    "supplier": t.suppliers,
    "invoicing": t.invoicing,
    "user": t.users,
    "role": t.roles,
    "api_key": t.api_keys,
    "agreement": t.agreements,
    "acceptance": t.acceptances,
    "consent": t.consents,
    "recipient": t.recipients,
    "grant": t.grants,
    "metric": t.metrics,
    "tenant": t.tenants,
    "entitlement": t.entitlements,
    "flag": t.flags,
    "lead": t.leads,
}
IN_BOOK = frozenset({"site", "model", "thing", "customer"})
"""Kinds that the Directory answers from."""

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
    .where(t.things.c.status == "ACTIVE")
    .order_by(t.things.c.id)
)
_things = (
    sa.select(
        t.things.c.id,
        t.things.c.organisation,
        sa.func.coalesce(t.sites.c.customer, "").label("customer"),
        sa.func.coalesce(t.ownerships.c.from_ms, 0).label("since_ms"),
    )
    .join_from(t.things, t.sites, t.things.c.site == t.sites.c.id, isouter=True)
    .join(
        t.ownerships,
        (t.ownerships.c.thing == t.things.c.id) & t.ownerships.c.to_ms.is_(None),
        isouter=True,
    )
)


@dataclass(frozen=True, slots=True)
class _Book:
    """Everything the Directory answers from."""

    things: dict[str, ThingRef]
    by_model: dict[str, tuple[ThingRef, ...]]
    everything: tuple[ThingRef, ...]
    signals: dict[str, tuple[str, ...]]
    constants: dict[str, Mapping[str, float]]


class RegistryRows:
    """Reads and writes the registry; implements the port ``Directory`` from memory.

    While a transaction that changed the registry is open, it answers from that transaction.
    """

    def __init__(self) -> None:
        self._rows = {kind: Rows(table) for kind, table in KINDS.items()}
        self._keys = {kind: [c.name for c in tb.primary_key] for kind, tb in KINDS.items()}
        self._book: _Book | None = None
        self._changing = False
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, act: Callable[[], None]) -> None:
        """Call ``act`` after each transaction that changed anything here."""
        self._listeners.append(act)

    def get(self, conn: sa.Connection, kind: str, *key: str | int) -> dict[str, Any] | None:
        """One row of a kind."""
        return self._rows[kind].get(conn, *key)

    def items(self, conn: sa.Connection, kind: str, **equals: object) -> list[dict[str, Any]]:
        """All rows of a kind whose columns equal what is given, ordered by id."""
        return self._rows[kind].items(conn, **equals)

    def put(self, uow: UnitOfWork, kind: str, row: dict[str, Any]) -> bool:
        """Write a row; False if it stands there already, just so."""
        if self.get(uow.conn, kind, *(row[name] for name in self._keys[kind])) == row:
            return False
        self._rows[kind].put(uow, row)
        self._changed(uow, kind)
        return True

    def delete(self, uow: UnitOfWork, kind: str, *key: str | int) -> None:
        """Remove a row, if it is there."""
        self._rows[kind].delete(uow, *key)
        self._changed(uow, kind)

    def responsible(self, conn: sa.Connection, customer: str) -> str:
        """Who answers for a customer: the first partner that serves it, else its organisation."""
        row = self.get(conn, "customer", customer)
        if row is None or not row["partners"]:
            return party_key(Group.ORGANISATION, MAIN if row is None else row["organisation"])
        return party_key(Group.PARTNER, row["partners"][0])

    def trees(self, conn: sa.Connection) -> Trees:
        """Who belongs where."""

        def by_id(kind: str) -> dict[str, dict[str, Any]]:
            return {row["id"]: row for row in self.items(conn, kind)}

        main = {"id": MAIN, "name": "Main organisation", "parent": "", "properties": {}}
        return Trees(
            organisations={MAIN: main, **by_id("organisation")},
            partners=by_id("partner"),
            customers=by_id("customer"),
            things={row["id"]: dict(row) for row in conn.execute(_things).mappings()},
            recipients=by_id("recipient"),
            grants=self.items(conn, "grant"),
        )

    def _changed(self, uow: UnitOfWork, kind: str) -> None:
        if kind in IN_BOOK:
            self._book, self._changing = None, True
            uow.at_end(self._forget)
        for act in self._listeners:
            uow.at_end(act)

    def _forget(self) -> None:
        self._book, self._changing = None, False

    def thing(self, conn: sa.Connection, thing: str) -> ThingRef | None:
        """The thing, or None; also None while it is not ACTIVE."""
        return self._read(conn).things.get(thing)

    def things(self, conn: sa.Connection, model: str | None = None) -> Sequence[ThingRef]:
        """All ACTIVE things (of a model), ordered by id."""
        book = self._read(conn)
        return book.everything if model is None else book.by_model.get(model, ())

    def signals(self, conn: sa.Connection, model: str) -> Sequence[str]:
        """Names of the signals of a model; empty if there is no such model."""
        return self._read(conn).signals.get(model, ())

    def constants(self, conn: sa.Connection, model: str) -> Mapping[str, float]:
        """Numbers that hold for every thing of a model, by name."""
        return self._read(conn).constants.get(model, {})

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
        by_model: dict[str, list[ThingRef]] = {}
        for ref in refs:
            by_model.setdefault(ref.model, []).append(ref)
        columns = t.models.c.id, t.models.c.signals, t.models.c.metrics, t.models.c.constants
        models = conn.execute(sa.select(*columns)).all()
        signals = {
            row.id: (
                *row.signals,
                *(m["id"] for m in row.metrics if m.get("kind") != "forecast"),
            )
            for row in models
        }
        constants = {row.id: row.constants for row in models}
        whole = {model: tuple(listed) for model, listed in by_model.items()}
        book = _Book({r.thing: r for r in refs}, whole, refs, signals, constants)
        if not self._changing:
            self._book = book
        return book
