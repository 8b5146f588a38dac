"""Which checks a run has, and what each is told of the set-up; decisions as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.checks.base import Brief, Check, Decision, Ending, catalog
from harness.engine import agreed
from harness.engine.causes import Cause, chain, whereabouts
from harness.engine.history import History
from harness.engine.lines import around
from harness.events import CheckDecided
from harness.scenario.checkrefs import KINDS, PHASES
from harness.scenario.entries import Setup
from harness.scenario.products import Products
from harness.scenario.resolve import places, used_products
from harness.scenario.schema import CheckRef, Scenario
from harness.sut.port import Call
from harness.sut.setup import CUSTOMER

HARDWARE = "hardware_revision"
"""The property of a thing that names its hardware revision (docs/reference/dps-contract.md)."""
CAUSES_MAX = 25
"""Links of a chain that a failure shows."""
IMPLICIT = "invariants"
"""The check that every run has, whether its scenario names it or not."""
Refs = Sequence[tuple[str, CheckRef]]
"""Checks with their phase, in the order of the file."""


def wanted_checks(scenario: Scenario) -> list[tuple[str, CheckRef]]:
    """The checks of a scenario, and the invariants unless it names them itself."""
    refs = [
        (ref.phase or (_phase(ref) if phase == "checks" else phase), ref)
        for phase in PHASES
        for ref in getattr(scenario, phase)
    ]
    if not any(ref.check == IMPLICIT for _, ref in refs):
        where = str(scenario.path or scenario.name)
        refs.append(("always", CheckRef(check=IMPLICIT, where=where)))
    return refs


def _phase(ref: CheckRef) -> str:
    return ref.check if ref.check in KINDS else "always"


def made_checks(
    scenario: Scenario, refs: Refs, products: Products, calls: Sequence[Call]
) -> list[Check]:
    """The checks, each with its arguments and what the harness set up.

    Args:
        scenario: Of this run.
        refs: From :func:`wanted_checks`.
        products: The products that there are.
        calls: What was installed in the DPS.
    """
    brief = brief_of(scenario, products, calls)
    known = catalog()
    return [
        known[ref.check](known[ref.check].Arguments.model_validate(ref.args), brief)
        for _, ref in refs
    ]


def brief_of(scenario: Scenario, products: Products, calls: Sequence[Call]) -> Brief:
    """What the harness knows by itself, because it set all of this up."""
    devices = places(scenario, products)
    fits = {
        product.id: frozenset((part.sku, part.position) for part in product.parts.values())
        for product in used_products(scenario, products)
    }
    rules: dict[str, Mapping[str, Any]] = {}
    for call in calls:
        if call.path == "/v1/rule-packs":
            stale = {"stale_after": call.body.get("stale_after", "0s")}
            rules |= {str(r.get("id")): {**stale, **r} for r in call.body.get("rules", ())}
    return Brief(
        start_ms=scenario.run.start,
        until_ms=scenario.run.until_ms,
        devices={device: place.site for device, place in devices.items()},
        contract=scenario.service.contract,
        policy=scenario.service.policy,
        fits={device: fits[place.product] for device, place in devices.items()},
        conditions={
            device: products[place.product].conditions for device, place in devices.items()
        },
        rules=rules,
        technicians={
            name: frozenset(body.get("skills", ()))
            for name, body in _entered(scenario, "/v1/technicians/").items()
        },
        owners={
            device: scenario.service.owners.get(place.site, CUSTOMER)
            for device, place in devices.items()
        },
        plans=_entered(scenario, "/v1/plans/"),
        contracts=agreed.contracts(scenario, calls),
        amendments=agreed.amendments(scenario),
        packages=_entered(scenario, "/v1/firmware/packages/"),
        rollouts=_entered(scenario, "/v1/firmware/rollouts/"),
        models={device: products[place.product].model for device, place in devices.items()},
        hardware={
            device: str(body["properties"].get(HARDWARE, ""))
            for device, body in _entered(scenario, "/v1/things/").items()
            if "properties" in body
        },
        zones={
            site: str(body.get("time_zone", "UTC"))
            for site, body in _entered(scenario, "/v1/sites/").items()
        },
        planned_updates=frozenset(
            name
            for name, body in _entered(scenario, "/v1/contracts/").items()
            if body.get("updates_are_planned")
        ),
    )


def _entered(scenario: Scenario, path: str) -> dict[str, Mapping[str, Any]]:
    """What calls of the timeline enter below a path, by name."""
    return {
        call.path.removeprefix(path): call.body
        for entry in scenario.timeline
        if isinstance(entry, Setup)
        for call in entry.service.calls
        if call.path.startswith(path)
    }


def decided(
    refs: Refs,
    checks: Sequence[Check],
    ending: Ending,
    *,
    history: History,
    where: str,
    replay: str,
) -> list[CheckDecided]:
    """What each check came to; those that fail with trace and causes.

    Args:
        refs: Phases and places of the checks.
        checks: In the same order.
        ending: How the run ended.
        history: What happened in it.
        where: Place of checks that stand in no file.
        replay: The command that does the same again.
    """
    events = []
    for (phase, ref), check in zip(refs, checks, strict=True):
        decision = check.decide(ending)
        at_ms = ending.at_ms if decision.at_ms is None else decision.at_ms
        failed = not decision.passed
        events.append(
            CheckDecided(
                at_ms=at_ms,
                check=ref.check,
                phase=phase,
                passed=decision.passed,
                title=check.headline(),
                where=ref.where or where,
                expected=decision.expected,
                seen=decision.seen,
                around=around(history.told, at_ms) if failed else (),
                causes=tuple(map(str, causes_of(decision, history, at_ms))) if failed else (),
                replay=replay if failed else "",
            )
        )
    return events


def causes_of(decision: Decision, history: History, at_ms: int) -> list[Cause]:
    """Why: from the event that violated it; where nothing happened, how far its device got."""
    if decision.event is not None:
        return chain(history, decision.event)[:CAUSES_MAX]
    if decision.device is not None:
        return whereabouts(history, decision.device, at_ms)[:CAUSES_MAX]
    return []
