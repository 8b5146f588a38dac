"""Request bodies of orders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reference_impl.kernel.money import ZERO, Amount
from reference_impl.orders.forecasts import HANDLING_H, VISIT_H

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
Text = Annotated[str, Field(min_length=1, max_length=500)]
Code = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^/\s]+$")]
TimeMs = Annotated[int, Field(ge=0, lt=2**53)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Hours = Annotated[float, Field(ge=0, le=1e6)]
Percent = Annotated[Amount, Field(le=100)]


class LeadTime(BaseModel):
    """Order to delivery, hours: half arrive within ``p50``, nine of ten within ``p90``."""

    model_config = STRICT
    p50: Hours
    p90: Hours


class SourceBody(BaseModel):
    """Another way to get a part."""

    model_config = STRICT
    supplier: Text
    price_eur: Amount
    lead_time_h: LeadTime
    express: bool = False


class PartBody(BaseModel):
    """A part of the catalogue."""

    model_config = STRICT
    title: Text
    price_eur: Amount
    supplier: Text
    lead_time_h: LeadTime
    models: list[Text] = []
    category: str = ""
    kind: Literal["spare_part", "consumable"] = "spare_part"
    images: list[Text] = []
    technical: dict[str, str | float] = {}
    superseded_by: str = ""
    sources: list[SourceBody] = []


class NewPartBody(PartBody):
    """A part whose code must be new."""

    sku: Code


class ImportBody(BaseModel):
    """A table of parts as CSV text (columns as in the contract document)."""

    model_config = STRICT
    csv: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    dry_run: bool = False


class CategoryBody(BaseModel):
    """A category; ``parent`` empty: at the top."""

    model_config = STRICT
    title: Text
    parent: str = ""


class ReferenceBody(BaseModel):
    """What a Spare Part Reference says beside part, position and quantity."""

    model_config = STRICT
    group: str = ""
    scheme: str = ""
    wear_metric: str = ""
    max_usage: Annotated[float, Field(gt=0)] | None = None
    usage_unit: str = ""
    tolerance_pct: Annotated[float, Field(ge=0, le=1000)] = 20.0
    order_when: Literal["rules", "threshold", "tolerance", "lead_time"] = "rules"
    handling_h: Hours = HANDLING_H
    visit_h: Hours = VISIT_H
    visit_eur: Amount | None = None


class SubModelsBody(BaseModel):
    """Models that stand in a model, by place."""

    model_config = STRICT
    sub_models: dict[Code, Text]


class PriceBody(BaseModel):
    """A price in a list; ``seller`` is a partner in list M2, else the main organisation."""

    model_config = STRICT
    price_eur: Amount
    seller: str = ""


class SupplyBody(BaseModel):
    """How a customer is supplied."""

    model_config = STRICT
    model: Literal["M1", "M2", "chain"]
    partner: str = ""
    discount_pct: Percent = ZERO
    tax_pct: Percent = ZERO
    batch_h: Hours = 0.0


class CoverageBody(BaseModel):
    """Parts of things that a contract pays for."""

    model_config = STRICT
    things: list[Text]
    parts: list[Text]
    from_ms: TimeMs = 0
    to_ms: TimeMs | None = None


class StockBody(BaseModel):
    """What lies on a shelf, and when more comes in."""

    model_config = STRICT
    on_hand: Annotated[int, Field(ge=0, le=1_000_000)]
    restock_ms: TimeMs | None = None


class Span(BaseModel):
    """From a moment to before another."""

    model_config = STRICT
    from_ms: TimeMs
    to_ms: TimeMs


class PolicyBody(BaseModel):
    """How a customer buys; a limit that is absent or null does not limit."""

    model_config = STRICT
    mode: Literal["auto", "approval", "off"]
    max_unit_price_eur: Amount | None = None
    max_open_orders: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    monthly_budget_eur: Amount | None = None
    allowed_parts: list[Text] | None = None
    blackout: list[Span] = []
    approver: str = ""
    paused: bool = False
    cancel_window_h: Hours = 0.0


class BreakerBody(BaseModel):
    """How a model's circuit breaker is set."""

    model_config = STRICT
    factor: Annotated[float, Field(ge=1, le=1000)] = 5.0
    normal_per_day: Annotated[float, Field(gt=0, le=1e6)] | None = None


class StepBody(BaseModel):
    """Who takes the step."""

    model_config = STRICT
    by: Text


class ReasonBody(StepBody):
    """Who takes the step, and why."""

    reason: Text


class MaybeReasonBody(StepBody):
    """Who takes the step, and maybe why."""

    reason: str = ""


class SnoozeBody(ReasonBody):
    """Until when it is put off."""

    until_ms: TimeMs


class ConfirmBody(StepBody):
    """Who accepts the order as it is, and maybe when it will be there."""

    eta_ms: TimeMs | None = None


class OfferBody(ReasonBody):
    """What the provider would change; what is absent stays."""

    unit_price_eur: Amount | None = None
    quantity: Count | None = None
    line: Annotated[int, Field(ge=1)] = 1
    eta_ms: TimeMs | None = None


class BackorderBody(ReasonBody):
    """When the goods will be there after all."""

    eta_ms: TimeMs


class ShipPartBody(MaybeReasonBody):
    """How many leave; 0: a set that is not complete."""

    quantity: Annotated[int, Field(ge=0)]
    eta_ms: TimeMs | None = None


class CartLineBody(StepBody):
    """What is put into the cart of a thing's customer."""

    thing: Text
    part: Text
    quantity: Count = 1
    position: str = ""


def part_of(body: PartBody) -> dict[str, Any]:
    """A part's fields, without its code."""
    return body.model_dump(exclude={"sku"})
