"""Link faults in whole runs: strict files, one hash over every link, one order per worn part."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.engine.runner import load
from harness.errors import InvalidRun, InvalidScenario
from harness.events import RunResult
from harness.scenario import build as b

ROOT = Path(__file__).parents[2]
THIRD = ROOT / "scenarios/links/every-third-acknowledgement-lost.yaml"
EXACT = ROOT / "scenarios/links/exact-numbers.yaml"
BROKERS = [
    "rumqttd",
    pytest.param("amqtt", marks=pytest.mark.deep),
    pytest.param("mosquitto", marks=[pytest.mark.deep, pytest.mark.mosquitto]),
]


def verdicts(result: RunResult) -> list[tuple[str, str, int]]:
    """What the faults did: verdict, device and number."""
    lines = (result.run_dir / "trace.jsonl").read_bytes().splitlines()
    records = [msgspec.json.decode(line) for line in lines]
    return [(r[2], r[4], r[6]) for kind, r in records if kind == "verdict"]


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    from harness.engine.runner import RunOptions, run_scenario

    options = RunOptions(link="memory", runs_dir=tmp_path_factory.mktemp("third"))
    return run_scenario(THIRD, seed=7, options=options)


def test_a_lost_third_of_acknowledgements_doubles_messages_and_not_the_order(third) -> None:
    """A device that repeats each third publish sends half as many again as it has to say."""
    assert third.verdict == "passed", (third.error, third.failed_checks)
    assert third.orders == 1
    share = third.ledger["duplicated"] / third.ledger["produced"]
    assert 0.4 < share < 0.51
    assert third.ledger["lost"] == 0
    assert {verdict for verdict, _, _ in verdicts(third)} == {"no_puback"}


@pytest.mark.deep
@pytest.mark.parametrize("broker", BROKERS)
def test_lost_acknowledgements_have_one_hash_and_one_order_over_every_broker(
    play, third, broker: str
) -> None:
    real = play(THIRD, link="mqtt", broker=broker)

    assert real.verdict == "passed", (real.error, real.failed_checks)
    assert real.orders == 1
    assert real.ledger == third.ledger
    assert real.trace_hash == third.trace_hash


def test_what_comes_twice_changes_nothing_that_is_decided(play, third) -> None:
    """The outcome hash leaves the verdicts out: with and without the fault it is one."""
    calm = load(THIRD)
    calm = calm.model_copy(update={"timeline": calm.timeline[1:]})

    assert play(calm).outcome_hash == third.outcome_hash


@pytest.mark.parametrize("broker", BROKERS)
def test_a_script_is_recorded_as_exactly_what_it_did_over_every_link(play, broker: str) -> None:
    memory, real = play(EXACT), play(EXACT, link="mqtt", broker=broker)

    done = [("drop", 17), ("double", 23), ("swap", 40), ("no_puback", 50), ("corrupt", 60)]
    assert verdicts(memory) == [(verdict, "pump-01-1", number) for verdict, number in done]
    assert memory.verdict == real.verdict == "passed"
    assert memory.ledger["duplicated"] == 2
    assert memory.ledger["recovered"] == 2
    assert memory.ledger["dead_letters"] == 1
    assert (real.ledger, real.trace_hash) == (memory.ledger, memory.trace_hash)


def every_kind() -> b.Scenario:
    """Five days with every kind of link fault, some at once."""
    return b.Scenario(
        title="All goes wrong on the way",
        run=b.run("2026-01-05T00:00:00Z", "5d", sync="4h"),
        fleets=(b.fleet("pump", sites=2, devices_per_site=1, report_every="30m"),),
        service=b.Service(rules=()),
        timeline=(
            b.link("loss", at="1h", lasts="1d", ratio=0.1),
            b.link("delay", at="2h", lasts="1d", by="10m", jitter="2h"),
            b.link("duplicate", at="12h", lasts="1d", ratio=0.3, after="1m"),
            b.link("lost_puback", at="0h", lasts="4d"),
            b.link("reorder", at="1d", lasts="1d", ratio=0.3, depth=2),
            b.link("partition", at="36h", lasts="6h", sites=("station-01",), heal="1h"),
            b.link("storm", at="2d", lasts="12h", times=3, within="20m"),
            b.link("takeover", at="60h", lasts="6h", times=2, device="pump-02-1"),
            b.link("flaky", at="3d", lasts="1h", times=2),
            b.link("corrupt", at="74h", lasts="12h", ratio=0.2),
            b.link("outage", at="90h", lasts="3h", site="station-02"),
            b.link("script", at="94h", lasts="20h", drop=(190,), swap=((200, 201),)),
        ),
        eventually=(b.check("nothing_lost"),),
    )


@pytest.mark.deep
@pytest.mark.parametrize("broker", BROKERS)
def test_every_kind_of_link_fault_has_one_hash_over_every_link(play, broker: str) -> None:
    memory, real = play(every_kind()), play(every_kind(), link="mqtt", broker=broker)

    assert memory.verdict == "passed", (memory.error, memory.failed_checks)
    assert {verdict for verdict, _, _ in verdicts(memory)} == {
        "drop", "delay", "double", "no_puback", "swap", "hold", "release", "will", "fail",
        "corrupt", "takeover",
    }  # fmt: skip
    assert real.ledger == memory.ledger
    assert real.trace_hash == memory.trace_hash


def take_overs() -> b.Scenario:
    return b.Scenario(
        title="Somebody else has the same id",
        run=b.run("2026-01-05T00:00:00Z", "1d", sync="4h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="30m"),),
        service=b.Service(rules=()),
        timeline=(b.link("takeover", at="2h", lasts="10h", device="pump-01-1"),),
        eventually=(b.check("nothing_lost"),),
    )


def test_a_take_over_of_a_real_connection_has_the_hash_of_the_memory_link(play) -> None:
    real = play(take_overs(), link="mqtt", broker="rumqttd", clients="per-device")

    assert real.verdict == "passed", (real.error, real.failed_checks)
    assert verdicts(real) == [("takeover", "pump-01-1", -1)]
    assert real.trace_hash == play(take_overs()).trace_hash


def test_a_broker_that_mixes_sessions_up_is_refused_for_take_overs(play) -> None:
    with pytest.raises(InvalidRun, match="amqtt mixes the sessions of two clients"):
        play(take_overs(), link="mqtt", broker="amqtt", clients="per-device")


def test_another_seed_spoils_other_messages_and_a_script_the_same(play) -> None:
    assert verdicts(play(EXACT)) == verdicts(play(EXACT, seed=8))
    one, other = play(every_kind()), play(every_kind(), seed=8)
    assert verdicts(one) != verdicts(other)


def test_a_run_saved_while_messages_are_on_their_way_ends_with_the_same_hash(
    play, tmp_path: Path
) -> None:
    whole = play(every_kind())
    for hours in (20, 50):
        saved = tmp_path / f"saved-{hours}"
        play(every_kind(), snapshot_at_ms=hours * 3_600_000, snapshot_dir=saved)
        assert play(every_kind(), resume_from=saved).trace_hash == whole.trace_hash


HEAD = """schema: 1
title: x
run: {start: 2026-01-05T00:00:00Z, until: 5d}
fleets: [{product: pump, sites: 2}]
timeline:
"""


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("link: delay", ["6:5: a delay needs its by, such as 30s"]),
        (
            "link: lag, by: 3s",
            ["6:29: 'lag' is not one of 'outage', 'loss', 'delay', 'duplicate',"],
        ),
        (
            "link: loss, ratio: 0.5, every: 3",
            ["6:54: every is not for a loss; it takes: at, for, site, device, ratio"],
        ),
        ("link: duplicate, ratio: 1.5", ["input should be less than or equal to 1"]),
        (
            "link: corrupt, depth: 3, heal: 1h",
            ["a corrupt needs its ratio", "depth is not for", "heal is not for"],
        ),
        (
            "link: partition, sites: [station-09]",
            ["unknown site 'station-09'; allowed: station-01"],
        ),
        (
            "link: partition, direction: sideways",
            ["'sideways' is not one of 'both', 'up' or 'down'"],
        ),
        ("link: storm, times: 10, within: 20m", ["within is 1200000 ms, but the next break"]),
        ("link: script", ["it has nothing to do"]),
        ("link: script, swap: [[40, 42]]", ["swap takes neighbours"]),
        ("link: script, drop: [4], double: [4]", ["twice: [4]"]),
        ("link: lost_puback, every: 1", ["would acknowledge nothing"]),
        (
            "link: partition, site: station-01, sites: [station-02]",
            ["name a site or a device, not both: site and sites"],
        ),
    ],
)
def test_mistakes_in_a_link_fault_are_told_with_place_and_remedy(tmp_path, entry, said) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"{HEAD}  - {{at: 1h, for: 1h, {entry}}}\n")
    with pytest.raises(InvalidScenario) as told:
        load(file)
    for part in said:
        assert part in str(told.value)
    assert len(told.value.problems) == len(said), str(told.value)
