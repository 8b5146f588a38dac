"""HTTP face of the catalogue: parts, categories, references, prices, supply, stock, the shop."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path

from reference_impl.kernel.access import Group, current, must_see
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.money import plain
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.store import Store
from reference_impl.orders import bodies as b
from reference_impl.orders import importing
from reference_impl.orders.catalogue import SELLERS
from reference_impl.orders.compatibility import Reference
from reference_impl.orders.forecasts import HOUR_MS
from reference_impl.orders.pages import After, Limit, page
from reference_impl.orders.parties import Model, Supply
from reference_impl.orders.service import Orders
from reference_impl.orders.supplies import Terms

Answer = dict[str, Any]
Id = Annotated[str, Path(max_length=200)]
_PRICES = frozenset({"price_eur", "sources"})


def add_routes(routes: APIRouter, service: Orders, store: Store, directory: Directory) -> None:
    """All routes of the catalogue."""
    _parts(routes, service, store)
    _order_of_parts(routes, service, store)
    _terms(routes, service, store)
    _shop(routes, service, store, directory)


def _parts(routes: APIRouter, service: Orders, store: Store) -> None:
    catalogue = service.catalogue

    @routes.put("/parts/{sku}", dependencies=[needs("parts:write")])
    async def put_part(sku: b.Code, body: b.PartBody) -> Answer:
        """Add or replace a part."""
        with store.begin() as uow:
            return _shown(catalogue.put(uow, sku, b.part_of(body)))

    @routes.post("/parts", dependencies=[needs("parts:write")])
    async def add_part(body: b.NewPartBody) -> Answer:
        """Add a part whose code is new."""
        with store.begin() as uow:
            return _shown(catalogue.add(uow, body.sku, b.part_of(body)))

    @routes.post("/parts/import", dependencies=[needs("parts:import")])
    async def import_parts(body: b.ImportBody) -> Answer:
        """Add or replace all parts of a table, or none: 422 names every problem."""
        parts, problems = importing.read(body.csv)
        if problems:
            raise Invalid("the import is refused whole", problems)
        with store.begin() as uow:
            known = set(catalogue.skus(uow.conn))
            if body.dry_run:
                catalogue.check_all(uow.conn, parts)
            else:
                catalogue.put_all(uow, parts)
        new = sum(row["sku"] not in known for _, row in parts)
        return {"added": new, "changed": len(parts) - new, "dry_run": body.dry_run}

    @routes.get("/parts", dependencies=[needs("parts:read")])
    async def get_parts(
        category: str | None = None, limit: Limit = None, after: After = None
    ) -> Answer:
        """The general catalogue. A customer has none: what fits is at its things (SP3)."""
        if current().group is Group.CUSTOMER:
            return {"items": [], "next": None}
        only = {} if category is None else {"category": category}
        with store.read() as conn:
            rows = [_shown(row) for row in service.listed(conn, "parts", **only)]
        return page(rows, limit, after, key="sku")


def _shown(row: dict[str, Any]) -> Answer:
    """A part as the contract shows it; its list price is no partner's business (2.3 FS10)."""
    lead = {"p50": row["lead_time_p50_h"], "p90": row["lead_time_p90_h"]}
    hidden = _PRICES if current().group is Group.PARTNER else frozenset()
    return {**{n: v for n, v in plain(row).items() if n not in hidden}, "lead_time_h": lead}


def _order_of_parts(routes: APIRouter, service: Orders, store: Store) -> None:
    catalogue = service.catalogue

    @routes.put("/part-categories/{category}", dependencies=[needs("parts:write")])
    async def put_category(category: b.Code, body: b.CategoryBody) -> Answer:
        """Add or change a category."""
        with store.begin() as uow:
            return catalogue.put_category(uow, category, title=body.title, parent=body.parent)

    @routes.delete("/part-categories/{category}", dependencies=[needs("parts:write")])
    async def delete_category(category: Id) -> Answer:
        """Remove an empty category."""
        with store.begin() as uow:
            catalogue.delete_category(uow, category)
        return {"deleted": category}

    @routes.get("/part-categories", dependencies=[needs("parts:read")])
    async def get_categories(limit: Limit = None, after: After = None) -> Answer:
        """All categories."""
        with store.read() as conn:
            return page(service.listed(conn, "categories"), limit, after)

    @routes.put("/part-references/{model}/{position}", dependencies=[needs("parts:write")])
    async def put_reference(model: Id, position: Id, body: b.ReferenceBody) -> Answer:
        """Say more of a part's place in a model, and by which rule it is recommended."""
        with store.begin() as uow:
            reference = Reference(**body.model_dump())
            return dict(plain(catalogue.fits.put_reference(uow, model, position, reference)))

    @routes.put("/sub-models/{model}", dependencies=[needs("parts:write")])
    async def put_sub_models(model: Id, body: b.SubModelsBody) -> Answer:
        """Say which models stand in a model."""
        with store.begin() as uow:
            return catalogue.fits.put_sub_models(uow, model, body.sub_models)

    @routes.put("/price-lists/{listed}/{sku}", dependencies=[needs("parts:write")])
    async def put_price(listed: Literal["M1", "M2", "M3"], sku: Id, body: b.PriceBody) -> Answer:
        """Set a price for a group of buyers; orders that are placed keep theirs."""
        model = Model(listed)
        seller = SELLERS.get(model, body.seller)
        if not seller or (model in SELLERS and body.seller not in ("", seller)):
            problem = Problem(where="seller", what=f"{body.seller!r}", allowed=_seller(model))
            raise Invalid("the price is refused", [problem])
        with store.begin() as uow:
            return dict(plain(catalogue.put_price(uow, model, seller, sku, body.price_eur)))


def _seller(model: Model) -> str:
    return SELLERS.get(model, "a partner")


def _terms(routes: APIRouter, service: Orders, store: Store) -> None:
    @routes.put("/supply/{customer}", dependencies=[needs("policies:write")])
    async def put_supply(customer: Id, body: b.SupplyBody) -> Answer:
        """Set by whom and at which terms a customer is supplied."""
        must_see(customer, what=f"customer {customer!r}")
        terms = Terms(
            supply=Supply(body.model),
            partner=body.partner,
            discount_pct=body.discount_pct,
            tax_pct=body.tax_pct,
            batch_ms=round(body.batch_h * HOUR_MS),
        )
        with store.begin() as uow:
            return dict(plain(service.supplies.put(uow, customer, terms)))

    @routes.put("/coverage/{contract}", dependencies=[needs("contracts:write")])
    async def put_coverage(contract: Id, body: b.CoverageBody) -> Answer:
        """Let a contract pay for parts of things."""
        with store.begin() as uow:
            return service.supplies.cover(uow, contract, **body.model_dump())

    @routes.put("/stock/{party}/{sku}", dependencies=[needs("parts:write")])
    async def put_stock(party: Id, sku: Id, body: b.StockBody) -> Answer:
        """Set what lies on a party's shelf."""
        with store.begin() as uow:
            service.catalogue.must(uow.conn, sku)
            return service.stock.count(uow, party, sku, **body.model_dump())

    @routes.get("/stock", dependencies=[needs("parts:read")])
    async def get_stock(party: str | None = None) -> Answer:
        """Shelves; a partner sees its own, a customer its own."""
        only = {} if party is None else {"party": party}
        who = current()
        with store.read() as conn:
            rows = service.listed(conn, "stock", **only)
        if who.group in (Group.PARTNER, Group.CUSTOMER):
            rows = [row for row in rows if row["party"] == who.party]
        items = [{**row, "free": row["on_hand"] - row["reserved"]} for row in rows]
        return {"items": items, "next": None}


def _shop(routes: APIRouter, service: Orders, store: Store, directory: Directory) -> None:
    @routes.get("/things/{thing}/shop", dependencies=[needs("parts:read")])
    async def get_shop(thing: Id) -> Answer:
        """Exactly the parts that belong to a thing, at its customer's prices."""
        with store.read() as conn:
            ref = directory.thing(conn, thing)
            must_see("" if ref is None else ref.customer, what=f"thing {thing!r}")
            return {"items": service.carts.shop(conn, thing), "next": None}
