"""Rollouts of firmware through the API: 3.6 of the domain, FW1 to FW12."""

from __future__ import annotations

import pytest

TWO = [{"things": ["mix-1", "mix-2"], "success_share": 1.0}, {"share": 1.0}]


@pytest.fixture
def fleet(open_yard, spans):
    """Four devices, and a package for them."""
    yard = open_yard(things=4)
    yard.births()
    for name in yard.names:
        yard.read(name, level=1, battery=90)
    yard.until(spans.START)
    yard.package()
    return yard


def rollout(yard, ident="r-1"):
    return yard.get(f"/firmware/rollouts/{ident}")


@pytest.mark.feature("CC8", "FW1")
def test_a_device_is_told_version_and_checksum_and_is_followed_stage_by_stage_to_its_new_version(
    fleet, spans
):
    fleet.rollout(things=["mix-1"])
    (asked,) = fleet.heard()
    assert asked.args == {"version": "2.0.0", "sha256": "a" * 64}
    fleet.update(asked)
    fleet.wait(spans.MINUTE)
    kinds = [e["type"].removeprefix("firmware.") for e in fleet.feed("firmware.")]
    stages = ["initiated", "downloading", "downloaded", "verified", "updating", "updated"]
    groups = ["rollout_readied", "rollout_starting", "rollout_started", "group_started"]
    assert kinds == [*groups, *stages, "rollout_finished"]
    assert rollout(fleet)["state"] == "FINISHED"
    runs = fleet.get("/things/mix-1/firmware")
    assert (runs["firmware"], runs["updates"][0]["state"]) == ("2.0.0", "UPDATED")
    assert runs["updates"][0]["was"] == "1.0.0"


@pytest.mark.deep
@pytest.mark.feature("FW1")
def test_an_image_whose_digest_is_wrong_is_a_failure_that_never_reached_updating(fleet, spans):
    fleet.rollout(things=["mix-1"])
    fleet.update(fleet.heard()[0], "failed")
    fleet.wait(spans.MINUTE)
    kinds = [e["type"] for e in fleet.feed("firmware.")]
    assert "firmware.updating" not in kinds
    (one,) = fleet.get("/firmware/rollouts/r-1/devices")["items"]
    assert (one["state"], one["reason"]) == ("FAILED", "the digest of the image is another")


@pytest.mark.feature("FW2", "CC8")
def test_a_device_is_updated_only_when_it_reports_the_version_whatever_it_says(fleet, spans):
    fleet.rollout(things=["mix-1", "mix-2"])
    first, second = fleet.heard()
    fleet.ack(first, "done", {"stage": "updated"})
    fleet.update(second, "dumb")  # it reports the version, and never says that it is done
    fleet.wait(spans.MINUTE)
    assert set(fleet.states().values()) == {"INITIATED", "UPDATING"}
    fleet.wait(10 * spans.MINUTE)
    assert fleet.states() == {first.device: "INITIATED", second.device: "UPDATED"}
    fleet.birth(first.device, "2.0.0")
    fleet.wait(spans.SECOND)
    assert fleet.states()[first.device] == "UPDATED"


@pytest.mark.deep
def test_a_device_that_goes_back_to_its_old_image_is_rolled_back_and_a_silent_one_timed_out(
    fleet, spans
):
    fleet.rollout(things=["mix-1", "mix-2"], groups=[{"share": 1.0, "error_share": 1.0}])
    first, second = fleet.heard()
    fleet.update(first, "rolled_back")
    fleet.update(second, "silent")
    fleet.wait(26 * spans.HOUR)
    assert fleet.states() == {first.device: "ROLLED_BACK", second.device: "TIMED_OUT"}


@pytest.mark.feature("FW3")
def test_a_model_or_hardware_that_does_not_fit_is_never_targeted_not_even_by_name(open_yard, spans):
    yard = open_yard(things=3, hardware={"mix-1": "B", "mix-2": "A"})
    yard.births()
    yard.until(spans.START)
    yard.package(hardware=["B", "C"])
    refused = yard.rollout(things=["mix-1", "mix-2", "mix-3"], start=False, status=422)
    places = [(p["where"], p["what"].split("'")[1]) for p in refused["error"]["problems"]]
    assert places == [("things", "mix-2"), ("things", "mix-3")]
    yard.rollout()
    assert yard.states() == {"mix-1": "QUEUED"}
    yard.package("p-2", models=["mixer-2"])
    yard.rollout("r-2", package="p-2", start=False)
    yard.decide("r-2", "submit")
    yard.decide("r-2", "start", 422)


@pytest.mark.feature("FW4")
def test_one_device_has_one_update_at_a_time_whoever_asks(fleet, spans):
    fleet.rollout(things=["mix-1"])
    fleet.package("p-2", "3.0.0")
    fleet.rollout("r-2", package="p-2", things=["mix-1"])
    (asked,) = fleet.heard()
    first, other = ("r-1", "r-2") if asked.args["version"] == "2.0.0" else ("r-2", "r-1")
    fleet.update(asked, "silent")
    by_hand = {"by": "ada", "name": "update_firmware", "args": {"version": "3.0.0"}}
    fleet.done("POST", "/things/mix-1/commands", by_hand, 409)
    assert fleet.heard(20 * spans.HOUR) == []
    waiting = fleet.get(f"/firmware/rollouts/{other}/devices")["items"][0]
    assert (waiting["state"], waiting["reason"]) == ("QUEUED", "another update is under way")
    assert fleet.states(first) == {"mix-1": "DOWNLOADING"}


@pytest.mark.feature("FW5")
def test_an_older_version_is_skipped_unless_the_downgrade_is_said(fleet, spans):
    fleet.birth("mix-1", "2.0.0")
    fleet.birth("mix-2", "2.1.0")
    fleet.wait(spans.SECOND)
    fleet.rollout(things=["mix-1", "mix-2"])
    fleet.wait(spans.SECOND)
    reasons = {
        d["thing"]: d["reason"] for d in fleet.get("/firmware/rollouts/r-1/devices")["items"]
    }
    assert reasons["mix-1"] == "runs 2.0.0 already"
    assert reasons["mix-2"] == "runs 2.1.0; a downgrade must be said"
    assert set(fleet.states().values()) == {"SKIPPED"}
    fleet.rollout("r-2", things=["mix-2"], downgrade=True)
    (asked,) = fleet.heard()
    assert asked.args["downgrade"] is True


@pytest.mark.deep
@pytest.mark.feature("FW7")
def test_the_next_group_follows_when_enough_of_the_one_before_succeeded(fleet, spans):
    fleet.rollout(groups=TWO)
    first = fleet.heard()
    assert [c.device for c in first] == ["mix-1", "mix-2"]
    fleet.update(first[0])
    assert fleet.heard(10 * spans.MINUTE) == []
    fleet.update(first[1])
    assert {c.device for c in fleet.heard(10 * spans.MINUTE)} == {"mix-3", "mix-4"}
    assert rollout(fleet)["current"] == 2


@pytest.mark.feature("FW7")
def test_too_many_errors_stop_the_rollout_and_whoever_was_not_asked_is_never_asked(fleet, spans):
    groups = [{"things": ["mix-1", "mix-2", "mix-3"], "error_share": 0.3}, {"share": 1.0}]
    fleet.rollout(groups=groups, in_flight=1)
    (asked,) = fleet.heard()
    fleet.update(asked, "rolled_back")
    assert fleet.heard(2 * spans.DAY) == []
    assert (rollout(fleet)["state"], rollout(fleet)["by"]) == ("STOPPED", "firmware")
    assert rollout(fleet)["reason"] == "group 1: 1 of 3 went wrong"
    others = {name: state for name, state in fleet.states().items() if name != asked.device}
    assert set(others.values()) == {"SKIPPED"}
    fleet.decide("r-1", "resume", 409)


@pytest.mark.deep
def test_a_group_that_is_over_and_not_good_enough_waits_for_a_person(fleet, spans):
    groups = [{"things": ["mix-1", "mix-2"], "success_share": 1.0, "error_share": 0.5},
              {"share": 1.0}]  # fmt: skip
    fleet.rollout(groups=groups)
    first, second = fleet.heard()
    fleet.update(first)
    fleet.update(second, "failed")
    fleet.wait(spans.HOUR)
    assert rollout(fleet)["state"] == "PAUSED"
    assert rollout(fleet)["reason"] == "group 1: 1 of 2 were updated"
    fleet.decide("r-1", "resume", by="ben")
    assert len(fleet.heard(spans.MINUTE)) == 2


@pytest.mark.deep
def test_a_pause_by_a_person_stops_asking_and_resuming_it_forces_nothing(fleet, spans):
    fleet.rollout(groups=TWO, in_flight=1)
    (asked,) = fleet.heard()
    fleet.decide("r-1", "pause")
    fleet.update(asked)
    assert fleet.heard(spans.HOUR) == []
    fleet.decide("r-1", "resume")
    (second,) = fleet.heard(spans.MINUTE)
    assert second.device == "mix-2"
    assert rollout(fleet)["current"] == 1


@pytest.mark.feature("FW8")
def test_nobody_is_asked_outside_the_window_nor_while_a_condition_forbids_it_or_is_not_known(
    fleet, spans
):
    low = {"title": "high level", "let": {"level": {"signal": "level"}}, "when": "level > 2.0"}
    fleet.rollout(window={"hours": "02:00-03:00"}, forbidden=[low])
    assert fleet.heard(90 * spans.MINUTE) == []
    for name, level in (("mix-1", 1), ("mix-2", 2.5), ("mix-3", 0.5)):
        fleet.read(name, level=level)
    assert fleet.heard(20 * spans.MINUTE) == []
    assert {c.device for c in fleet.heard(11 * spans.MINUTE)} == {"mix-1", "mix-3"}
    why = {d["thing"]: d["reason"] for d in fleet.get("/firmware/rollouts/r-1/devices")["items"]}
    assert why["mix-2"] == "high level"
    assert why["mix-4"] == "nobody knows whether: high level"
    fleet.wait(2 * spans.HOUR)
    fleet.read("mix-2", level=1)
    assert fleet.heard(spans.HOUR) == []


@pytest.mark.deep
def test_a_request_that_is_not_heard_in_time_is_not_obeyed_and_made_again(fleet, spans):
    fleet.rollout(things=["mix-1"])
    (asked,) = fleet.heard()
    assert asked.expires_ms - asked.issued_ms == 15 * spans.MINUTE
    fleet.wait(20 * spans.MINUTE)
    assert fleet.states() == {"mix-1": "QUEUED"}
    fleet.read("mix-1", level=1)
    (again,) = fleet.heard(40 * spans.MINUTE)
    assert again.command_id != asked.command_id


@pytest.mark.deep
def test_a_device_that_refuses_is_asked_three_times_and_one_that_never_hears_is_given_up(
    fleet, spans
):
    both = [{"share": 1.0, "error_share": 0.5}]
    fleet.rollout(things=["mix-1", "mix-2"], patience_s=86_400, groups=both)
    tries = 0
    for _ in range(15):
        for asked in fleet.heard(10 * spans.MINUTE):
            if asked.device == "mix-1":
                tries += 1
                fleet.update(asked, "refused")
    fleet.wait(spans.DAY)
    assert (tries, fleet.states()) == (3, {"mix-1": "FAILED", "mix-2": "TIMED_OUT"})


@pytest.mark.deep
def test_who_was_asked_and_did_not_hear_of_it_is_not_asked_again_after_a_stop(fleet, spans):
    fleet.rollout(things=["mix-1", "mix-2"])
    first, second = fleet.heard()
    fleet.update(first, "failed")
    fleet.wait(spans.HOUR)
    assert fleet.states() == {first.device: "FAILED", second.device: "SKIPPED"}
    assert fleet.told() == []


@pytest.mark.deep
@pytest.mark.feature("FW10")
def test_no_more_are_asked_in_a_minute_nor_at_once_than_the_throttle_says(open_yard, spans):
    yard = open_yard(things=7)
    yard.births()
    yard.until(spans.START)
    yard.package()
    yard.rollout(per_minute=2, in_flight=3)
    issued = []
    for _ in range(30):
        asked = yard.heard(10 * spans.SECOND)
        issued += [c.issued_ms for c in asked]
        under_way = [s for s in yard.states().values() if s not in ("QUEUED", "UPDATED")]
        assert len(under_way) <= 3
        for command in asked[:1]:
            yard.update(command)
    assert len(issued) >= 5
    for at_ms in issued:
        assert sum(at_ms <= other < at_ms + spans.MINUTE for other in issued) <= 2


@pytest.mark.deep
def test_a_rollout_needs_an_approval_by_somebody_else_and_can_be_deleted_before_it_starts(fleet):
    fleet.rollout(approval=True, start=False)
    fleet.decide("r-1", "start", 409)
    assert fleet.decide("r-1", "submit")["state"] == "WAITING_APPROVAL"
    fleet.decide("r-1", "approve", 409, by="ada")
    fleet.decide("r-1", "reject", 422, by="ben")
    assert fleet.decide("r-1", "reject", by="ben", reason="too soon")["state"] == "DRAFT"
    fleet.decide("r-1", "submit")
    assert fleet.decide("r-1", "approve", by="ben")["state"] == "READY"
    fleet.done("PUT", "/firmware/rollouts/r-1", {"by": "ada", "package": "p-1",
                                                  "groups": [{"share": 1}]}, 409)  # fmt: skip
    assert fleet.done("DELETE", "/firmware/rollouts/r-1")["state"] == "DELETED"


@pytest.mark.deep
def test_what_cannot_be_rolled_out_is_refused_with_every_problem(fleet):
    bad = {
        "groups": [{"share": 0.7, "things": ["mix-9"]}, {"share": 0.4}],
        "forbidden": [{"title": "x", "let": {"l": {"signal": "levl"}}, "when": "l +"}],
    }
    refused = fleet.rollout(start=False, status=422, **bad)["error"]["problems"]
    assert [p["where"] for p in refused] == ["groups"]
    bad["groups"][0]["share"] = 0.5
    refused = fleet.rollout(start=False, status=422, **bad)["error"]["problems"]
    assert [p["where"] for p in refused] == [
        "forbidden[0].let.l.signal", "forbidden[0].when", "groups[0].things",
    ]  # fmt: skip
    fleet.package("p-1", "9.9.9", 409)


@pytest.mark.deep
@pytest.mark.feature("FW12")
def test_a_group_with_more_alerts_than_who_was_not_updated_stops_the_rollout_a_day_later(
    open_yard, spans
):
    yard = open_yard(things=4)
    pack = {
        "pack": "p", "version": "1", "model": "mixer-1", "owner": "service", "every": "1m",
        "stale_after": "10m",
        "rules": [{"id": "hot", "let": {"level": {"signal": "level", "take": "last"}},
                   "when": "level > 5.0", "severity": "major", "why": "so",
                   "then": [{"alert": {}}]}],
    }  # fmt: skip
    yard.done("POST", "/rule-packs", pack)
    yard.births()
    yard.until(spans.START)
    yard.package()
    health = {"after_s": 86_400, "gate": True}
    yard.rollout(groups=[{"things": ["mix-1"]}, {"share": 1.0}], health=health)
    yard.update(yard.heard()[0])
    yard.wait(2 * spans.MINUTE)
    for _ in range(8):
        for level in (9, 0):
            yard.read("mix-1", level=level)
            yard.wait(2 * spans.MINUTE)
    assert rollout(yard)["state"] == "RUNNING"
    assert yard.heard(spans.DAY) == []
    (check,) = yard.get("/firmware/rollouts/r-1/health")["items"]
    assert (check["verdict"], check["events"], check["control_events"]) == ("UNHEALTHY", 8, 0)
    assert check["control_hours"] == pytest.approx(3 * check["hours"], rel=0.01)
    assert check["chance"] == pytest.approx(0.25**8, rel=0.01)
    assert rollout(yard)["state"] == "STOPPED"


@pytest.mark.deep
def test_a_healthy_group_lets_the_next_one_follow_after_its_day(fleet, spans):
    health = {"after_s": 86_400, "gate": True, "control": ["mix-4"]}
    fleet.rollout(groups=[{"things": ["mix-1"]}, {"share": 1.0}], health=health)
    fleet.update(fleet.heard()[0])
    assert fleet.heard(23 * spans.HOUR) == []
    for name in fleet.names:
        fleet.read(name, level=1)
    fleet.wait(2 * spans.HOUR)
    assert {c.device for c in fleet.told()} == {"mix-2", "mix-3"}
    (check,) = fleet.get("/firmware/rollouts/r-1/health")["items"]
    assert (check["verdict"], check["chance"]) == ("HEALTHY", pytest.approx(1.0))


@pytest.mark.deep
def test_a_rollout_goes_on_after_a_restart_anywhere(open_yard, spans, tmp_path):
    yard = open_yard(f"sqlite:///{tmp_path / 'dps.db'}", things=3)
    yard.births()
    yard.until(spans.START)
    yard.package()
    groups = [{"things": ["mix-1"], "success_share": 1.0}, {"share": 1.0}]
    yard.rollout(groups=groups, in_flight=1)
    for _ in range(18):
        yard.stop()
        yard.begin()
        for asked in yard.heard(20 * spans.SECOND):
            yard.update(asked)
    assert set(yard.states().values()) == {"UPDATED"}
    assert rollout(yard)["state"] == "FINISHED"
    assert len(yard.feed("firmware.updated")) == 3
