"""What only one who knows products and checks can see: names, parameters, units, arguments."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path as FilePath
from typing import NamedTuple

from harness.scenario.base import Timed
from harness.scenario.checkproblems import ArgModels, check_problems
from harness.scenario.checkrefs import PHASES
from harness.scenario.entries import Change, Setup, Work
from harness.scenario.features import feature_problems
from harness.scenario.fleets import Drawn, Fleet, Site
from harness.scenario.homes import drawn_fleets, homes, is_plain, plain_fleets
from harness.scenario.links import LinkFault, problems_of
from harness.scenario.names import age_problems, fleet_params, name_problems, owner_problems
from harness.scenario.products import Products, in_unit
from harness.scenario.said import Path, Place, Said, unknown
from harness.scenario.schema import Contract, Fault, People, Scenario
from harness.scenario.steps import (
    find_order_problems,
    find_time_problems,
    find_work_problems,
)
from twins.core.common_faults import faults_of
from twins.core.manifest import Param
from twins.core.spec import FieldSpec, WorldSpec
from twins.field import calendar, weather
from twins.field.people import ACTORS
from twins.field.places import COUNTRIES
from twins.products import Product
from twins.products.plan import companion_names


def places(scenario: Scenario, products: Products) -> dict[str, Place]:
    """Every device of the scenario by id, numbered on through fleets that share a prefix."""
    found: dict[str, Place] = {}
    for home in homes(scenario, products):
        fleet = scenario.fleets[home.fleet]
        product = products[fleet.product]
        counts = _counts(fleet, home.site, product)
        for name in home.devices:
            found[name] = Place(home.name, product.id)
            found |= {
                other: Place(home.name, companion.id)
                for companion in product.companions
                for other in companion_names(companion, name, counts)
            }
    return found


def used_products(scenario: Scenario, products: Products) -> list[Product]:
    """The products of the scenario's devices, each followed by its companions."""
    fleets = dict.fromkeys(fleet.product for fleet in scenario.fleets if fleet.product in products)
    return [product for name in fleets for product in (products[name], *products[name].companions)]


def _counts(fleet: Fleet, site: Site | None, product: Product) -> dict[str, float]:
    """The parameters that count companions; the default where the author's value is wrong."""
    counts: dict[str, float] = {}
    given = {**fleet.params, **(site.params if site else {})}
    for companion in product.companions:
        param = product.params[companion.count]
        value = given.get(companion.count, param.default)
        try:
            counts[companion.count] = param.default if isinstance(value, Drawn) else in_unit(
                value, param
            )  # fmt: skip
        except ValueError:
            counts[companion.count] = param.default
    return counts


def world_spec(scenario: Scenario, products: Products, *, seed: int) -> WorldSpec:
    """The world that the scenario describes, its parameters in their own units.

    Args:
        scenario: What is described.
        products: The products that there are.
        seed: Of what is drawn: parameters and ages.
    """
    fleets = (
        plain_fleets(scenario, products)
        if is_plain(scenario)
        else drawn_fleets(scenario, products, seed)
    )
    people = scenario.field
    return WorldSpec(
        start_ms=scenario.run.start,
        fleets=fleets,
        field=FieldSpec(
            country=people.country,
            time_zone=people.time_zone,
            habits={str(actor): habit for actor, habit in people.habits.items()},
            service=people.service,
            **{
                name: _in_units(getattr(people, name), params)
                for name, params in _field_params(people.country).items()
            },
        ),
    )


def fault_params(fault: Fault, product: Product) -> dict[str, float | str]:
    """The parameters of a fault, each in the unit that the product's manifest names."""
    spec = faults_of(product)[fault.fault]
    signals = {name: value for name, value in fault.params.items() if name in spec.signals}
    numbers = {name: value for name, value in fault.params.items() if name not in spec.signals}
    return {**signals, **_in_units(numbers, spec.params)}


def changed_params(who: str, given: Mapping[str, float | str], country: str) -> dict[str, float]:
    """Parameters of people in mid-run, each in its own unit."""
    return _in_units(given, _field_params(country)[who])


def _in_units(given: Mapping[str, float | str], params: Mapping[str, Param]) -> dict[str, float]:
    return {name: in_unit(value, params[name]) for name, value in given.items()}


def find_problems(
    scenario: Scenario,
    *,
    folder: FilePath,
    products: Products,
    checks: ArgModels,
    devices_known: bool = True,
) -> Iterator[Said]:
    """Every mistake that shape alone does not show.

    With ``devices_known`` false (the fleets themselves are wrong) no device is called unknown.
    """
    for i, fleet in enumerate(scenario.fleets):
        yield from _fleet(("fleets", i), fleet, products)
    yield from _people(scenario.field)
    yield from name_problems(scenario, products)
    devices = places(scenario, products)
    complete = devices_known and all(fleet.product in products for fleet in scenario.fleets)
    used = used_products(scenario, products)
    signed = scenario.service.contract is not None
    around = Known(devices, products, used, folder, complete, signed)
    for i, entry in enumerate(scenario.timeline):
        at: Path = ("timeline", i)
        yield from find_time_problems(at, entry, scenario, devices, products, complete=complete)
        yield from _step(at, entry, around)
    yield from find_order_problems(scenario)
    for i, pack in enumerate(scenario.service.rules):
        yield from _pack(("service", "rules", i), pack, folder, used)
    if complete:
        yield from owner_problems(scenario, products)
    if scenario.service.contract is not None:
        yield from _contract(scenario.service.contract, used)
    for phase in PHASES:
        for i, ref in enumerate(getattr(scenario, phase)):
            known = devices if complete else None
            yield from check_problems((phase, i), ref, checks, known, products)
    yield from feature_problems(scenario.features)


def _field_params(country: str) -> dict[str, Mapping[str, Param]]:
    """Parameters below ``field`` by key."""
    return {"weather": weather.params(country), "calendar": calendar.PARAMS, **ACTORS}


@cache
def _time_zones() -> frozenset[str]:
    """All that are installed; asking reads hundreds of files."""
    return frozenset(zoneinfo.available_timezones())


def _people(people: People) -> Iterator[Said]:
    country = people.country
    if country not in COUNTRIES:
        yield Said(("field", "country"), False, unknown("country", country, sorted(COUNTRIES)))
        country = People().country
    if people.time_zone and people.time_zone not in (zones := _time_zones()):
        text = unknown("time zone", people.time_zone, sorted(zones))
        yield Said(("field", "time_zone"), False, text)
    for name, params in _field_params(country).items():
        yield from _params(("field", name), getattr(people, name), params, name)


def _fleet(path: Path, fleet: Fleet, products: Products) -> Iterator[Said]:
    product = products.get(fleet.product)
    if product is None:
        alone = sorted(name for name, other in products.items() if not other.host)
        yield Said((*path, "product"), False, unknown("product", fleet.product, alone))
        return
    if product.host:
        text = f"{product.id} comes with {product.host}, not by itself"
        yield Said((*path, "product"), False, text)
    if fleet.report_every <= 0:
        yield Said((*path, "report_every"), False, "report_every must be longer than 0")
    counts = {companion.count for companion in product.companions}
    at: Path = (*path, "params")
    yield from fleet_params(at, fleet.params, product.params, product.id, counts)
    yield from age_problems((*path, "age"), fleet.age)
    for i, site in enumerate(() if isinstance(fleet.sites, int) else fleet.sites):
        here: Path = (*path, "sites", i)
        own: Path = (*here, "params")
        yield from fleet_params(own, site.params, product.params, product.id, counts)
        yield from age_problems((*here, "age"), site.age)
        for k, device in enumerate(site.devices):
            yield from age_problems((*here, "devices", k, "age"), device.age)


def _params(
    path: Path, given: Mapping[str, float | str], params: Mapping[str, Param], owner: str
) -> Iterator[Said]:
    for name, value in given.items():
        if name not in params:
            yield Said((*path, name), True, unknown(f"parameter of {owner}", name, sorted(params)))
            continue
        try:
            in_unit(value, params[name])
        except ValueError as error:
            yield Said((*path, name), False, str(error))


class Known(NamedTuple):
    """What entries of a timeline may name; ``complete`` is false if a fleet is wrong."""

    devices: Mapping[str, Place]
    products: Products
    used: list[Product]
    folder: FilePath
    complete: bool
    has_contract: bool


def _step(path: Path, entry: Timed, known: Known) -> Iterator[Said]:
    devices, products, complete = known.devices, known.products, known.complete
    if isinstance(entry, Fault | LinkFault):
        yield from _entry(path, entry, devices, products, known.used, complete=complete)
    elif isinstance(entry, Work):
        yield from find_work_problems(path, entry, devices, products, complete=complete)
    elif isinstance(entry, Change):
        for who, params in entry.set_.items():
            yield from _params((*path, "set", who), params, ACTORS[who], who)
    elif isinstance(entry, Setup):
        for k, pack in enumerate(entry.service.rules):
            yield from _pack((*path, "service", "rules", k), pack, known.folder, known.used)
        if entry.service.contract is not None and not known.has_contract:
            where = (*path, "service", "contract")
            yield Said(where, True, "there is no contract to amend; give service.contract")


def _entry(
    path: Path,
    entry: Fault | LinkFault,
    devices: Mapping[str, Place],
    products: Products,
    used: Sequence[Product],
    *,
    complete: bool,
) -> Iterator[Said]:
    """``complete`` is false if a fleet is wrong: every device of it would seem unknown."""
    if complete and entry.device is not None and entry.device not in devices:
        yield Said((*path, "device"), False, unknown("device", entry.device, devices))
    if isinstance(entry, LinkFault):
        sites = dict.fromkeys(place.site for place in devices.values())
        if complete and entry.site is not None and entry.site not in sites:
            yield Said((*path, "site"), False, unknown("site", entry.site, sites))
        for key, text in problems_of(entry, sites if complete else None):
            yield Said((*path, key) if key else path, False, text)
        return
    if entry.device in devices:
        product = products[devices[entry.device].product]
        faults = faults_of(product)
        if entry.fault not in faults:
            text = unknown(f"fault of {product.id}", entry.fault, sorted(faults))
            yield Said((*path, "fault"), False, text)
            return
        yield from _fault_params((*path, "params"), entry, product)
        return
    known = {name for product in used for name in faults_of(product)}
    if complete and entry.fault not in known:
        yield Said((*path, "fault"), False, unknown("fault", entry.fault, sorted(known)))


def _fault_params(path: Path, entry: Fault, product: Product) -> Iterator[Said]:
    spec = faults_of(product)[entry.fault]
    for name in spec.signals:
        signal = entry.params.get(name)
        if signal is not None and signal not in product.signals:
            text = unknown(f"signal of {product.id}", str(signal), sorted(product.signals))
            yield Said((*path, name), False, text)
    numbers = {name: value for name, value in entry.params.items() if name not in spec.signals}
    yield from _params(path, numbers, spec.params, entry.fault)


def pack_paths(pack: str, folder: FilePath, products: Iterable[Product]) -> list[FilePath]:
    """Files of a pack: one per product for a bare name, else one relative to the scenario.

    A companion need not have it.
    """
    if pack.endswith((".yaml", ".yml")) or "/" in pack:
        return [folder / pack]
    return [
        product.folder / "rules" / f"{pack}.yaml"
        for product in products
        if not product.host or pack in product.rule_packs
    ]


def _pack(path: Path, pack: str, folder: FilePath, products: list[Product]) -> Iterator[Said]:
    for file in pack_paths(pack, folder, products):
        if not file.is_file():
            there = sorted(
                {
                    other.stem
                    for product in products
                    for other in (product.folder / "rules").glob("*.yaml")
                    if not other.stem.endswith("_test")
                }
            )
            of = next((f" of {p.id}" for p in products if file.is_relative_to(p.folder)), "")
            text = unknown(f"rule pack{of}", pack, there)
            yield Said(path, False, text if of else f"no rule pack at {file}; {text}")


def _contract(contract: Contract, products: list[Product]) -> Iterator[Said]:
    names = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", contract.up_when)) - {"true", "false"}
    for product in products:
        for name in sorted(names - set(product.signals)):
            text = unknown(f"signal of {product.id}", name, sorted(product.signals))
            yield Said(("service", "contract", "up_when"), False, text)
