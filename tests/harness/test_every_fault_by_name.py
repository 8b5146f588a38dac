"""Every failure mode of every product: by name from a scenario, and by chance."""

from collections.abc import Iterator, Mapping

import pytest
import simpy

from harness.checks.base import arguments
from harness.scenario.loader import parse
from harness.scenario.products import installed
from harness.scenario.resolve import fault_params, world_spec
from harness.scenario.schema import Fault
from twins.core.common_faults import COMMON_FAULTS, faults_of
from twins.core.manifest import resolve_fault
from twins.core.mishaps import Mishaps
from twins.core.pending import PendingTable
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.core.streams import Streams
from twins.core.twin import Build
from twins.products import Product
from twins.world import World

PRODUCTS = installed()
HOSTS = sorted(name for name, product in PRODUCTS.items() if not product.host)
DAY = 24 * 3_600_000
START = 1_767_571_200_000
NEEDS: Mapping[tuple[str, str], str] = {
    ("ventilation", "belt_slip"): "params: {belt_driven: 1, rooms: 1}",
    ("ventilation", "belt_break"): "params: {belt_driven: 1, rooms: 1}",
    ("ventilation", "frost"): "params: {recovery: 1, rooms: 1}",
}
"""What a unit must have been built with so that it can break so."""
SMALL = {"ventilation": "params: {rooms: 1}"}


def cases() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Product, parameters of its fleet, and the faults that such a fleet can have."""
    for name in HOSTS:
        plain = SMALL.get(name, "link: wired")
        family = (PRODUCTS[name], *PRODUCTS[name].companions)
        by_params: dict[str, list[str]] = {}
        for fault in dict.fromkeys(fault for made in family for fault in faults_of(made)):
            by_params.setdefault(NEEDS.get((name, fault), plain), []).append(fault)
        for params, faults in by_params.items():
            yield name, params, tuple(faults)


def timeline(product: Product, fault: str, site: int) -> str:
    """One entry for the host's first device, or that of a companion which has the fault."""
    host = f"{product.device_prefix}-{site:02d}-1"
    if fault in faults_of(product):
        return f"  - {{at: 1h, fault: {fault}, device: {host}}}"
    return f"  - {{at: 1h, fault: {fault}, device: {_companion(product, fault, site)}}}"


def _companion(product: Product, fault: str, site: int) -> str:
    [owner] = [made for made in product.companions if fault in faults_of(made)]
    return f"{owner.device_prefix}-{site:02d}-1-1"


@pytest.mark.parametrize(("name", "params", "faults"), list(cases()))
def test_every_fault_of_a_product_can_be_injected_by_name_from_a_scenario(
    name: str, params: str, faults: tuple[str, ...]
) -> None:
    product = PRODUCTS[name]
    entries = "\n".join(timeline(product, fault, site) for site, fault in enumerate(faults, 1))
    text = f"""schema: 1
title: Everything breaks
story: Each fault at its defaults, at a site of its own.
run: {{start: 2026-01-05T00:00:00Z, until: 1d, sync: 6h}}
fleets:
  - {{product: {name}, sites: {len(faults)}, devices_per_site: 1, report_every: 1h, {params}}}
service: {{rules: [standard], policy: {{mode: "off"}}}}
timeline:
{entries}
eventually: [nothing_lost]
"""
    scenario = parse(text, "scenario.yaml", products=PRODUCTS, checks=arguments())
    world = World(world_spec(scenario, PRODUCTS, seed=7), seed=7)
    world.start()
    truths = list(world.run_until(scenario.run.start + 3_600_000).truths)
    for entry in scenario.timeline:
        assert isinstance(entry, Fault)
        owner = PRODUCTS[world.devices[entry.device]]
        world.inject(entry.fault, entry.device, fault_params(entry, owner))
    truths += world.run_until(scenario.run.start + DAY // 4).truths
    begun = {str(t.data["fault"]) for t in truths if t.kind == "fault.begun"}
    assert begun == set(faults)


def test_no_fault_of_any_manifest_is_left_out() -> None:
    listed = {fault for _, _, faults in cases() for fault in faults}
    assert listed == {fault for made in PRODUCTS.values() for fault in faults_of(made)}
    assert set(COMMON_FAULTS) <= listed
    assert len(listed) > 60


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_every_fault_with_a_rate_arrives_with_parameters_that_can_be_injected(name: str) -> None:
    """Arrivals without physics: the rare ones a hundred times faster than the frequent ones."""
    product, seen = PRODUCTS[name], set()
    faults = faults_of(product)
    for factor, frequent in ((2.0, True), (400.0, False)):
        some = {key: spec for key, spec in faults.items() if (spec.rate_per_year > 5.0) is frequent}
        env = simpy.Environment(initial_time=START)
        pending = PendingTable(env)
        devices = tuple(f"device-{number}" for number in range(20))
        build = Build(
            sites=devices, devices=devices, devices_per_site=1, report_every_ms=DAY,
            start_ms=START, params={}, streams=Streams(7), random_faults=factor,
        )  # fmt: skip

        def begin(
            _at_ms: int, _device: int, fault: str, cause: str, params: Mapping[str, float]
        ) -> None:
            problems = resolve_fault(fault, params, faults[fault], product.signals)[2]
            assert (problems, cause) == ([], "random")
            seen.add(fault)

        mishaps = Mishaps(
            kind="fault", rank=1, faults=some, build=build, pending=pending, begin=begin
        )
        mishaps.start(START + 60 * DAY)
        env.run(until=START + 60 * DAY)
    assert seen == {fault for fault, spec in faults.items() if spec.rate_per_year > 0.0}


@pytest.mark.deep
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", HOSTS)
def test_every_fault_with_a_rate_comes_by_itself(name: str) -> None:
    params = {"rooms": 1.0} if name == "ventilation" else {}
    fleet = FleetSpec(
        product=name, sites=30, devices_per_site=1, report_every_ms=DAY // 4, params=params,
        random_faults=200.0,
    )  # fmt: skip
    field = FieldSpec(service=False)
    world = World(
        WorldSpec(start_ms=START, fleets=(fleet,), field=field), seed=7, hear=lambda _: None
    )
    world.start()
    truths = world.run_until(START + 30 * DAY).truths
    begun = {
        (world.devices[t.subject], str(t.data["fault"]))
        for t in truths
        if t.kind == "fault.begun" and t.data["cause"] == "random"
    }
    products = (PRODUCTS[name], *PRODUCTS[name].companions)
    rated = {
        (made.id, fault)
        for made in products
        for fault, spec in faults_of(made).items()
        if spec.rate_per_year > 0.0
    }
    assert begun == rated
