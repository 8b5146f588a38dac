"""Commands with a policy, and parameters: 3.8 of the domain, R1 to R5."""

from __future__ import annotations

import pytest

from reference_impl.published import CommandWanted


def ask(yard, name="turn", status=200, **more):
    return yard.done("POST", "/things/mix-1/commands", {"by": "ada", "name": name, **more}, status)


def state(yard, ident):
    return next(c for c in yard.get("/commands")["items"] if c["id"] == ident)


def kinds(yard):
    return [e["type"].removeprefix("command.") for e in yard.feed("command.")]


CONFIRM = {"signal": "speed", "equals": 40, "tolerance": 1}


@pytest.mark.feature("R1", "DS3")
def test_an_acknowledged_command_is_done_only_when_its_feedback_says_so(yard, spans):
    made = ask(yard, confirm=CONFIRM, timeout_s=600)
    yard.wait(spans.SECOND)
    (sent,) = yard.told()
    yard.ack(sent)
    yard.read("mix-1", speed=10)
    yard.wait(2 * spans.MINUTE)
    assert state(yard, made["id"])["state"] == "ACKNOWLEDGED"
    yard.read("mix-1", speed=40.5)
    yard.wait(2 * spans.MINUTE)
    assert state(yard, made["id"])["state"] == "CONFIRMED"
    assert state(yard, made["id"])["detail"] == "speed is 40.5"
    assert kinds(yard) == ["requested", "acknowledged", "confirmed"]


@pytest.mark.deep
def test_a_reading_from_before_the_command_confirms_nothing(yard, spans):
    yard.read("mix-1", speed=40)
    made = ask(yard, confirm=CONFIRM, timeout_s=300)
    yard.wait(spans.HOUR)
    assert state(yard, made["id"])["state"] == "FAILED"
    assert kinds(yard) == ["requested", "timed_out", "failed"]


@pytest.mark.feature("R3")
def test_a_try_that_was_not_confirmed_is_made_again_as_often_as_asked_for_under_ids_of_their_own(
    yard, spans
):
    made = ask(yard, timeout_s=60, retries=2, retry_every_s=120)
    for _ in range(5):
        yard.wait(2 * spans.MINUTE)
    sent = yard.told()
    assert [c.command_id for c in sent] == [made["id"], f"{made['id']}~2", f"{made['id']}~3"]
    gaps = [c.issued_ms - spans.START for c in sent]
    assert gaps == [0, 180_000, 360_000]
    assert all(c.expires_ms == c.issued_ms + 60_000 for c in sent)
    found = state(yard, made["id"])
    assert (found["state"], found["attempt"]) == ("FAILED", 3)
    assert found["detail"] == "no answer in time, after 3 tries"
    assert kinds(yard) == ["requested", *["timed_out", "retried"] * 2, "timed_out", "failed"]


@pytest.mark.deep
def test_an_answer_to_an_early_try_ends_the_command_unless_it_is_a_refusal(yard, spans):
    made = ask(yard, timeout_s=60, retries=2, retry_every_s=60)
    yard.wait(150 * spans.SECOND)
    first = yard.told()[0]
    yard.ack(first, "expired")
    yard.wait(spans.SECOND)
    assert state(yard, made["id"])["state"] == "SENT"
    yard.ack(first, "done")
    yard.wait(spans.HOUR)
    assert state(yard, made["id"])["state"] == "CONFIRMED"


@pytest.mark.feature("R3")
def test_a_command_that_is_not_idempotent_is_never_tried_again(yard, spans):
    refused = ask(yard, "kick", 422, timeout_s=60, retries=1)
    (problem,) = refused["error"]["problems"]
    assert (problem["where"], problem["allowed"]) == ("retries", "0")
    made = ask(yard, "kick", timeout_s=60)
    yard.wait(spans.DAY)
    assert len(yard.told()) == 1
    assert state(yard, made["id"])["state"] == "FAILED"
    bound = {"by": "ada", "values": {"speed": 20}, "if_version": 3, "timeout_s": 60, "retries": 1}
    yard.done("PUT", "/things/mix-1/parameters", bound, 422)


@pytest.mark.feature("R2")
def test_only_a_durable_command_waits_for_a_device_that_is_away_for_hours(yard, spans):
    plain, durable = ask(yard), ask(yard, durable=True)
    yard.wait(5 * spans.HOUR)
    assert state(yard, plain["id"])["state"] == "EXPIRED"
    assert state(yard, durable["id"])["state"] == "SENT"
    late = {c.command_id: c for c in yard.told()}
    assert late[plain["id"]].expires_ms < yard.now < late[durable["id"]].expires_ms
    yard.ack(late[durable["id"]])
    yard.wait(spans.SECOND)
    assert state(yard, durable["id"])["state"] == "CONFIRMED"


@pytest.mark.deep
def test_a_policy_that_cannot_be_is_refused_with_every_problem(yard):
    bad = {"retries": 2, "confirm": {"signal": "sped", "equals": 1}}
    problems = ask(yard, "kick", 422, **bad)["error"]["problems"]
    assert [p["where"] for p in problems] == ["retries", "confirm.signal"]
    assert "did you mean 'speed'" in problems[1]["what"]
    (problem,) = ask(yard, status=422, retries=1)["error"]["problems"]
    assert problem["where"] == "retries"


def put(yard, status=200, by="ada", **values):
    return yard.done("PUT", "/things/mix-1/parameters", {"by": by, "values": values}, status)


def parameter(yard, name="speed"):
    items = yard.get("/things/mix-1/parameters")["items"]
    return next(p for p in items if p["name"] == name)


@pytest.mark.feature("R1", "DS3")
def test_a_parameter_is_pending_until_its_device_reports_it_and_differs_when_it_refuses(
    yard, spans
):
    assert parameter(yard)["state"] == "UNKNOWN"
    put(yard, speed=40)
    yard.wait(spans.SECOND)
    now = parameter(yard)
    assert (now["state"], now["desired"], now["reported"]) == ("PENDING", 40, None)
    assert (now["min"], now["max"], now["unit"], now["origin"]) == (10, 90, "rpm", "hand")
    yard.ack(yard.told()[0], detail={"settings": {"speed": 40.0}, "version": 1})
    yard.wait(spans.SECOND)
    assert (parameter(yard)["state"], parameter(yard)["reported"]) == ("IN_SYNC", 40)
    put(yard, speed=80)
    yard.wait(spans.SECOND)
    yard.ack(yard.told()[0], "refused", "busy")
    yard.wait(spans.SECOND)
    now = parameter(yard)
    assert (now["state"], now["desired"], now["reported"]) == ("DIFFERS", 80, 40)
    history = yard.get("/things/mix-1/parameters/speed/history")["items"]
    said = [(h["what"], h["value"]) for h in history]
    assert said == [("asked", 40), ("confirmed", 40), ("asked", 80), ("failed", 80)]


@pytest.mark.deep
def test_a_report_that_contradicts_what_was_asked_for_is_a_failure(yard, spans):
    made = put(yard, speed=40)
    yard.wait(spans.SECOND)
    yard.ack(yard.told()[0], detail={"settings": {"speed": 35.0}, "version": 1})
    yard.wait(spans.SECOND)
    assert state(yard, made["id"])["detail"] == "speed is 35, asked for was 40"
    assert parameter(yard)["reported"] is None


@pytest.mark.feature("R4")
def test_of_two_changes_under_way_the_one_confirmed_last_wins_and_both_are_in_the_history(
    yard, spans
):
    put(yard, speed=40, by="ada")
    yard.wait(spans.SECOND)
    put(yard, speed=60, by="ben")
    yard.wait(spans.SECOND)
    first, second = yard.told()
    yard.ack(second, detail={"settings": {"speed": 60.0}, "version": 1})
    yard.wait(spans.SECOND)
    yard.ack(first, detail={"settings": {"speed": 40.0}, "version": 2})
    yard.wait(spans.SECOND)
    now = parameter(yard)
    assert (now["state"], now["desired"], now["reported"]) == ("IN_SYNC", 40, 40)
    assert now["desired_by"] == "ada"
    history = yard.get("/things/mix-1/parameters/speed/history")["items"]
    said = [(h["by"], h["what"]) for h in history]
    assert said == [("ada", "asked"), ("ben", "asked"), ("ben", "confirmed"), ("ada", "confirmed")]


@pytest.mark.deep
@pytest.mark.feature("R4")
def test_an_old_confirmation_that_comes_late_does_not_win_over_a_newer_one(yard, spans):
    put(yard, speed=40)
    yard.wait(spans.SECOND)
    put(yard, speed=60)
    yard.wait(spans.MINUTE)
    first, second = yard.told()
    yard.ack(second, detail={"settings": {"speed": 60.0}}, at_ms=yard.now - 10)
    yard.ack(first, detail={"settings": {"speed": 40.0}}, at_ms=yard.now - 900)
    yard.wait(spans.SECOND)
    assert (parameter(yard)["desired"], parameter(yard)["reported"]) == (60, 60)


@pytest.mark.deep
def test_a_value_out_of_range_is_refused_before_anything_goes_out(yard, spans):
    refused = put(yard, 422, speed=500, level=9, sped=1)
    places = [p["where"] for p in refused["error"]["problems"]]
    assert places == ["args.level", "args.sped", "args.speed"]
    yard.wait(spans.SECOND)
    assert yard.told() == []


@pytest.mark.deep
def test_a_rule_that_asks_for_what_the_model_does_not_obey_sends_nothing_and_says_so(yard, spans):
    with yard.dps.store.begin() as uow:
        uow.publish(
            CommandWanted(
                at_ms=yard.now, command_id="cmd-x", thing="mix-1", name="tern", args={},
                expires_ms=yard.now + spans.HOUR, by="rule:p/r",
            )
        )  # fmt: skip
    yard.wait(spans.MINUTE)
    assert yard.told() == []
    command = state(yard, "cmd-x")
    assert (command["state"], command["origin"]) == ("FAILED", "rule")
    assert command["detail"] == "not sent: name 'tern' is unknown; did you mean 'turn'?"


@pytest.mark.deep
def test_a_time_out_and_its_retry_survive_a_restart(open_yard, spans, tmp_path):
    yard = open_yard(f"sqlite:///{tmp_path / 'dps.db'}")
    yard.births()
    yard.until(spans.START)
    made = ask(yard, timeout_s=60, retries=1, retry_every_s=60)
    for _ in range(4):
        yard.wait(45 * spans.SECOND)
        yard.stop()
        yard.begin()
    assert [c.command_id for c in yard.told()] == [made["id"], f"{made['id']}~2"]
    assert kinds(yard) == ["requested", "timed_out", "retried", "timed_out", "failed"]
