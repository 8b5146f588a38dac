"""The scenarios that come with the rig pass over every broker that can carry them: one hash each.

Twenty of them, with every product and every kind of entry between them, are run over every broker
by ``make test-deep``; with TWINRIG_ALL_SCENARIOS=1 it is every file there is (about a quarter of an
hour of a core).
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from broker.servers import mosquitto
from harness.engine.runner import load
from harness.errors import InvalidRun
from harness.events import RunResult

ROOT = Path(__file__).parents[2]
EVERY = sorted(
    f"{path.parent.name}/{path.stem}"
    for path in (ROOT / "scenarios").glob("*/*.yaml")
    if path.parent.name != "broken"
)
TWENTY = (
    "analytics/real-time", "arms/pumps", "bins/fire", "commerce/m1-direct",
    "digital_services/what-the-customer-sees", "firmware/rollout-goes-wrong",
    "links/every-third-acknowledgement-lost", "links/exact-numbers",
    "machine_customers/lost-parcel", "metering/power-by-the-hour", "outcomes/wet-month",
    "platform/city", "pricing/transaction", "pumps/budget-opened", "pumps/storm-and-house-call",
    "pumps/service-goes-down", "pumps/worst-moment",
    "pumps/whoever-delivers", "staircase/step-3-break-fix", "ventilation/node-dies",
)  # fmt: skip
BROKERS = ("rumqttd", "amqtt", "mosquitto")
CHOSEN = EVERY if os.environ.get("TWINRIG_ALL_SCENARIOS") else TWENTY


@cache
def entries(name: str) -> frozenset[str]:
    """What kinds of things a scenario lets happen."""
    return frozenset(type(entry).__name__ for entry in load(file(name)).timeline)


def file(name: str) -> Path:
    return ROOT / "scenarios" / f"{name}.yaml"


def test_the_twenty_have_every_product_and_every_kind_of_entry_that_there_is() -> None:
    assert set(TWENTY) <= set(EVERY)
    assert len(set(TWENTY)) == 20
    assert {name.split("/")[0] for name in TWENTY} == {name.split("/")[0] for name in EVERY}
    missing = frozenset().union(*map(entries, EVERY)) - frozenset().union(*map(entries, TWENTY))
    assert not missing


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", CHOSEN)
def test_a_scenario_passes_over_every_broker_that_can_carry_it_with_one_hash(
    play, name: str
) -> None:
    def over(broker: str) -> RunResult:
        result = play(file(name), link="mqtt", broker=broker)
        assert result.verdict == "passed", (broker, result.error, result.failed_checks)
        return result

    memory = play(file(name))
    assert memory.verdict == "passed", (memory.error, memory.failed_checks)
    for broker in BROKERS:
        if broker == "mosquitto" and mosquitto.find() is None:
            continue
        if broker == "amqtt" and "DpsFault" in entries(name):
            with pytest.raises(InvalidRun, match="amqtt keeps nothing for a service that is away"):
                play(file(name), link="mqtt", broker=broker)
            continue
        real = over(broker)
        assert (real.trace_hash, real.ledger) == (memory.trace_hash, memory.ledger), broker
