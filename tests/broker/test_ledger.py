"""The arithmetic of what was produced, handed over and stored."""

from __future__ import annotations

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.ledger import DeliveryLedger, LedgerState, Missing
from broker.seqset import SeqSet
from broker.wire.messages import Birth, Sample, Telemetry, TelemetryBatch, Will

numbers = st.integers(-5, 40)
ranges = st.lists(st.tuples(numbers, st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1])))


def told(seq: int, device: str = "pump-1", boot: int = 1) -> Telemetry:
    return Telemetry(device=device, boot=boot, seq=seq, at_ms=seq, signals={})


def batch(*seqs: int) -> TelemetryBatch:
    samples = [Sample(seq=seq, at_ms=seq, signals={}) for seq in seqs]
    return TelemetryBatch(device="pump-1", boot=1, samples=samples)


@given(ranges, st.lists(numbers))
def test_a_sequence_set_is_a_set_of_numbers(some_ranges, singles):
    ours, model = SeqSet(), set()
    for first, last in some_ranges:
        new = set(range(first, last + 1)) - model
        assert ours.add_range(first, last) == len(new)
        model |= new
    for number in singles:
        assert ours.add(number) == (number not in model)
        model.add(number)
    assert list(ours) == sorted(model)
    assert len(ours) == len(model)
    assert ours.highest == max(model, default=None)
    assert all((n in ours) == (n in model) for n in range(-10, 60))
    kept = ours.to_ranges()
    assert all(a[1] + 1 < b[0] for a, b in pairwise(kept))
    assert SeqSet.from_ranges(reversed(kept)) == ours


@given(ranges, ranges, numbers, numbers)
def test_gaps_and_differences_are_those_of_sets(one, other, first, last):
    a, b = SeqSet.from_ranges(one), SeqSet.from_ranges(other)
    missing = [n for low, high in a.gaps(first, last) for n in range(low, high + 1)]
    assert missing == [n for n in range(first, last + 1) if n not in a]
    assert list(a.minus(b)) == sorted(set(a) - set(b))


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="range 3 to 2 is empty"):
        SeqSet().add_range(3, 2)


def test_losses_are_named_by_device_boot_and_number():
    ledger = DeliveryLedger()
    for seq in range(1, 11):
        ledger.produced("site-a", told(seq))
        if seq not in (4, 5, 9):
            ledger.handed("site-a", told(seq))
    ledger.produced("site-b", told(1, "pump-2", boot=7))
    ledger.stored_ranges("site-a", "pump-1", 1, [(1, 3), [6, 8], (10, 12)])
    assert list(ledger.lost()) == [
        Missing("pump-1", 1, [(4, 5), (9, 9)]),
        Missing("pump-2", 7, [(1, 1)]),
    ]
    assert list(ledger.unexpected()) == [Missing("pump-1", 1, [(11, 12)])]
    counts = ledger.counts()
    assert (counts.produced, counts.handed, counts.stored) == (11, 7, 9)
    assert (counts.lost, counts.unexpected) == (4, 2)
    assert ledger.delivered == {"site-a": 7, "site-b": 0}


def test_delivered_counts_distinct_messages_samples_and_undecodable_payloads():
    ledger = DeliveryLedger()
    birth = Birth(
        device="pump-1",
        boot=1,
        at_ms=0,
        product="p",
        model="m",
        serial="s",
        firmware="f",
        signals={},
    )
    for message in (birth, told(1), birth, told(1), batch(1, 2, 3), batch(3, 4)):
        ledger.handed("site-a", message)
    ledger.handed("site-a", Will(device="pump-1", boot=1, seq=-1, at_ms=5))
    assert ledger.delivered["site-a"] == 6  # birth, 1 to 4, will
    for _ in range(2):
        ledger.handed_raw("site-a", "twinrig/v1/up/site-a/pump-1/telemetry", b"{broken")
    ledger.handed_raw("site-a", "twinrig/v1/up/site-a/pump-2/telemetry", b"{broken")
    assert ledger.delivered["site-a"] == 8
    assert ledger.counts().undecodable == 2
    assert ledger.counts().duplicated == 3  # 1 twice again, 3 again; the birth was asked for


def test_order_is_judged_by_first_arrivals():
    ledger = DeliveryLedger()
    for seq in (1, 3, 2, 3, 5, 4):
        ledger.stored("site-a", "pump-1", 1, seq)
    counts = ledger.counts()
    assert (counts.reordered, counts.duplicated, counts.stored) == (2, 1, 5)


def test_what_was_dropped_and_came_by_a_resend_is_recovered():
    ledger = DeliveryLedger()
    for seq in (1, 2, 3):
        ledger.produced("site-a", told(seq))
        ledger.dropped("site-a", told(seq))
    ledger.handed("site-a", batch(2, 3), late=True)
    counts = ledger.counts()
    assert (counts.dropped, counts.recovered, counts.late) == (3, 2, 2)


@given(st.lists(st.tuples(st.sampled_from("phds"), st.integers(1, 30))))
def test_a_restored_ledger_goes_on_as_if_nothing_had_happened(steps):
    def apply(ledger: DeliveryLedger, part) -> None:
        for kind, seq in part:
            if kind == "p":
                ledger.produced("site-a", told(seq))
            elif kind == "h":
                ledger.handed("site-a", told(seq))
            elif kind == "d":
                ledger.dropped("site-a", told(seq))
            else:
                ledger.stored("site-a", "pump-1", 1, seq)

    straight, half = DeliveryLedger(), DeliveryLedger()
    apply(straight, steps)
    apply(half, steps[: len(steps) // 2])
    half.handed_raw("site-b", "t", b"x")
    straight.handed_raw("site-b", "t", b"x")
    text = msgspec.json.encode(half.snapshot())
    restored = DeliveryLedger()
    restored.restore(msgspec.json.decode(text, type=LedgerState))
    apply(restored, steps[len(steps) // 2 :])
    assert restored.counts() == straight.counts()
    assert restored.delivered == straight.delivered
    assert json.loads(msgspec.json.encode(restored.snapshot())) == json.loads(
        msgspec.json.encode(straight.snapshot())
    )
