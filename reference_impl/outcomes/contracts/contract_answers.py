"""What contracts and periods answer, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel.http.shapes import (
    NUMBER,
    TEXT,
    WHOLE,
    Schema,
    by_name,
    free,
    listed,
    many,
    maybe,
    one_of,
    record,
    ref,
    row,
    said,
)
from reference_impl.outcomes.contracts.agreement import ContractState, ContractStep
from reference_impl.outcomes.contracts.domain import Klass
from reference_impl.outcomes.contracts.exclusions import Exclusion
from reference_impl.outcomes.contracts.periods import PeriodState

_ALWAYS = ("up_ms", "down_ms", "unknown_ms")
_TIMES = {
    f"{klass.value.lower()}_ms": said(WHOLE, f"How long it was {klass.value}, ms")
    for klass in Klass
}
_SELDOM = " ".join(name for name in _TIMES if name not in _ALWAYS)
_FULL = {
    "counted_ms": said(WHOLE, "Length without what was planned or excluded, all units, ms"),
    "charged_ms": said(NUMBER, "What of it was missing, degraded time weighted, ms"),
    "bonus_eur": NUMBER,
    "version": said(WHOLE, "Number of the terms that it was settled by"),
    "baselining": said({"type": "boolean"}, "Whether the baseline was still being taken"),
    "failures": said(WHOLE, "How many failures are charged"),
    "groups": by_name(record("Times of a group.", _TIMES, may_lack=_SELDOM), "By group"),
    "baseline_use": said(NUMBER, "What would have been used, adjusted for demand"),
    "actual_use": said(NUMBER, "What was used"),
    "complete_days": said(WHOLE, "Days that readings vouch for"),
    "gain_eur": said(NUMBER, "The provider's share of what was saved, in euros"),
    "shortfall_eur": said(NUMBER, "The provider's share of what was used too much, in euros"),
}
_RESULT = record(
    "What a period came to (K1-K6).",
    {
        "availability": said(NUMBER, "Share of the time that counts, 0 to 1"),
        "target": said(NUMBER, "The share that was promised, 0 to 1"),
        **_TIMES,
        "total_ms": said(WHOLE, "Length of the period times the number of units, ms"),
        "fee_eur": NUMBER,
        "credit_eur": NUMBER,
        "things": by_name(
            record("The times of one thing.", _TIMES, may_lack=_SELDOM), "Times by thing"
        ),
        **_FULL,
    },
    may_lack=f"{_SELDOM} {' '.join(_FULL)}",
)
_INTERVAL = record(
    "A stretch of one class; why, by which rule, on what evidence (AS2).",
    {
        "from_ms": WHOLE,
        "to_ms": WHOLE,
        "class": one_of(Klass),
        "reason": TEXT,
        "rule": said(TEXT, "What takes it out or makes it unknown"),
        "evidence": said(TEXT, "What shows it"),
        "charged": said({"type": "boolean"}, "False: mended within the rectification period"),
    },
    may_lack="reason rule evidence charged",
)
_INTERVALS = by_name(many(_INTERVAL), "Intervals that add up to the period, by thing and group")
_STATE = said(one_of(PeriodState), "Where the period stands")
_TERMS = free("Terms of a contract, as `PUT /v1/contracts/{id}` takes them")
_LINE = {
    "base": said(NUMBER, "What a day without demand uses"),
    "per_demand": said(NUMBER, "What each unit of demand adds"),
    "days": said(WHOLE, "Complete days behind it"),
    "r2": said(NUMBER, "Share of the variance that it explains, 0 to 1"),
}
_CONTRACT = row(
    "contracts",
    "An outcome contract, as it counts now.",
    {
        "things": many(TEXT),
        "state": said(one_of(ContractState), "Where the contract stands"),
        "version": said(WHOLE, "Number of the terms that count now"),
        "tier": said(TEXT, "Name of the tier; empty: none"),
        "active_ms": said(maybe(WHOLE), "From when on credits count, ms since 1970 UTC"),
        "end_ms": said(maybe(WHOLE), "When it ends; null: open, ms since 1970 UTC"),
        "baseline": maybe(record("The baseline of the gain share.", _LINE)),
        "warned": said(TEXT, "The period that was last told to be at risk"),
    },
)
_VERSION = row("contract_versions", "One version of the terms.", {"terms": _TERMS})
_STEP = row("contract_steps", "A step of a contract.", {"step": one_of(ContractStep)})
_PLACE = row(
    "contract_places",
    "A thing in a place of a contract, from then on.",
    {"place": said(TEXT, "The place, named after its first thing")},
)
_EURO_NAMES = ("fee_eur", "credit_eur", "bonus_eur", "gain_eur", "shortfall_eur")
_EUROS: Mapping[str, Schema] = {name: _FULL.get(name, NUMBER) for name in _EURO_NAMES}
_DOCUMENT = row(
    "outcome_documents",
    "What was said about a period after it was computed.",
    {
        "kind": one_of(["dispute", "adjustment", "correction", "invoice"]),
        "data": free("Corrections, what they change, or the invoice"),
    },
)
_MARGIN = record(
    "What is left of the fees (AS6).",
    {
        "contract": TEXT,
        **_EUROS,
        "parts_eur": said(NUMBER, "Parts that the contract paid for, in euros"),
        "labour_eur": said(NUMBER, "Visits of crews, in euros"),
        "margin_eur": said(NUMBER, "Fees, bonuses and gains less all the others, in euros"),
        "costs": many(row("contract_costs", "One cost.", {"amount_eur": NUMBER})),
    },
)
SHAPES: Mapping[str, Schema] = {
    "Contract": _CONTRACT,
    "ContractList": listed(ref("Contract")),
    "ContractWhole": record(
        "A contract with its history.",
        {
            **_CONTRACT["properties"],
            "versions": said(many(_VERSION), "Versions of its terms"),
            "steps": said(many(_STEP), "Its history"),
            "places": said(many(_PLACE), "Who stood where, from when on"),
        },
    ),
    "ContractVersion": _VERSION,
    "ContractPlace": _PLACE,
    "ContractTier": row("contract_tiers", "Terms under a name.", {"terms": _TERMS}),
    "ContractTierList": listed(ref("ContractTier")),
    "ContractMargin": _MARGIN,
    "Exclusion": row(
        "contract_exclusions",
        "Time that shall not count.",
        {
            "state": one_of(Exclusion),
            "evidence": said(TEXT, "What shows it"),
            "approver": said(TEXT, "Who decided; empty: nobody yet"),
        },
    ),
    "ExclusionList": listed(ref("Exclusion")),
    "OutcomeResult": _RESULT,
    "OutcomeBrief": record(
        "A period that was closed.",
        {"contract": TEXT, "period": TEXT, "customer": TEXT, "state": _STATE,
         **_RESULT["properties"]},
        may_lack=f"{_SELDOM} {' '.join(_FULL)}",
    ),
    "OutcomeList": listed(ref("OutcomeBrief")),
    "OutcomeWhole": row(
        "outcomes",
        "A period with its intervals; one that is open has no result yet.",
        {
            "closed_ms": maybe(WHOLE),
            "result": maybe(ref("OutcomeResult")),
            "intervals": _INTERVALS,
            "state": _STATE,
            "documents": said(many(ref("OutcomeDocument")), "What was said about it since"),
        },
        drop="frozen",
    ),
    "OutcomeDocument": _DOCUMENT,
    "OutcomeInputs": record(
        "What the result was computed from.",
        {"frozen": free("Terms, intervals by reports, and what is laid over them")},
    ),
    "OutcomeAgain": record(
        "The result, had again (K5).",
        {
            "contract": TEXT,
            "period": TEXT,
            "result": ref("OutcomeResult"),
            "same": said({"type": "boolean"}, "Whether it is what was told, bit for bit"),
        },
    ),
}  # fmt: skip
OPERATIONS: Mapping[str, str | Schema] = {
    "PUT /v1/contracts/{contract_id}": "Contract",
    "PUT /v1/contracts/{contract_id}/draft": "Contract",
    "GET /v1/contracts": "ContractList",
    "GET /v1/contracts/{contract_id}": "ContractWhole",
    "GET /v1/contracts/{contract_id}/margin": "ContractMargin",
    **{
        f"POST /v1/contracts/{{contract_id}}/{step}": "Contract"
        for step in ("offer", "revise", "sign", "suspend", "resume", "terminate")
    },
    "PUT /v1/contract-tiers/{tier}": "ContractTier",
    "GET /v1/contract-tiers": "ContractTierList",
    "POST /v1/contracts/{contract_id}/amendments": "ContractVersion",
    "POST /v1/contracts/{contract_id}/transfer": "ContractVersion",
    "POST /v1/contracts/{contract_id}/swaps": "ContractPlace",
    "POST /v1/contracts/{contract_id}/exclusions": "Exclusion",
    "GET /v1/exclusions": "ExclusionList",
    "POST /v1/exclusions/{exclusion}/approve": "Exclusion",
    "POST /v1/exclusions/{exclusion}/refuse": "Exclusion",
    "GET /v1/outcomes": "OutcomeList",
    "GET /v1/outcomes/{contract_id}/{period}": "OutcomeWhole",
    "GET /v1/outcomes/{contract_id}/{period}/inputs": "OutcomeInputs",
    "GET /v1/outcomes/{contract_id}/{period}/recomputed": "OutcomeAgain",
    "POST /v1/outcomes/{contract_id}/{period}/disputes": "OutcomeBrief",
    "POST /v1/outcomes/{contract_id}/{period}/adjust": "OutcomeBrief",
    "POST /v1/outcomes/{contract_id}/{period}/corrections": "OutcomeDocument",
}
_SIGNED = {"by": "purchaser", "reason": "as agreed"}
EXAMPLES: Mapping[str, Any] = {
    "PUT /v1/contract-tiers/{tier}": {
        "title": "Gold",
        "terms": {"target": 0.997, "fee_eur": 180.0, "rectify_s": 3600.0, "grace_s": 172800.0},
    },
    **{
        f"POST /v1/contracts/{{contract_id}}/{step}": _SIGNED
        for step in ("offer", "revise", "sign", "suspend", "resume", "terminate")
    },
    "POST /v1/contracts/{contract_id}/amendments": {
        "by": "account manager",
        "from_period": "2026-03",
        "terms": {"fee_eur": 190.0},
    },
    "POST /v1/contracts/{contract_id}/transfer": {
        "by": "account manager",
        "from_period": "2026-03",
        "customer": "beta",
    },
    "POST /v1/contracts/{contract_id}/swaps": {"by": "crew", "place": "mix-1", "thing": "mix-9"},
    "POST /v1/contracts/{contract_id}/exclusions": {
        "by": "service manager",
        "thing": "mix-1",
        "from_ms": 1767229200000,
        "to_ms": 1767250800000,
        "reason": "mains_failure",
        "evidence": "outage report 17 of the grid operator",
    },
    "POST /v1/exclusions/{exclusion}/approve": {"by": "plant manager", "side": "customer"},
    "POST /v1/exclusions/{exclusion}/refuse": {"by": "plant manager", "side": "customer"},
    "POST /v1/outcomes/{contract_id}/{period}/disputes": {
        "by": "plant manager",
        "reason": "it stood on the 12th",
    },
    "POST /v1/outcomes/{contract_id}/{period}/adjust": {
        "by": "service manager",
        "reason": "seen in the shift book",
        "corrections": [],
    },
    "POST /v1/outcomes/{contract_id}/{period}/corrections": {
        "by": "service manager",
        "asked_by": "purchaser",
        "reason": "seen in the shift book",
        "corrections": [
            {
                "from_ms": 1_767_225_600_000,
                "to_ms": 1_767_229_200_000,
                "class": "UP",
                "reason": "the sensor was out of order",
                "evidence": "shift book, 1 January",
            }
        ],
    },
}
