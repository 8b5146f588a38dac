"""Fleets by name and from distributions: nobody's draw shifts anybody else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from harness.scenario.fleets import Drawn
from harness.scenario.homes import draw
from harness.scenario.products import installed
from harness.scenario.resolve import places, world_spec
from harness.scenario.schema import Scenario
from twins.core.manifest import Param
from twins.core.streams import Streams
from twins.world import World

HEAD = """schema: 1
title: A fleet
run: {start: 2026-01-05T00:00:00Z, until: 10d, sync: 6h}
"""
DRAWN = "params: {well_area_m2: {normal: [12, 2], min: 6}}, age: {uniform: [0s, 5y]}"
YEAR_MS = 31_557_600_000
AREA = Param(unit="m2", default=12.0, min=2.0, max=100.0)


def told(scenario: Scenario, seed: int = 7) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """The area of each site's well, and the age of each device, in years."""
    spec = world_spec(scenario, installed(), seed=seed)
    areas = {s: f.params["well_area_m2"] for f in spec.fleets for s in f.site_names}
    ages = {
        name: age / YEAR_MS
        for fleet in spec.fleets
        for name, age in zip(fleet.device_names, fleet.ages_ms, strict=True)
    }
    return areas, ages


def fleet(read: Callable[..., Scenario], sites: int, per_site: int = 2) -> Scenario:
    return read(
        f"{HEAD}fleets: [{{product: pump, sites: {sites}, devices_per_site: {per_site}, {DRAWN}}}]"
    )


def test_one_more_site_or_device_changes_nobody_else(read: Callable[..., Scenario]) -> None:
    areas, ages = told(fleet(read, 3))
    more_areas, more_ages = told(fleet(read, 4))
    wider_areas, wider_ages = told(fleet(read, 3, per_site=3))
    assert len(set(areas.values())) == 3
    assert len(set(ages.values())) == 6
    assert areas.items() <= more_areas.items()
    assert ages.items() <= more_ages.items()
    assert areas == wider_areas
    assert ages.items() <= wider_ages.items()
    assert told(fleet(read, 3), seed=8)[0] != areas


@pytest.mark.parametrize(
    ("law", "low", "high", "mean", "sd"),
    [
        (Drawn(uniform=(4, 8)), 4.0, 8.0, 6.0, 4.0 / np.sqrt(12.0)),
        (Drawn(normal=(12, 2)), 2.0, 100.0, 12.0, 2.0),
        (Drawn(normal=(12, 2), min=12), 12.0, 100.0, 12 + 2 * np.sqrt(2 / np.pi), 1.2056),
        (Drawn(lognormal=(10, 0.2)), 2.0, 100.0, 10 * np.exp(0.02), 2.061),
        (Drawn(choice=(4, 8)), 4.0, 8.0, 6.0, 2.0),
    ],
)  # fmt: skip
def test_drawn_values_have_the_law_that_the_file_names(
    law: Drawn, low: float, high: float, mean: float, sd: float
) -> None:
    streams = Streams(3)
    values = np.array([draw(law, AREA, streams, f"site-{n}") for n in range(3000)])
    assert values.min() >= low
    assert values.max() <= high
    assert abs(values.mean() - mean) < 5 * sd / np.sqrt(values.size)
    assert abs(values.std() / sd - 1.0) < 0.08


def test_sites_and_devices_have_the_names_places_and_parameters_that_are_given(
    read: Callable[..., Scenario],
) -> None:
    scenario = read(
        HEAD
        + """fleets:
  - product: pump
    params: {well_area_m2: 9}
    sites:
      - {name: hilltop, at_km: [3, 4], age: 1y, devices: [a, {name: b, age: 6y}]}
      - {name: harbour, params: {well_area_m2: 20}}
  - {product: pump, sites: 1}
"""
    )
    found = places(scenario, installed())
    assert {name: place.site for name, place in found.items()} == {
        "a": "hilltop", "b": "hilltop", "pump-01-1": "harbour", "pump-01-2": "harbour",
        "pump-02-1": "station-02", "pump-02-2": "station-02",
    }  # fmt: skip
    world = World(world_spec(scenario, installed(), seed=1), seed=1)
    assert sorted(found) == sorted(world.devices)
    assert {site: len(names) for site, names in world.sites.items()} == {
        "hilltop": 2, "harbour": 2, "station-02": 2,
    }  # fmt: skip
    builds = {name: fleet.build for fleet in world.fleets for name in fleet.index}
    params = {name: builds[name].params["well_area_m2"] for name in found}
    assert (params["a"], params["pump-01-1"]) == (9.0, 20.0)
    ages = dict(zip(builds["b"].devices, builds["b"].ages_ms, strict=True))
    assert ages == {"a": YEAR_MS, "b": 6 * YEAR_MS}


def test_counting_or_naming_the_same_devices_gives_the_same_messages(
    read: Callable[..., Scenario],
) -> None:
    counted = read(f"{HEAD}fleets: [{{product: pump, sites: 2, report_every: 1h}}]")
    named = read(
        f"{HEAD}fleets: [{{product: pump, report_every: 1h, sites: ["
        "{name: station-01, devices: [pump-01-1, pump-01-2]},"
        "{name: station-02, devices: [pump-02-1, pump-02-2]}]}]"
    )
    one, other = (World(world_spec(s, installed(), seed=5), seed=5) for s in (counted, named))
    assert one.start().messages == other.start().messages
    until_ms = counted.run.start + 2 * 86_400_000
    assert one.run_until(until_ms).messages == other.run_until(until_ms).messages


def test_the_older_a_fleet_is_the_sooner_its_parts_fail(read: Callable[..., Scenario]) -> None:
    left: list[float] = []
    for age in ("0s", "4y", "12y"):
        scenario = read(f"{HEAD}fleets: [{{product: pump, sites: 60, age: {age}}}]")
        world = World(world_spec(scenario, installed(), seed=2), seed=2)
        world.start()
        lives = [s.remaining_h for s in world.sample_truth() if s.component == "bearing"]
        left.append(float(np.median([life for life in lives if life is not None])))
    assert left[0] > left[1] > left[2] > 0.0
