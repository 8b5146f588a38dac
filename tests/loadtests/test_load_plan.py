import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.plan import Plan


@given(
    users=st.integers(1, 300),
    rate=st.floats(0.5, 5_000),
    duration=st.floats(0.1, 60),
    shape=st.sampled_from(["constant", "ramp"]),
    shards=st.integers(1, 4),
)
def test_what_is_asked_of_all_shards_is_every_message_due_before_the_end(
    users, rate, duration, shape, shards
):
    whole = Plan(users=users, rate_per_s=rate, duration_s=duration, shape=shape)
    parts = [
        Plan(
            users=users,
            rate_per_s=rate,
            duration_s=duration,
            shape=shape,
            shard=shard,
            shards=shards,
        )
        for shard in range(shards)
    ]

    assert sum(part.asked for part in parts) == whole.asked
    assert sorted(d for part in parts for d in part.devices) == list(range(users))
    for device in whole.devices:
        asked = whole.asked_of(device)
        edge = 1e-6 * max(duration, whole.interval_s)
        assert asked == 0 or whole.due_s(device, asked - 1) < duration + edge
        assert whole.due_s(device, asked) > duration - edge


def test_a_constant_run_asks_for_rate_times_duration():
    assert Plan(users=7, rate_per_s=250.0, duration_s=4.0).asked == 1000


def test_a_ramp_reaches_all_devices_in_ten_equal_steps():
    plan = Plan(users=20, rate_per_s=20.0, duration_s=100.0, shape="ramp")

    assert [plan.up_at(10.0 * step) for step in range(10)] == list(range(2, 21, 2))
    assert math.isclose(plan.due_s(0, 1) - plan.due_s(0, 0), 1.0)


@pytest.mark.parametrize("shape", ["constant", "ramp"])
def test_devices_are_spread_over_the_interval_and_never_due_in_one_moment(shape):
    plan = Plan(users=10, rate_per_s=10.0, duration_s=10.0, shape=shape)

    firsts = [plan.start_s(device) - plan.up_s(device) for device in plan.devices]

    assert firsts == pytest.approx([n / 10 for n in range(10)])
