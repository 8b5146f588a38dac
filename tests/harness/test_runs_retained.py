"""Births are kept by the broker for people who look in; no count and no hash may rest on them."""

from __future__ import annotations

import pytest

from broker.servers import open_broker
from harness.scenario import build as b

KEEPING = ["rumqttd", pytest.param("mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.deep])]
START, EARLIER = "2026-01-05T00:00:00Z", "2025-06-02T00:00:00Z"


@pytest.mark.parametrize("kind", KEEPING)
def test_births_left_by_an_earlier_run_are_not_births_of_this_one(story, play, kind: str) -> None:
    """Same devices, other dates: taken for news, they would be in the counts and in the trace."""

    def told(start: str) -> b.Scenario:
        return story(
            run=b.run(start, "1d", sync="6h"),
            timeline=(),
            eventually=(b.check("nothing_lost"),),
            service=b.Service(contract=None),
        )

    memory, _ = play(told(START))
    with open_broker(kind) as broker:
        earlier, _ = play(told(EARLIER), link="mqtt", broker=broker.url)
        later, _ = play(told(START), link="mqtt", broker=broker.url)

    assert earlier.verdict == later.verdict == "passed", (later.error, later.checks)
    assert later.trace_hash == memory.trace_hash != earlier.trace_hash
    assert later.ledger == memory.ledger
    assert later.ingested == memory.ingested


@pytest.mark.deep
@pytest.mark.parametrize("kind", KEEPING)
def test_more_births_than_a_broker_hands_out_change_nothing_for_a_dps_that_comes_back(
    story, play, kind: str
) -> None:
    """rumqttd hands at most 100 retained copies to a subscriber; here are 120 devices."""
    crowd = story(
        run=b.run(START, "12h", sync="6h"),
        fleets=(b.fleet("pump", sites=2, devices_per_site=60, report_every="1h"),),
        timeline=(b.kill_dps(at="6h"),),
        eventually=(b.check("nothing_lost"),),
        service=b.Service(contract=None),
    )
    memory, _ = play(crowd)
    real, _ = play(crowd, link="mqtt", broker=kind)

    assert real.verdict == "passed", (real.error, real.checks)
    assert real.trace_hash == memory.trace_hash
    assert real.ledger == memory.ledger
    assert real.ingested == memory.ingested
