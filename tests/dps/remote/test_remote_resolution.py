"""Remote resolution before dispatch: FS12."""

from __future__ import annotations

import pytest

FIX = {
    "model": "mixer-1", "pack": "p", "rule": "stuck",
    "command": {"name": "kick", "args": {}},
    "verify": {"title": "it runs", "let": {"speed": {"signal": "speed", "over_s": 1200}},
               "when": "speed > 30.0"},
    "after_s": 1800, "tries": 2, "visit": {"part": "blade", "position": "blade"},
}  # fmt: skip
PACK = {
    "pack": "p", "version": "1", "model": "mixer-1", "owner": "service", "every": "1m",
    "stale_after": "10m",
    "rules": [{"id": "stuck", "let": {"speed": {"signal": "speed", "take": "last"}},
               "when": "speed < 5.0", "severity": "major", "why": "so", "then": [{"alert": {}}]}],
}  # fmt: skip


@pytest.fixture
def stuck(yard, spans):
    """A machine that has just been found to stand still; and the command that may help."""
    blade = {"title": "Blade", "price_eur": 10.0, "supplier": "acme", "models": ["mixer-1"],
             "lead_time_h": {"p50": 24.0, "p90": 48.0}}  # fmt: skip
    yard.done("PUT", "/parts/blade", blade)
    yard.done("POST", "/rule-packs", PACK)
    yard.done("PUT", "/remote-fixes/kick-it", FIX)
    yard.read("mix-1", at_ms=yard.now + 1, speed=0)
    yard.wait(2 * spans.MINUTE)
    (asked,) = yard.told()
    assert (asked.name, asked.device) == ("kick", "mix-1")
    yard.ack(asked)
    return yard


def kinds(yard, prefix="remote."):
    return [e["type"].removeprefix(prefix) for e in yard.feed(prefix)]


def keep(yard, spans, speed, minutes=31):
    """Let time go on while the machine turns so fast."""
    for _ in range(minutes // 5 + 1):
        yard.read("mix-1", speed=speed)
        yard.wait(5 * spans.MINUTE)


@pytest.mark.feature("FS12")
def test_a_visit_is_avoided_only_when_telemetry_says_that_the_machine_is_well(stuck, spans):
    stuck.wait(spans.MINUTE)
    assert kinds(stuck) == ["begun"]  # the device has done it, which proves nothing
    assert stuck.get("/remote-attempts/figures")["avoided_visits"] == 0
    keep(stuck, spans, 50)
    assert kinds(stuck) == ["begun", "resolved"]
    figures = {"tried": 1, "avoided_visits": 1, "failed": 0, "open": 0}
    assert stuck.get("/remote-attempts/figures") == figures
    assert stuck.get("/work-orders")["items"] == []


@pytest.mark.feature("FS12")
def test_what_telemetry_does_not_verify_is_tried_again_and_then_somebody_is_sent(stuck, spans):
    keep(stuck, spans, 0)
    (again,) = stuck.told()
    assert again.name == "kick"
    assert stuck.get("/work-orders")["items"] == []
    stuck.ack(again, "refused", "motor too hot")
    keep(stuck, spans, 0)
    assert kinds(stuck) == ["begun", "failed"]
    (attempt,) = stuck.get("/remote-attempts?thing=mix-1")["items"]
    assert (attempt["state"], attempt["tries"]) == ("FAILED", 2)
    (visit,) = stuck.get("/work-orders")["items"]
    assert (visit["thing"], visit["position"], visit["kind"]) == ("mix-1", "blade", "breakdown")


@pytest.mark.feature("FS12")
def test_a_visit_waits_for_the_remedy_and_is_made_when_that_fails(yard, spans):
    level = {"priorities": {"P3": {"respond": 480}}, "opens_for": ["major"],
             "covers": {"things": ["mix-1"]}}  # fmt: skip
    yard.done("PUT", "/service-levels/gold", level)
    blade = {"title": "Blade", "price_eur": 10.0, "supplier": "acme", "models": ["mixer-1"],
             "lead_time_h": {"p50": 24.0, "p90": 48.0}}  # fmt: skip
    yard.done("PUT", "/parts/blade", blade)
    yard.done("POST", "/rule-packs", PACK)
    yard.done("PUT", "/remote-fixes/kick-it", {**FIX, "tries": 1})

    def order():
        return yard.get("/work-orders")["items"][-1]

    def stuck_again():
        yard.read("mix-1", at_ms=yard.now + 1, speed=0)
        yard.wait(2 * spans.MINUTE)
        for asked in yard.told():
            yard.ack(asked)
        assert order()["state"] == "REMOTE_WORK"

    stuck_again()
    keep(yard, spans, 50)
    assert (order()["state"], order()["remote_fix"]) == ("COMPLETED", False), "not verified yet"
    keep(yard, spans, 50, minutes=120)
    assert (order()["state"], order()["remote_fix"]) == ("CLOSED", True)
    assert order()["arrived_ms"] is None
    stuck_again()
    keep(yard, spans, 0)
    assert order()["state"] == "TRIAGED", "somebody has to be sent"
    assert order()["reason"] == "kick-it: not well after one try"
    assert kinds(yard, "work_order.")[-1] == "remote_failed"
    assert len(yard.get("/work-orders")["items"]) == 2, "one for the fault, no second one"


@pytest.mark.deep
@pytest.mark.feature("FS12", "R3")
def test_without_a_reading_nothing_is_verified_and_a_lost_answer_is_no_reason_to_repeat_blindly(
    stuck, spans
):
    stuck.wait(spans.HOUR)
    (again,) = stuck.told()  # after telemetry was looked at
    assert again.issued_ms >= spans.START + 30 * spans.MINUTE
    stuck.wait(3 * spans.HOUR)
    assert kinds(stuck) == ["begun", "failed"]
    assert stuck.get("/remote-attempts/figures")["avoided_visits"] == 0


@pytest.mark.deep
def test_a_fault_that_is_told_twice_is_tried_once_at_a_time(stuck, spans):
    keep(stuck, spans, 50, minutes=6)
    stuck.read("mix-1", speed=0)
    stuck.wait(5 * spans.MINUTE)
    assert len(stuck.feed("alert.raised")) == 2
    assert kinds(stuck) == ["begun"]
    assert stuck.told() == []


@pytest.mark.deep
def test_a_fix_that_cannot_work_is_refused_with_every_problem(yard):
    wrong = {**FIX, "command": {"name": "kik", "args": {}},
             "verify": {"title": "x", "let": {"s": {"signal": "spd"}}, "when": "s +"}}  # fmt: skip
    refused = yard.done("PUT", "/remote-fixes/bad", wrong, 422)["error"]["problems"]
    assert [p["where"] for p in refused] == ["verify.let.s.signal", "verify.when", "name"]
    assert yard.get("/remote-fixes")["items"] == []
