"""What is installed in the DPS before the first clock call, as calls of its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harness.errors import ScenarioError, TwinAuthorError
from harness.scenario.products import ProductFacts, Products
from harness.scenario.resolve import pack_paths, places
from harness.scenario.schema import Scenario
from harness.sut.port import Call

CUSTOMER = "customer-01"
"""Scenarios have one customer; tenants are later work."""


def installation(
    scenario: Scenario,
    products: Products,
    models: Mapping[str, Mapping[str, Any]],
    *,
    rules: Path | None,
) -> list[Call]:
    """All calls, in an order that the DPS can take.

    Args:
        scenario: Says which fleets, rules, policy and contract.
        products: What the products' folders say.
        models: Body of ``PUT /v1/models`` by product, without parts and conditions.
        rules: A pack that takes the place of the scenario's own.

    Raises:
        TwinAuthorError: If data of a product cannot be read.
        ScenarioError: If a rule pack cannot be read.
    """
    used = [products[name] for name in dict.fromkeys(fleet.product for fleet in scenario.fleets)]
    devices = places(scenario, products)
    calls = [Call("PUT", f"/v1/customers/{CUSTOMER}", {"name": "Customer 01"}, "the customer")]
    for site in dict.fromkeys(place.site for place in devices.values()):
        body = {"customer": CUSTOMER, "name": site, "time_zone": "UTC"}
        calls.append(Call("PUT", f"/v1/sites/{site}", body, f"site {site}"))
    for product in used:
        calls += _product(product, models[product.id])
    for device, place in devices.items():
        product = products[place.product]
        body = {
            "model": product.model,
            "site": place.site,
            "serial": f"sn-{device}",
            "title": device,
        }
        calls.append(Call("PUT", f"/v1/things/{device}", body, f"thing {device}"))
    calls.append(_policy(scenario))
    calls += _packs(scenario, used, rules)
    if scenario.service.contract is not None:
        contract: dict[str, Any] = {"customer": CUSTOMER, "things": list(devices)}
        contract |= scenario.service.contract.model_dump()
        contract["start_ms"] = scenario.run.start
        calls.append(Call("PUT", "/v1/contracts/contract-01", contract, "the contract"))
    return calls


def _policy(scenario: Scenario) -> Call:
    return Call(
        "PUT", f"/v1/policies/{CUSTOMER}", scenario.service.policy.model_dump(), "the policy"
    )


def _product(product: ProductFacts, model: Mapping[str, Any]) -> Iterator[Call]:
    parts = data_of(product, "parts.yaml")
    for part in parts:
        body = {key: part[key] for key in ("title", "price_eur", "supplier", "lead_time_h")}
        body["models"] = [product.model]
        yield Call("PUT", f"/v1/parts/{part['sku']}", body, f"part {part['sku']}")
    body = dict(model)
    body["parts"] = [
        {"part": p["sku"], "position": p["position"], "quantity": p["quantity"]} for p in parts
    ]
    body["conditions"] = data_of(product, "conditions.yaml")
    yield Call("PUT", f"/v1/models/{product.model}", body, f"model {product.model}")


def data_of(product: ProductFacts, name: str) -> Sequence[Mapping[str, Any]]:
    """The list that a data file of a product holds.

    Raises:
        TwinAuthorError: If it cannot be read.
    """
    file = product.folder / name
    try:
        data = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    except (OSError, YAMLError) as error:
        raise TwinAuthorError(f"product {product.id}: {file} cannot be read: {error}") from error
    if not isinstance(data, list):
        raise TwinAuthorError(f"product {product.id}: {file} must hold a list")
    return data


def _packs(scenario: Scenario, used: Sequence[ProductFacts], rules: Path | None) -> Iterator[Call]:
    files = [rules] if rules is not None else []
    if rules is None:
        for pack in scenario.service.rules:
            files += pack_paths(pack, scenario.folder, used)
    for file in files:
        try:
            body = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
        except (OSError, YAMLError) as error:
            raise ScenarioError(f"rule pack {file} cannot be read: {error}") from error
        if not isinstance(body, dict):
            raise ScenarioError(f"rule pack {file}: it must be a mapping with pack, model, rules")
        yield Call("POST", "/v1/rule-packs", body, f"rule pack {file}")
