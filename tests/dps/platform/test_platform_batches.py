"""A batch is taken in as a whole, and nobody can tell: everything is as one by one."""

from __future__ import annotations

import asyncio
import random

import pytest

from broker.wire import messages as m

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}


def _anything(kit, chance):
    """Messages of three devices: copies, gaps, late ones, wrong clocks, reports of nothing."""
    found, number = [], dict.fromkeys(("mix-1", "mix-2", "mix-9"), 0)
    for _ in range(60):
        device = chance.choice(list(number))
        site = THINGS.get(device, "site-01")
        number[device] += chance.choice((1, 1, 1, 1, 2))
        seq = max(1, number[device] - chance.choice((0, 0, 0, 0, 0, 0, 3)))
        at_ms = chance.choice((kit.START_MS + seq * 60_000,) * 12 + (5, 2**42))
        signals = chance.choice(({"temp_c": float(seq)}, {"temp_c": -1.0, "speed_rpm": 9.0}, {}))
        report = m.Telemetry(device=device, boot=1, seq=seq, at_ms=at_ms, signals=signals)
        kind = chance.random()
        if kind < 0.08:
            samples = [
                m.Sample(seq=s, at_ms=kit.START_MS + s * 60_000, signals={"temp_c": float(s)})
                for s in range(seq, seq + 3)
            ]
            report = m.TelemetryBatch(device=device, boot=1, samples=samples)
        elif kind < 0.14:
            report = kit.birth(device)
        elif kind < 0.2:
            report = m.Will(device=device, boot=1, seq=-seq, at_ms=at_ms)
        found.append(kit.packet(site, report))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_is_taken_in_as_its_messages_one_by_one_would_be(kit, seed):
    """Reports of a device are looked at together; nobody must be able to tell."""

    async def story(split):
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS + kit.HOUR_MS)
            packets = _anything(kit, random.Random(seed))
            rig.dps.telemetry.series("mix-1", "temp_c", after_ms=-1, to_ms=0)  # asked for, so kept
            for batch in split(packets):
                rig.dps.contexts.ingestion.take(batch)
            await rig.clock(kit.START_MS + 2 * kit.HOUR_MS)
            view = rig.dps.telemetry
            kept = [
                [part.tolist() for part in view.series(t, s, after_ms=9_999, to_ms=2**41)]
                for s in ("temp_c", "speed_rpm")
                for t in THINGS
            ]
            said = [
                await rig.get(path)
                for path in (
                    "/v1/ingestion/stored",
                    "/v1/ingestion/dead-letters",
                    "/v1/things/mix-1",
                    "/v1/things/mix-2",
                )
            ]
            told = sorted((e["type"], e["subject"], e["at_ms"]) for e in await rig.feed())
            asked = sorted(one.command_id for one in rig.down)
            return kept, said, told, asked, rig.dps.contexts.ingestion.duplicates

    together = asyncio.run(story(lambda packets: [packets]))
    assert together == asyncio.run(story(lambda packets: [[one] for one in packets]))
    assert together[-1] > 0
