"""Same seed same bytes, snapshots in mid-run, nobody shifts anybody else's draws."""

from dataclasses import replace

import pytest

from broker.wire.codec import encode
from broker.wire.messages import Command
from twins.core.errors import InvalidSnapshot
from twins.core.ports import Fact
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.world import Step, World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000
ONE_SITE = WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump"),))
FAULT = {"onset": 0.0, "pf_interval": 200.0}


def written(steps: list[Step]) -> list[object]:
    """Everything that came out, in a form that shows every last bit."""
    out: list[object] = []
    for step in steps:
        out += [(site, encode(message)) for site, message in step.messages]
        out += [repr(truth) for truth in step.truths]
        out += [repr(intent) for intent in step.intents]
    return out


def run(spec: WorldSpec, seed: int = 7, days: int = 3) -> list[object]:
    world = World(spec, seed=seed)
    return written([world.start(), *(world.run_until(START + d * DAY) for d in range(1, days + 1))])


def of_site(records: list[object], site: str) -> list[object]:
    return [record for record in records if isinstance(record, tuple) and record[0] == site]


def story(world: World) -> None:
    """A fault, an order on its way, a work order waiting for its slot, a command obeyed."""
    world.inject("bearing_wear", "pump-01-1", FAULT)
    part = {"part": "bearing-set", "quantity": 1, "thing": "pump-01-1"}
    visit = {"thing": "pump-01-1", "position": "bearing", "part": "bearing-set"}
    at = world.now_ms
    world.observe(
        [
            Fact(at_ms=at, kind="order.placed", subject="ord-1", data=part),
            Fact(at_ms=at, kind="order.confirmed", subject="ord-2", data=part),
            Fact(at_ms=at, kind="order.shipped", subject="ord-3", data=part),
            Fact(at_ms=at, kind="work_order.requested", subject="wo-1", data=visit),
            Fact(
                at_ms=at, kind="recommendation.issued", subject="rec-1", data={"policy": "approval"}
            ),
        ]
    )
    world.obey(
        "station-01",
        Command(command_id="c1", device="pump-01-2", name="stop", issued_ms=at, expires_ms=at),
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = run(ONE_SITE)
    assert first == run(ONE_SITE)
    assert first != run(ONE_SITE, seed=8)


@pytest.mark.parametrize("service", [True, pytest.param(False, marks=pytest.mark.deep)])
def test_a_world_restored_in_mid_run_goes_on_as_the_one_that_was_saved(service: bool) -> None:
    spec = replace(ONE_SITE, field=FieldSpec(service=service))
    world = World(spec, seed=7)
    world.start()
    world.run_until(START + 2 * DAY)
    story(world)
    # Between two reports; with everything still open, or just before the failure.
    saved_at = START + (2 if service else 8) * DAY + HOUR + 60_000
    world.run_until(saved_at)
    data = world.snapshot()
    other = World.restore(spec, seed=7, data=data)
    assert other.now_ms == saved_at
    assert other.snapshot() == data
    ends = [saved_at + hours * HOUR for hours in range(5, 20 * 24, 5)]
    left = [world.run_until(end) for end in ends]
    right = [other.run_until(end) for end in ends]
    assert written(left) == written(right)
    kinds = {truth.kind for step in left for truth in step.truths}
    assert {"part.fitted", "cost.booked"} <= kinds
    assert ({"component.failed", "device.down", "device.up"} <= kinds) is not service
    assert world.costs_eur() == other.costs_eur()
    assert world.sample_truth() == other.sample_truth()
    if service:
        verbs = {intent.verb for step in left for intent in step.intents}
        assert {"order.deliver", "work_order.complete"} <= verbs


def test_a_restored_world_still_knows_which_commands_it_obeyed_and_what_it_sent() -> None:
    world = World(ONE_SITE, seed=7)
    world.start()
    world.run_until(START + HOUR)
    command = Command(
        command_id="c1", device="pump-01-1", name="stop", issued_ms=START, expires_ms=START + DAY
    )
    assert len(world.obey("station-01", command)) == 1
    other = World.restore(ONE_SITE, seed=7, data=world.snapshot())
    assert other.obey("station-01", command) == []


def test_a_snapshot_of_another_world_or_of_nothing_is_refused() -> None:
    world = World(ONE_SITE, seed=7)
    world.start()
    with pytest.raises(InvalidSnapshot, match="another description or seed"):
        World.restore(ONE_SITE, seed=8, data=world.snapshot())
    with pytest.raises(InvalidSnapshot, match="not a snapshot"):
        World.restore(ONE_SITE, seed=7, data=b"\x01nonsense")


def test_the_way_a_span_is_cut_into_runs_changes_nothing() -> None:
    whole, cut = World(ONE_SITE, seed=7), World(ONE_SITE, seed=7)
    for world in (whole, cut):
        world.start()
    one = whole.run_until(START + DAY)
    many = [cut.run_until(START + at * 7 * 60_000) for at in range(1, 24 * 60 // 7 + 1)]
    many.append(cut.run_until(START + DAY))
    assert written([one]) == [record for step in many for record in written([step])]


def test_adding_sites_and_fleets_shifts_nobody_elses_draws() -> None:
    alone = of_site(run(ONE_SITE), "station-01")
    more_sites = replace(ONE_SITE, fleets=(FleetSpec(product="pump", sites=3),))
    assert of_site(run(more_sites), "station-01") == alone
    second = FleetSpec(product="pump", report_every_ms=300_000)
    both = run(replace(ONE_SITE, fleets=(FleetSpec(product="pump"), second)))
    assert of_site(both, "station-01") == alone
    assert of_site(both, "station-02")


def test_a_fault_changes_only_its_own_site() -> None:
    spec = replace(ONE_SITE, fleets=(FleetSpec(product="pump", sites=2),))
    worlds = World(spec, seed=7), World(spec, seed=7)
    for world in worlds:
        world.start()
        world.run_until(START + DAY)
    worlds[1].inject("bearing_wear", "pump-01-1", {"onset": 0.0, "pf_interval": 48.0})
    left, right = (written([world.run_until(START + 6 * DAY)]) for world in worlds)
    assert of_site(left, "station-02") == of_site(right, "station-02")
    assert of_site(left, "station-01") != of_site(right, "station-01")


def test_changing_one_wear_constant_changes_messages() -> None:
    def vibrating(rise_mm_s: float) -> list[object]:
        fleet = FleetSpec(product="pump", params={"bearing_rise_mm_s": rise_mm_s})
        world = World(replace(ONE_SITE, fleets=(fleet,)), seed=7)
        world.start()
        world.inject("bearing_wear", "pump-01-1", FAULT)
        return written([world.run_until(START + 6 * DAY)])

    assert vibrating(5.0) != vibrating(5.1)


def test_lives_do_not_depend_on_when_a_part_is_fitted() -> None:
    """Common random numbers: the second life is the same however the first one ended."""
    second_lives = []
    for wait_days in (1, 5):
        fleet = FleetSpec(
            product="pump", report_every_ms=6 * HOUR, params={"bearing_life_h": 100.0}
        )
        world = World(replace(ONE_SITE, fleets=(fleet,)), seed=5)
        world.start()
        world.run_until(START + wait_days * DAY)
        fitted_at = world.now_ms
        world._fit(fitted_at, "pump-01-1", "bearing", "bearing-set")
        truths = world.run_until(fitted_at + 150 * DAY).truths
        second_lives.append(
            [
                (truth.at_ms - fitted_at, truth.kind)
                for truth in truths
                if truth.subject == "pump-01-1" and truth.data.get("life") == 2
            ]
        )
    assert second_lives[0] == second_lives[1]
    kinds = [kind for _, kind in second_lives[0]]
    assert kinds == ["part.fitted", "damage.onset", "component.failed"]
