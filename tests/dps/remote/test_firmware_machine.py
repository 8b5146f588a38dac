"""FW1 to FW12 and R1 to R5 under any sequence of calls and answers: a stateful machine."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

ENDINGS = st.sampled_from(
    ["updated", "updated", "updated", "failed", "rolled_back", "silent", "refused", "dumb", "later"]
)
ANSWERS = st.lists(ENDINGS, min_size=4, max_size=4)
UNDER_WAY = {"INITIATED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING"}
ERRORS = {"FAILED", "ROLLED_BACK", "TIMED_OUT"}
FINAL = {*ERRORS, "UPDATED", "SKIPPED"}
VERSIONS = {"p-1": "1.1.0", "p-2": "1.2.0", "p-3": "1.0.0"}
STEPS = ("submit", "approve", "start", "pause", "resume", "stop")
MINUTE = 60_000


class Remoting(RuleBasedStateMachine):
    """Rollouts that meet on the same machines, commands and parameters, devices of any temper."""

    def __init__(self, yard):
        super().__init__()
        self.yard = yard
        self.waiting, self.sent, self.ended, self.final, self.errors = [], {}, {}, {}, {}
        self.runs = dict.fromkeys(yard.names, "1.0.0")
        self.wanted, self.confirmed = {}, {}

    @initialize(low=st.booleans(), error_share=st.sampled_from([0.0, 0.4, 1.0]), ends=ANSWERS)
    def begin(self, low, error_share, ends):
        self.yard.births()
        for name in self.yard.names:
            self.yard.read(name, battery=5 if low and name == "mix-1" else 90)
        self.yard.wait(1000)
        for ident, version in VERSIONS.items():
            self.yard.package(ident, version, hardware=["B"])
        self.write("r-1", "p-1", error_share=error_share)
        self.live(1, ends)

    @rule(
        ident=st.sampled_from(["r-2", "r-3"]),
        package=st.sampled_from(sorted(VERSIONS)),
        down=st.booleans(),
        share=st.sampled_from([0.3, 0.5, 1.0]),
        error_share=st.sampled_from([0.0, 0.4, 1.0]),
        in_flight=st.integers(1, 3),
        window=st.sampled_from([None, {"hours": "00:00-12:00"}]),
        go=st.sampled_from([True, True, False]),
        ends=ANSWERS,
    )
    def roll_out(self, ends, **how):
        self.write(**how)
        self.live(1, ends)

    def write(
        self,
        ident,
        package,
        *,
        error_share,
        down=False,
        share=0.5,
        in_flight=2,
        window=None,
        go=True,
    ):
        groups = [{"share": share, "error_share": error_share, "success_share": 0.5}]
        groups += [{"share": 1.0 - share, "error_share": error_share}]
        low = {"title": "low battery", "let": {"b": {"signal": "battery", "over_s": 8e4}},
               "when": "b < 20.0"}  # fmt: skip
        body = {
            "by": "ada", "package": package, "groups": groups, "approval": False,
            "downgrade": down, "in_flight": in_flight, "per_minute": 2, "window": window,
            "forbidden": [low], "device_timeout_s": 7200, "patience_s": 86_400,
        }  # fmt: skip
        answer = self.yard.ask("PUT", f"/firmware/rollouts/{ident}", body)
        assert answer.status_code in (200, 409), answer.text
        if go and answer.status_code == 200:
            for step in ("submit", "start"):
                self.decide(ident=ident, step=step)

    @rule(ident=st.sampled_from(["r-1", "r-2", "r-3"]), step=st.sampled_from(STEPS), ends=ANSWERS)
    def intervene(self, ident, step, ends):
        self.decide(ident, step)
        self.live(1, ends)

    def decide(self, ident, step):
        body = {"by": "ben", "reason": "so"}
        answer = self.yard.ask("POST", f"/firmware/rollouts/{ident}/{step}", body)
        assert answer.status_code in (200, 404, 409), answer.text

    @rule(minutes=st.sampled_from([1, 1, 5, 45, 400]), ends=ANSWERS)
    def live(self, minutes, ends):
        """Devices answer what they were asked, or not yet; and time goes on."""
        self.yard.wait(minutes * MINUTE)
        self.hear()
        waiting, self.waiting = self.waiting, []
        for number, command in enumerate(waiting):
            self.answer(command, ends[number % len(ends)])
        self.yard.wait(2 * MINUTE)
        self.hear()

    def hear(self):
        for command in self.yard.told():
            self.sent[command.command_id] = command
            if command.name == "update_firmware":
                self.asked(command)
            self.waiting.append(command)

    def asked(self, command):
        """What must be true of every update that is asked for."""
        name, version = command.device, command.args["version"]
        assert name != "mix-4", "FW3: its hardware does not fit"
        older = version < self.runs[name]
        assert command.args["sha256"] == "a" * 64, "FW1"
        assert not older or command.args.get("downgrade"), "FW5"
        assert version != self.runs[name]
        same = [c for c in self.sent.values() if c.name == "update_firmware"]
        lately = [c for c in same if command.issued_ms - MINUTE < c.issued_ms <= command.issued_ms]
        by = command.command_id.split("-fw-")[1][:3]
        assert len([c for c in lately if f"-fw-{by}-" in c.command_id]) <= 2, "FW10"

    def answer(self, command, ends):
        """One device answers; too late, it says just that."""
        if ends == "later":
            self.waiting.append(command)
        elif self.yard.now > command.expires_ms:
            self.yard.ack(command, "expired")
        elif command.name == "update_firmware":
            self.yard.running[command.device] = self.runs[command.device]
            self.yard.update(command, ends)
            if ends in ("updated", "dumb"):
                self.runs[command.device] = command.args["version"]
        else:
            done = ends not in ("failed", "refused")
            values = {k: v for k, v in command.args.items() if command.name == "set_settings"}
            said = {"settings": values} if values else ""
            self.yard.ack(command, "done" if done else "refused", said if done else "no")
            if done and values:
                self.confirmed[command.device] = values["speed"]

    @rule(name=st.sampled_from(["mix-1", "mix-2"]), battery=st.sampled_from([5, 90]))
    def read(self, name, battery):
        self.yard.read(name, battery=battery)

    @rule(speed=st.integers(10, 90), retries=st.integers(0, 2), durable=st.booleans(), ends=ANSWERS)
    def change(self, speed, retries, durable, ends):
        body = {"by": "ada", "values": {"speed": speed}, "durable": durable}
        if retries:
            body |= {"timeout_s": 120, "retries": retries, "retry_every_s": 60}
        self.yard.done("PUT", "/things/mix-2/parameters", body)
        self.live(1, ends)

    @rule(name=st.sampled_from(["turn", "kick"]), retries=st.integers(0, 2), ends=ANSWERS)
    def command(self, name, retries, ends):
        body = {"by": "ada", "name": name, "timeout_s": 120, "retries": retries}
        refused = name == "kick" and retries
        self.yard.done("POST", "/things/mix-3/commands", body, 422 if refused else 200)
        self.live(1, ends)

    @rule()
    def restart(self):
        self.yard.stop()
        self.yard.begin()

    @invariant()
    def rollouts_are_sound(self):
        flying = []
        for one in self.yard.get("/firmware/rollouts")["items"]:
            ident, plan = one["id"], one["plan"]
            devices = self.yard.get(f"/firmware/rollouts/{ident}/devices")["items"]
            mine = [d["thing"] for d in devices if d["state"] in UNDER_WAY]
            flying += mine
            assert len(mine) <= plan["in_flight"], "FW10"
            for device in devices:
                key = (ident, device["thing"])
                before = self.final.get(key)
                assert before in (None, device["state"]), "a final state was left"
                if device["state"] in FINAL:
                    self.final[key] = device["state"]
                if device["state"] == "UPDATED" and before is None:
                    runs = self.yard.get(f"/things/{device['thing']}/firmware")["firmware"]
                    assert runs == VERSIONS[one["package"]], "FW2"
            for number, group in enumerate(plan["groups"][: one["current"]], 1):
                states = [d["state"] for d in devices if d["group"] == number]
                judged = [s for s in states if s != "SKIPPED"]
                errors = sum(s in ERRORS for s in judged)
                if errors > group["error_share"] * len(judged):
                    assert one["state"] in ("STOPPED", "FINISHED"), "FW7"
            if one["state"] == "STOPPED":
                asked = sum(device["attempt"] for device in devices)
                assert self.ended.setdefault(ident, asked) == asked, "FW7: asked after the stop"
        assert len(flying) == len(set(flying)), "FW4"

    @invariant()
    def commands_are_sound(self):
        for one in self.yard.get("/commands")["items"]:
            tries = [i for i in self.sent if i.partition("~")[0] == one["id"]]
            if one["name"] == "kick":
                assert len(tries) <= 1, "R3"
            assert len(tries) <= one["attempt"] <= 3
        for parameter in self.yard.get("/things/mix-2/parameters")["items"]:
            if parameter["name"] == "speed":
                assert parameter["reported"] == self.confirmed.get("mix-2"), "R1, R4"
                assert (parameter["state"] == "UNKNOWN") <= (parameter["reported"] is None)

    def teardown(self):
        self.yard.close()


NUMBERS = ["FW1", "FW2", "FW3", "FW4", "FW5", "FW7", "FW8", "FW10", "R1", "R2", "R3", "R4"]


def run(make, examples, steps):
    run_state_machine_as_test(
        lambda: Remoting(make()),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
        ),
    )  # fmt: skip


@pytest.fixture
def maker(spans, tmp_path):
    """Makes yards on stores of their own, whose machines but one have hardware B."""
    count = iter(range(10_000))

    def make(url=None):
        hardware = dict.fromkeys(("mix-1", "mix-2", "mix-3"), "B")
        url = url or f"sqlite:///{tmp_path / f'{next(count)}.db'}"
        return spans.Yard(url, things=4, hardware=hardware)

    return make


@pytest.mark.feature(*NUMBERS)
def test_any_sequence_of_calls_keeps_the_invariants_of_firmware_and_commands(maker):
    run(maker, 1, 10)


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_any_long_sequence_of_calls_keeps_the_invariants_of_firmware_and_commands(maker):
    run(maker, 8, 30)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.timeout(1200)
def test_any_sequence_of_calls_keeps_those_invariants_on_postgresql(maker, new_database):
    run(lambda: maker(new_database()), 2, 20)
