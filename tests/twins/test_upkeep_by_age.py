"""The calendar arm: parts are changed by age, whoever fitted them, and only what ages."""

from __future__ import annotations

from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import World

DAY, START = 86_400_000, 1_767_225_600_000
YEAR = 365.25 * DAY


def parts_of(ages_ms: tuple[float, ...], **upkeep: float) -> tuple[dict[str, set[str]], float]:
    """What was fitted within 100 days by device, and what it cost."""
    fleet = FleetSpec(
        product="pump", sites=1, devices_per_site=2, report_every_ms=DAY, ages_ms=ages_ms,
        params={"bearing_life_h": 1_000_000.0},
    )  # fmt: skip
    field = FieldSpec(service=False, upkeep={"every_d": 30.0, **upkeep})
    world = World(WorldSpec(start_ms=START, fleets=(fleet,), field=field), seed=7)
    world.start()
    truths = world.run_until(START + 100 * DAY).truths
    found: dict[str, set[str]] = {}
    for truth in truths:
        if truth.kind == "part.fitted":
            assert (truth.subject, str(truth.data["component"])) not in found
            found.setdefault(truth.subject, set()).add(str(truth.data["part"]))
    return found, world.costs_eur()["parts"]


def test_a_planned_visit_fits_what_is_as_old_as_its_maker_says_and_nothing_by_failure() -> None:
    fitted, eur = parts_of((0.0, 3.0 * YEAR), parts=1.0)
    # Three years: oil (12 months), a seal (12,000 run hours, half of the time), no sensor (48
    # months), no bearing (40,000), no complete pump (when it has failed).
    assert fitted == {"pump-01-2": {"seal-oil", "seal-kit"}}
    assert eur == 40.0 + 450.0
    busier, _ = parts_of((0.0, 3.0 * YEAR), parts=1.0, duty=1.0)
    assert busier["pump-01-2"] == {"seal-oil", "seal-kit", "impeller-set"}


def test_without_the_wish_no_part_is_changed_by_age() -> None:
    assert parts_of((0.0, 3.0 * YEAR)) == ({}, 0.0)
