"""A DPS that knows nothing of us goes through seven days at L0, L1 and L2, by the same door."""

from __future__ import annotations

import ast
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InvalidRun
from harness.events import Event, FeedSeen
from harness.scenario import build as b

SMALL = Path(__file__).with_name("small_dps.py")
SPEED = 600_000.0
WORN, SOUND = "pump-01-1", "pump-01-2"


def seven_days(sync: str = "6h", **changes: Any) -> b.Scenario:
    """A bearing wears out within five days, from the second on; a rough line on top."""
    told: dict[str, Any] = {
        "title": "Seven days",
        "run": b.run("2026-01-05T00:00:00Z", "7d", sync=sync),
        "fleets": (b.fleet("pump", sites=1, devices_per_site=2, report_every="30m"),),
        "service": b.Service(rules=()),
        "timeline": (
            b.fault("bearing_wear", WORN, at="1d", onset="0h", pf_interval="5d"),
            b.link("lost_puback", at="0h", lasts="7d"),
        ),
        "always": (b.check("one_order_per_need"), b.check("no_orders", device=SOUND)),
        "eventually": (
            b.check("alert_raised", device=WORN),
            b.check("nothing_lost"),
            b.check("exactly", exactly=1, of="kind == 'order.placed'"),
            b.check("availability_at_least", share=0.5),
        ),
    }
    return b.Scenario(**{**told, **changes})


def decisions(events: Sequence[Event]) -> list[tuple[str, str, int]]:
    """What was decided before anybody outside did something."""
    kinds = ("alert.raised", "recommendation.issued", "order.placed")
    return [
        (e.kind, e.subject, e.at_ms) for e in events if isinstance(e, FeedSeen) and e.kind in kinds
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_small_dps_is_somebody_elses() -> None:
    tree = ast.parse(SMALL.read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    ours = ("harness", "broker", "twins", "reference_impl", "loadtests")
    assert not [name for name in names if name.split(".")[0] in ours]


@pytest.fixture(scope="module")
def driven(alone):
    return alone(seven_days(), SMALL, "--level", "L2")


def test_at_l1_and_l2_it_reaches_the_same_orders(driven, start, play, broker) -> None:
    result, events = driven
    assert (result.verdict, result.mode) == ("passed", "virtual"), result.failed_checks

    live, told = play(
        seven_days(), broker=broker.url, sut=start(SMALL, "--level", "L1"), speed=SPEED
    )
    assert (live.verdict, live.mode) == ("passed", "live"), (live.error, live.failed_checks)
    assert decisions(told) == decisions(events)
    assert [kind for kind, _, _ in decisions(told)].count("order.placed") == 1
    assert "the DPS has no driven clock: the run is live" in live.notes
    assert len(live.checks) == len(result.checks)


def test_at_l0_with_webhooks_what_it_posts_is_judged_as_a_feed_is(
    driven, start, play, broker
) -> None:
    port = free_port()
    start(SMALL, "--level", "L0", "--webhook", f"http://127.0.0.1:{port}/webhooks")
    result, events = play(seven_days(), broker=broker.url, sut="none", webhooks=port, speed=SPEED)
    assert (result.verdict, result.mode) == ("passed", "live"), (result.error, result.failed_checks)
    assert decisions(events) == decisions(driven[1])
    unjudged = [note for note in result.notes if note.startswith("not judged")]
    assert unjudged == ["not judged: nothing_lost needs GET /v1/ingestion/stored"]
    assert "lost" not in result.ledger, "nobody knows what it holds"


def test_at_l0_the_wire_alone_shows_its_commands(start, play) -> None:
    """Started when the rig says where its broker is, as a person would."""
    commands = seven_days(
        eventually=(
            b.check("exactly", exactly=1, of="kind == 'command.requested'"),
            b.check("alert_raised", device=WORN),
            b.check("budget", budget="messages", at_least=600),
        ),
    )

    def begin(text: str) -> None:
        found = re.search(r"mqtt://([\d.]+:\d+)", text)
        assert found is not None, text
        start(SMALL, "--level", "L0", address=found[1])

    result, events = play(commands, broker="rumqttd", sut="none", speed=SPEED, notice=begin)
    assert result.verdict == "passed", (result.error, result.failed_checks)
    assert {check.check for check in result.checks} == {"exactly", "budget"}
    assert any("alert_raised needs the feed" in note for note in result.notes)
    heard = [e for e in events if isinstance(e, FeedSeen)]
    assert [(e.subject, e.data["name"]) for e in heard] == [(f"note-{WORN}", "reset_starts")]


def test_a_planted_mistake_is_seen_through_the_same_door(start, play, broker) -> None:
    """The door would be a picture of one if nothing could fail behind it."""
    wrong = seven_days(eventually=(b.check("alert_raised", device=SOUND),))
    result, _ = play(wrong, broker=broker.url, sut=start(SMALL, "--level", "L2"))
    assert [check.check for check in result.failed_checks] == ["alert_raised"]


@pytest.mark.parametrize("sync", [pytest.param("2h", marks=pytest.mark.deep), "12h"])
def test_its_decisions_do_not_depend_on_how_often_the_clock_is_told(
    driven, alone, sync: str
) -> None:
    result, events = alone(seven_days(sync), SMALL, "--level", "L2")
    assert result.verdict == "passed", (result.error, result.failed_checks)
    assert decisions(events) == decisions(driven[1])


@pytest.mark.parametrize(
    ("level", "options", "reason"),
    [
        ("L1", {"mode": "paced"}, "--mode paced is lock-step, and the DPS follows no clock"),
        ("L1", {"snapshot_at_ms": 1, "snapshot_dir": Path("x")}, "can be saved and taken up only"),
        ("L0", {}, "nothing could be judged of this DPS; not judged: alert_raised needs the feed"),
    ],
)
def test_what_only_lock_step_can_do_is_refused_with_the_reason(
    start, play, broker, level, options, reason
) -> None:
    url = start(SMALL, "--level", level) or "none"
    scenario = seven_days(always=(), eventually=(b.check("alert_raised", device=WORN),))
    with pytest.raises(InvalidRun, match=reason):
        play(scenario, broker=broker.url, sut=url, **options)


def test_rules_that_go_by_arrival_are_refused_at_a_speed_that_makes_them_chance(
    start, play, broker
) -> None:
    url = start(SMALL, "--level", "L1")
    scenario = seven_days(service=b.Service())
    with pytest.raises(InvalidRun) as told:
        play(scenario, broker=broker.url, sut=url, speed=SPEED)
    assert re.search(
        r"rule pump-standard/\S+ takes a value for stale after 30m; at speed 600000 a message that "
        r"is 1 s late by wall time is .* late, so that its outcome depends on arrival: use --speed "
        r"1800 or less, or offer the clock \(L2\)",
        str(told.value),
    )
