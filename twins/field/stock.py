"""Goods: what is on its way or lies in a parcel, and the spare parts in depot and vans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.field.ports import Ground, Handlers, hours

NAME = "stock"
PARAMS: Mapping[str, Param] = {
    "depot_parts": Param(unit="1", default=0.0, min=0, max=1000, title="of each part in the depot"),
    "van_parts": Param(unit="1", default=0.0, min=0, max=100, title="of each part in every van"),
}
DEPOT = "depot"


class Goods:
    """Parcels of orders, and stock that is ordered anew part by part when one is taken.

    The stock of the first day is there already: what is used up is paid when it is replaced.
    """

    def __init__(self, ground: Ground, params: Mapping[str, float]) -> None:
        self._ground, self._params = ground, params
        self._gone: dict[str, int] = {}
        """Parts missing from their shelf by ``place/sku``."""
        self._taken: dict[str, int] = {}
        """Parts ever taken by ``place/sku``: the number of the next replacement."""
        self._parcels: dict[str, dict[str, Any]] = {}
        """By order: ``unit_eur``, ``quantity``, ``backorder_ms``, ``wrong``, ``ready_ms``."""

    @property
    def handlers(self) -> Handlers:
        """Rows of the stock."""
        return {"stock.arrive": self._on_arrive}

    def note(self, order: str, **facts: float) -> None:
        """Remember something of an order's goods."""
        self._parcels.setdefault(order, {}).update(facts)

    def parcel(self, order: str) -> Mapping[str, Any]:
        """What is known of an order's goods."""
        return self._parcels.get(order, {})

    def left(self, place: str, sku: str) -> int:
        """Parts on a shelf (``depot``, or the name of a van)."""
        full = self._params["depot_parts" if place == DEPOT else "van_parts"]
        return int(full) - self._gone.get(f"{place}/{sku}", 0)

    def take(self, at_ms: int, place: str, sku: str) -> bool:
        """Take a part from a shelf if there is one; another is ordered at once."""
        if sku not in self._ground.parts or self.left(place, sku) < 1:
            return False
        key, part = f"{place}/{sku}", self._ground.parts[sku]
        self._gone[key] = self._gone.get(key, 0) + 1
        number = self._taken[key] = self._taken.get(key, 0) + 1
        lead_ms = hours(
            self._ground.streams,
            f"stock/lead/{key}/{number}",
            p50_h=part.lead_time_p50_h,
            p90_h=part.lead_time_p90_h,
        )
        self._ground.tell(at_ms, "stock.taken", place, part=sku, left=self.left(place, sku))
        self._ground.later(at_ms + lead_ms, "stock.arrive", key, {"place": place, "part": sku})
        return True

    def dump(self) -> dict[str, Any]:
        """Shelves and parcels."""
        return {"gone": self._gone, "taken": self._taken, "parcels": self._parcels}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._gone, self._taken = dict(state["gone"]), dict(state["taken"])
        self._parcels = {order: dict(facts) for order, facts in state["parcels"].items()}

    def _on_arrive(self, row: Row) -> None:
        part = self._ground.parts[row.args["part"]]
        self._gone[row.subject] -= 1
        eur = part.price_eur * part.quantity
        self._ground.book(row.due_ms, what="parts", eur=eur, subject=row.args["place"])
