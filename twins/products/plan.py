"""From a world's description to the fleets that are to be built."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from twins.core.errors import named
from twins.core.manifest import resolve
from twins.core.spec import LINKS, REPORTING, FleetSpec, WorldSpec
from twins.core.streams import Streams
from twins.core.twin import Build
from twins.products import Product, catalog

SITES_MAX = 100_000
"""Bounds of one fleet, so that a slip of the keyboard ends in a message and not in swapping."""
DEVICES_PER_SITE_MAX = 100
NUMBERED = re.compile(r"[a-z]+-(\d{2,}-\d+)")
"""A device that nobody gave a name."""
RANDOM_FAULTS_MAX = 1000.0


def plan_fleets(spec: WorldSpec, streams: Streams) -> tuple[list[tuple[Product, Build]], list[str]]:
    """What to build for every fleet of a description.

    Sites are called ``<prefix>-01 ...``; a further fleet of the same prefix goes on counting, so
    that adding one renames nobody. The fleets of a product's companions follow its own.

    Returns:
        Product and build of each fleet, and a problem per mistake (then the list is of no use).
    """
    plans: list[tuple[Product, Build]] = []
    problems: list[str] = []
    sites_so_far: dict[str, int] = {}
    for index, fleet in enumerate(spec.fleets):
        where = f"fleets[{index}]"
        product = catalog().get(fleet.product)
        if product is None:
            there_are = named(catalog())
            problems.append(f"{where}: unknown product {fleet.product!r}; there are: {there_are}")
            continue
        if product.host:
            problems.append(f"{where}: {product.id} comes with {product.host}, not by itself")
            continue
        values, found = resolve(f"{where} ({product.id})", fleet.params, product.params)
        found += _out_of_bounds(where, fleet)
        problems += found
        if found:
            continue
        first = sites_so_far.get(product.site_prefix, 0) + 1
        if not fleet.site_names:
            sites_so_far[product.site_prefix] = first + fleet.sites - 1
        numbers = range(first, first + fleet.sites)
        build = _build(fleet, product, numbers, values, spec, streams)
        plans += [(product, build), *_companions(product, build)]
    return plans, [*problems, *_twice(plans)]


def _twice(plans: Sequence[tuple[Product, Build]]) -> list[str]:
    """Devices that are called the same."""
    names = Counter(name for _, build in plans for name in build.devices)
    return [f"{many} devices are called {name!r}" for name, many in names.items() if many > 1]


def companion_names(companion: Product, device: str, params: Mapping[str, float]) -> list[str]:
    """Ids of the companions of one device of the host: ``<prefix>-<place of the host>-<number>``.

    Args:
        companion: The product that comes with it.
        device: The host's device.
        params: The host's parameters.
    """
    numbered = NUMBERED.fullmatch(device)
    place = numbered[1] if numbered else device
    many = round(params[companion.count])
    return [f"{companion.device_prefix}-{place}-{number}" for number in range(1, many + 1)]


def _companions(host: Product, build: Build) -> Iterator[tuple[Product, Build]]:
    for product in host.companions:
        names = [companion_names(product, device, build.params) for device in build.devices]
        many = len(names[0])
        yield (
            product,
            replace(
                build,
                devices=tuple(name for of_device in names for name in of_device),
                devices_per_site=build.devices_per_site * many,
                ages_ms=tuple(age for age in build.ages_ms for _ in range(many)),
                params={name: param.default for name, param in product.params.items()},
            ),
        )


def _out_of_bounds(where: str, fleet: FleetSpec) -> list[str]:
    bounds = {
        "sites": SITES_MAX,
        "devices_per_site": DEVICES_PER_SITE_MAX,
        "report_every_ms": 86_400_000,
    }
    counts = {
        "site_names": fleet.sites, "device_names": fleet.sites * fleet.devices_per_site,
        "ages_ms": fleet.sites * fleet.devices_per_site, "at_km": fleet.sites,
    }  # fmt: skip
    problems = [
        f"{where}: {name} must be {many} or none, not {given}"
        for name, many in counts.items()
        if (given := len(getattr(fleet, name))) not in (0, many)
    ]
    problems += [
        f"{where}: {name} must be 1 to {most}, not {getattr(fleet, name)}"
        for name, most in bounds.items()
        if not 1 <= getattr(fleet, name) <= most
    ]
    if not 0.0 <= fleet.random_faults <= RANDOM_FAULTS_MAX:
        problems.append(
            f"{where}: random_faults must be 0 to {RANDOM_FAULTS_MAX:g}, not {fleet.random_faults}"
        )
    for name, words in (("link", LINKS), ("reporting", REPORTING)):
        if (word := getattr(fleet, name)) not in words:
            problems.append(f"{where}: unknown {name} {word!r}; there are: {named(words)}")
    return problems


def _build(  # noqa: PLR0917 - each has another type
    fleet: FleetSpec,
    product: Product,
    numbers: range,
    params: Mapping[str, float],
    world: WorldSpec,
    streams: Streams,
) -> Build:
    return Build(
        sites=fleet.site_names or tuple(f"{product.site_prefix}-{number:02}" for number in numbers),
        devices=fleet.device_names
        or tuple(
            f"{product.device_prefix}-{number:02}-{place}"
            for number in numbers
            for place in range(1, fleet.devices_per_site + 1)
        ),
        devices_per_site=fleet.devices_per_site,
        report_every_ms=fleet.report_every_ms,
        start_ms=world.start_ms,
        licence_key=world.licence_key,
        params=params,
        streams=streams,
        random_faults=fleet.random_faults,
        link=fleet.link,
        reporting=fleet.reporting,
        ages_ms=fleet.ages_ms,
    )
