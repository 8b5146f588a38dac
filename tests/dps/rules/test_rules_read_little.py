"""A rule reads no more of its inputs than it needs to say where it holds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.kernel.expressions import compiled
from reference_impl.kernel.ports import Take, Window
from reference_impl.rules.decided import Columns, Plan, Sleep, decide, decide_anew
from reference_impl.rules.domain import Rule, Severity, SignalInput

ENDS_MS = (60_000, 120_000)
STALE_MS = 600_000


class Signals:
    """Two things, two evaluations; notes what is read."""

    shape = (2, 2)

    def __init__(self, ranges, **values):
        self.ranges, self.read = ranges, []
        self.values = {name: np.array(rows, dtype=np.float64) for name, rows in values.items()}
        self.newest_ms = np.array([[60_000, 60_000], [120_000, 120_000]])

    def column(self, wanted):
        self.read.append(wanted.signal)
        return Window(self.values[wanted.signal], self.newest_ms)

    def within(self, wanted):
        return self.ranges.get(wanted.signal, (-np.inf, np.inf))


def rule_of(when, signals):
    inputs = {n: SignalInput(signal=n, take=Take.LAST, over_ms=60_000) for n in signals.values}
    condition, problems = compiled(when, list(inputs), where="when")
    assert condition is not None, problems
    return Rule(
        id=when, inputs=inputs, when=condition, for_ms=0, keep_for_ms=0, stale_after_ms=STALE_MS,
        severity=Severity.MINOR, reactions=(), why="w",
    )  # fmt: skip


def decided(when, signals):
    plan = Plan([rule_of(when, signals)])
    columns = Columns(plan, signals, ENDS_MS)
    return decide(plan, columns)[0], columns


def test_a_rule_whose_signal_never_came_near_its_threshold_reads_no_window():
    signals = Signals({"heat": (20.0, 80.0)}, heat=[[20, 80], [30, 40]], load=[[1, 1], [1, 1]])
    one, _ = decided("heat > 90.0 && load > 0.5", signals)
    assert one.holding == {}
    assert signals.read == []


def test_of_two_conditions_the_one_that_holds_nowhere_spares_the_other():
    signals = Signals({}, heat=[[20, 80], [30, 40]], load=[[1, 1], [1, 1]])
    one, _ = decided("heat > 90.0 && load > 0.5", signals)
    assert one.holding == {}
    assert signals.read == ["heat"]


def test_where_it_holds_and_fails_and_is_unknown_is_what_its_readings_say():
    signals = Signals({}, heat=[[95, 80], [np.nan, 96]], load=[[1, 1], [1, 0]])
    signals.newest_ms = np.array([[60_000, 60_000], [60_000, 120_000 - STALE_MS - 1]])
    one, _ = decided("heat > 90.0 && load > 0.5", signals)
    assert one.holding == {0: [0]}
    said = [[one.verdict(number, thing) for thing in (0, 1)] for number in (0, 1)]
    assert said == [[True, False], [None, None]], "nothing there, and too old, are UNKNOWN"
    assert one.values(0, 0) == {"heat": 95.0, "load": 1.0}
    assert one.values(1, 0) == {}


def test_what_changed_is_read_anew():
    signals = Signals({}, heat=[[20, 20], [20, 20]])
    one, columns = decided("heat > 90.0", signals)
    assert one.holding == {}
    signals.values["heat"] = np.array([[95.0, 20.0], [20.0, 20.0]])
    assert decide(Plan([one.rule]), columns)[0].holding == {}, "a column is read once"
    columns.forget([0])
    assert decide(Plan([one.rule]), columns)[0].holding == {0: [0]}


WHENS = ("heat > 90.0 && load > 0.5", "heat - load > 80.0", "load < 0.5 || heat > 95.0")
numbers = st.floats(0.0, 100.0) | st.just(float("nan"))
looks = st.lists(
    st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=2, max_size=2),
    min_size=1,
    max_size=12,
)


def within(rows):
    known = [number for number in rows if number == number]
    return (min(known), max(known)) if known else (-np.inf, np.inf)


@given(looks)
def test_rules_that_sleep_say_what_they_say_awake(seen):
    """Whatever they slept through; some inputs change between two looks of one call, too."""
    plan, sleep, said = None, None, None
    for heat, load in seen:
        ranges = {"heat": within(heat), "load": within(load)}
        signals = Signals(ranges, heat=[heat[:2], heat[2:]], load=[load[:2], load[2:]])
        if plan is None:
            plan = Plan([rule_of(when, signals) for when in WHENS])
            sleep = Sleep(plan)
        columns = Columns(plan, signals, ENDS_MS)
        awake = [one.holding for one in decide(plan, columns)]
        sleep.look(columns)
        said = decide(plan, columns, sleep)
        assert [one.holding for one in said] == awake
        signals.ranges["load"] = within(heat)
        signals.values["load"] = signals.values["heat"]
        again = decide_anew(plan, columns, said, {plan.reads[0]["load"]}, sleep)
        assert [one.holding for one in again] == [one.holding for one in decide(plan, columns)]


def test_a_rule_that_sleeps_asks_for_no_more_than_what_let_it_sleep():
    signals = Signals({"heat": (20.0, 80.0)}, heat=[[20, 80], [30, 40]], load=[[1, 1], [1, 1]])
    plan = Plan([rule_of("heat > 90.0 && load > 0.5", signals)])
    sleep, asked = Sleep(plan), []
    told = signals.within
    signals.within = lambda wanted: asked.append(wanted.signal) or told(wanted)
    for _ in range(3):
        columns = Columns(plan, signals, ENDS_MS)
        sleep.look(columns)
        assert decide(plan, columns, sleep)[0].holding == {}
    assert (set(asked), signals.read) == ({"heat"}, [])
    signals.ranges["heat"] = (20.0, 95.0)
    signals.values["heat"][0, 0] = 95.0
    columns = Columns(plan, signals, ENDS_MS)
    sleep.look(columns)
    assert decide(plan, columns, sleep)[0].holding == {0: [0]}, "it wakes when that moves"
