"""What requests about contracts and periods may say; each field has its unit in its name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from reference_impl.outcomes.contracts.domain import Klass
from reference_impl.outcomes.contracts.exclusions import Side

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/]+$")]
Instant = Annotated[int, Field(ge=0, le=2**53)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]
Money = Annotated[float, Field(ge=0, le=1e9)]
MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class GroupBody(_Body):
    """Things of which ``k`` must be up (K10)."""

    id: Name
    things: list[Name] = Field(min_length=1)
    k: int = Field(ge=1, le=10_000)


class MeterBody(_Body):
    """``use`` adds up the rise of a counter, ``mean`` takes the day's mean; things are summed."""

    signal: Text
    take: Literal["use", "mean"]
    things: list[Name] = Field(min_length=1)


class GainBody(_Body):
    """The provider's share of what is used less than the baseline, normalised for demand."""

    used: MeterBody
    demand: MeterBody
    share: Share
    eur_per_unit: Money
    limit_per_day: float = Field(gt=0, le=1e12)
    shortfall_share: Share = 0.0


class CostsBody(_Body):
    """What a visit costs the provider, by day and between 22 and 6 o'clock."""

    visit_eur: Money
    night_visit_eur: Money


class MoreTerms(_Body):
    """Clauses that a contract may have beside fee, target and ``up_when``."""

    step: float = Field(default=0.001, gt=0, le=1)
    credit_pct_per_step: Percent = 2.0
    cap_pct: Percent = 20.0
    unknown_after_s: float = Field(default=900.0, gt=0, le=1e9)
    grace_s: Seconds = 0.0
    degraded_when: str = Field(default="", max_length=1000)
    degraded_weight: Share = 0.5
    counts_when: str = Field(default="", max_length=1000)
    rectify_s: float = Field(default=0.0, ge=0, le=2_592_000)
    groups: list[GroupBody] = []
    exclusions: list[Name] = []
    planned_allowance_s: Seconds | None = None
    updates_are_planned: bool = False
    connectivity: Literal["provider", "customer"] = "provider"
    bonus_pct_per_step: Percent = 0.0
    bonus_cap_pct: Percent = 0.0
    objection_s: Seconds | None = None
    warn_every_s: float | None = Field(default=None, ge=600, le=1e9)
    baseline_days: int = Field(default=0, ge=0, le=366)
    gain: GainBody | None = None
    costs: CostsBody | None = None
    owner: Literal["customer", "provider"] = "customer"
    replace_after_days: int | None = Field(default=None, ge=1, le=36_500)
    renews: bool = False


class ContractBody(MoreTerms):
    """An outcome contract, said in one go."""

    customer: Text
    things: list[Name] = Field(min_length=1)
    fee_eur: float = Field(ge=0, description="Euros per calendar month")
    target: float = Field(gt=0, le=1)
    up_when: Text = Field(description="CEL over the signals of the things")
    start_ms: int = Field(ge=0, le=2**53)
    end_ms: Instant | None = None
    tier: str = ""


class DraftBody(MoreTerms):
    """A draft; what a tier says need not be said again."""

    customer: Text
    things: list[Name] = Field(min_length=1)
    fee_eur: Money | None = None
    target: float | None = Field(default=None, gt=0, le=1)
    up_when: Text | None = None
    start_ms: Instant
    end_ms: Instant | None = None
    tier: str = ""
    by: Text


class TermsBody(MoreTerms):
    """Some terms: of a tier, or of an amendment."""

    things: list[Name] | None = Field(default=None, min_length=1)
    fee_eur: Money | None = None
    target: float | None = Field(default=None, gt=0, le=1)
    up_when: Text | None = None


class TierBody(_Body):
    """Terms under a name."""

    title: Text
    terms: TermsBody


class StepBody(_Body):
    """Who takes a step, and why."""

    by: Text
    reason: str = Field(default="", max_length=1000)


class AmendmentBody(_Body):
    """Other terms from the begin of a month on."""

    by: Text
    from_period: str = Field(pattern=MONTH, examples=["2026-03"])
    terms: TermsBody


class TransferBody(_Body):
    """The contract goes with its things to another customer (AS9)."""

    by: Text
    from_period: str = Field(pattern=MONTH, examples=["2026-03"])
    customer: Text


class SwapBody(_Body):
    """Another thing in a place of the contract (AS7, K11)."""

    by: Text
    reason: str = Field(default="", max_length=1000)
    place: Name
    thing: Name


class ExclusionBody(_Body):
    """A stretch of time that shall not count; ``thing`` left out: all of them."""

    by: Text
    thing: Name | None = None
    from_ms: Instant
    to_ms: Instant
    reason: Name
    evidence: Text


class DecisionBody(_Body):
    """Who decides, and for whom (K8)."""

    by: Text
    side: Side = Side.CUSTOMER


class CorrectionBody(_Body):
    """What a stretch of a period really was, and how one knows."""

    thing: Name | None = None
    from_ms: Instant
    to_ms: Instant
    klass: Klass = Field(alias="class")
    reason: Text
    evidence: Text


class AdjustBody(_Body):
    """The decision on a dispute; without corrections the result stays."""

    by: Text
    side: Side = Side.CUSTOMER
    reason: Text
    corrections: list[CorrectionBody] = []


class CorrectBody(AdjustBody):
    """A correction of a final period; ``asked_by`` found the mistake."""

    asked_by: Text
    corrections: list[CorrectionBody] = Field(min_length=1)


class DisputeBody(_Body):
    """An objection to a result."""

    by: Text
    reason: Text
