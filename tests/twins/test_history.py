"""A recorded world: columns that say what the messages would have said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from broker.wire.messages import Telemetry
from twins.core.errors import InvalidFault, InvalidWorld
from twins.core.realism import Injected, Wanted
from twins.history import DAY_MS, Recorded, Recorder, fingerprint, record, world_spec
from twins.world import World

WEAR = Injected(fault="bearing_wear", device=1, after_h=3.0, params={"pf_interval": 48.0})
WANTED = Wanted(product="pump", sites=2, devices_per_site=2, days=3.0, faults=(WEAR,))


def test_columns_hold_what_the_messages_say() -> None:
    wanted = replace(WANTED, faults=())
    history = record(wanted)
    world = World(world_spec(wanted), seed=wanted.seed)
    world.start()
    step = world.run_until(world.now_ms + 3 * DAY_MS)
    said = [message for _, message in step.messages if isinstance(message, Telemetry)]
    assert len(said) == history.at_ms.size * len(history.devices)
    for message in said:
        row = int(np.searchsorted(history.at_ms, message.at_ms))
        column = history.devices.index(message.device)
        for name, values in history.telemetry.items():
            seen = values[row, column]
            assert (name not in message.signals) == bool(np.isnan(seen))
            assert np.isnan(seen) or message.signals[name] == seen


def test_a_fault_begins_at_its_hour_on_its_device_only() -> None:
    history, healthy = record(WANTED), record(replace(WANTED, faults=()))
    onset = next(event for event in history.events if event.kind == "damage.onset")
    assert onset.subject == history.devices[1]
    assert onset.at_ms == history.at_ms[0] - 900_000 + 3 * 3_600_000
    worn = history.damage["bearing"]
    assert worn[-1, 1] == 1.0
    assert not worn[:, [0, 2, 3]].any()
    assert not healthy.damage["bearing"].any()
    for name, column in history.telemetry.items():
        np.testing.assert_array_equal(column[:, 2:], healthy.telemetry[name][:, 2:])


def test_a_fault_can_befall_a_device_that_came_with_the_fleet() -> None:
    stuck = Injected(
        fault="damper_stuck", device=3, after_h=9.0, params={"opening_pct": 60.0}, companion="room"
    )
    wanted = Wanted(product="ventilation", sites=1, devices_per_site=1, days=1.0)
    healthy = record(wanted).companions["room"]
    rooms = record(replace(wanted, faults=(stuck,))).companions["room"]
    position, before = (it.telemetry["damper_pct"] for it in (rooms, healthy))
    assert set(position[36:, 3]) == {60.0}
    assert len(set(before[36:, 3])) > 1
    np.testing.assert_array_equal(position[:36], before[:36])
    with pytest.raises(InvalidFault, match=r"no fleet of 'lift'; there are ventilation, room"):
        record(replace(wanted, faults=(replace(stuck, companion="lift"),)))
    with pytest.raises(InvalidFault, match="device 40 is not 0 to 19"):
        record(replace(wanted, faults=(replace(stuck, device=40),)))


def test_pages_are_the_whole_cut_into_pieces() -> None:
    whole = record(WANTED)
    pages = list(Recorder(WANTED).pages(days=0.8))
    assert len(pages) == 4
    np.testing.assert_array_equal(np.concatenate([page.at_ms for page in pages]), whole.at_ms)
    for kind in ("telemetry", "truth", "damage"):
        for name, column in getattr(whole, kind).items():
            parts = [getattr(page, kind)[name] for page in pages]
            np.testing.assert_array_equal(np.concatenate(parts), column)
    assert [event for page in pages for event in page.events] == list(whole.events)


def test_equal_wants_share_one_history() -> None:
    asked: list[Wanted] = []
    histories = Recorded(asked.append)
    first = histories.get(WANTED)
    assert histories.get(replace(WANTED)) is first
    assert len(asked) == 1
    assert histories.get(replace(WANTED, seed=2)) is not first


def test_the_fingerprint_tells_one_seed_from_another_and_nothing_else() -> None:
    assert fingerprint(record(WANTED)) == fingerprint(record(WANTED))
    assert fingerprint(record(WANTED)) != fingerprint(record(replace(WANTED, seed=2)))


def test_all_that_is_wrong_with_the_faults_is_told_at_once() -> None:
    wrong = (replace(WEAR, device=4), replace(WEAR, after_h=100.0))
    with pytest.raises(InvalidFault) as caught:
        Recorder(replace(WANTED, faults=wrong))
    assert caught.value.problems == (
        "bearing_wear: device 4 is not 0 to 3",
        "bearing_wear: begins 100 h from the start, not in 0 to 72 h",
    )
    with pytest.raises(InvalidWorld, match="no date"):
        Recorder(replace(WANTED, start="monday"))
