import pytest

from loadtests import account
from loadtests.account import DeviceRecord, ShardReport, judge
from loadtests.plan import Plan


def hist(*seconds):
    made = account.histogram()
    for value in seconds:
        account.record_s(made, value)
    return made.encode().decode()


def shard(sent=((1, 100),), *, unacknowledged=(), resent=0, **changes):
    """A report of one device that was asked for 100 messages."""
    fields = {
        "plan": Plan(users=1, rate_per_s=100.0, duration_s=1.0),
        "confirmed": 1,
        "connect_errors": {},
        "disconnects": 0,
        "devices": [
            DeviceRecord(
                site="s1",
                device="d1",
                boot=7,
                sent=list(sent),
                unacknowledged=list(unacknowledged),
                resent=resent,
            )
        ],
        "late": 0,
        "held": 0,
        "cpu_share": 0.2,
        "traffic_s": 2.0,
        "from_due": hist(0.1),
        "from_send": hist(0.01),
        "lag": hist(0.001),
    }
    return ShardReport(**(fields | changes))


def settle(report, ranges, **more):
    options = {"tolerance_pct": 1.0, "late_ms": 500.0} | more
    return judge([report], {"d1": {7: list(ranges)}}, **options)


def test_a_run_that_stored_all_it_acknowledged_passes_with_every_figure_named():
    ledger = settle(shard(), [(0, 100)])

    assert (ledger.verdict, ledger.exit_code, ledger.reasons) == ("passed", 0, ())
    assert (ledger.asked, ledger.sent, ledger.acknowledged, ledger.stored) == (100, 100, 100, 100)
    assert (ledger.lost, ledger.doubled, ledger.unexpected, ledger.sent_per_s) == (0, 0, 0, 50.0)


def test_lost_doubled_and_unexpected_are_counted_exactly_and_fail_the_run():
    ledger = settle(shard(), [(0, 9), (12, 50), (20, 24), (24, 24), (52, 103)])

    assert (ledger.lost, ledger.doubled, ledger.unexpected) == (3, 6, 3)
    assert ledger.stored == 97
    assert (ledger.verdict, ledger.exit_code) == ("failed", 1)
    assert ledger.reasons == (
        "3 messages were acknowledged and are not stored",
        "6 messages are stored twice",
        "3 messages are stored that were never sent",
    )
    assert ledger.lost_examples == ("d1 boot 7: seq 10, 11, 51",)


def test_a_message_that_was_never_acknowledged_is_no_loss_but_is_counted():
    ledger = settle(shard(unacknowledged=[99, 100]), [(1, 99)])

    assert (ledger.lost, ledger.unconfirmed, ledger.unconfirmed_stored) == (0, 2, 1)
    assert (ledger.acknowledged, ledger.verdict) == (98, "passed")


def test_what_another_boot_stored_does_not_count():
    ledger = judge([shard()], {"d1": {6: [(1, 100)]}}, tolerance_pct=1.0, late_ms=500.0)

    assert (ledger.stored, ledger.lost) == (0, 100)


def test_a_witness_may_see_again_what_a_device_sent_again_and_no_more():
    once = settle(shard(resent=2), [(1, 100), (5, 6)], at_least_once=True)
    more = settle(shard(resent=2), [(1, 100), (5, 7)], at_least_once=True)

    assert (once.verdict, once.doubled) == ("passed", 2)
    assert more.reasons == ("3 messages arrived twice; 2 were sent again",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"confirmed": 0, "connect_errors": {"Connection refused": 1}},
            "0 of 1 connections were confirmed (1 x Connection refused)",
        ),
        (
            {"sent": ((1, 98),), "held": 5},
            (
                "98 of 100 messages were sent"
                " (5 waited for acknowledgements; generator wanted 20% of a core)"
            ),
        ),
        (
            {"late": 2},
            (
                "2 of 100 messages left more than 500 ms after they were due"
                " (generator wanted 20% of a core; more: --processes)"
            ),
        ),
    ],
)
def test_a_load_that_fell_short_is_invalid_and_says_why(changes, reason):
    ledger = settle(shard(**changes), [(1, 100 if "sent" not in changes else 98)])

    assert (ledger.verdict, ledger.exit_code, ledger.reasons) == ("invalid", 6, (reason,))


def test_a_shortfall_within_the_tolerance_is_valid():
    report = shard(sent=((1, 99),), late=1)

    assert settle(report, [(1, 99)]).verdict == "passed"
    assert settle(report, [(1, 99)], tolerance_pct=0.5).verdict == "invalid"


def test_a_target_that_holds_back_is_excused_only_while_the_generator_was_not_busy():
    assert settle(shard(held=50), [(1, 100)]).verdict == "passed"
    assert settle(shard(held=50, cpu_share=0.95), [(1, 100)]).verdict == "invalid"
    starved = shard(held=50, cpu_share=0.3, cpu_wait_share=0.6)
    assert settle(starved, [(1, 100)]).verdict == "invalid"


def test_a_loss_counts_also_where_the_load_fell_short():
    ledger = settle(shard(sent=((1, 50),)), [(1, 49)])

    assert (ledger.verdict, len(ledger.reasons)) == ("failed", 2)


def test_percentiles_of_several_processes_are_of_all_their_messages_to_three_digits():
    merged = account.latency(
        [hist(*[n / 1000 for n in range(1, 51)]), hist(*[n / 1000 for n in range(51, 101)])]
    )

    assert merged.count == 100
    assert (merged.p50, merged.p95, merged.p99, merged.max) == pytest.approx(
        (50.0, 95.0, 99.0, 100.0), rel=2e-3
    )
    assert account.latency([hist()]).p99 is None
