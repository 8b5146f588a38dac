"""A DPS that knows products and their parts, for dry runs of rule packs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import Any

from broker.link.memory import MemoryBus
from harness.errors import ScenarioError
from harness.scenario.products import Products, installed
from harness.scenario.schema import Scenario
from harness.sut.http import HttpSut
from harness.sut.port import Call
from harness.sut.reference import InProcessReference
from harness.sut.setup import installation

Ask = Callable[[str, str, Any], Awaitable[tuple[int, Any]]]
"""Calls the DPS: method, path, body -> status, decoded answer."""


@asynccontextmanager
async def rules_dps(models: AbstractSet[str], url: str | None) -> AsyncIterator[Ask]:
    """A DPS that knows ``models`` with their parts and conditions, for dry runs of packs.

    Args:
        models: Ids of the thing models that the packs are for.
        url: A DPS that runs already, or None for the reference DPS in this process.

    Raises:
        ScenarioError: If no product here has one of the models.
        SutError: If the DPS does not answer as the contract says.
    """
    products = installed()
    known = {product.model: product.id for product in products.values()}
    missing = sorted(models - set(known))
    if missing and url is None:
        raise ScenarioError(
            f"unknown model {', '.join(missing)}; the products here have: {', '.join(known)}"
        )
    sut = (
        HttpSut.at(url)
        if url
        else InProcessReference(MemoryBus().service_link, store_url="sqlite://", clock="driven")
    )
    await sut.open()
    try:
        for model in sorted(models & set(known)):
            await sut.install(model_calls(known[model], products))
        yield sut.ask
    finally:
        await sut.close()


def model_calls(product_id: str, products: Products) -> list[Call]:
    """What a DPS has to know before it can judge packs for a product: model and parts."""
    bare = Scenario.model_validate(
        {
            "title": f"rules of {product_id}",
            "run": {"start": "2026-01-01T00:00:00Z", "until": "1d"},
            "fleets": [{"product": product_id, "devices_per_site": 1}],
            "service": {"rules": []},
        }
    )
    wanted = ("/v1/parts/", "/v1/models/")
    return [
        call for call in installation(bare, products, rules=None) if call.path.startswith(wanted)
    ]
