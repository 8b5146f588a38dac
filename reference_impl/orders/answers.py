"""What orders answer, for the OpenAPI document; imported when somebody asks for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import (
    FLAG,
    NUMBER,
    TEXT,
    WHOLE,
    Answers,
    Schema,
    by_name,
    listed,
    many,
    maybe,
    one_of,
    paged,
    record,
    ref,
    row,
    said,
)
from reference_impl.orders import breaker, shipments
from reference_impl.orders import compliance as c
from reference_impl.orders import domain as d
from reference_impl.orders import forecasts as f
from reference_impl.orders.parties import OF_LINKED, PRICES, Model, Supply

_OUTLOOK = record(
    "What was forecast of a part: wear, and when it is used up (early, median, late).",
    {
        "wear_pct": NUMBER,
        "runout_p10_ms": WHOLE,
        "runout_p50_ms": WHOLE,
        "runout_p90_ms": WHOLE,
        "failed_ms": said(WHOLE, "When it failed, ms since 1970 UTC (simulated)"),
    },
    may_lack="wear_pct runout_p10_ms runout_p50_ms runout_p90_ms failed_ms",
)
_OFFER = record(
    "What the provider would deliver instead of what was ordered.",
    {"line": WHOLE, "unit_price_eur": NUMBER, "quantity": WHOLE, "total_eur": NUMBER},
)
_LEAD = record("Order to delivery, hours.", {"p50": NUMBER, "p90": NUMBER})
_SOURCE = record(
    "Another way to get a part.",
    {"supplier": TEXT, "price_eur": NUMBER, "lead_time_h": _LEAD, "express": FLAG},
)
_LINE = row("order_lines", "A line of an order.", may_lack=" ".join(sorted(PRICES & {
    "unit_price_eur", "list_eur"})))  # fmt: skip
_ORDER_MORE: Mapping[str, Schema] = {
    "state": one_of(d.Order),
    "model": one_of(Model),
    "offer": maybe(ref("Offer")),
    "lines": many(ref("OrderLine")),
}
_ORDER = row("orders", "An order; the end customer of a chain sees a part of it (M3).", _ORDER_MORE)
_ORDER["required"] = list(OF_LINKED)
_STEP = row("order_steps", "A step that was taken.", {"state": one_of(d.Order)})
_SHIPMENT = row(
    "shipments",
    "A parcel.",
    {"state": one_of(shipments.Parcel), "kind": one_of(shipments.Kind)},
)
_HISTORY = {"steps": many(ref("OrderStep")), "shipments": many(ref("Shipment"))}
_ADVICE = row(
    "recommendations",
    "A recommendation; the main organisation does not see a partner's price (M2).",
    {
        "state": one_of(d.Advice),
        "urgency": one_of(f.Urgency),
        "values": by_name(NUMBER, "Values of the rule's variables when it fired, by name"),
        "forecast": ref("Outlook"),
    },
    may_lack="unit_price_eur",
)
_FOLLOWED = row(
    "recommendation_compliance",
    "How a recommendation was followed.",
    {"state": one_of(c.Follow), "class": one_of(["", *c.Follow])},
)
_SHOWN_FOLLOWED = {**_FOLLOWED, "properties": {"thing": TEXT, **_FOLLOWED["properties"]}}
_PART = row(
    "parts",
    "A part of the catalogue; a partner does not see its list price.",
    {
        "models": many(TEXT),
        "images": many(TEXT),
        "technical": by_name({"type": ["string", "number"]}, "Technical data, by name"),
        "sources": many(ref("PartSource")),
        "lead_time_h": _LEAD,
    },
    may_lack="price_eur sources",
)
_SHOP = record(
    "A part that belongs to a thing, at its customer's price.",
    {
        **dict.fromkeys(("sku", "title", "category", "kind"), TEXT),
        "images": many(TEXT),
        "technical": by_name({"type": ["string", "number"]}, "Technical data, by name"),
        "position": TEXT,
        "quantity": WHOLE,
        "group": TEXT,
        "scheme": TEXT,
        "replaces": TEXT,
        "price_eur": NUMBER,
        "provider": TEXT,
    },
)
_POLICY = row(
    "policies",
    "How a customer buys; null: no limit.",
    {"allowed_parts": maybe(many(TEXT)), "blackout": many(many(WHOLE))},
)
_SHARE = maybe(NUMBER)
_KPIS = record(
    "Compliance in figures (3.2); null where there is nothing to divide by.",
    {
        "total": WHOLE,
        "open": WHOLE,
        "classes": by_name(WHOLE, "How many recommendations have each class"),
        "judged": said(WHOLE, "Recommendations whose due period is over"),
        "compliance_rate": _SHARE,
        "strict_rate": _SHARE,
        "median_delay_days": said(maybe(NUMBER), "Issued to ordered, days"),
        "wear_at_replacement_mean_pct": maybe(NUMBER),
        "wear_at_replacement_p90_pct": maybe(NUMBER),
        "premature_share": _SHARE,
        "failures_compliant": _SHARE,
        "failures_others": _SHARE,
        "off_platform_share": _SHARE,
        "discard_reasons": by_name(WHOLE, "How often each reason was given"),
        "forecast_error_days": said(maybe(NUMBER), "Forecast against failure, days"),
        "consumables": record(
            "Consumables: how often they ran out, and what was thrown away (SP15).",
            {"cycles": WHOLE, "stock_out_rate": _SHARE, "early_waste_eur": NUMBER},
        ),
    },
)
_CART = record(
    "A cart; one that holds nothing has only buyer, state and no lines.",
    {**_ORDER["properties"]},
    may_lack=" ".join(set(_ORDER["properties"]) - {"buyer", "state", "lines"}),
)
_STATE = record("Where a recommendation stands.", {"id": TEXT, "state": one_of(d.Advice)})
_BREAKER = row(
    "order_breakers", "The circuit breaker of a model.", {"state": one_of(breaker.State)}
)
_STEPS = {
    "confirm": {"by": "sealco", "eta_ms": 1767571200000},
    "offer": {"by": "sealco", "reason": "another make", "unit_price_eur": 75.0},
    "backorder": {"by": "sealco", "reason": "sold out", "eta_ms": 1768176000000},
    "ship-part": {"by": "sealco", "quantity": 0, "reason": "the bolts of the set follow"},
    "ship": {"by": "sealco"},
    "reship": {"by": "sealco"},
    "replace": {"by": "sealco"},
    "take-back": {"by": "sealco"},
    "accept": {"by": "purchaser"},
    "deliver": {"by": "carrier"},
    "receive-part": {"by": "carrier"},
    "receive-replacement": {"by": "carrier"},
    "reject": {"by": "sealco", "reason": "no longer made"},
    "refuse-return": {"by": "sealco", "reason": "it was used"},
    "refuse": {"by": "purchaser", "reason": "too dear"},
    "cancel": {"by": "purchaser", "reason": "found one on the shelf"},
    "request-return": {"by": "purchaser", "reason": "wrong part"},
    "lose": {"by": "carrier", "reason": "parcel lost"},
}
"""Steps of an order -> an example of who takes it."""
_WHY = {"by": "service", "reason": "the firmware raised them"}
_SHAPES: Mapping[str, Schema] = {
    "Outlook": _OUTLOOK,
    "Offer": _OFFER,
    "PartSource": _SOURCE,
    "OrderLine": _LINE,
    "Order": _ORDER,
    "OrderStep": _STEP,
    "Shipment": _SHIPMENT,
    "OrderWhole": record(
        "An order with its history and its parcels.",
        {**_ORDER["properties"], **_HISTORY},
        may_lack=" ".join((set(_ORDER["properties"]) | set(_HISTORY)) - set(OF_LINKED)),
    ),
    "OrderPage": paged(ref("Order")),
    "Cart": _CART,
    "Recommendation": _ADVICE,
    "RecommendationPage": paged(ref("Recommendation")),
    "RecommendationState": _STATE,
    "RecommendationWhole": record(
        "A recommendation, with how it was followed.",
        {**_ADVICE["properties"], "compliance": maybe(ref("Compliance"))},
        may_lack="unit_price_eur",
    ),
    "Compliance": _FOLLOWED,
    "CompliancePage": paged(_SHOWN_FOLLOWED),
    "ComplianceKpis": _KPIS,
    "NeedPage": paged(row(
        "needs", "A need: a part that a place of a thing will want.",
        {"state": one_of(d.Need), "outlook": ref("Outlook")},
    )),
    "RefusedAdviceList": listed(row("refused_advice", "Advice that nobody was asked about.")),
    "Part": _PART,
    "PartPage": paged(ref("Part")),
    "ShopList": paged(_SHOP),
    "PartCategory": row("part_categories", "A category of parts; `parent` empty: at the top."),
    "PartCategoryPage": paged(ref("PartCategory")),
    "PartReference": row(
        "part_references", "A place of a part in a model (SP9).", {"order_when": one_of(f.When)}
    ),
    "SubModels": record(
        "Models that stand in a model.",
        {"model": TEXT, "sub_models": by_name(TEXT, "Model that stands there, by place")},
    ),
    "Price": row("price_lists", "A price for a group of buyers.", {"list": one_of(Model)}),
    "Supply": row("supply", "How a customer is supplied.", {"model": one_of(Supply)}),
    "Coverage": record(
        "Parts of things that a contract pays for.",
        {"contract": TEXT, "from_ms": WHOLE, "to_ms": maybe(WHOLE), "things": many(TEXT),
         "parts": many(TEXT)},
    ),
    "Stock": row("part_stock", "What lies on a shelf.", {"free": WHOLE}),
    "StockPage": paged(ref("Stock")),
    "Policy": _POLICY,
    "PolicyPage": paged(ref("Policy")),
    "Breaker": _BREAKER,
    "BreakerPage": paged(ref("Breaker")),
    "PartsImported": record(
        "What an import did, or would do.", {"added": WHOLE, "changed": WHOLE, "dry_run": FLAG}
    ),
    "CategoryDeleted": record("What is no more.", {"deleted": TEXT}),
}  # fmt: skip
_OPERATIONS: Mapping[str, str | Schema] = {
    "PUT /v1/parts/{sku}": "Part",
    "POST /v1/parts": "Part",
    "GET /v1/parts": "PartPage",
    "POST /v1/parts/import": "PartsImported",
    "PUT /v1/part-categories/{category}": "PartCategory",
    "DELETE /v1/part-categories/{category}": "CategoryDeleted",
    "GET /v1/part-categories": "PartCategoryPage",
    "PUT /v1/part-references/{model}/{position}": "PartReference",
    "PUT /v1/sub-models/{model}": "SubModels",
    "PUT /v1/price-lists/{listed}/{sku}": "Price",
    "PUT /v1/supply/{customer}": "Supply",
    "PUT /v1/coverage/{contract}": "Coverage",
    "PUT /v1/stock/{party}/{sku}": "Stock",
    "GET /v1/stock": "StockPage",
    "GET /v1/things/{thing}/shop": "ShopList",
    "PUT /v1/policies/{customer}": "Policy",
    "GET /v1/policies": "PolicyPage",
    "GET /v1/recommendations": "RecommendationPage",
    "GET /v1/recommendations/{rec_id}": "RecommendationWhole",
    "POST /v1/recommendations/{rec_id}/see": "RecommendationState",
    "POST /v1/recommendations/{rec_id}/approve": "Recommendation",
    "POST /v1/recommendations/{rec_id}/discard": "Recommendation",
    "POST /v1/recommendations/{rec_id}/snooze": "Recommendation",
    "GET /v1/needs": "NeedPage",
    "GET /v1/refused-advice": "RefusedAdviceList",
    "GET /v1/compliance": "CompliancePage",
    "GET /v1/compliance/kpis": "ComplianceKpis",
    "GET /v1/breakers": "BreakerPage",
    "PUT /v1/breakers/{model}": "Breaker",
    "POST /v1/breakers/{model}/release": "Breaker",
    "POST /v1/breakers/{model}/discard": "Breaker",
    "GET /v1/orders": "OrderPage",
    "GET /v1/orders/{order_id}": "OrderWhole",
    **{f"POST /v1/orders/{{order_id}}/{step}": "Order" for step in _STEPS},
    "GET /v1/carts/{customer}": "Cart",
    "POST /v1/carts/lines": "Order",
    "POST /v1/carts/{customer}/lines/{line}/remove": "Order",
    "POST /v1/carts/{customer}/checkout": "Order",
}
_EXAMPLES: Mapping[str, Any] = {
    "POST /v1/parts": {
        "sku": "seal-kit",
        "title": "Seal kit",
        "price_eur": 80.0,
        "supplier": "sealco",
        "lead_time_h": {"p50": 48.0, "p90": 96.0},
        "models": ["mixer-1"],
    },
    "POST /v1/parts/import": {
        "csv": "sku,title,price_eur,supplier,lead_p50_h,lead_p90_h,models\n"
        "blade,Blade,12.50,acme,24,48,mixer-1\n",
        "dry_run": True,
    },
    "POST /v1/recommendations/{rec_id}/see": {"by": "purchaser"},
    "POST /v1/recommendations/{rec_id}/approve": {"by": "purchaser"},
    "POST /v1/recommendations/{rec_id}/discard": {"by": "purchaser", "reason": "machine is sold"},
    "POST /v1/recommendations/{rec_id}/snooze": {
        "by": "purchaser",
        "reason": "next month's budget",
        "until_ms": 1769904000000,
    },
    "POST /v1/breakers/{model}/release": _WHY,
    "POST /v1/breakers/{model}/discard": _WHY,
    **{f"POST /v1/orders/{{order_id}}/{step}": body for step, body in _STEPS.items()},
    "POST /v1/carts/lines": {"by": "purchaser", "thing": "mix-1", "part": "seal"},
    "POST /v1/carts/{customer}/lines/{line}/remove": {"by": "purchaser"},
    "POST /v1/carts/{customer}/checkout": {"by": "purchaser"},
}
ANSWERS = Answers(shapes=_SHAPES, operations=_OPERATIONS, examples=_EXAMPLES)
