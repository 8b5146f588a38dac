"""A bus that drops 17, doubles 23 and swaps 40 and 41 is reported as exactly that."""

from __future__ import annotations

import asyncio
from pathlib import Path

from waiting import GUARD_S

from broker.ledger import DeliveryLedger
from broker.link.memory import MemoryBus
from broker.link.port import Packet
from broker.wire import codec, topics
from broker.wire.messages import Telemetry
from harness.engine.runner import RunOptions, run_scenario
from harness.scenario import build as b
from harness.scenario.links import LinkFault

D = "pump-01-1"
SITE = "station-01"


def report(seq: int) -> Telemetry:
    return Telemetry(device=D, boot=1, seq=seq, at_ms=1000 * seq, signals={"level_m": 1.0})


def bad_bus(reports: list[Telemetry]) -> list[Telemetry]:
    """Without 17, with 23 twice, with 41 before 40."""
    order = [r.seq for r in reports if r.seq != 17]
    order.insert(order.index(23), 23)
    place = order.index(40)
    order[place : place + 2] = [41, 40]
    return [report(seq) for seq in order]


def test_a_consumer_s_ledger_names_what_a_bad_bus_did_by_device_and_number() -> None:
    """Over the memory bus, to a service that only listens and stores."""
    ledger, reports = DeliveryLedger(), [report(seq) for seq in range(1, 61)]

    async def through() -> None:
        bus = MemoryBus()
        devices, service = bus.device_link(), bus.service_link()
        await devices.open([SITE], lambda _packet: None)

        sent, came = bad_bus(reports), asyncio.Event()

        async def store(packets: list[Packet]) -> None:
            for packet in packets:
                site, message = codec.decode_uplink(packet.topic, packet.payload)
                ledger.stored(site, message.device, message.boot, message.seq)
                if message.seq == 60:
                    came.set()

        await service.open([topics.UP_ALL], store)
        packets = [Packet(topics.uplink(SITE, r), codec.encode(r), False) for r in sent]
        await devices.publish(packets)
        await asyncio.wait_for(came.wait(), GUARD_S)
        await devices.close()
        await service.close()

    for made in reports:
        ledger.produced(SITE, made)
    asyncio.run(through())

    assert [str(found) for found in ledger.deliveries()] == [
        f"{D} boot 1: lost 17; duplicated 23; reordered 40 after 41"
    ]
    again = DeliveryLedger()
    again.restore(ledger.snapshot())
    assert list(again.deliveries()) == list(ledger.deliveries())


def test_a_run_over_a_bad_path_reports_exactly_what_the_path_did(tmp_path: Path) -> None:
    """The service asks for 17 again: it is recovered, and nothing else went wrong."""
    path = LinkFault.model_validate(
        {"at": 0, "for": 86_400_000, "link": "script", "device": D,
         "drop": [17], "double": [23], "swap": [[40, 41]]}
    )  # fmt: skip
    scenario = b.Scenario(
        title="A bad bus",
        run=b.run("2026-01-05T00:00:00Z", "30h", sync="2h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="30m"),),
        timeline=(path,),
        checks=(
            b.check("delivery_exactly", device=D, recovered=[17], duplicated=[23], reordered=[40]),
            b.check("delivery_exactly", device="pump-01-2"),
            b.check("nothing_lost"),
        ),
    )
    result = run_scenario(
        scenario, seed=7, options=RunOptions(link="memory", runs_dir=tmp_path / "runs")
    )

    assert result.verdict == "passed", [c.seen for c in result.failed_checks]
    assert len(result.deliveries) == 1
    line = result.deliveries[0]
    for part in ("duplicated 23", "recovered 17", "reordered 40 after 41"):
        assert part in line
    assert "lost" not in line
