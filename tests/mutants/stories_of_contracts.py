"""Stories of contracts, of what is paid for, and of a shared platform; who catches their bugs.

``STORIES`` and ``CAUGHT`` as in test_each_check_catches_a_bug_of_the_dps.py, which takes them in.
"""

from __future__ import annotations

from collections.abc import Callable

from stories_of_field_work import calls
from stories_of_selling import posts

from harness.scenario import build as b
from harness.scenario.entries import Setup

C = b.check
Tale = Callable[..., b.Scenario]
WORN, WELL, THIRD = "pump-01-1", "pump-01-2", "pump-01-3"
WEARS = b.fault("seal_leak", WORN, at="0h", onset="0h", pf_interval="30h")
PROMISED = calls(
    (
        "/v1/contracts/station",
        {
            "customer": "customer-01", "things": [WORN, WELL], "fee_eur": 180.0, "target": 0.997,
            "up_when": "available > 0.5 && seal_leak < 0.5", "degraded_when": "available > 0.5",
            "groups": [{"id": "whole", "things": [WORN, WELL], "k": 2}], "objection_s": 0.0,
            "unknown_after_s": 2700.0, "rectify_s": 3600.0, "grace_s": 3600.0,
            "start_ms": 1_769_558_400_000, "exclusions": ["mains"],
        },
    ),
    (
        "POST /v1/contracts/station/exclusions",
        {
            "by": "provider", "from_ms": 1_769_562_000_000, "to_ms": 1_769_565_600_000,
            "reason": "mains", "evidence": "a letter",
        },
    ),
    ("POST /v1/exclusions/excl-8ed5a73d07aa204c/approve", {"by": "plant", "side": "customer"}),
)  # fmt: skip
MEASURED = calls(
    (
        "/v1/contracts/measured",
        {
            "customer": "customer-01", "things": [WORN, WELL], "fee_eur": 180.0, "target": 0.997,
            "up_when": "available > 0.5 && level_m < 2.4", "objection_s": 1800.0,
            "groups": [{"id": "whole", "things": [WORN, WELL], "k": 2}],
            "unknown_after_s": 2700.0, "grace_s": 0.0, "start_ms": 1_769_558_400_000,
        },
    ),
)  # fmt: skip
TROUBLE = (
    b.fault("sensor_stuck", WORN, at="6h", signal="level_m"),
    b.outage(at="40h", lasts="4h", device=WELL),
    posts("60h", ("contracts/measured/swaps", {"by": "desk", "place": WELL, "thing": THIRD})),
    b.outage(at="90h", lasts="370m", device=THIRD),
)
"""A level stands still; one is silent for hours, another stands in its place later; what that one
has to say of the month's last hours comes ten minutes after the month was closed."""
AMENDED = (
    calls(
        (
            "/v1/contract-tiers/gold",
            {"title": "Gold", "terms": {"target": 0.9, "degraded_weight": 0.7, "grace_s": 3600.0}},
        ),
        (
            "/v1/contracts/measured",
            {
                "customer": "customer-01", "things": [WORN, WELL], "fee_eur": 180.0, "tier": "gold",
                "target": 0.997, "up_when": "available > 0.5 && level_m < 0.8",
                "degraded_when": "available > 0.5", "unknown_after_s": 28_800.0,
                "start_ms": 1_769_558_400_000,
            },
        ),
    ),
    b.outage(at="12h", lasts="30h", device=WELL),
    posts("48h", (
        "contracts/measured/amendments",
        {"by": "desk", "from_period": "2026-02",
         "terms": {"fee_eur": 240.0, "degraded_weight": 1.0}},
    )),
    b.outage(at="10d", lasts="30h", device=WORN),
)  # fmt: skip
"""Readings that say that a level is high lower the figure by seven tenths in January, as the tier
says, and as much as any other in February; each month one of two is silent for a day."""
TIERS = [{"upto": 2, "unit_price": 1.25}, {"upto": None, "unit_price": 0.95}]
PRICED = calls(
    (
        "/v1/pricings/hours",
        {
            "by": "sales", "customer": "customer-01", "thing": WORN, "model": "usage",
            "from_ms": 1_769_558_400_000,
            "terms": {"meters": [{"signal": "run_hours_h", "unit": "h", "tiers": TIERS}]},
        },
    ),
)  # fmt: skip
SHARED = calls(
    ("/v1/organisations/makers", {"name": "Makers", "parent": "main"}),
    ("/v1/recipients/sweepers", {"name": "Sweepers"}),
    ("/v1/models/pump-duplex-7k5/metadata/level_m", {"purposes": ["service", "secondary-use"]}),
    (
        "/v1/pricings/hours",
        {
            "by": "sales", "customer": "customer-01", "thing": WORN, "model": "usage",
            "from_ms": 1_769_558_400_000, "provider": "makers",
            "shares": {"makers": 66.7, "platform": 33.3},
            "terms": {"meters": [{"signal": "run_hours_h", "unit": "h", "tiers": TIERS}]},
        },
    ),
    (
        "/v1/secondary-uses/level",
        {
            "by": "sweepers", "recipient": "sweepers", "owner": "customer-01", "things": [WORN],
            "signal": "level_m", "take": "max", "over_h": 48.0, "above": 1.0, "every_h": 12.0,
            "thing": WELL, "title": "Sweep",
        },
    ),
    ("/v1/grants/sweepers/customer-01", {}),
)  # fmt: skip
CONSENT = {"path": "/v1/customers/customer-01/consents/secondary-use"}
AGREES = tuple(
    Setup.model_validate({"at": at, "service": {"calls": [CONSENT | {"body": {"granted": yes}}]}})
    for at, yes in (("30h", True), ("66h", False))
)
STORIES: dict[str, Callable[[Tale], b.Scenario]] = {
    "a platform is shared": lambda tale: tale(
        run=b.run("2026-01-28T00:00:00Z", "10d", sync="12h"),
        timeline=(SHARED, *AGREES),
        checks=(C("settlement_equals_oracle", parties=2), C("secondary_use_lawful", at_least=3)),
    ),
    "a station is promised": lambda tale: tale(
        timeline=(PROMISED, WEARS),
        service=tale().service.model_copy(update={"contract": None}),
        checks=(C("invariants"), C("contracts_equal_oracle")),
    ),
    "use is paid": lambda tale: tale(
        run=b.run("2026-01-28T00:00:00Z", "8d", sync="12h"),
        timeline=(PRICED,),
        checks=(C("invoices_equal_oracle", exactly=1),),
    ),
    "a month is closed": lambda tale: tale(
        fleets=(b.fleet("pump", sites=1, devices_per_site=3, report_every="30m"),),
        timeline=(MEASURED, *TROUBLE),
        service=tale().service.model_copy(update={"contract": None}),
        checks=(C("invariants"),),
    ),
    "a month is amended": lambda tale: tale(
        run=b.run("2026-01-28T00:00:00Z", "33d", sync="12h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="6h"),),
        timeline=AMENDED,
        service=b.Service(rules=()),
        checks=(C("invariants"), C("exactly", exactly=2, of='kind == "outcome.period_closed"')),
    ),
}
CAUGHT: dict[str, tuple[str, str]] = {
    "keeps_a_cent_of_each_share": ("a platform is shared", "settlement_equals_oracle"),
    "asks_for_no_consent": ("a platform is shared", "secondary_use_lawful"),
    "reads_what_was_before_the_consent": ("a platform is shared", "secondary_use_lawful"),
    "loses_a_second": ("a station is promised", "K1"),
    "boasts": ("a station is promised", "K2"),
    "changes_what_is_final": ("a station is promised", "K3"),
    "credits_more_than_the_fee": ("a station is promised", "K4"),
    "approves_its_own_exclusions": ("a station is promised", "K8"),
    "forgives_every_failure": ("a station is promised", "contracts_equal_oracle"),
    "asks_for_a_cent_more": ("use is paid", "invoices_equal_oracle K6"),
    "computes_anew_what_is_final": ("a month is closed", "K5"),
    "takes_silence_for_time_that_was_up": ("a month is closed", "K7"),
    "forgets_what_a_tier_says": ("a month is amended", "K7"),
    "measures_by_the_first_terms": ("a month is amended", "K7 K9"),
    "asks_for_a_whole_month": ("a month is closed", "K9"),
    "takes_one_of_two_for_enough": ("a month is closed", "K10"),
    "forgets_the_place_for_the_thing": ("a month is closed", "K11"),
    "believes_what_is_flagged": ("a month is closed", "K12"),
}
