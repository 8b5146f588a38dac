"""Each word of grading, on small histories written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.events import FeedSeen, RunFinished, RunResult, RunStarted, TruthHappened, TruthSampled
from harness.grading.compare import Pair, compare, missed
from harness.grading.grade import RunGrade, Scope, Thing, grade
from harness.grading.lives import lives
from harness.grading.record import Record
from harness.grading.stats import paired, t_quantile
from harness.grading.watch import watches

DAY = 86_400_000
PACK = {
    "model": "m",
    "rules": [
        {"id": "reads-condition", "let": {"x": {"condition": "c", "field": "wear_pct"}},
         "severity": "operation", "then": [{"alert": {}}]},
        {"id": "reads-its-signal", "let": {"x": {"signal": "hum", "take": "mean", "over": "1h"}},
         "severity": "minor", "then": [{"alert": {}}]},
        {"id": "orders-b", "let": {"x": {"signal": "wet"}}, "severity": "major",
         "then": [{"recommend": {"part": "b-part", "position": "b"}}]},
        {"id": "anything", "let": {"x": {"signal": "odd"}}, "severity": "failure",
         "then": [{"alert": {}}]},
        {"id": "work", "let": {"x": {"signal": "rain"}}, "severity": "operation",
         "then": [{"alert": {}}]},
    ],
}  # fmt: skip
CONDITIONS = {"m": [{"id": "c", "position": "a", "params": {"signal": "hum"}}]}
SCOPE = Scope(
    things={"d1": Thing("s1", "m"), "d2": Thing("s1", "m"), "d3": Thing("s2", "m")},
    positions={"m": {"a1": "a", "b1": "b", "z1": "z"}},
    watches=watches([PACK], CONDITIONS, {"m": {"a", "b", "z"}}),
)


def graded(*events: Any, days: int = 100) -> RunGrade:
    """The grade of a run made of these events."""
    record = Record()
    record.on_event(
        RunStarted(
            title="t", story="", scenario="s", seed=1, mode="virtual", link="memory", broker="",
            start_ms=0, until_ms=days * DAY, sites=2, devices=3, run_dir=Path(),
        )
    )  # fmt: skip
    for event in sorted(events, key=lambda e: e.at_ms):
        record.on_event(event)
    result = RunResult(
        verdict="passed", exit_code=0, scenario="s", title="t", seed=1, mode="virtual",
        link="memory", broker="", trace_hash="", outcome_hash="", start_ms=0, end_ms=days * DAY,
        simulated_s=0, wall_s=0, published=0, ingested=0, ledger={}, orders=0, work_orders=0,
        costs_eur={"total": 100.0}, checks=(), replay="", run_dir=Path(),
    )  # fmt: skip
    record.on_event(RunFinished(result=result))
    return grade(record, SCOPE)


def truth(day: float, kind: str, device: str = "d1", **data: Any) -> TruthHappened:
    return TruthHappened(at_ms=round(day * DAY), kind=kind, subject=device, data=data)


def alert(day: float, rule: str, device: str = "d1") -> FeedSeen:
    data = {"thing": device, "rule": rule, "severity": "minor"}
    return FeedSeen(at_ms=round(day * DAY), kind="alert.raised", subject="alt", data=data,
                    event_id="")  # fmt: skip


def order(day: float, number: int = 1, *, kind: str = "order.placed", **data: Any) -> FeedSeen:
    told = {"need_key": "d1/a/1", "thing": "d1", **data}
    return FeedSeen(at_ms=round(day * DAY), kind=kind, subject=f"ord-{number}", data=told,
                    event_id="")  # fmt: skip


def sample(day: float, damage: float, left_days: float | None, component: str = "a1") -> Any:
    return TruthSampled(
        at_ms=round(day * DAY), device="d1", component=component, damage=damage,
        remaining_h=None if left_days is None else left_days * 24,
    )  # fmt: skip


FAILS = (truth(10, "damage.onset", component="a1", life=1),
         truth(30, "component.failed", component="a1", life=1, sudden=False))  # fmt: skip
FITTED = {"component": "a1", "position": "a", "life": 2, "damage_removed": 0.5}
SAVED = (FAILS[0], sample(19, 0.45, 11), truth(20, "part.fitted", **FITTED))


def test_each_rule_watches_what_its_pack_and_product_say() -> None:
    seen = {watch.rule: (set(watch.positions), watch.alarm) for watch in SCOPE.watches.values()}
    assert seen == {
        "reads-condition": ({"a"}, True),
        "reads-its-signal": ({"a"}, True),
        "orders-b": ({"b"}, True),
        "anything": ({"z"}, True),
        "work": (set(), False),
    }


def test_a_failure_is_caught_by_who_fired_in_its_time_and_missed_by_who_did_not() -> None:
    run = graded(*FAILS, alert(12, "reads-its-signal"), alert(40, "reads-condition"),
                 alert(12, "orders-b"))  # fmt: skip
    key = ("d1", "a1", 1)
    assert run.rules["m/reads-its-signal"].caught == {key: 18 * 24}
    assert run.rules["m/reads-condition"].silent == [key], "too late is not caught"
    assert key not in run.rules["m/orders-b"].silent, "not its position"
    assert run.whole.caught == {key: 18 * 24}


def test_work_before_the_failure_prevents_it_and_its_time_is_what_was_foreseen() -> None:
    run = graded(*SAVED, alert(15, "reads-condition"))
    [failure] = run.failures.values()
    assert (failure.happened, failure.due_ms, failure.ended_ms) == (False, 30 * DAY, 20 * DAY)
    assert run.rules["m/reads-condition"].caught == {("d1", "a1", 1): 15 * 24}
    beyond = graded(*SAVED, alert(15, "reads-condition"), days=25)
    assert not beyond.failures, "what would fail after the run's end is nobody's failure"


def test_upkeep_ends_no_life_and_work_that_removes_the_damage_does() -> None:
    def found(removed: float) -> int | None:
        record = Record()
        work = truth(20, "component.maintained", component="a1", damage_removed=removed)
        for event in (FAILS[0], sample(19, 0.45, 11), work):
            record.on_event(event)
        return lives(record)[0].ended_ms

    assert found(0.0) is None
    assert found(0.1) is None
    assert found(0.45) == 20 * DAY


def test_a_firing_is_false_where_nothing_it_watches_is_wrong() -> None:
    run = graded(
        *SAVED,
        alert(5, "reads-its-signal"),  # before the damage
        alert(15, "reads-its-signal"),  # during it
        alert(15, "reads-its-signal", "d2"),  # at another device
        alert(50, "reads-its-signal"),  # after the repair
        alert(5, "work"),  # day's work is no alarm
    )
    assert run.rules["m/reads-its-signal"].firings == 4
    assert run.rules["m/reads-its-signal"].false_alarms == 3
    assert run.rules["m/work"].false_alarms == 0
    years = run.rules["m/reads-its-signal"].thing_years
    assert years == pytest.approx(3 * 100 / 365.25)


def test_a_fault_at_the_site_makes_an_alarm_true_while_it_stands() -> None:
    fault = truth(5, "fault.begun", "d2", fault="clog", params={"lasting": 24.0})
    sensor = truth(5, "fault.begun", "d3", fault="sensor_stuck", params={})
    run = graded(fault, sensor, alert(5.5, "anything"), alert(7, "anything"),
                 alert(6, "anything", "d3"))  # fmt: skip
    assert run.rules["m/anything"].false_alarms == 2, "after it, and for a sensor that lies"


def test_orders_are_early_late_or_twice() -> None:
    def orders(*events: Any) -> tuple[int, int, int, int]:
        whole = graded(*events).whole
        return whole.orders, whole.early, whole.late, whole.duplicate

    advice = order(11, kind="recommendation.issued", rule="reads-condition")
    assert orders(*SAVED, sample(12, 0.1, 18), order(13)) == (1, 0, 0, 0)
    assert orders(*SAVED, sample(1, 0.0, None), order(2)) == (1, 1, 0, 0)
    assert orders(*FAILS, sample(28, 0.9, 2), order(29)) == (1, 0, 1, 0)
    assert orders(*SAVED, sample(12, 0.1, 18), order(13), order(14, 2)) == (2, 0, 0, 1)
    again = (order(13), order(13.5, kind="order.rejected"), order(14, 2))
    assert orders(*SAVED, sample(12, 0.1, 18), *again) == (2, 0, 0, 0)
    ruled = graded(*SAVED, sample(12, 0.1, 18), advice, order(13)).rules["m/reads-condition"]
    assert (ruled.orders, ruled.firings) == (1, 1)


def test_a_rule_that_had_no_time_to_fire_did_not_miss() -> None:
    """The candidate repairs earlier than the baseline's late alarm came: that is no miss."""
    late = graded(*FAILS, alert(25, "reads-its-signal"))
    early = graded(*SAVED, alert(12, "reads-condition"))
    assert missed("m/reads-its-signal", early, late) == []
    late_by_then = graded(*SAVED, alert(18, "reads-its-signal"))
    assert missed("m/reads-its-signal", graded(*SAVED), late_by_then) == [("d1", "a1", 1)]
    assert not compare([Pair("s", 1, late, early)]).newly_missed


def test_the_t_quantile_is_that_of_the_tables() -> None:
    """Fisher and Yates, two-sided 5 %."""
    table = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 10: 2.228, 29: 2.045, 120: 1.980}
    assert {df: round(t_quantile(0.975, df), 3) for df in table} == table
    with pytest.raises(ValueError, match="no t quantile"):
        t_quantile(0.975, 0)


def test_the_interval_of_paired_differences_is_by_hand() -> None:
    found = paired([1.0, 2.0, 3.0, 4.0])
    assert found is not None
    assert found.mean == 2.5
    half = 3.182446 * (5 / 3) ** 0.5 / 2
    assert found.low == pytest.approx(2.5 - half)
    assert found.high == pytest.approx(2.5 + half)
    assert found.certain
    assert paired([]) is None
    one = paired([3.0])
    assert one is not None
    assert (one.low, one.certain) == (None, False)
