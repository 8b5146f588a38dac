"""Every check, invariant and oracle has a good case and a bad one: a bug planted in the DPS.

One run per bug has all checks at once. The table says which of them must catch it; at the end
nothing that there is may be missing from the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import stories_of_contracts
import stories_of_remote_control
import stories_of_selling
from stories_of_field_work import LIMITS, PLANNED, calls

from harness.checks.base import catalog
from harness.checks.equals_oracle import ORACLES
from harness.events import RunResult
from harness.oracles.invariants import REGISTRY
from harness.scenario import build as b
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


SHELF = calls(("/v1/stock/customer-01/seal-kit", {"on_hand": 1}))
COVERED = calls(("/v1/coverage/c-1", {"things": [WORN], "parts": ["seal-kit"]}))
CHAIN = calls(
    ("/v1/supply/customer-01", {"model": "chain", "partner": "dealer"}),
    ("/v1/stock/dealer/seal-kit", {"on_hand": 0}),
)
WEARS = b.fault("seal_leak", WORN, at="0h", onset="0h", pf_interval="30h")
STORIES: dict[str, Callable[[Tale], b.Scenario]] = {
    **stories_of_contracts.STORIES,
    **stories_of_remote_control.STORIES,
    **stories_of_selling.STORIES,
    "the supplier asks more": lambda tale: tale(
        service=tale().service.model_copy(update={"policy": b.Policy(max_unit_price_eur=460.0)}),
        field=people(tale, supplier={"price_p": 1.0}),
        checks=COMMON,
    ),
    "one lies on the shelf": lambda tale: tale(timeline=(SHELF, WEARS), checks=COMMON),
    "a contract pays": lambda tale: tale(timeline=(COVERED, WEARS), checks=COMMON),
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
    **stories_of_contracts.CAUGHT,
    **stories_of_remote_control.CAUGHT,
    **stories_of_selling.CAUGHT,
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


QUICK = {
    *("the seal wears", "orders_twice", "never_advises", "ships_unconfirmed", "alerts_twice"),
    *("sends_two_crews", "closes_without_fitting", "forgets_to_store_a_message"),
    *("forgets_the_credit", "asks_for_a_whole_month", "goes_down_unasked"),
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
    assert set(REGISTRY) - words == set()
    assert {f"oracle:{name}" for name in ORACLES} - words == set()
