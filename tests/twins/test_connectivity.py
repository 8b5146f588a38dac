"""Links of devices: what waits, what comes twice, what clocks say, and that nothing vanishes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from broker.wire.codec import encode
from broker.wire.messages import (
    Birth,
    Command,
    CommandAck,
    ResendRequest,
    Sample,
    Telemetry,
    TelemetryBatch,
    Uplink,
    Will,
)
from twins.core.connectivity_checks import CHECKS
from twins.core.errors import InvalidWorld
from twins.core.spec import FleetSpec, WorldSpec
from twins.world import Step, World

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_767_571_200_000
MINE = "pump-01-1"


def spec(**fleet: Any) -> WorldSpec:
    return WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump", **{"sites": 3} | fleet),))


def run(world: World, days: float, *, start: bool = True) -> list[Step]:
    steps = [world.start()] if start else []
    end_ms = world.now_ms + round(days * DAY)
    while world.now_ms < end_ms:
        steps.append(world.run_until(min(world.now_ms + 7 * HOUR, end_ms)))
    return steps


def reports(steps: list[Step], device: str | None = None) -> list[tuple[int, Telemetry | Sample]]:
    """Every report with the moment it left, in order."""
    found: list[tuple[int, Telemetry | Sample]] = []
    for step in steps:
        for sent_ms, (_, message) in zip(step.sent_ms, step.messages, strict=True):
            if device in (None, message.device):
                if isinstance(message, Telemetry):
                    found.append((sent_ms, message))
                elif isinstance(message, TelemetryBatch):
                    found += [(sent_ms, sample) for sample in message.samples]
    return found


def mine(steps: list[Step], kind: type[Uplink]) -> list[Any]:
    messages = [m for step in steps for _, m in step.messages]
    return [m for m in messages if m.device == MINE and isinstance(m, kind)]


def outage(lasting: float, link: str = "wired", **more: Any) -> list[Step]:
    world = World(spec(link=link, **more), seed=5)
    steps = [world.start(), world.run_until(START + 6 * HOUR)]
    world.inject("modem_outage", MINE, {"lasting": lasting})
    return [*steps, *run(world, 2.0, start=False)]


def test_reports_wait_while_the_modem_hangs_and_come_with_their_own_times() -> None:
    steps = outage(5.0)
    seen = reports(steps, MINE)
    assert sorted(r.seq for _, r in seen) == list(range(1, 325))
    assert all(r.at_ms == START + r.seq * 10 * MINUTE for _, r in seen)
    late = [(sent, r) for sent, r in seen if sent != r.at_ms]
    assert {sent for sent, _ in late} == {START + 11 * HOUR}
    assert [r.seq for _, r in late] == list(range(37, 66)), "66 was made as the link came back"
    [will] = mine(steps, Will)
    assert (will.seq, will.at_ms) == (-1, START + 6 * HOUR + 90_000)
    others = [m for step in steps for _, m in step.messages if m.device != MINE]
    healthy = [m for step in run(World(spec(), seed=5), 2.25) for _, m in step.messages]
    assert others == [m for m in healthy if m.device != MINE]


def test_a_buffer_that_is_too_small_loses_the_oldest_and_says_so() -> None:
    world = World(spec(sites=1), seed=5)
    steps = [world.start()]
    world.inject("modem_outage", MINE, {"lasting": 100.0})
    steps += run(world, 5.0, start=False)
    lost = [m for step in steps for _, m in step.lost]
    assert {m.device for m in lost} == {MINE}
    assert len(lost) == 600 - 432 - 1 or len(lost) == 600 - 432
    there = {r.seq for _, r in reports(steps, MINE)}
    assert there.isdisjoint(m.seq for m in lost)
    assert len(there) + len(lost) == 720


def test_what_was_said_to_a_device_that_is_away_is_heard_when_it_is_back() -> None:
    world = World(spec(), seed=5)
    world.start()
    world.inject("modem_outage", MINE, {"lasting": 2.0})
    for name, expires in (("c1", 1), ("c2", 10)):
        command = Command(
            command_id=name, device=MINE, name="reset_starts",
            issued_ms=START, expires_ms=START + expires * HOUR,
        )  # fmt: skip
        assert world.obey("station-01", command) == []
    world = World.restore(world.spec, seed=5, data=world.snapshot())
    acks = mine([world.run_until(START + 3 * HOUR)], CommandAck)
    assert [(a.command_id, a.status) for a in acks] == [("c1", "expired"), ("c2", "done")]


def test_after_a_power_cut_the_next_boot_counts_from_its_birth() -> None:
    world = World(spec(link="cellular"), seed=5)
    steps = [world.start(), world.run_until(START + 6 * HOUR)]
    world.inject("modem_outage", MINE, {"lasting": 4.0})
    steps.append(world.run_until(START + 7 * HOUR))
    world.inject("power_cut", MINE, {"lasting": 1.0})
    steps += run(world, 1.0, start=False)
    births = mine(steps, Birth)
    assert [b.boot for b in births] == [1, 2]
    batches = mine(steps, TelemetryBatch)
    assert {b.boot for b in batches} == {1, 2}, "both boots waited in one memory"
    seqs = {s.seq for b in batches if b.boot == 2 for s in b.samples}
    assert min(seqs) == 1
    asked = ResendRequest(command_id="r", device=MINE, boot=1, from_seq=1, to_seq=9)
    [(_, old)] = world.obey("station-01", asked)
    assert isinstance(old, TelemetryBatch)
    assert [s.seq for s in old.samples] == list(range(1, 10))


@pytest.mark.parametrize(
    ("fault", "params", "says"),
    [
        ("clock_skew", {"skew": 3600.0}, lambda at, since: at + HOUR),
        ("clock_wrong_year", {}, lambda at, since: at - since),
    ],
)
def test_a_wrong_clock_shows_in_what_a_device_says_until_it_is_set(
    fault: str, params: dict[str, float], says: Any
) -> None:
    world = World(spec(), seed=5)
    steps = [world.start(), world.run_until(START + HOUR)]
    world.inject(fault, MINE, params | {"lasting": 3.0})
    steps.append(world.run_until(START + DAY))
    for sent_ms, report in reports(steps, MINE):
        wrong = START + HOUR < sent_ms < START + 4 * HOUR
        told = says(sent_ms, START + HOUR) if wrong else sent_ms
        assert report.at_ms == told or sent_ms == START + 4 * HOUR
    assert all(r.at_ms == sent for sent, r in reports(steps, "pump-01-2"))


@pytest.mark.parametrize(
    "link",
    [
        "cellular",
        "lora",
        pytest.param("wired", marks=pytest.mark.deep),
        pytest.param("mesh", marks=pytest.mark.deep),
    ],
)
def test_every_report_arrives_or_waits_or_is_known_to_be_lost(link: str) -> None:
    world = World(spec(link=link, sites=3, random_faults=1.0), seed=2)
    half = run(world, 6.0)
    saved = world.snapshot()
    steps = half + run(world, 6.0, start=False)
    again = run(World.restore(world.spec, seed=2, data=saved), 6.0, start=False)
    assert written(again) == written(steps[len(half) :]), "same seed, same bytes, from a snapshot"
    seen = Counter(
        (m.device, m.boot, s.seq)
        for step in steps
        for _, m in step.messages
        if isinstance(m, Telemetry | TelemetryBatch)
        for s in (m.samples if isinstance(m, TelemetryBatch) else (m,))
    )
    lost = {(m.device, m.boot, m.seq) for step in steps for _, m in step.lost}
    wire = world.fleets[0].wire
    booted = {device: wire.side.boot(index) for device, index in world.fleets[0].index.items()}
    whole = [device for device, boots in booted.items() if boots == 1]
    made = sum(wire.side.newest(world.fleets[0].index[device]) for device in whole)
    there = sum(1 for key in seen | Counter(lost) if key[0] in whole)
    assert made - len(wire.backlog) - wire.delayed <= there <= made
    assert bool(lost) == (link == "lora")
    assert (max(seen.values()) > 1) == (link != "wired")


def written(steps: list[Step]) -> list[object]:
    out: list[object] = []
    for step in steps:
        out += [
            (at, site, encode(m)) for at, (site, m) in zip(step.sent_ms, step.messages, strict=True)
        ]
        out += [repr(truth) for truth in step.truths]
    return out


def test_one_more_site_changes_nothing_that_the_others_say_over_their_links() -> None:
    for link in ("cellular", "lora"):
        runs = []
        for sites in (2, 3):
            world = World(spec(link=link, sites=sites, random_faults=1.0), seed=9)
            steps = run(world, 6.0)
            runs.append([record for record in written(steps) if "-03" not in str(record)])
        assert runs[0] == runs[1]


def test_a_device_that_reports_on_change_leaves_out_what_it_has_said() -> None:
    every, change = (
        reports(run(World(spec(sites=1, reporting=how), seed=5), 2.0), MINE)
        for how in ("every", "change")
    )
    whole = {r.at_ms: r.signals for _, r in every}
    last: dict[str, tuple[int, float]] = {}
    for _, report in change:
        for signal, value in report.signals.items():
            assert value == whole[report.at_ms][signal]
            if signal in last:
                at_ms, before = last[signal]
                assert value != before or report.at_ms - at_ms >= HOUR
            last[signal] = (report.at_ms, value)
    cells = sum(len(signals) for signals in whole.values())
    said = sum(len(r.signals) for _, r in change)
    assert 0.2 < 1.0 - said / cells < 0.9, "COV leaves 6 to 87 % repeated values (M:lbnl)"


def test_crystals_drift_by_less_than_a_second_between_two_looks_at_a_time_server() -> None:
    seen = reports(run(World(spec(link="mesh"), seed=5), 3.0))
    off = np.array([r.at_ms - sent for sent, r in seen if sent - r.at_ms < MINUTE])
    assert 0 < np.max(np.abs(off)) < 1000


def test_a_link_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(InvalidWorld, match=r"unknown link 'wifi'; there are: .*cellular.*wired"):
        World(replace(spec(), fleets=(FleetSpec(product="pump", link="wifi"),)), seed=1)


def test_the_noise_classes_of_a_lab_are_there() -> None:
    [check] = [check for check in CHECKS if check.number == 16]
    figures = check.measure(None)  # type: ignore[arg-type]
    assert [figure.name for figure in figures if not figure.ok] == []
