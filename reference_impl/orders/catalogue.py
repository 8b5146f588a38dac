"""The catalogue: parts, prices, lead times, and which part fits where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders.ports import OrderRows
from reference_impl.published import ModelInstalled


class Catalogue:
    """Parts by sku. Other contexts read it through their own ports."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows
        self._parts: Cached[str, Row] = Cached(
            lambda conn: {row["sku"]: row for row in rows.parts.items(conn)}
        )
        self.changes = 0
        """How often a part was written since this process started."""

    def put(self, uow: UnitOfWork, sku: str, part: Mapping[str, Any]) -> Row:
        """Add or replace a part. Orders that are placed keep the price they were placed at."""
        lead = part["lead_time_h"]
        row = {
            "sku": sku,
            "title": part["title"],
            "price_eur": float(part["price_eur"]),
            "supplier": part["supplier"],
            "lead_time_p50_h": float(lead["p50"]),
            "lead_time_p90_h": float(lead["p90"]),
            "models": list(part["models"]),
        }
        self._rows.parts.put(uow, row)
        self._parts.of(uow)[sku] = row
        self.changes += 1
        return row

    def on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        """Keep which parts a model has, and where."""
        places = [[str(p["part"]), str(p["position"])] for p in event.parts]
        self._rows.model_parts.put(uow, {"model": event.model, "places": places})

    def part(self, conn: sa.Connection, sku: str) -> Row | None:
        """The part, or None."""
        return self._rows.parts.get(conn, sku)

    def skus(self, conn: sa.Connection) -> Sequence[str]:
        """All skus, sorted."""
        return [row["sku"] for row in self._rows.parts.items(conn)]

    def places(self, conn: sa.Connection, model: str) -> Sequence[tuple[str, str]]:
        """``(part, position)`` of all parts of a model."""
        row = self._rows.model_parts.get(conn, model)
        return [] if row is None else [(part, position) for part, position in row["places"]]

    def part_fields(self, uow: UnitOfWork, sku: str) -> Mapping[str, float]:
        """What rules may read of a part: ``lead_time_p50_h``, ``lead_time_p90_h``, ``price_eur``.

        Empty if there is no such part.
        """
        row = self._parts.of(uow).get(sku)
        if row is None:
            return {}
        return {name: row[name] for name in ("lead_time_p50_h", "lead_time_p90_h", "price_eur")}

    def misfit(self, conn: sa.Connection, *, model: str, part: str, position: str) -> str:
        """Why this part does not belong there; empty if it does (domain invariant O5).

        A part fits if the model lists it at the position, and the part, where it names models,
        names this one.
        """
        row = self.part(conn, part)
        if row is None:
            return f"there is no part {part!r} in the catalogue"
        if (part, position) not in self.places(conn, model):
            return f"model {model!r} has no part {part!r} at position {position!r}"
        if row["models"] and model not in row["models"]:
            return f"part {part!r} is not made for model {model!r}"
        return ""
