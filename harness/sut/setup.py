"""What is installed in the DPS before the first clock call, as calls of its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from harness.errors import ScenarioError
from harness.scenario.entries import Setup
from harness.scenario.fleets import Fleet
from harness.scenario.products import Products
from harness.scenario.resolve import pack_paths, places, used_products
from harness.scenario.schema import Contract, Policy, Scenario
from harness.sut.port import Call
from twins.core.manifest import REPORT_EVERY
from twins.core.yaml_text import parsed
from twins.products import Product

CUSTOMER = "customer-01"
"""Whose everything is that ``service.owners`` gives to nobody else."""
CONTRACT = "contract-01"
"""The contract of ``service.contract``, over everything."""


def installation(
    scenario: Scenario,
    products: Products,
    *,
    rules: Path | None,
) -> list[Call]:
    """All calls, in an order that the DPS can take.

    Args:
        scenario: Says which fleets, rules, policy and contract.
        products: What the products' folders say.
        rules: A pack that takes the place of the scenario's own.

    Raises:
        ScenarioError: If a rule pack cannot be read.
    """
    used = used_products(scenario, products)
    devices = places(scenario, products)
    calls = [Call("PUT", f"/v1/customers/{CUSTOMER}", {"name": "Customer 01"}, "the customer")]
    owners = scenario.service.owners
    calls += [
        Call("PUT", f"/v1/customers/{owner}", {"name": owner}, f"customer {owner}")
        for owner in dict.fromkeys(owners.values())
    ]
    for site in dict.fromkeys(place.site for place in devices.values()):
        body = {"customer": owners.get(site, CUSTOMER), "name": site, "time_zone": "UTC"}
        calls.append(Call("PUT", f"/v1/sites/{site}", body, f"site {site}"))
    for product in used:
        calls += _product(product, _constants(product, scenario))
    for device, place in devices.items():
        product = products[place.product]
        body = {
            "model": product.model,
            "site": place.site,
            "serial": f"sn-{device}",
            "title": device,
        }
        calls.append(Call("PUT", f"/v1/things/{device}", body, f"thing {device}"))
    calls.append(_policy(scenario.service.policy))
    calls += _packs(scenario, used, rules)
    if scenario.service.contract is not None:
        calls.append(_contract(scenario, scenario.service.contract, list(devices)))
    return calls


def mid_run(entry: Setup, scenario: Scenario, products: Products) -> list[Call]:
    """The calls of an entry of the timeline that installs something.

    Raises:
        ScenarioError: If a rule pack cannot be read.
    """
    calls = []
    if (change := entry.service.policy) is not None:
        policy = scenario.service.policy.model_copy(update=change.model_dump(exclude_none=True))
        calls.append(_policy(policy))
    signed, amended = scenario.service.contract, entry.service.contract
    if amended is not None and signed is not None:
        contract = signed.model_copy(update=amended.model_dump(exclude_none=True))
        calls.append(_contract(scenario, contract, list(places(scenario, products))))
    files = [
        file
        for pack in entry.service.rules
        for file in pack_paths(pack, scenario.folder, used_products(scenario, products))
    ]
    calls += [
        Call(one.method, one.path, one.body, f"{one.method} {one.path}", one.refused)
        for one in entry.service.calls
    ]
    return [*calls, *_read_packs(files)]


def _policy(policy: Policy) -> Call:
    return Call("PUT", f"/v1/policies/{CUSTOMER}", policy.model_dump(), "the policy")


def _contract(scenario: Scenario, contract: Contract, devices: Sequence[str]) -> Call:
    body: dict[str, Any] = {"customer": CUSTOMER, "things": list(devices)}
    body |= contract.model_dump(exclude_none=True)
    body["start_ms"] = scenario.run.start
    return Call("PUT", f"/v1/contracts/{CONTRACT}", body, "the contract")


def _product(product: Product, constants: Mapping[str, float]) -> Iterator[Call]:
    first = [part for part in product.parts.values() if not part.revises]
    for part in first:
        lead = {"p50": part.lead_time_p50_h, "p90": part.lead_time_p90_h}
        body = {"title": part.title, "price_eur": part.price_eur, "supplier": part.supplier}
        body |= {"lead_time_h": lead, "models": [product.model]}
        yield Call("PUT", f"/v1/parts/{part.sku}", body, f"part {part.sku}")
    body = {
        "product": product.id,
        "title": product.title,
        "signals": {
            name: {"unit": s.unit, "min": s.min, "max": s.max, "title": s.title}
            for name, s in product.signals.items()
        },
        "constants": dict(constants),
        "parts": [{"part": p.sku, "position": p.position, "quantity": p.quantity} for p in first],
        "conditions": [dict(condition) for condition in product.conditions],
        "metrics": [dict(metric) for metric in product.metrics],
        "sessions": [dict(session) for session in product.sessions],
        "diagnosis": [dict(fault) for fault in product.diagnosis],
        "quality": [dict(check) for check in product.quality],
        "obeys": _obeys(product),
    }
    yield Call("PUT", f"/v1/models/{product.model}", body, f"model {product.model}")


def _obeys(product: Product) -> dict[str, Any]:
    """What its devices obey, for a service that checks before it asks."""
    declared = product.obeys
    return {
        "commands": {
            name: {
                "title": command.title,
                "args": {
                    arg: {
                        "kind": spec.kind, "title": spec.title, "unit": spec.unit,
                        "min": spec.min, "max": spec.max, "one_of": list(spec.one_of),
                        "required": spec.default is None,
                    }
                    for arg, spec in command.args.items()
                },
            }
            for name, command in declared.commands.items()
        },
        "settings": {
            name: {
                "unit": spec.unit, "min": spec.min, "max": spec.max, "title": spec.title,
                "feature": spec.feature,
            }
            for name, spec in declared.settings.items()
            if not spec.read_only
        },
        "features": {name: spec.title for name, spec in declared.features.items()},
    }  # fmt: skip


def _constants(product: Product, scenario: Scenario) -> dict[str, float]:
    """What the rules know of a model; left out where its fleets differ, or do not know it.

    A parameter that each device draws for itself is no number of the model.
    """
    kinds = [fleet for fleet in scenario.fleets if fleet.product in (product.id, product.host)]
    told = [
        {n: v if isinstance(v, int | float) else nan for n, v in fleet.params.items()}
        | {REPORT_EVERY: _longest_s(fleet)}
        for fleet in kinds
    ]
    values = {name: {c.of(own) for own in told} for name, c in product.constants.items()}
    return {
        name: value
        for name, found in values.items()
        if len(found) == 1 and (value := next(iter(found))) is not None and isfinite(value)
    }


def _longest_s(fleet: Fleet) -> float:
    """After how long a device speaks at the latest; on change a signal does once an hour."""
    every_s = fleet.report_every / 1000.0
    return max(every_s, 3600.0) if fleet.reporting == "change" else every_s


def _packs(scenario: Scenario, used: Sequence[Product], rules: Path | None) -> Iterator[Call]:
    files = [rules] if rules is not None else []
    if rules is None:
        for pack in scenario.service.rules:
            files += pack_paths(pack, scenario.folder, used)
    yield from _read_packs(files)


def _read_packs(files: Sequence[Path]) -> Iterator[Call]:
    for file in files:
        try:
            body = parsed(file.read_text("utf-8"))
        except (OSError, YAMLError) as error:
            raise ScenarioError(f"rule pack {file} cannot be read: {error}") from error
        if not isinstance(body, dict):
            raise ScenarioError(f"rule pack {file}: it must be a mapping with pack, model, rules")
        yield Call("POST", "/v1/rule-packs", body, f"rule pack {file}")
