"""What a branch changes when it goes on from a snapshot: rules, prices, policy, faults."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml.error import YAMLError

from harness.engine.assembly import Rig
from harness.engine.options import Changes
from harness.engine.windows import Windows
from harness.errors import ScenarioError
from harness.scenario.products import Products
from harness.scenario.resolve import fault_params, places, used_products
from harness.scenario.schema import Policy, Scenario
from harness.sut.port import Call
from harness.sut.setup import CUSTOMER, installation
from harness.world.control import WantedFault
from harness.world.loop import Loop
from twins.core.yaml_text import parsed


def check(changes: Changes, scenario: Scenario, products: Products) -> list[str]:
    """Everything that is wrong with changes, before a world runs."""
    problems = []
    used = used_products(scenario, products)
    skus = sorted({sku for product in used for sku in product.parts})
    models = sorted({product.model for product in used})
    for sku, eur in changes.prices_eur.items():
        if sku not in skus:
            problems.append(f"unknown part {sku!r}; allowed: {', '.join(skus)}")
        elif not eur >= 0:
            problems.append(f"the price of {sku} must be 0 EUR or more, not {eur}")
    for path in changes.rules:
        try:
            model = str(_pack(path).get("model"))
        except ScenarioError as error:
            problems.append(str(error))
            continue
        if model not in models:
            problems.append(f"{path} is for {model}; the run has {', '.join(models)}")
    unknown = sorted(set(changes.policy) - set(Policy.model_fields))
    if unknown:
        allowed = ", ".join(Policy.model_fields)
        problems.append(f"unknown key of the policy: {', '.join(unknown)}; allowed: {allowed}")
    devices = places(scenario, products)
    for fault in changes.faults:
        if fault.device not in devices:
            known = ", ".join(list(devices)[:12])
            problems.append(f"unknown device {fault.device!r}; allowed: {known}")
            continue
        try:
            fault_params(fault, products[devices[fault.device].product])
        except (KeyError, ValueError) as error:
            problems.append(f"fault {fault.fault!r} on {fault.device}: {error}")
    return problems


async def apply(
    changes: Changes,
    *,
    scenario: Scenario,
    products: Products,
    rig: Rig,
    loop: Loop,
    windows: Windows,
) -> None:
    """Make the changes, at rest; each stands in the trace as a fault by ``fork``.

    Raises:
        ScenarioError: If the DPS refuses a pack or a policy.
    """
    at_ms, told = loop.progress.now_ms, loop.recorder
    calls, notes = _calls(changes, scenario, products)
    await rig.sut.install(calls)
    windows.learn(calls)
    reprice(rig, changes.prices_eur)
    for kind, target, params in notes:
        told.fault(at_ms, kind, target, params, ended=False, by="fork")
    devices = places(scenario, products)
    for fault in changes.faults:
        params = fault_params(fault, products[devices[fault.device].product])
        loop.inject_by_hand(WantedFault(fault.fault, fault.device, params), by="fork")


def reprice(rig: Rig, prices_eur: Mapping[str, float]) -> None:
    """Let the suppliers of the world take other prices; a snapshot of a world has none."""
    for sku, eur in prices_eur.items():
        rig.world.set_price(sku, eur)


Note = tuple[str, str, Mapping[str, Any]]


def _calls(
    changes: Changes, scenario: Scenario, products: Products
) -> tuple[list[Call], list[Note]]:
    calls: list[Call] = []
    notes: list[Note] = []
    standard = installation(scenario, products, rules=None)
    bodies = {str(c.body["model"]): c.body for c in standard if c.path == "/v1/rule-packs"}
    for path in changes.rules:
        body = dict(_pack(path))
        was = bodies.get(str(body.get("model")))
        if was is not None:
            body["pack"] = was["pack"]  # so that it takes the place of that one
        body["version"] = f"{body.get('version', '0')}+fork.{_digest(body)}"
        calls.append(Call("POST", "/v1/rule-packs", body, f"rule pack {path}"))
        told = {"pack": body["pack"], "version": body["version"]}
        notes.append(("rules.replaced", str(body.get("model")), told))
    for sku, eur in changes.prices_eur.items():
        part = next(c for c in standard if c.path == f"/v1/parts/{sku}")
        calls.append(Call("PUT", part.path, {**part.body, "price_eur": eur}, part.about))
        was_eur = part.body["price_eur"]
        notes.append(("price.changed", sku, {"was_eur": was_eur, "now_eur": eur}))
    if changes.policy:
        policy = scenario.service.policy.model_copy(update=dict(changes.policy))
        body = Policy.model_validate(policy.model_dump()).model_dump()
        calls.append(Call("PUT", f"/v1/policies/{CUSTOMER}", body, "the policy"))
        notes.append(("policy.changed", CUSTOMER, dict(changes.policy)))
    return calls, notes


def _pack(path: Path) -> Mapping[str, Any]:
    try:
        body = parsed(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ScenarioError(f"rule pack {path} cannot be read: {error}") from error
    if not isinstance(body, dict):
        raise ScenarioError(f"rule pack {path}: it must be a mapping with pack, model, rules")
    return body


def _digest(body: Mapping[str, Any]) -> str:
    data = msgspec.json.encode(body, order="deterministic")
    return hashlib.sha256(data).hexdigest()[:8]
