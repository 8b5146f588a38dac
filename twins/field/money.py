"""What runs through meters: energy, and what went over the brim. Billed once a week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twins.core.manifest import Param
from twins.core.pending import PendingTable, Row
from twins.core.truth import TruthLedger

NAME = "money"
PARAMS: Mapping[str, Param] = {
    "energy_eur_kwh": Param(unit="EUR/kWh", default=0.25, min=0, max=9, title="a kWh"),
    "spill_eur_m3": Param(unit="EUR", default=0.0, min=0, max=100000, title="a spilled m3"),
    "subscription_eur_month": Param(
        unit="EUR", default=0.0, min=0, max=100000, title="the service, for each device"
    ),
}
"""Estimates."""
METERS: Mapping[str, tuple[str, str, float]] = {
    "energy_kwh": ("energy", "energy_eur_kwh", 1.0),
    "spilled_m3": ("spills", "spill_eur_m3", 1.0),
    "spilled_l": ("spills", "spill_eur_m3", 0.001),
}
OF_SITE = {"energy_kwh": False, "spilled_m3": True, "spilled_l": False}
"""Whether a meter is the site's, told by every device of it."""
"""True values that only grow, if a product tells them: line of the bill, its price, unit."""
WEEK_MS = 7 * 24 * 3_600_000
MONTH_MS = 30.4375 * 24 * 3_600_000
"""A twelfth of a year of 365.25 days."""
ROW = "money.bill"
RANK = 4
"""Within a millisecond after the people; their next action is none of its business."""
Totals = Mapping[str, Mapping[str, float]]
"""By fleet: the sum of a meter over its devices."""


class Meters:
    """Reads the meters and books what was used since the last bill."""

    def __init__(
        self,
        params: Mapping[str, float],
        *,
        pending: PendingTable,
        ledger: TruthLedger,
        read: Callable[[], Totals],
        devices: Callable[[], int],
    ) -> None:
        self._params, self._pending, self._ledger, self._read = params, pending, ledger, read
        self._devices, self._begun_ms = devices, pending.now_ms
        self._billed: dict[str, float] = {}
        pending.serve(ROW, rank=RANK, handler=self._on_bill)

    def start(self, now_ms: int) -> None:
        """Begin: the first bill comes in a week."""
        self._begun_ms = now_ms
        self._pending.add(now_ms + WEEK_MS, ROW, "")

    def running_eur(self) -> dict[str, float]:
        """What was used since the last bill, by line."""
        fresh: dict[str, float] = {}
        for key, eur in self._due().items():
            what = key.partition("/")[0]
            fresh[what] = fresh.get(what, 0.0) + eur
        return fresh

    def dump(self) -> dict[str, Any]:
        """What was billed."""
        return {"billed": self._billed, "begun_ms": self._begun_ms}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._billed, self._begun_ms = dict(state["billed"]), state["begun_ms"]

    def _due(self) -> dict[str, float]:
        due: dict[str, float] = {}
        if self._params["subscription_eur_month"] > 0.0:
            months = (self._pending.now_ms - self._begun_ms) / MONTH_MS
            fee_eur = self._params["subscription_eur_month"] * self._devices()
            due["subscription/all"] = months * fee_eur
        for fleet, totals in self._read().items():
            for meter, (what, price, unit) in METERS.items():
                if meter in totals and self._params[price] > 0.0:
                    key = f"{what}/{fleet}"
                    eur = totals[meter] * unit * self._params[price]
                    due[key] = due.get(key, 0.0) + eur
        return {key: eur - self._billed.get(key, 0.0) for key, eur in due.items()}

    def _on_bill(self, row: Row) -> None:
        for key, eur in self._due().items():
            rounded = round(eur, 2)
            if rounded > 0.0:
                what, _, fleet = key.partition("/")
                self._billed[key] = self._billed.get(key, 0.0) + rounded
                self._ledger.book(row.due_ms, what=what, eur=rounded, subject=fleet)
        self._pending.add(row.due_ms + WEEK_MS, ROW, "")
