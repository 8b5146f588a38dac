"""Each kind of check sees good and bad; what cannot be decided is never passed over."""

from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from harness.checks.asking import Asked
from harness.checks.base import catalog
from harness.checks.sometimes import over_all
from harness.events import CheckDecided, RunResult

D, OTHER = "dev-01-1", "dev-01-2"
PLACED = 'kind == "order.placed"'
STATE = f"truth({D}).hub.damage < 0.5"


def orders(make, *times_h: float, thing: str = D):
    return [
        make.feed(t, "order.placed", f"o{t}", thing=thing, total_eur=100.0 * t, need_key="n")
        for t in times_h
    ]


def states(make, *rows: tuple[float, float]):
    return [e for at_h, damage in rows for e in (make.sample(at_h, damage), make.step(at_h))]


def event_cases(make):
    one, three = orders(make, 1), orders(make, 1, 2, 3)
    alert = make.feed(1, "alert.raised", "a", thing=D)
    return [
        ("never", {"never": f"{PLACED} && data.total_eur > 250.0"}, three[:2], True),
        ("never", {"never": f"{PLACED} && data.total_eur > 250.0"}, three, False),
        ("never", {"never": f"{PLACED} && data.total_eur > 250.0", "to": "2h"}, three, True),
        ("never", {"never": f"{PLACED} && data.total_eur > 50.0", "from": "2h"}, three, False),
        ("never", {"never": f"{PLACED} && data.nothing > 250.0"}, three, False),
        ("never", {"never": PLACED}, [], False),
        ("always", {"always": f'thing == "{D}"'}, three, True),
        ("always", {"always": f'thing == "{OTHER}"'}, three, False),
        ("always", {"always": "events(order.placed) < 3.0"}, [*three[:2], make.step(9)], True),
        ("always", {"always": "events(order.placed) < 3.0"}, [*three, make.step(9)], False),
        ("exactly", {"exactly": 3, "of": PLACED}, three, True),
        ("exactly", {"exactly": 2, "of": PLACED}, three, False),
        ("exactly", {"exactly": 4, "of": PLACED}, three, False),
        ("exactly", {"exactly": 0, "of": 'kind == "order.rejected"'}, three, True),
        ("exactly", {"exactly": 1, "of": PLACED, "per": "thing"}, one, False),
        ("exactly", {"exactly": 1, "of": PLACED, "per": "need_key"}, one, True),
        ("exactly", {"exactly": 1, "of": PLACED, "per": "need_key"}, three, False),
        ("sometimes", {"sometimes": PLACED}, one, True),
        ("sometimes", {"sometimes": 'kind == "order.rejected"'}, one, False),
        ("until", {"until": PLACED, "never": 'kind == "alert.raised"'}, [*one, alert], True),
        ("until", {"until": PLACED, "never": 'kind == "alert.raised"'}, [alert, *one], False),
        ("until", {"until": PLACED, "never": 'kind == "alert.raised"'}, [], False),
        ("budget", {"budget": "orders", "at_most": 3}, three, True),
        ("budget", {"budget": "orders", "at_most": 2}, three, False),
        ("budget", {"budget": "orders", "at_least": 4}, three, False),
        ("budget", {"budget": "orders", "at_most": 0, "device": OTHER}, three, True),
        ("score", {"score": PLACED, "value": "total_eur", "at_least": 200.0}, three, True),
        ("score", {"score": PLACED, "value": "total_eur", "at_most": 199.0}, three, False),
        ("score", {"score": PLACED, "value": "need_key", "at_most": 199.0}, three, False),
        ("score", {"score": PLACED, "value": "total_eur", "at_least": 0.0}, [alert], False),
        (
            "score",
            {"score": PLACED, "holds": "data.total_eur > 150.0", "at_least": 0.6},
            three,
            True,
        ),
        (
            "score",
            {"score": PLACED, "holds": "data.total_eur > 150.0", "at_least": 0.7},
            three,
            False,
        ),
        ("eventually", {"eventually": PLACED}, one, True),
        ("eventually", {"eventually": PLACED, "within": "30m"}, one, False),
        ("eventually", {"eventually": PLACED}, [alert], False),
    ]


def test_checks_of_events_tell_good_from_bad(make, judged) -> None:
    for name, args, events, passes in event_cases(make):
        decision = judged(name, args, events)
        assert decision.passed is passes, (name, args, decision)
        if not passes:
            assert decision.expected, name
            assert decision.seen, name
            assert decision.at_ms is not None, name


def test_a_state_is_looked_at_in_every_step(make, judged) -> None:
    fine, broken = states(make, (1, 0.1), (2, 0.4)), states(make, (1, 0.1), (2, 0.6), (3, 0.1))

    assert judged("always", {"always": STATE}, fine).passed
    wrong = judged("always", {"always": STATE}, broken)
    assert not wrong.passed
    assert wrong.seen == f"truth({D}).hub.damage = 0.6"
    assert not judged("never", {"never": f"truth({D}).hub.damage > 0.5"}, broken).passed
    unheard = judged("always", {"always": STATE}, [make.step(1)])
    assert not unheard.passed
    assert f"nothing was heard of truth({D}).hub.damage" in unheard.seen


def test_what_comes_true_must_hold_once_the_last_fault_of_the_path_is_over(make, judged) -> None:
    cut = [make.fault(10, "outage", "site-01"), make.fault(20, "outage", "site-01", ended=True)]
    args = {"eventually": STATE, "within": "5h"}
    late = [*cut, *states(make, (21, 0.9), (26, 0.1))]
    early = [*cut, *states(make, (21, 0.9), (24, 0.1))]
    undone = [*states(make, (1, 0.1)), *cut, *states(make, (24, 0.8))]

    assert judged("eventually", args, early).passed
    assert "only at 2026-01-02T02:00:00Z" in judged("eventually", args, late).seen
    assert "not any more since" in judged("eventually", args, undone).seen
    own_fault = [make.fault(20, "hub_wear", D), *states(make, (21, 0.9), (24, 0.1))]
    assert not judged("eventually", args, own_fault).passed, "the service has to heal devices"


def test_within_follows_each_begin_by_itself(make, judged) -> None:
    alert, again = (make.feed(t, "alert.raised", f"a{t}", thing=D) for t in (1, 20))
    order = orders(make, 3)
    args = {"within": "3h", "after": 'kind == "alert.raised"', "comes": PLACED, "same": "thing"}

    assert judged("within", args, [alert, *order]).passed
    missed = judged("within", args, [alert, *order, again])
    assert not missed.passed
    assert missed.event is again
    assert missed.at_ms == again.at_ms + 3 * 3_600_000
    assert not judged("within", args, [alert, *orders(make, 3, thing=OTHER)]).passed
    assert not judged("within", {**args, "times": 1}, [alert, *orders(make, 2, 3)]).passed
    at_the_end = make.feed(99, "alert.raised", "a99", thing=D)
    assert "1 of them open" in judged("within", args, [alert, *order, at_the_end]).seen
    assert judged("within", args, [make.step(1)]).passed
    assert not judged("within", {**args, "at_least": 1}, [make.step(1)]).passed


def test_a_state_begins_once_when_it_becomes_true(make, judged) -> None:
    worn = f"truth({D}).hub.damage > 0.5"
    args = {"within": "2h", "after": worn, "comes": PLACED, "times": 1}
    rows = states(make, (1, 0.1), (2, 0.6), (4, 0.7), (6, 0.8))

    assert judged("within", args, [*rows, *orders(make, 3)]).passed
    assert not judged("within", args, [*rows, *orders(make, 5)]).passed


def test_until_holds_a_state(make, judged) -> None:
    args = {"until": PLACED, "holds": STATE}
    assert judged("until", args, [*states(make, (1, 0.1)), *orders(make, 2)]).passed
    assert not judged("until", args, [*states(make, (1, 0.9)), *orders(make, 2)]).passed


def test_budgets_of_euros_hours_and_messages_are_those_of_the_whole_run(make, judged) -> None:
    down = [make.truth(10, "device.down"), make.truth(20, "device.up")]
    open_end = [make.truth(90, "device.down")]
    costs = {"parts": 450.0, "total": 700.0}

    assert judged("budget", {"budget": "downtime_h", "at_most": 10}, down).passed
    assert not judged("budget", {"budget": "downtime_h", "at_most": 9}, [*down, *open_end]).passed
    assert judged("budget", {"budget": "downtime_h", "at_most": 10}, open_end).passed
    assert judged("budget", {"budget": "cost_eur", "at_most": 700}, [], costs_eur=costs).passed
    parts = {"budget": "cost_eur", "of": "parts", "at_most": 449}
    assert not judged("budget", parts, [], costs_eur=costs).passed
    assert not judged("budget", {**parts, "of": "partz"}, [], costs_eur=costs).passed
    assert not judged("budget", {"budget": "messages", "at_most": 9}, [], published=10).passed


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("never", {"never": 'kind == "order.place"'}, "did you mean 'order.placed'"),
        ("never", {"never": "knd == 1"}, "'knd' is nothing"),
        ("never", {"never": 'kind == "order.placed" && wher == 1'}, "nothing that an event has"),
        ("never", {"never": "kind =="}, "is not CEL, line 1 column"),
        ("never", {"never": f"{PLACED} && {STATE}"}, "reads one of both"),
        ("always", {"always": f"truth({D}).hub.damage"}, "not true or false"),
        ("exactly", {"exactly": 1, "of": STATE}, "must be about an event"),
        ("exactly", {"exactly": -1, "of": PLACED}, "greater than or equal to 0"),
        ("within", {"within": "0h", "after": PLACED, "comes": PLACED}, "longer than 0"),
        ("within", {"within": "1h", "after": PLACED, "comes": STATE}, "must be about an event"),
        ("until", {"until": PLACED}, "one of holds and never"),
        ("until", {"until": PLACED, "never": PLACED, "holds": STATE}, "one of holds and never"),
        ("score", {"score": PLACED, "at_most": 1}, "name one"),
        ("score", {"score": PLACED, "value": "x"}, "give at_least or at_most"),
        ("budget", {"budget": "orders"}, "at_most, at_least, or both"),
        ("budget", {"budget": "orders", "at_most": 1, "of": "parts"}, "goes with budget: cost_eur"),
        ("budget", {"budget": "messages", "at_most": 1, "device": D}, "leave device out"),
        ("equals_oracle", {"equals_oracle": "weer"}, "allowed: availability, delivery"),
        ("equals_oracle", {"equals_oracle": "orders", "points": 3}, "go with equals_oracle: wear"),
        ("equals_oracle", {"equals_oracle": "delivery", "device": D}, "leave device"),
        ("invariants", {"only": "O99"}, "unknown invariant 'O99'"),
        ("invariants", {"only": "O1", "without": "O2"}, "exclude each other"),
    ],
)
def test_a_mistake_in_a_check_is_told_before_the_run(name: str, args: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=r".") as caught:
        catalog()[name].Arguments.model_validate(args)
    assert said in str(caught.value)


def test_a_snapshot_carries_what_an_expression_has_heard(make) -> None:
    asked = Asked(STATE, 0)
    for event in states(make, (1, 0.1)):
        asked.ask(event)
    again = pickle.loads(pickle.dumps(asked))

    answer = again.ask(make.step(2))
    assert answer is not None
    assert answer.holds


def _result(title: str, passed: bool, other_red: bool = False) -> RunResult:
    checks = [
        CheckDecided(
            at_ms=0, check="sometimes", phase="sometimes", passed=passed, title="S", where="f:1:1"
        )
    ]
    if other_red:
        checks.append(
            CheckDecided(at_ms=0, check="never", phase="never", passed=False, title="N", where="")
        )
    good = passed and not other_red
    values = {
        "verdict": "passed" if good else "failed", "exit_code": 0 if good else 1,
        "scenario": "f", "title": title, "seed": 1, "mode": "virtual", "link": "memory",
        "broker": "memory", "trace_hash": "", "outcome_hash": "", "start_ms": 0, "end_ms": 1,
        "simulated_s": 1.0, "wall_s": 1.0, "published": 0, "ingested": 0, "ledger": {},
        "orders": 0, "work_orders": 0, "costs_eur": {}, "checks": tuple(checks), "replay": "",
        "run_dir": None,
    }  # fmt: skip
    return RunResult(**values)


def test_what_happened_in_one_run_of_a_matrix_has_happened_sometimes() -> None:
    missed, reached = _result("A", passed=False), _result("A", passed=True)
    red, other = _result("B", passed=False, other_red=True), _result("B", passed=False)

    settled = over_all([missed, reached, red, other])
    assert [r.exit_code for r in settled] == [0, 0, 1, 0], "the place counts, not the title"
    assert [len(r.failed_checks) for r in settled] == [0, 0, 1, 0]
    assert [r.exit_code for r in over_all([missed, other])] == [1, 1]
