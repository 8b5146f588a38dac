"""A revised part: its damage begins later, by its factor; the next plain one lives as before."""

from __future__ import annotations

import pytest

from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.products import catalog
from twins.world import World

START, DAY = 1_767_225_600_000, 86_400_000
PUMP = catalog()["pump"]


def left_h(*parts: str) -> float:
    """Hours that the bearing has left after these parts were fitted one after the other."""
    fleet = FleetSpec(product="pump", sites=1, devices_per_site=2, report_every_ms=DAY)
    world = World(WorldSpec(start_ms=START, fleets=(fleet,), field=FieldSpec()), seed=3)
    world.start()
    world.run_until(START + DAY)
    for part in parts:
        world._fit(world.now_ms, "pump-01-1", "bearing", part)
    found = [
        sample.remaining_h for sample in world.sample_truth()
        if (sample.device, sample.component) == ("pump-01-1", "bearing")
    ]  # fmt: skip
    (hours,) = found
    assert hours is not None
    return hours


def test_damage_of_a_revised_part_begins_later_by_its_factor_and_only_of_that_part() -> None:
    plain, revised = left_h("bearing-set"), left_h("bearing-set-b")
    growth_h = (3.0 * plain - revised) / 2.0  # the P-F interval is as long as it was
    assert PUMP.parts["bearing-set-b"].life_factor == 3.0
    assert 0.0 <= growth_h <= 1680.0 * 1.3
    assert revised > 2.0 * plain
    assert left_h("bearing-set-b", "bearing-set") == pytest.approx(
        left_h("bearing-set", "bearing-set")
    )


def test_what_a_part_revises_must_be_another_of_its_place() -> None:
    assert PUMP.parts["bearing-set-b"].revises == "bearing-set"
    assert sum(bool(part.revises) for part in PUMP.parts.values()) == 1
