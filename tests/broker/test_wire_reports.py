"""Reports read by what a birth announced mean what they mean when read by name."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import MalformedMessage, decode_uplink, encode
from broker.wire.reports import SIGNALS_MAX, Report, UplinkReader, table

SITE, DEVICE = "site-a", "dev-1"
NAMES = ("x_m", "class", "seq")  # words of Python and of the message are names as good as others
UP = topics.telemetry(SITE, DEVICE)


def reader(names=NAMES):
    made = UplinkReader()
    signal = m.Signal(unit="m", min=0.0, max=1.0)
    signals = dict.fromkeys(names, signal)
    birth = m.Birth(
        device=DEVICE, boot=1, at_ms=0, product="p", model="p-1", serial="s", firmware="1",
        signals=signals,
    )  # fmt: skip
    made.learn(SITE, birth)
    return made


def plain(read, *args):
    """What was read as plain data, or what is wrong with it."""
    try:
        site, message = read(*args)
    except MalformedMessage as error:
        return str(error)
    if isinstance(message, Report):
        message = m.Telemetry(
            device=message.device, boot=message.boot, seq=message.seq, at_ms=message.at_ms,
            signals=message.signals.measured(),
        )  # fmt: skip
    return site, message


values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70),
    st.sampled_from([None, "1.5", True]),
)
bodies = st.fixed_dictionaries(
    {
        "device": st.sampled_from([DEVICE, DEVICE, DEVICE, "dev-2", 7]),
        "boot": st.integers(-1, 3),
        "seq": st.integers(-1, 2**53),
        "at_ms": st.integers(-1, 2**53),
        "signals": st.dictionaries(st.sampled_from([*NAMES, "not_announced"]), values, max_size=4),
    },
    optional={
        "type": st.sampled_from(["telemetry.v1"] * 4 + ["will.v1", "batch.v1", "x"]),
        "more": st.just([1]),
    },
)


@given(bodies, st.randoms(use_true_random=False), st.binary(max_size=2), st.integers(0, 40))
@example({"type": "telemetry.v1"}, None, b"", 0)
def test_a_report_read_by_its_birth_is_the_report_read_by_name(body, chance, spoilt, place):
    keys = list(body)
    if chance is not None:
        chance.shuffle(keys)
    payload = json.dumps({key: body[key] for key in keys}).encode()
    for sent in (payload, payload[:place] + spoilt + payload[place + len(spoilt) :]):
        assert plain(reader().read, UP, sent) == plain(decode_uplink, UP, sent)


def report(seq, signals):
    return m.Telemetry(device=DEVICE, boot=1, seq=seq, at_ms=seq, signals=signals)


def test_what_a_birth_announced_is_read_into_rows_and_all_else_as_before():
    made = reader()
    ok = [made.read(UP, encode(report(n, {"x_m": n, "seq": 0.5})))[1] for n in (1, 2)]
    assert [type(one) for one in ok] == [Report, Report]
    rows = memoryview(table(ok)).cast("d").tolist()
    assert rows[:1] + rows[2:4] + rows[5:] == [1.0, 0.5, 2.0, 0.5]
    assert math.isnan(rows[1])
    more = report(3, {"x_m": 1.0, "not_announced": 2.0})
    assert made.read(UP, encode(more)) == (SITE, more)
    elsewhere = topics.telemetry("site-b", DEVICE)
    assert made.read(elsewhere, encode(more)) == ("site-b", more)


@pytest.mark.parametrize("count", [SIGNALS_MAX, SIGNALS_MAX + 1])
def test_a_birth_that_announces_too_much_is_believed_and_not_remembered(count):
    made = reader([f"signal_{n}" for n in range(count)])
    _, read = made.read(UP, encode(report(1, {"signal_0": 1.0})))
    assert isinstance(read, Report) is (count <= SIGNALS_MAX)
    assert plain(made.read, UP, encode(report(1, {"signal_0": 1.0})))[1] == report(
        1, {"signal_0": 1.0}
    )
