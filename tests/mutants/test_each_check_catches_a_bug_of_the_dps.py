"""Every check, invariant and oracle has a good case and a bad one: a bug planted in the DPS.

One run per bug has all checks at once. The table says which of them must catch it; at the end
nothing that there is may be missing from the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from stories_of_field_work import LIMITS, PLANNED, calls
from stories_of_selling import REVIEWED, SALES

from harness.checks.base import catalog
from harness.checks.equals_oracle import ORACLES
from harness.events import RunResult
from harness.oracles.invariants import REGISTRY
from harness.scenario import build as b
from harness.scenario.entries import Setup
from harness.scenario.links import LinkFault

C = b.check
WORN, WELL = "pump-01-1", "pump-01-2"
Tale = Callable[..., b.Scenario]
ALL_ORACLES = tuple(C("equals_oracle", equals_oracle=name) for name in ORACLES if name != "wear")
COMMON = (
    C("one_order_per_need"), C("one_work_order_per_need"), C("order_follows_states"),
    C("no_dead_letters"), C("nothing_lost"), C("no_orders", device=WELL), C("invariants"),
    C("outcome_equals_oracle"), *ALL_ORACLES,
)  # fmt: skip
PLACED = 'kind == "order.placed"'
SEAL = 'kind == "alert.raised" && data.rule == "seal-wet"'
STORY = (
    *COMMON,
    C("alert_raised", device=WORN, rule="seal-wet"),
    C("order_delivered", device=WORN),
    C("part_fitted", device=WORN),
    C("availability_at_least", share=0.85),
    C("delivery_exactly", device=WORN),
    C("always", always="events(order.placed) < 2.0"),
    C("never", never=f'{PLACED} && thing == "{WELL}"'),
    C("eventually", eventually='kind == "work_order.closed"'),
    C("within", within="60h", after=SEAL, comes=PLACED, same="thing", times=1),
    C("until", until='kind == "order.confirmed"', never='kind == "order.shipped"'),
    C("exactly", exactly=1, of=PLACED, per="need_key"),
    C("sometimes", sometimes='kind == "order.delivered"'),
    C("score", score=PLACED, holds=f'thing == "{WORN}"', at_least=1.0),
    C("budget", budget="orders", at_most=1),
    C("budget", budget="messages", at_most=400),
)


def link(kind: str, device: str, **arguments: Any) -> LinkFault:
    entry = {"at": "0h", "for": "96h", "link": kind, "device": device, **arguments}
    return LinkFault.model_validate(entry)


def people(tale: Tale, **changes: dict[str, float]) -> b.People:
    usual = tale().field
    return usual.model_copy(
        update={who: {**getattr(usual, who), **values} for who, values in changes.items()}
    )


BAD_IMAGE = "effc98e1f161b4e76b51eac77bd94e8e1fe5ad4f7d503be71fada88315082228"
SHELF = calls(("/v1/stock/customer-01/seal-kit", {"on_hand": 1}))
COVERED = calls(("/v1/coverage/c-1", {"things": [WORN], "parts": ["seal-kit"]}))
CHAIN = calls(
    ("/v1/supply/customer-01", {"model": "chain", "partner": "dealer"}),
    ("/v1/stock/dealer/seal-kit", {"on_hand": 0}),
)
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
ROLLED_OUT = Setup.model_validate(
    {
        "at": "1h",
        "service": {
            "calls": [
                {"path": "/v1/firmware/packages/bad",
                 "body": {"name": "controller", "version": "1.2.0", "size_bytes": 401_408,
                          "checksum": BAD_IMAGE, "models": ["pump-duplex-7k5"]}},
                {"path": "/v1/firmware/rollouts/bad",
                 "body": {"by": "ada", "package": "bad", "approval": False, "in_flight": 1,
                          "groups": [{"share": 1.0, "error_share": 0.4}]}},
                *({"method": "POST", "path": f"/v1/firmware/rollouts/bad/{step}",
                   "body": {"by": "ada"}} for step in ("submit", "start")),
            ]
        },
    }
)  # fmt: skip
WEARS = b.fault("seal_leak", WORN, at="0h", onset="0h", pf_interval="30h")
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
    "the supplier asks more": lambda tale: tale(
        service=tale().service.model_copy(update={"policy": b.Policy(max_unit_price_eur=460.0)}),
        field=people(tale, supplier={"price_p": 1.0}),
        checks=COMMON,
    ),
    "one lies on the shelf": lambda tale: tale(timeline=(SHELF, WEARS), checks=COMMON),
    "a contract pays": lambda tale: tale(timeline=(COVERED, WEARS), checks=COMMON),
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
    "limits are promised": lambda tale: tale(
        timeline=(*LIMITS, b.fault("seal_leak", WELL, at="0h", onset="0h", pf_interval="30h")),
        field=people(tale, crew={"plan_p50_h": 700.0, "plan_p90_h": 720.0}),
        checks=(C("invariants"), C("service_levels_equal_oracle", kept=0)),
    ),
    "technicians are planned": lambda tale: tale(
        timeline=PLANNED,
        field=people(tale, crew={"plan_p50_h": 700.0, "plan_p90_h": 720.0}),
        checks=(C("invariants"),),
    ),
    "design is told": lambda tale: tale(
        timeline=(WEARS, REVIEWED), checks=(C("design_equals_truth"),)
    ),
    "plans are sold": lambda tale: tale(
        run=b.run("2026-01-31T00:00:00Z", "61d", sync="12h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="6h"),),
        timeline=SALES,
        checks=(C("invariants"),),
    ),
    "a bad build is rolled out": lambda tale: tale(
        timeline=(ROLLED_OUT,), checks=(C("invariants"),)
    ),
    "the partner has none": lambda tale: tale(timeline=(CHAIN, WEARS), checks=COMMON),
    "every seal wears": lambda tale: tale(
        fleets=(b.fleet("pump", sites=3, devices_per_site=2, report_every="30m"),),
        timeline=tuple(
            b.fault("seal_leak", f"pump-0{site}-{n}", at="0h", onset="0h", pf_interval="90h")
            for site in (1, 2, 3)
            for n in (1, 2)
        ),
        checks=(C("invariants"),),
    ),
    "the buyer does not want it": lambda tale: tale(
        service=tale().service.model_copy(update={"policy": b.Policy(mode="approval")}),
        field=people(tale, customer={"discard_p": 1.0, "ignore_p": 0.0}),
        checks=COMMON,
    ),
    "the seal wears": lambda tale: tale(checks=STORY),
    "the supplier refuses": lambda tale: tale(
        field=people(tale, supplier={"refuse_p": 1.0}),
        checks=COMMON,
    ),
    "the part is dear": lambda tale: tale(
        service=tale().service.model_copy(update={"policy": b.Policy(max_unit_price_eur=400.0)}),
        checks=COMMON,
    ),
    "it is cut off": lambda tale: tale(
        timeline=(WEARS, b.outage(at="24h", lasts="20h", device=WORN)), checks=COMMON
    ),
    "the bus is bad": lambda tale: tale(
        timeline=(link("script", WELL, drop=[17], double=[23], swap=[[40, 41]]),),
        checks=(
            *COMMON,
            C("delivery_exactly", device=WELL, recovered=[17], duplicated=[23], reordered=[40]),
        ),
    ),
    "the crew mends nothing": lambda tale: tale(
        timeline=(b.fault("bearing_wear", WORN, at="0h", onset="0h", pf_interval="24h"),),
        field=people(tale, crew={"wrong_fit_p": 1.0}),
        checks=(C("invariants"),),
    ),
    "the bearing wears": lambda tale: tale(
        run=b.run("2026-01-07T00:00:00Z", "601h", sync="12h"),
        timeline=(
            b.fault("bearing_wear", WORN, at="4d", onset="0h", pf_interval="12d"),
            b.outage(at="9d", lasts="20h", device=WORN),
        ),
        field=b.People(supplier={"lead_factor": 0.2}),
        checks=(
            C("wear_estimate_within", device=WORN, points=30, from_pct=60),
            C("equals_oracle", equals_oracle="wear", points=35, from_pct=60, at_least=3),
            *COMMON,
        ),
    ),
}
CAUGHT: dict[str, tuple[str, str]] = {
    "orders_twice": (
        "the seal wears", "O1 O12 one_order_per_need always exactly budget within",
    ),
    "recommends_twice": ("the seal wears", "O2"),
    "takes_delivery_for_fitting": ("the seal wears", "O3 part_fitted budget"),
    "reopens_at_once": ("the supplier refuses", "O4"),
    "never_reopens": ("the supplier refuses", "O4"),
    "takes_any_part": ("the seal wears", "O5"),
    "adds_up_wrong": ("the seal wears", "O6"),
    "ignores_the_policy": ("the part is dear", "O7"),
    "mixes_up_things": ("the seal wears", "no_orders never oracle:needs"),
    "writes_a_thing_that_is_none": ("the seal wears", "O8 order_delivered"),
    "orders_a_minute_later": ("the seal wears", "O12"),
    "forgets_to_order": ("the seal wears", "O12 sometimes within"),
    "gives_no_reasons": ("the seal wears", "O15"),
    "never_advises": (
        "the seal wears",
        "order_delivered part_fitted availability_at_least eventually within sometimes score",
    ),
    "orders_for_no_reason": ("the seal wears", "no_orders oracle:needs budget score"),
    "ships_unconfirmed": ("the seal wears", "S1 order_follows_states oracle:orders until"),
    "tells_of_deliveries_late": ("the seal wears", "oracle:lead_time"),
    "forgets_deliveries": ("the seal wears", "order_delivered oracle:orders oracle:lead_time"),
    "alerts_twice": ("the seal wears", "A1 A8"),
    "raises_again_under_the_old_name": ("the seal wears", "A4 A8"),
    "clears_twice": ("the seal wears", "A3"),
    "clears_before_it_raised": ("the seal wears", "A2"),
    "clears_within_the_band": ("the seal wears", "A5"),
    "forgets_causes": ("the seal wears", "A12"),
    "takes_silence_for_health": ("it is cut off", "A6"),
    "raises_no_alerts": ("the seal wears", "alert_raised"),
    "sends_two_crews": ("the seal wears", "W1 one_work_order_per_need"),
    "verifies_everything": ("the crew mends nothing", "W4"),
    "fits_one_part_twice": ("the seal wears", "W5"),
    "closes_alerts_with_the_work": ("the seal wears", "W9"),
    "closes_without_fitting": ("the seal wears", "oracle:work_orders"),
    "registers_no_parts": ("the seal wears", "part_fitted"),
    "starts_no_new_cycle_of_wear": ("the bearing wears", "O3 oracle:wear"),
    "forgets_to_store_a_message": ("the seal wears", "nothing_lost oracle:delivery"),
    "counts_copies_twice": ("the bus is bad", "nothing_lost"),
    "asks_for_nothing_again": ("the bus is bad", "nothing_lost delivery_exactly"),
    "asks_for_births_again_and_again": ("the seal wears", "budget"),
    "ignores_late_readings": (
        "the bearing wears", "outcome_equals_oracle oracle:availability oracle:levels",
    ),
    "reads_only_some_messages": ("the seal wears", "no_dead_letters delivery_exactly"),
    "forgets_the_credit": ("the seal wears", "outcome_equals_oracle oracle:availability"),
    "loses_a_second": ("a station is promised", "K1"),
    "boasts": ("a station is promised", "K2"),
    "changes_what_is_final": ("a station is promised", "K3"),
    "credits_more_than_the_fee": ("a station is promised", "K4"),
    "approves_its_own_exclusions": ("a station is promised", "K8"),
    "forgives_every_failure": ("a station is promised", "contracts_equal_oracle"),
    "asks_for_a_cent_more": ("use is paid", "invoices_equal_oracle"),
    "ships_what_nobody_accepted": ("the supplier asks more", "O6"),
    "lets_the_buyer_pay_what_a_contract_covers": ("a contract pays", "O9"),
    "keeps_the_risk_to_itself": ("the bearing wears", "O11"),
    "has_no_breaker": ("every seal wears", "O13"),
    "believes_every_reading": ("the seal wears", "O14"),
    "serves_and_orders": ("one lies on the shelf", "O10"),
    "replenishes_twice": ("the partner has none", "O16"),
    "classes_twice": ("the seal wears", "C1"),
    "classes_everything_alike": ("the seal wears", "C2"),
    "gives_up_before_it_is_due": ("the seal wears", "C3"),
    "takes_back_what_stands": ("the seal wears", "C4"),
    "orders_nothing_for_a_need": ("the seal wears", "C5"),
    "discards_without_a_reason": ("the buyer does not want it", "C6"),
    "counts_for_somebody_else": ("the seal wears", "C7"),
    "counts_the_nights": ("limits are promised", "W2 service_levels_equal_oracle"),
    "sends_one_technician_to_two_places": ("technicians are planned", "W6"),
    "counts_all_of_a_visit_as_planned": ("technicians are planned", "W10"),
    "waits_for_its_own_parts": ("limits are promised", "W3"),
    "counts_from_the_upgrade": ("limits are promised", "W7"),
    "forgets_what_ran_out": ("limits are promised", "W8"),
    "believes_what_a_device_tried": ("a bad build is rolled out", "FW2"),
    "begins_a_second_update_meanwhile": ("a bad build is rolled out", "FW4"),
    "knows_no_emergency_stop": ("a bad build is rolled out", "FW7"),
    "confirms_twice": ("a bad build is rolled out", "R1"),
    "tries_again_blindly": ("a bad build is rolled out", "R3"),
    "keeps_a_cent_of_each_share": ("a platform is shared", "settlement_equals_oracle"),
    "asks_for_no_consent": ("a platform is shared", "secondary_use_lawful"),
    "reads_what_was_before_the_consent": ("a platform is shared", "secondary_use_lawful"),
    "tells_design_of_one_end_too_many": ("design is told", "design_equals_truth"),
    "subscribes_twice": ("plans are sold", "SU2"),
    "upgrades_before_it_is_paid": ("plans are sold", "SU3"),
    "takes_a_payment_twice": ("plans are sold", "SU4"),
    "forgets_on_which_day_it_began": ("plans are sold", "SU9"),
    "gives_a_second_trial": ("plans are sold", "SU10"),
    "doubts_the_wear": ("the bearing wears", "wear_estimate_within oracle:wear"),
}  # fmt: skip


def caught(result: RunResult) -> set[str]:
    """What a run was red for: checks by name, oracles by theirs, invariants by number."""
    found = set()
    for check in result.failed_checks:
        if check.check == "equals_oracle":
            found.add(f"oracle:{check.title.split(' ')[0]}")
        elif check.check == "invariants":
            found |= set(re.findall(r"\b((?:FW|SU|[OACWKSR])\d+): ", check.seen))
        else:
            found.add(check.check)
    return found


def red(result: RunResult) -> list[str]:
    return [f"{check.title}: {check.seen}" for check in result.failed_checks]


BY_LOGS = {"FW1", "FW5", "FW6", "FW9", "FW11", "FW12", "R5"}
"""Invariants that only the shortest logs prove so far (tests/checks): no bug of them is planted."""
QUICK = {
    *("the seal wears", "orders_twice", "never_advises", "ships_unconfirmed", "alerts_twice"),
    *("sends_two_crews", "closes_without_fitting", "forgets_to_store_a_message"),
    "forgets_the_credit",
}
"""These run at every push; a run takes 0.8 s of CPU, so the others wait for the night."""


def chosen(names: Iterable[str]) -> list[Any]:
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.deep) for n in names]


@pytest.mark.parametrize("story", chosen(STORIES))
def test_a_healthy_dps_passes_every_check(story: str, tale, play) -> None:
    result = play(STORIES[story](tale))

    assert result.verdict == "passed", (result.error, red(result))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", chosen(CAUGHT))
def test_a_bug_of_the_dps_is_caught_by_the_checks_that_must(name: str, tale, play) -> None:
    story, wanted = CAUGHT[name]
    result = play(STORIES[story](tale), name)

    assert result.exit_code == 1, (result.verdict, result.error)
    assert set(wanted.split()) <= caught(result), red(result)


def test_every_mutant_check_oracle_and_invariant_stands_in_the_table(mutants) -> None:
    words = {word for _, wanted in CAUGHT.values() for word in wanted.split()}
    checks = set(catalog()) - {"invariants", "equals_oracle"}

    assert set(CAUGHT) == set(mutants)
    assert checks - words == set()
    assert set(REGISTRY) - words == BY_LOGS
    assert {f"oracle:{name}" for name in ORACLES} - words == set()
