"""Mistakes in entries of the timeline that shape alone does not show, but for faults of devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from harness.scenario.base import Timed
from harness.scenario.conditions import FEED_KINDS, TRUTH_KINDS, WEAR, Ref, read_condition
from harness.scenario.entries import DpsFault, Work
from harness.scenario.products import Products
from harness.scenario.said import Path, Place, Said, unknown
from harness.scenario.schema import Scenario
from twins.core.spec import FleetSpec, WorldSpec
from twins.world import World


def find_order_problems(scenario: Scenario) -> Iterator[Said]:
    """Names of entries that stand twice, and ``after`` that leads nowhere or in a circle."""
    names: dict[str, int] = {}
    for index, entry in enumerate(scenario.timeline):
        if entry.name is not None and entry.name in names:
            first = names[entry.name] + 1
            text = f"name {entry.name!r} stands twice; the first is entry {first}"
            yield Said(("timeline", index, "name"), False, text)
        elif entry.name is not None:
            names[entry.name] = index
    for index, entry in enumerate(scenario.timeline):
        if entry.waits_for is None:
            continue
        path: Path = ("timeline", index, "at" if entry.at else "when", "after")
        if entry.waits_for not in names:
            text = unknown("entry", entry.waits_for, sorted(names))
            yield Said(path, False, text)
        elif _circles(scenario.timeline, names, index):
            text = f"entry {index + 1} waits for itself; each after must lead to one that does not"
            yield Said(path, False, text)


def _circles(entries: Sequence[Timed], names: Mapping[str, int], index: int) -> bool:
    seen, now = {index}, entries[index].waits_for
    while now in names:
        assert now is not None
        if names[now] in seen:
            return True
        seen.add(names[now])
        now = entries[names[now]].waits_for
    return False


def find_time_problems(
    path: Path,
    entry: Timed,
    scenario: Scenario,
    devices: Mapping[str, Place],
    products: Products,
    *,
    complete: bool,
) -> Iterator[Said]:
    """What is wrong with when an entry takes effect, and how long it lasts.

    ``complete`` is false if a fleet is wrong: then no device is called unknown.
    """
    run = scenario.run
    at = entry.at
    if at and at.every and entry.lasts is not None and entry.lasts >= at.every:
        text = "every must be longer than for: it would begin again before it has ended"
        yield Said((*path, "at", "every"), False, text)
    lasts = entry.lasts if isinstance(entry, DpsFault) else None
    if at and not at.after and lasts is not None and at.first + lasts >= run.until:
        text = "for reaches to the end of the run: the DPS has to be back before it"
        yield Said((*path, "for"), False, text)
    if entry.when is None:
        return
    where = (*path, "when", "holds")
    condition, problems = read_condition(entry.when.holds)
    for text in problems:
        yield Said(where, False, text)
    if condition is not None:
        for ref in condition.names.values():
            for text in unread(ref, devices, products, complete=complete):
                yield Said(where, False, text)
    if entry.when.for_ >= run.until:
        text = "for is as long as the run: it would never be seen"
        yield Said((*path, "when", "for"), False, text)


def unread(
    ref: Ref, devices: Mapping[str, Place], products: Products, *, complete: bool
) -> Iterator[str]:
    """What a condition reads and there is not."""
    if ref.word in ("events", "truths"):
        kinds = FEED_KINDS if ref.word == "events" else TRUTH_KINDS
        if ref.kind not in kinds:
            yield unknown(f"kind of {ref.word}", ref.kind, kinds)
        sites = {place.site for place in devices.values()}
        if complete and ref.about and ref.about not in devices and ref.about not in sites:
            yield unknown("device or site", ref.about, (*devices, *sorted(sites)))
        return
    if ref.about not in devices:
        if complete:
            yield unknown("device", ref.about, devices)
        return
    product = products[devices[ref.about].product]
    if ref.word == "signal" and ref.kind not in product.signals:
        yield unknown(f"signal of {product.id}", ref.kind, sorted(product.signals))
    if ref.word == "truth" and ref.part and ref.kind not in product.components:
        yield unknown(f"component of {product.id}", ref.kind, sorted(product.components))
    if ref.word == "truth" and not ref.part:
        if ref.kind in product.components:
            parts = " or ".join(f".{ref.kind}.{part}" for part in WEAR)
            yield f"{ref.kind!r} is a component; read {parts} of it"
        elif ref.kind not in (names := _true_values(product.host or product.id, product.id)):
            yield unknown(f"true value of {product.id}", ref.kind, sorted(names))


@cache
def _true_values(host: str, product: str) -> frozenset[str]:
    """Names of the true values of a product, asked of a world with one device of its host."""
    fleet = FleetSpec(product=host, sites=1, devices_per_site=1)
    world = World(WorldSpec(start_ms=0, fleets=(fleet,)), seed=0)
    return frozenset(
        name
        for sample in world.sample_truth()
        if world.devices[sample.device] == product
        for name in sample.signals
    )


def find_work_problems(
    path: Path, entry: Work, devices: Mapping[str, Place], products: Products, *, complete: bool
) -> Iterator[Said]:
    """A device or component that there is not."""
    place = devices.get(entry.device)
    if place is None:
        if complete:
            yield Said((*path, "device"), False, unknown("device", entry.device, devices))
        return
    product = products[place.product]
    if entry.component is not None and entry.component not in product.components:
        text = unknown(f"component of {product.id}", entry.component, sorted(product.components))
        yield Said((*path, "component"), False, text)
