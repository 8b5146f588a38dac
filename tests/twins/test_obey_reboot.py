"""A device that starts anew: next boot, numbers from the beginning, old reports still held."""

from __future__ import annotations

from broker.wire.messages import (
    Birth,
    RebirthRequest,
    ResendRequest,
    Telemetry,
    TelemetryBatch,
    Will,
)
from twins.core.spec import FleetSpec, WorldSpec
from twins.world import World

MINUTE = 60_000
HOUR = 60 * MINUTE
START = 1_767_571_200_000
SPEC = WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump", sites=2),))


def world_with_a_cut(*, cut: bool = True) -> tuple[World, list[Telemetry | Birth]]:
    """Two hours, 15 minutes without power after the first one; what pump-01-1 said after it."""
    world = World(SPEC, seed=7)
    world.start()
    world.run_until(START + HOUR)
    fleet = world.fleets[0]
    if cut:
        fleet.cut_power(world.now_ms, fleet.index["pump-01-1"], for_ms=15 * MINUTE)
    step = world.run_until(START + 2 * HOUR)
    said = [message for _, message in step.messages if not isinstance(message, Will)]
    assert all(isinstance(message, Telemetry | Birth) for message in said)
    return world, [m for m in said if isinstance(m, Telemetry | Birth)]


def test_after_a_power_cut_a_device_begins_its_next_boot_with_a_birth_and_seq_1() -> None:
    _, said = world_with_a_cut()
    mine = [message for message in said if message.device == "pump-01-1"]
    assert isinstance(mine[0], Birth)
    assert [(m.boot, m.seq, (m.at_ms - START) // MINUTE) for m in mine] == [
        (2, 0, 75),
        (2, 1, 80),
        (2, 2, 90),
        (2, 3, 100),
        (2, 4, 110),
        (2, 5, 120),
    ]


def test_a_power_cut_of_one_device_changes_nothing_that_another_one_says() -> None:
    others = [
        [message for message in world_with_a_cut(cut=cut)[1] if message.device != "pump-01-1"]
        for cut in (False, True)
    ]
    assert others[0] == others[1]


def test_a_second_cut_during_the_first_puts_the_start_off_and_never_forward() -> None:
    world = World(SPEC, seed=7)
    world.start()
    fleet = world.fleets[0]
    for minutes in (30, 5):
        fleet.cut_power(world.now_ms, fleet.index["pump-01-1"], for_ms=minutes * MINUTE)
    births = [m for _, m in world.run_until(START + 2 * HOUR).messages if isinstance(m, Birth)]
    assert [(m.boot, m.at_ms) for m in births] == [(2, START + 30 * MINUTE)]


def test_reports_of_the_boot_before_are_held_under_their_own_boot_also_after_a_snapshot() -> None:
    world, said = world_with_a_cut()
    again = World.restore(SPEC, seed=7, data=world.snapshot())
    for each in (world, again):
        old, new = (
            each.obey(
                "station-01",
                ResendRequest(command_id="r", device="pump-01-1", boot=boot, from_seq=0, to_seq=99),
            )
            for boot in (1, 2)
        )
        [(_, batch)] = old
        assert isinstance(batch, TelemetryBatch)
        assert [s.seq for s in batch.samples] == [1, 2, 3, 4, 5, 6]
        (_, birth), (_, batch) = new
        assert isinstance(batch, TelemetryBatch)
        assert birth == said[[m.device for m in said].index("pump-01-1")]
        assert (batch.samples[0].seq, batch.samples[0].at_ms) == (1, START + 80 * MINUTE)
        [(_, asked)] = each.obey("station-01", RebirthRequest(command_id="b", device="pump-01-1"))
        assert asked == birth
