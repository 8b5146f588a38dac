"""How the rows of buying are switched off."""

from __future__ import annotations

from reference_impl.orders import advising, carts, forecasts, needs, parties, policies, sales, stock
from reference_impl.orders.catalogue import Catalogue
from reference_impl.orders.compatibility import Compatibility
from reference_impl.orders.compliance import Compliance
from reference_impl.orders.limits import CallLimit
from reference_impl.orders.service import Orders


def _categories_go_with_all_in_them(mp):
    mp.setattr(Catalogue, "delete_category", lambda self, uow, name: None)
    mp.setattr(Catalogue, "add", Catalogue.put)
    mp.setattr(Catalogue, "check_all", lambda *_: None)
    mp.setattr(Catalogue, "put_all", lambda *_: None)
    mp.setattr(Catalogue, "put", lambda self, uow, sku, part: self.must(uow.conn, sku))


def _everything_fits(mp):
    mp.setattr(Catalogue, "misfit", lambda *_, **__: "")
    mp.setattr(Compatibility, "of_model", lambda *_: ())


def _one_price_for_all(mp):
    mp.setattr(Catalogue, "price_eur", lambda self, conn, listed, seller, sku:
               self.must(conn, sku)["price_eur"])  # fmt: skip
    mp.setattr(carts.Carts, "shop", lambda *_: [])


def _anybody_does_anything(mp):
    mp.setattr(parties, "may", lambda *_: True)
    mp.setattr("reference_impl.orders.api_orders.may", lambda *_: True)
    mp.setattr(Orders, "checkout", lambda *_, **__: {"id": "none"})
    mp.setattr(carts.Carts, "take_out", lambda *_, **__: {"state": "CART"})
    mp.setattr("reference_impl.orders.drafts.d.share_eur", lambda amount, pct: amount * 0)


def _all_see_all(mp):
    mp.setattr("reference_impl.orders.api_orders.view", lambda row, who: dict(row))
    mp.setattr(sales.Sales, "step", lambda self, uow, order_id, *_, **__: {})


def _no_limit_and_no_pages(mp):
    async def take(self):
        del self

    mp.setattr(CallLimit, "take", take)
    mp.setattr(Orders, "approve", lambda *_, **__: {})


def _no_rule_of_its_own(mp):
    mp.setattr(forecasts, "fires", lambda *_, **__: "")
    mp.setattr(needs.Needs, "_forecast", lambda *_: None)


def _says_nothing(mp):
    mp.setattr(advising.Advising, "_choose", lambda self, uow, thing, part, event, outlook:
               forecasts.choose(self._catalogue.sources(part)[:1], at_ms=event.at_ms, quantity=1,
                                runout_p10_ms=None))  # fmt: skip


def _buys_without_limits(mp):
    mp.setattr(policies, "breaches", lambda *_: [])
    mp.setattr(sales.Sales, "_window_ms", lambda *_: 0)


def _follows_nothing(mp):
    mp.setattr(Compliance, "decide", lambda *_, **__: None)


def _counts_no_consumables(mp):
    mp.setattr("reference_impl.orders.compliance.consumables", lambda *_: {})


def _promises_what_is_not_there(mp):
    mp.setattr(stock.Stock, "shelf", lambda *_: None)


def _expects_nothing(mp):
    mp.setattr(forecasts, "standstill_avoided_h", lambda *_, **__: None)


OFF = {
    "SP1": _categories_go_with_all_in_them,
    "SP2": _everything_fits,
    "SP3": _one_price_for_all,
    "SP4": _anybody_does_anything,
    "SP5": _all_see_all,
    "SP6": _no_limit_and_no_pages,
    "SP9": _no_rule_of_its_own,
    "SP11": _says_nothing,
    "SP12": _buys_without_limits,
    "SP13": _follows_nothing,
    "SP15": _counts_no_consumables,
    "SP16": _promises_what_is_not_there,
    "ST2": _anybody_does_anything,
    "AN5": _expects_nothing,
}
