"""From fleets to sites and devices with names, parameters and ages of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from harness.scenario.fleets import Device, Drawn, Fleet, Site, Value
from harness.scenario.products import Products, in_unit
from harness.scenario.schema import Scenario
from harness.scenario.units import parse_duration
from twins.core.manifest import Param
from twins.core.spec import FleetSpec
from twins.core.streams import Streams
from twins.products import Product

TRIES_MAX = 200
"""A value that lies outside its bounds so often is set to the nearer bound."""
YEAR_MS = 31_557_600_000
AGE = Param(unit="ms", default=0.0, min=0.0, max=60.0 * YEAR_MS, title="age")


class Home(NamedTuple):
    """A site and what stands there."""

    fleet: int
    """Place of its fleet in the scenario."""
    name: str
    site: Site | None
    """What the scenario says of it, if it has a name there."""
    devices: tuple[str, ...]
    told: tuple[Device | None, ...]
    """What the scenario says of each device."""


def homes(scenario: Scenario, products: Products) -> Iterator[Home]:
    """Every site, numbered on through fleets that share a prefix; unknown products are left out."""
    numbers: dict[str, int] = {}
    for index, fleet in enumerate(scenario.fleets):
        product = products.get(fleet.product)
        if product is None:
            continue
        named: Sequence[Site | None] = (
            [None] * fleet.sites if isinstance(fleet.sites, int) else fleet.sites
        )
        for site in named:
            number = numbers.get(product.site_prefix, 0) + 1
            if site is None or not site.devices:
                numbers[product.site_prefix] = number
            name = f"{product.site_prefix}-{number:02d}" if site is None else site.name
            if site is not None and site.devices:
                devices = tuple(device.name for device in site.devices)
                yield Home(index, name, site, devices, site.devices)
                continue
            places = range(1, fleet.devices_per_site + 1)
            devices = tuple(f"{product.device_prefix}-{number:02d}-{place}" for place in places)
            yield Home(index, name, site, devices, (None,) * len(devices))


def is_plain(scenario: Scenario) -> bool:
    """Whether every fleet is only counted, as the world does by itself."""
    return all(
        isinstance(fleet.sites, int)
        and fleet.age is None
        and not any(isinstance(value, Drawn) for value in fleet.params.values())
        for fleet in scenario.fleets
    )


def plain_fleets(scenario: Scenario, products: Products) -> tuple[FleetSpec, ...]:
    """One per fleet of a scenario that :func:`is_plain`."""
    return tuple(
        _spec(fleet, _given(fleet.params, products[fleet.product]), sites=fleet.sites)
        for fleet in scenario.fleets
        if isinstance(fleet.sites, int)
    )


def drawn_fleets(scenario: Scenario, products: Products, seed: int) -> tuple[FleetSpec, ...]:
    """One per run of sites that have the same parameters and as many devices.

    Every value is drawn from a stream named after its site (an age: its device), so that one more
    device changes nobody else.
    """
    streams = Streams(seed)
    told = [
        (home, _params(home, scenario.fleets[home.fleet], products, streams))
        for home in homes(scenario, products)
    ]
    specs = []
    for (index, _, params), group in groupby(
        told, key=lambda pair: (pair[0].fleet, len(pair[0].devices), pair[1])
    ):
        here = [home for home, _ in group]
        fleet = scenario.fleets[index]
        ages = [age for home in here for age in _ages(home, fleet, streams)]
        specs.append(
            _spec(
                fleet, params, sites=len(here), devices_per_site=len(here[0].devices),
                site_names=tuple(home.name for home in here),
                device_names=tuple(device for home in here for device in home.devices),
                ages_ms=tuple(ages) if any(ages) else (),
                at_km=tuple(home.site.at_km if home.site else None for home in here),
            )
        )  # fmt: skip
    return tuple(specs)


def _spec(fleet: Fleet, params: Mapping[str, float], **more: object) -> FleetSpec:
    told: dict[str, object] = {
        "product": fleet.product,
        "devices_per_site": fleet.devices_per_site,
        "report_every_ms": fleet.report_every,
        "params": params,
        "random_faults": fleet.random_faults,
        "link": fleet.link,
        "reporting": fleet.reporting,
    }
    return FleetSpec(**{**told, **more})  # type: ignore[arg-type]


def _given(values: Mapping[str, Value], product: Product) -> dict[str, float]:
    return {
        name: in_unit(value, product.params[name])
        for name, value in values.items()
        if not isinstance(value, Drawn)
    }


def _params(home: Home, fleet: Fleet, products: Products, streams: Streams) -> dict[str, float]:
    """The site's parameters: its own go before those of its fleet."""
    product = products[fleet.product]
    own = home.site.params if home.site else {}
    found = {}
    for name, value in {**fleet.params, **own}.items():
        param = product.params[name]
        if isinstance(value, Drawn):
            found[name] = draw(value, param, streams, f"fleet/{home.name}/{name}")
        else:
            found[name] = in_unit(value, param)
    return found


def _ages(home: Home, fleet: Fleet, streams: Streams) -> Iterator[float]:
    of_site = home.site.age if home.site and home.site.age is not None else fleet.age
    for name, told in zip(home.devices, home.told, strict=True):
        age = told.age if told and told.age is not None else of_site
        if isinstance(age, Drawn):
            yield draw(age, AGE, streams, f"fleet/{name}/age")
        else:
            yield float(age or 0)


def number(value: float | str, param: Param) -> float:
    """A value of a drawing in the parameter's unit; an age is a duration.

    Raises:
        ValueError: If it is neither.
    """
    if param is AGE:
        return float(parse_duration(value))
    return in_unit(value, param, bounded=False)


def draw(law: Drawn, param: Param, streams: Streams, stream: str) -> float:
    """A value of ``law`` within its bounds and those of the parameter, from a stream of its own."""
    at = {key: number(value, param) for key, value in law.numbers().items()}
    low = max(param.min, at.get("min", param.min))
    high = min(param.max, at.get("max", param.max))
    chance = streams.open(stream)
    value = low
    for _ in range(TRIES_MAX):
        value = _once(law, at, chance)
        if low <= value <= high:
            break
    value = min(max(value, low), high)
    return float(round(value)) if param.whole else value


def _once(law: Drawn, at: Mapping[str, float], chance: np.random.Generator) -> float:
    if law.uniform is not None:
        return float(chance.uniform(at["uniform.0"], at["uniform.1"]))
    if law.normal is not None:
        return float(chance.normal(at["normal.0"], at["normal.1"]))
    if law.lognormal is not None:
        return float(at["lognormal.0"] * np.exp(law.lognormal[1] * chance.standard_normal()))
    assert law.choice is not None
    return at[f"choice.{int(chance.integers(len(law.choice)))}"]
