"""``{every: product}`` in a call of a scenario: all devices of a product, so that none is listed.

A list in a call's body may hold it as an item, beside names; it is put in place before a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.scenario.base import Timed
from harness.scenario.entries import Setup
from harness.scenario.products import Products
from harness.scenario.resolve import places
from harness.scenario.said import Path, Said, unknown
from harness.scenario.schema import Scenario

WORD = "every"


def spelled_out(scenario: Scenario, products: Products) -> Scenario:
    """The scenario with the names of devices in place of the word."""
    if not any(isinstance(entry, Setup) and entry.service.calls for entry in scenario.timeline):
        return scenario
    by_product: dict[str, list[str]] = {}
    for device, place in places(scenario, products).items():
        by_product.setdefault(place.product, []).append(device)
    timeline: list[Timed] = []
    for entry in scenario.timeline:
        if not isinstance(entry, Setup):
            timeline.append(entry)
            continue
        calls = tuple(
            call.model_copy(update={"body": _named(call.body, by_product)})
            for call in entry.service.calls
        )
        service = entry.service.model_copy(update={"calls": calls})
        timeline.append(entry.model_copy(update={"service": service}))
    return scenario.model_copy(update={"timeline": tuple(timeline)})


def everyone_problems(scenario: Scenario, products: Products) -> Iterator[Said]:
    """Products that no fleet of the scenario has."""
    there = sorted({place.product for place in places(scenario, products).values()})
    for number, entry in enumerate(scenario.timeline):
        for at, call in enumerate(entry.service.calls if isinstance(entry, Setup) else ()):
            where: Path = ("timeline", number, "service", "calls", at, "body")
            for path, product in _asked(call.body, where):
                if product not in there:
                    yield Said(path, False, unknown("product", str(product), there))


def _product_of(item: Any) -> Any:  # noqa: ANN401 - what a file says
    """What an item asks for every device of; None: it does not."""
    return item[WORD] if isinstance(item, Mapping) and item.keys() == {WORD} else None


def _named(value: Any, by_product: Mapping[str, list[str]]) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {name: _named(one, by_product) for name, one in value.items()}
    if not isinstance(value, list | tuple):
        return value
    out: list[Any] = []
    for item in value:
        product = _product_of(item)
        out += [_named(item, by_product)] if product is None else by_product.get(product, [])
    return out


def _asked(value: Any, where: Path) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _asked(one, (*where, name))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            product = _product_of(item)
            if product is None:
                yield from _asked(item, (*where, number))
            else:
                yield (*where, number, WORD), product
