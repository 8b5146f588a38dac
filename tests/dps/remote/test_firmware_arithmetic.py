"""Tables, groups, windows and rates of firmware: the pure part."""

from __future__ import annotations

import math

import pytest

from reference_impl.kernel.errors import IllegalStep
from reference_impl.kernel.machines import after
from reference_impl.remote import firmware as f
from reference_impl.remote import gates, rates


def test_the_tables_end_where_they_should():
    final = {"FINISHED", "STOPPED", "DELETED"}
    assert {s.value for s in f.Rollout if not f.ROLLOUTS[s]} == final
    assert {s for s in f.Device if not f.DEVICES[s]} == f.ENDED
    order = ["INITIATED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING"]
    for place, state in enumerate(order):
        later = {t.value for t in f.DEVICES[f.Device(state)].values()} & set(order)
        assert later == set(order[place + 1 :])
    with pytest.raises(IllegalStep):
        after(f.DEVICES, subject="x", state=f.Device.UPDATED, step=f.Move.FAIL)


@pytest.mark.feature("FW12")
def test_the_rate_test_is_the_exact_binomial_and_bears_many_events():
    one = rates.more_events(rates.Watched(events=3, hours=10), rates.Watched(events=1, hours=30))
    exact = sum(math.comb(4, k) * 0.25**k * 0.75 ** (4 - k) for k in (3, 4))
    assert one == pytest.approx(exact)
    many = rates.more_events(
        rates.Watched(events=1500, hours=10), rates.Watched(events=1500, hours=10)
    )
    assert many == pytest.approx(0.507, abs=0.001)
    verdict, chance = rates.judge(
        rates.Watched(events=9, hours=1), rates.Watched(events=0, hours=0), alpha=0.01
    )
    assert (verdict, chance) == (rates.Verdict.NOT_JUDGED, None)


def test_shares_are_of_those_not_listed_and_the_last_group_takes_the_rest():
    plan = [{"share": 0.0, "things": ["t-7"]}, {"share": 0.1, "things": []},
            {"share": 0.5, "things": []}]  # fmt: skip
    things = [f"t-{n}" for n in range(21)]
    numbers = f.grouped("r", things, plan)
    assert [numbers.count(n) for n in (1, 2, 3)] == [1, 2, 18]
    assert numbers == f.grouped("r", things, plan) != f.grouped("other", things, plan)
    assert f.grouped("r", ["t-1", "t-2"], [{"share": 0.1, "things": []}] * 2).count(1) == 1


def test_a_window_is_in_local_time_may_cross_midnight_and_belongs_to_the_day_it_begins_on():
    hour = 3_600_000
    night = 1_774_738_800_000  # 2026-03-29 00:00 in Rome, a Sunday; clocks go forward at two

    def closes(hours, days, at):
        return gates.closes_ms(hours, days, night + at, "Europe/Rome")

    assert closes("22:00-05:00", ["sat"], hour) == night + 4 * hour  # five o'clock, summer time
    assert closes("22:00-05:00", ["sun"], hour) is None
    assert closes("22:00-05:00", ["sun"], 22 * hour) == night + 28 * hour
    assert closes("00:00-00:00", ["sun"], 5 * hour) == night + 23 * hour
    assert closes("02:30-02:00", ["sat"], 0) == night + 2 * hour  # an hour that there is not
