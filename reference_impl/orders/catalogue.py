"""The catalogue: categories, parts, prices per buyer group, lead times, what supersedes what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import DpsError, Invalid, Problem, Unknown
from reference_impl.kernel.money import euros, wire
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders.compatibility import Compatibility
from reference_impl.orders.forecasts import Source
from reference_impl.orders.parties import MAIN, Model
from reference_impl.orders.ports import OrderRows
from reference_impl.published import ModelInstalled


class Exists(DpsError):  # noqa: N818
    """The code is taken."""

    code = "exists"


class NotEmpty(DpsError):  # noqa: N818
    """Something still stands in it."""

    code = "not_empty"


class Catalogue:
    """Parts by sku. Other contexts read it through their own ports."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows
        self.fits = Compatibility(rows=rows)
        self._parts: Cached[str, Row] = Cached(
            lambda conn: {row["sku"]: row for row in rows.parts.items(conn)}
        )
        self.changes = 0
        """How often a part was written since this process started."""

    # Parts -----------------------------------------------------------------------------------

    def put(self, uow: UnitOfWork, sku: str, part: Mapping[str, Any]) -> Row:
        """Add or replace a part. Orders that are placed keep the price they were placed at.

        Raises:
            Invalid: If its category does not exist, or it would supersede itself.
        """
        row = part_row(sku, part)
        self._write(uow, row)
        return row

    def add(self, uow: UnitOfWork, sku: str, part: Mapping[str, Any]) -> Row:
        """Add a part. Raises Exists if its code is taken, Invalid as :meth:`put`."""
        if self.part(uow.conn, sku) is not None:
            what = Problem(where="sku", what=f"{sku!r} is taken", allowed="a code of its own")
            raise Exists(f"there is a part {sku!r} already", [what])
        return self.put(uow, sku, part)

    def put_all(self, uow: UnitOfWork, rows: Sequence[tuple[str, Row]]) -> None:
        """Add or replace all parts, or none. Each comes with the place that problems name.

        Raises:
            Invalid: With all problems of all parts.
        """
        self.check_all(uow.conn, rows)
        for _, row in rows:
            self._keep(uow, row)

    def check_all(self, conn: sa.Connection, rows: Sequence[tuple[str, Row]]) -> None:
        """What :meth:`put_all` would refuse. Raises Invalid with all problems of all parts."""
        together = {row["sku"]: row for _, row in rows}
        problems = [
            Problem(where=f"{where}.{problem.where}", what=problem.what, allowed=problem.allowed)
            for where, row in rows
            for problem in self._problems(conn, row, together)
        ]
        if problems:
            raise Invalid("the import is refused whole", problems)

    def _write(self, uow: UnitOfWork, row: Row) -> None:
        problems = self._problems(uow.conn, row, {row["sku"]: row})
        if problems:
            raise Invalid(f"part {row['sku']!r} is refused", problems)
        self._keep(uow, row)

    def _keep(self, uow: UnitOfWork, row: Row) -> None:
        self._rows.parts.put(uow, row)
        self._parts.of(uow)[row["sku"]] = row
        self.changes += 1

    def _problems(
        self, conn: sa.Connection, row: Row, beside: Mapping[str, Row]
    ) -> Sequence[Problem]:
        found = []
        category, successor = row["category"], row["superseded_by"]
        if category and self._rows.categories.get(conn, category) is None:
            there = ", ".join(r["id"] for r in self._rows.categories.items(conn)) or "none yet"
            found.append(Problem(where="category", what=f"unknown: {category!r}", allowed=there))
        if successor:
            chain, current = [row["sku"]], successor
            while current and current not in chain:
                chain.append(current)
                after = beside.get(current) or self.part(conn, current)
                if after is None:
                    what = f"there is no part {current!r}"
                    found.append(Problem(where="superseded_by", what=what))
                    break
                current = after["superseded_by"]
            else:
                if current:
                    what = f"a circle: {' -> '.join([*chain, current])}"
                    found.append(Problem(where="superseded_by", what=what))
        return found

    def part(self, conn: sa.Connection, sku: str) -> Row | None:
        """The part, or None."""
        return self._rows.parts.get(conn, sku)

    def must(self, conn: sa.Connection, sku: str) -> Row:
        """The part. Raises Unknown if there is none."""
        row = self.part(conn, sku)
        if row is None:
            raise Unknown(f"there is no part {sku!r}", [Problem(where="part", what=sku)])
        return row

    def skus(self, conn: sa.Connection) -> Sequence[str]:
        """All skus, sorted."""
        return [row["sku"] for row in self._rows.parts.items(conn)]

    def part_fields(self, uow: UnitOfWork, sku: str) -> Mapping[str, float]:
        """What rules may read of a part: ``lead_time_p50_h``, ``lead_time_p90_h``, ``price_eur``.

        Empty if there is no such part.
        """
        row = self._parts.of(uow).get(sku)
        if row is None:
            return {}
        lead = {name: row[name] for name in ("lead_time_p50_h", "lead_time_p90_h")}
        return {**lead, "price_eur": wire(row["price_eur"])}

    def newest(self, conn: sa.Connection, sku: str) -> str:
        """The end of the chain of parts that supersede each other (O5)."""
        while (row := self.part(conn, sku)) is not None and row["superseded_by"]:
            sku = row["superseded_by"]
        return sku

    def sources(self, row: Row) -> list[Source]:
        """All ways to get a part; the first is its regular supplier."""
        regular = Source(
            supplier=row["supplier"],
            price_eur=row["price_eur"],
            lead_p50_h=row["lead_time_p50_h"],
            lead_p90_h=row["lead_time_p90_h"],
        )
        others = [
            Source(
                supplier=one["supplier"],
                price_eur=euros(one["price_eur"]),
                lead_p50_h=one["lead_time_h"]["p50"],
                lead_p90_h=one["lead_time_h"]["p90"],
                express=one["express"],
            )
            for one in row["sources"]
        ]
        return [regular, *others]

    # Categories ------------------------------------------------------------------------------

    def put_category(self, uow: UnitOfWork, name: str, *, title: str, parent: str) -> Row:
        """Add or change a category. Raises Invalid if its parent is unknown, or below it."""
        above: list[str] = []
        current = parent
        while current:
            row = self._rows.categories.get(uow.conn, current)
            if row is None or current == name or current in above:
                what = "is unknown" if row is None else "stands below it"
                problem = Problem(where="parent", what=f"{current!r} {what}")
                raise Invalid(f"category {name!r} is refused", [problem])
            above.append(current)
            current = row["parent"]
        row = {"id": name, "title": title, "parent": parent}
        self._rows.categories.put(uow, row)
        return row

    def delete_category(self, uow: UnitOfWork, name: str) -> None:
        """Remove an empty category. Raises Unknown, or NotEmpty with what stands in it (SP1)."""
        if self._rows.categories.get(uow.conn, name) is None:
            raise Unknown(f"there is no category {name!r}")
        inside = [r["id"] for r in self._rows.categories.items(uow.conn, parent=name)]
        inside += [r["sku"] for r in self._rows.parts.items(uow.conn, category=name)]
        if inside:
            problem = Problem(where=name, what=f"holds {', '.join(inside)}", allowed="empty ones")
            raise NotEmpty(f"category {name!r} is not empty", [problem])
        self._rows.categories.delete(uow, name)

    # Prices ----------------------------------------------------------------------------------

    def put_price(
        self, uow: UnitOfWork, listed: Model, seller: str, sku: str, price: Decimal
    ) -> Row:
        """Set a price in a list. Raises Unknown if there is no such part."""
        self.must(uow.conn, sku)
        row = {"list": listed.value, "seller": seller, "sku": sku, "price_eur": price}
        self._rows.prices.put(uow, row)
        return row

    def price_eur(self, conn: sa.Connection, listed: Model, seller: str, sku: str) -> Decimal:
        """What a part costs in a list of a seller; its catalogue price if it is not in there."""
        row = self._rows.prices.get(conn, str(listed), seller, sku)
        if row is None:
            row = self.must(conn, sku)
        price: Decimal = row["price_eur"]
        return price

    # What fits -------------------------------------------------------------------------------

    def on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        """Keep which parts a model has, and where."""
        self.fits.on_model(uow, event)

    def places(self, conn: sa.Connection, model: str) -> Sequence[tuple[str, str]]:
        """``(part, position)`` of all parts of a model and of the models in it."""
        return [(place.part, place.position) for place in self.fits.of_model(conn, model)]

    def misfit(self, conn: sa.Connection, *, model: str, part: str, position: str) -> str:
        """Why this part does not belong there; empty if it does (domain invariant O5).

        A part fits if the model lists it at the position, or lists one that it supersedes, and the
        part, where it names models, names this one or one that stands in it.
        """
        row = self.part(conn, part)
        if row is None:
            return f"there is no part {part!r} in the catalogue"
        listed = [p for p, where in self.places(conn, model) if where == position]
        if not any(part in self._chain(conn, one) for one in listed):
            return f"model {model!r} has no part {part!r} at position {position!r}"
        if row["models"] and not self.fits.models_in(conn, model) & set(row["models"]):
            return f"part {part!r} is not made for model {model!r}"
        return ""

    def _chain(self, conn: sa.Connection, sku: str) -> list[str]:
        chain = [sku]
        while (row := self.part(conn, chain[-1])) is not None and row["superseded_by"]:
            chain.append(row["superseded_by"])
        return chain


def part_row(sku: str, part: Mapping[str, Any]) -> Row:
    """A part as it is stored, from a request body."""
    lead = part["lead_time_h"]
    return {
        "sku": sku,
        "title": part["title"],
        "price_eur": euros(part["price_eur"]),
        "supplier": part["supplier"],
        "lead_time_p50_h": float(lead["p50"]),
        "lead_time_p90_h": float(lead["p90"]),
        "models": list(part["models"]),
        "category": part.get("category", ""),
        "kind": part.get("kind", "spare_part"),
        "images": list(part.get("images", ())),
        "technical": dict(part.get("technical", {})),
        "superseded_by": part.get("superseded_by", ""),
        "sources": [
            {**source, "price_eur": wire(euros(source["price_eur"]))}
            for source in part.get("sources", ())
        ],
    }


SELLERS = {Model.M1: MAIN, Model.M3: MAIN}
"""Who sells in a list that has but one seller; in M2 every partner has its own prices."""
