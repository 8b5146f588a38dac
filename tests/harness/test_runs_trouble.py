from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InvalidRun, ScenarioError
from harness.scenario import build as b

WORN = "pump-01-1"
WEAR = b.fault("bearing_wear", WORN, at="4d", onset="0h", pf_interval="18d")


KILLS = [
    pytest.param("in_clock", "rumqttd"),
    pytest.param("before_commit", "rumqttd", marks=pytest.mark.deep),
    pytest.param("after_commit", "mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.deep]),
    pytest.param("before_publish", "mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.deep]),
    pytest.param("before_commit", "mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.deep]),
    pytest.param("after_commit", "rumqttd", marks=pytest.mark.deep),
    pytest.param("in_clock", "mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.deep]),
    pytest.param("before_publish", "rumqttd", marks=pytest.mark.deep),
]
"""One pair in `make test`, where the DPS's own tests walk the points; all pairs deep."""


@pytest.mark.parametrize(("point", "broker"), KILLS)
def test_killing_the_dps_anywhere_leaves_the_outcome_as_it_was(
    story, play, undisturbed, point: str, broker: str
) -> None:
    """kill -9 and a restart: nothing lost, nothing done twice."""
    kill = b.kill_dps(at="11d", point=point)
    killed, _ = play(story(timeline=(WEAR, kill)), link="mqtt", broker=broker)

    assert killed.error == ""
    assert killed.outcome_hash == undisturbed[0].outcome_hash
    assert killed.trace_hash != undisturbed[0].trace_hash
    assert killed.ledger["lost"] == 0
    assert not (killed.run_dir / "crash-point").exists(), "the point was never reached"


def test_killing_the_dps_over_the_memory_link_reopens_its_store(story, play, undisturbed) -> None:
    killed, _ = play(story(timeline=(WEAR, b.kill_dps(at="11d"))))

    assert killed.verdict == "passed", (killed.error, killed.checks)
    assert killed.outcome_hash == undisturbed[0].outcome_hash


def test_an_outage_is_healed_without_loss_and_is_in_the_trace(story, play) -> None:
    cut = b.outage(at="9d", lasts="12h", site="station-01")
    healed, notes = play(story(timeline=(WEAR, cut)))
    real, _ = play(story(timeline=(WEAR, cut)), link="mqtt", broker="rumqttd")

    assert healed.verdict == "passed", (healed.error, healed.checks)
    assert healed.ledger["late"] > 0
    assert healed.ledger["lost"] == 0
    assert any(getattr(e, "kind", "") == "device.lost" for e in notes.events)
    assert real.trace_hash == healed.trace_hash


def test_lost_messages_are_asked_for_again(story, play) -> None:
    lossy = b.loss(at="5d", lasts="2d", ratio=0.1)
    result, _ = play(story(timeline=(WEAR, lossy)))

    assert result.ledger["dropped"] > 5
    assert result.ledger["lost"] == 0, result.ledger
    assert result.verdict == "passed", (result.error, result.checks)


def test_live_and_compressed_the_decisions_are_those_of_lock_step(story, play, undisturbed) -> None:
    """A DPS that is right only when its clock is driven would be a fake."""
    _, driven = undisturbed
    live, notes = play(story(), mode="live", speed=400_000.0)

    assert live.verdict == "passed", (live.error, live.checks)
    assert notes.decisions() == driven.decisions()
    placed = [
        next(e.at_ms for e in n.events if getattr(e, "kind", "") == "order.placed")
        for n in (driven, notes)
    ]
    assert placed[0] == placed[1], "decided at the same simulated moment"


def test_without_its_rule_the_run_fails_and_shows_why(story, play, tmp_path: Path) -> None:
    pack = tmp_path / "thin.yaml"
    pack.write_text(
        """pack: thin
version: "1.0.0"
model: pump-duplex-7k5
owner: test
every: 10m
stale_after: 30m
rules:
  - id: zone-c
    let: {vib: {signal: vibration_mm_s, take: mean, over: 1h}}
    when: vib > 1.8
    for: 1h
    severity: minor
    then: [{alert: {}}]
    why: only an alert, nothing is ordered
"""
    )
    result, _ = play(story(), rules=pack)

    assert result.exit_code == 1
    (failed,) = result.failed_checks
    assert failed.check == "order_delivered"
    assert failed.title == f"{WORN}: one order is delivered"
    assert failed.expected == "1 delivered"
    assert failed.seen == "0 delivered, not one in the whole run"
    assert 0 < len(failed.around) <= 20
    assert any("component.failed" in line for line in failed.around)
    assert result.replay.endswith(f"--seed 7 --link memory --rules {pack}")


def test_a_rule_on_a_signal_that_the_product_lacks_is_the_authors_mistake(
    story, play, tmp_path: Path
) -> None:
    pack = tmp_path / "bad.yaml"
    pack.write_text(
        """pack: bad
version: "1.0.0"
model: pump-duplex-7k5
owner: test
every: 10m
stale_after: 30m
rules:
  - id: r
    let: {vib: {signal: vibration_mm_ss, take: mean, over: 1h}}
    when: vib > 1.8
    for: 1h
    severity: minor
    then: [{alert: {}}]
    why: x
"""
    )
    with pytest.raises(ScenarioError, match="vibration_mm_ss") as caught:
        play(story(), rules=pack)
    assert caught.value.exit_code == 2
    assert str(pack) in str(caught.value)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"link": "mqtt", "broker": "amqtt"}, "amqtt keeps nothing .* use --broker rumqttd"),
        ({"store": "memory"}, "its store has to be a file"),
    ],
)
def test_a_kill_that_could_not_be_survived_is_refused_with_the_reason(
    story, play, options, text: str
) -> None:
    with pytest.raises(InvalidRun, match=text) as caught:
        play(story(timeline=(b.kill_dps(at="1d"),)), **options)
    assert caught.value.exit_code == 6


def test_a_broker_that_is_not_there_is_said_with_its_address(story, play) -> None:
    with pytest.raises(InvalidRun, match=r"127\.0\.0\.1:9"):
        play(story(), link="mqtt", broker="mqtt://127.0.0.1:9")
