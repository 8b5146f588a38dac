"""How the rows of money are switched off: each patch takes one behaviour away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reference_impl.outcomes.cases import business_case
from reference_impl.outcomes.money import closing, exporting, rating, settlement
from reference_impl.outcomes.money.invoices import Invoices
from reference_impl.outcomes.money.metering import Metering
from reference_impl.outcomes.money.pricings import Pricings
from reference_impl.outcomes.selling.subscriptions import Subscriptions

Patch = Callable[[pytest.MonkeyPatch], None]


def _nothing_is_free(mp: pytest.MonkeyPatch) -> None:
    """A free pricing charges as a transaction does."""
    original = closing.terms_of

    def terms_of(pricing: Any) -> Any:
        if pricing["model"] == rating.PricingModel.FREE:
            pricing = {**pricing, "model": "transaction", "terms": {"visit_eur": 1.0}}
        return original(pricing)

    mp.setattr(closing, "terms_of", terms_of)
    mp.setattr(closing, "MODELS_OF_ORDERS", tuple(rating.PricingModel))


def _by_part(mp: pytest.MonkeyPatch) -> None:
    """Deliveries and visits cost nothing."""
    mp.setattr(rating, "of_order", lambda *_: [])
    mp.setattr(rating, "of_visit", lambda *_: [])


def _whole_months(mp: pytest.MonkeyPatch) -> None:
    """A fee is due whole, however short a part of the month."""
    mp.setattr(rating, "prorated", lambda price, *_: price)


def _no_meters(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(Metering, "usage", lambda *_, **__: [])


def _no_periods(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(rating, "of_period", lambda *_: [])


def _all_to_the_first(mp: pytest.MonkeyPatch) -> None:
    """Nobody shares, and nobody asks for consent."""
    mp.setattr(rating, "split", lambda amount, shares: {min(shares): amount})
    mp.setattr(settlement, "PURPOSE", "research")


def _no_invoices(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(Invoices, "draft", lambda *_, **__: [])


def _taken_only(mp: pytest.MonkeyPatch) -> None:
    """What is fed back counts as if it were taken."""
    original = rating.tiered
    mp.setattr(rating, "tiered", lambda quantity, tiers: original(abs(quantity), tiers))


def _other_numbers(mp: pytest.MonkeyPatch) -> None:
    """Outside, invoices have other numbers than in the feed."""
    original = exporting.shown
    mp.setattr(exporting, "shown", lambda row: {**original(row), "number": row["id"]})


def _no_value(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(business_case, "npv", lambda cash, _rate: float(cash.sum()))
    mp.setattr(business_case, "scale_up", lambda *_, **__: business_case.ScaleUp(True, 0, 0, ""))


def _overlapping(mp: pytest.MonkeyPatch) -> None:
    """The old pricing goes on beside the new one."""
    original = Pricings.migrate

    def migrate(self: Any, uow: Any, pricing: str, **more: Any) -> Any:
        row = original(self, uow, pricing, **more)
        old = self.get(uow.conn, pricing)
        self._rows.pricings.put(uow, {**old, "to_ms": None})
        return row

    mp.setattr(Pricings, "migrate", migrate)
    mp.setattr(rating, "prorated", lambda price, *_: price)


def _for_anybody(mp: pytest.MonkeyPatch) -> None:
    """Partners and customers take each other's plans."""
    mp.setattr(Subscriptions, "_check_group", lambda *_: None)


OFF: dict[str, Patch] = {
    "FS13": _for_anybody,
    "AS5": _no_invoices,
    "AS10": _taken_only,
    "CC15": _other_numbers,
    "CC18": _no_value,
    "CC19": _overlapping,
    "PM1": _nothing_is_free,
    "PM2": _by_part,
    "PM3": _whole_months,
    "PM4": _no_meters,
    "PM5": _no_periods,
    "PM6": _all_to_the_first,
}
