from __future__ import annotations

from broker.wire.messages import Telemetry
from harness.engine.trace import Trace, sig9
from harness.events import FeedSeen
from twins.core.ports import Truth

DAY = 86_400_000


def reading(at_ms: int, device: str, seq: int, value: float = 1.0) -> tuple[str, Telemetry]:
    return "s", Telemetry(device=device, boot=1, seq=seq, at_ms=at_ms, signals={"a": value})


def event(at_ms: int, subject: str, value: object = 1) -> FeedSeen:
    return FeedSeen(at_ms=at_ms, kind="k", subject=subject, data={"v": value}, event_id="x")


def hashes(*steps, feed=(), faults=()) -> tuple[str, str]:
    trace = Trace()
    for messages, now_ms in steps:
        trace.messages(messages, now_ms)
    trace.feed(feed)
    for fault in faults:
        trace.fault(fault)
    return trace.hashes()


A, B, C = reading(10, "d1", 1), reading(10, "d2", 1), reading(DAY + 5, "d1", 2)


def test_how_time_is_cut_into_steps_is_not_in_the_hash() -> None:
    """Also for a record that comes later than another one of the same instant."""
    whole = hashes(([A, B, C], DAY + 5))
    assert hashes(([A, B], 10), ([C], DAY + 5)) == whole
    assert hashes(([B], 10), ([A], 10), ([], 20), ([C], DAY + 9)) == whole


def test_every_part_of_a_message_is_in_the_hash() -> None:
    base = hashes(([A], 10))
    for other in (reading(11, "d1", 1), reading(10, "d2", 1), reading(10, "d1", 2)):
        assert hashes(([other], 20)) != base
    assert hashes(([reading(10, "d1", 1, 1.0000000001)], 10)) != base


def test_feed_events_are_hashed_by_time_kind_and_subject_not_by_arrival() -> None:
    first, second = event(5, "a"), event(5, "b")
    assert hashes(feed=[first, second]) == hashes(feed=[second, first])
    assert hashes(feed=[first]) != hashes(feed=[event(5, "a", 2)])


def test_what_the_harness_breaks_is_in_the_trace_and_not_in_the_outcome() -> None:
    calm, disturbed = hashes(([A], 10)), hashes(([A], 10), faults=[["fault", 3, "kill"]])
    assert calm[0] != disturbed[0]
    assert calm[1] == disturbed[1]


def test_truth_counts_to_nine_digits() -> None:
    assert sig9({"a": [1.00000000049, {"b": 2}]}) == {"a": [1.0, {"b": 2}]}
    traces = []
    for value in (1.00000000049, 1.0, 1.0000001):
        trace = Trace()
        trace.truths([Truth(at_ms=1, kind="k", subject="s", data={"v": value})], 1)
        traces.append(trace.hashes()[0])
    assert traces[0] == traces[1] != traces[2]


def test_a_trace_goes_on_from_its_saved_state() -> None:
    whole, first, second = Trace(), Trace(), Trace()
    whole.messages([A, B, C], DAY + 5)
    first.messages([B], 10)
    second.restore(first.state())
    second.messages([A], 10)
    second.messages([C], DAY + 5)
    assert second.hashes() == whole.hashes()
