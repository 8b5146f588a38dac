"""A1 to A12 as a machine that does anything at any time, beside an oracle that reads nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

MINUTE_MS = 60_000
STALE_MS, WAIT_MS = 10 * MINUTE_MS, 2 * MINUTE_MS
ACME = ("mixer-01", "mixer-02")
ALL = (*ACME, "mixer-03")
OPEN = ("ACTIVE", "TAKEN_OVER", "SHELVED")


class Oracle:
    """How the rules ``hot`` and ``mains`` stand on one thing, by the words of the domain."""

    def __init__(self) -> None:
        self.read: dict[str, tuple[int, float]] = {}
        self.mains = False
        self.hot: int | None = None
        """When it began to hold, plus all the time in which its wait stood still."""
        self.active = False
        self.shown: set[str] = set()

    def known(self, signal: str, at_ms: int) -> float | None:
        when_ms, value = self.read.get(signal, (-1, 0.0))
        return value if when_ms >= at_ms - STALE_MS else None

    def forget(self) -> None:
        self.mains, self.hot, self.active, self.shown = False, None, False, set()

    def tick(self, at_ms: int, *, alerting: bool) -> None:
        mains = self.known("mains", at_ms)
        if mains is not None:
            if mains < 0.5 and not self.mains and alerting:
                self.shown.add("mains")
            self.mains = mains < 0.5
            if not self.mains:
                self.shown.discard("mains")
        if self.mains and self.active:  # the cause replaces the symptom
            self.calm()
        else:
            self.tick_hot(self.known("heat", at_ms), at_ms, alerting=alerting)

    def calm(self) -> None:
        self.active, self.hot = False, None
        self.shown.discard("hot")

    def tick_hot(self, heat: float | None, at_ms: int, *, alerting: bool) -> None:
        if self.mains or heat is None:  # hidden or UNKNOWN: neither fires nor clears
            if self.hot is not None and not self.active:
                self.hot += MINUTE_MS
        elif self.active:
            if heat < 30.0:
                self.calm()
        elif heat <= 50.0:
            self.hot = None
        else:
            self.hot = at_ms if self.hot is None else self.hot
            if at_ms - self.hot >= WAIT_MS:
                self.active = True
                if alerting:
                    self.shown.add("hot")


class Alerting(RuleBasedStateMachine):
    """Readings, silence, copies, people, sales and contracts in any order."""

    def __init__(self, kit: Any, url: str) -> None:
        super().__init__()
        self.room = kit.Room(url)
        hot = kit.rule(
            "hot", "heat > 50.0", **{"for": "2m"}, clear_when="heat < 30.0", suppressed_by=["mains"]
        )
        self.room.install(kit.pack(hot, kit.rule("mains", "mains < 0.5", severity="failure")))
        self.room.call("PUT", "/contacts/anna", {})
        self.oracles = {thing: Oracle() for thing in ALL}
        self.alerting = {"acme": True, "bolt": True}
        self.switched: set[str] = set()
        self.began: dict[str, tuple[int, int]] = {}
        self.log: list[dict[str, Any]] = []

    def teardown(self) -> None:
        self.room.close()

    def customer(self, thing: str) -> str:
        return "acme" if thing in ACME else "bolt"

    def pass_time(self, minutes: int) -> None:
        for _ in range(minutes):
            self.room.now_ms += MINUTE_MS
            for thing, oracle in self.oracles.items():
                if self.customer(thing) in self.switched:
                    oracle.forget()
                on = self.alerting[self.customer(thing)]
                oracle.tick(self.room.now_ms, alerting=on)
            self.switched.clear()
        self.log += self.room.clock(self.room.now_ms)

    @rule(
        thing=st.sampled_from(["mixer-01", *ALL]),
        heat=st.sampled_from([60.0, 40.0, 60.0, 20.0]),
        mains=st.sampled_from([1.0, 1.0, 1.0, 0.0]),
        copies=st.integers(1, 3),
        minutes=st.sampled_from([3, 1, 4]),
    )
    def report(self, thing: str, heat: float, mains: float, copies: int, minutes: int) -> None:
        """Some readings within a second, and copies of the last; then time passes."""
        if thing not in self.oracles:
            return
        at_ms = self.room.now_ms + 500
        self.room.send(thing, at_ms - 300, heat=100.0 - heat, mains=mains)
        for _ in range(copies):
            self.room.send(thing, at_ms, heat=heat, mains=mains)
        self.oracles[thing].read = {"heat": (at_ms, heat), "mains": (at_ms, mains)}
        self.pass_time(minutes)

    @rule(minutes=st.integers(1, 15))
    def silence(self, minutes: int) -> None:
        self.pass_time(minutes)

    @rule(thing=st.sampled_from(ALL))
    def lost_and_back(self, thing: str) -> None:
        """A point in the very moment of the loss: it is online (A7)."""
        if thing not in self.oracles:
            return
        self.room.will(thing)
        self.room.send(thing, heat=40.0, mains=1.0)
        at_ms = self.room.now_ms
        newest_ms = self.oracles[thing].read.get("heat", (-1, 0.0))[0]
        if newest_ms <= at_ms:
            self.oracles[thing].read = {"heat": (at_ms, 40.0), "mains": (at_ms, 1.0)}
        self.pass_time(1)
        (seen,) = self.room.items(f"/views/machines?search={thing}")
        assert seen["connection"] == "online"

    def opened(self) -> list[dict[str, Any]]:
        return self.room.items("/alerts?state=open")

    @precondition(lambda self: self.opened())
    @rule(data=st.data(), step=st.sampled_from(["take-over", "hand-back", "shelve", "unshelve"]))
    def handle(self, data: st.DataObject, step: str) -> None:
        """What people do changes nothing of the fault (A11); what the state forbids is refused."""
        alert = data.draw(st.sampled_from(self.opened()))
        allowed = {
            "take-over": OPEN, "hand-back": ("TAKEN_OVER",), "shelve": ("ACTIVE", "TAKEN_OVER"),
            "unshelve": ("SHELVED",),
        }[step]  # fmt: skip
        body = {"by": "anna", "reason": "because", "until_ms": self.room.now_ms + 20 * MINUTE_MS}
        status = 200 if alert["state"] in allowed else 409
        self.room.call("POST", f"/alerts/{alert['id']}/{step}", body, status=status)
        self.log += self.room.news()

    @precondition(lambda self: self.opened())
    @rule(data=st.data())
    def clear_by_hand(self, data: st.DataObject) -> None:
        alert = data.draw(st.sampled_from(self.opened()))
        self.room.call("POST", f"/alerts/{alert['id']}/clear", {"by": "anna"})
        oracle = self.oracles[alert["thing"]]
        oracle.shown.discard(alert["rule"])
        if alert["rule"] == "mains":
            oracle.mains = False
        else:
            oracle.calm()
        self.log += self.room.news()

    @precondition(lambda self: len(self.oracles) > 1)
    @rule(thing=st.sampled_from(ALL))
    def sell(self, thing: str) -> None:
        """A reset clears all (A9)."""
        if self.oracles.pop(thing, None) is not None:
            self.room.call("POST", f"/things/{thing}/reset", {"reason": "sold"})
            self.log += self.room.news()

    @rule(on=st.booleans())
    def contract(self, on: bool) -> None:
        """A customer's contract has alerts, or has none (A10)."""
        terms = {"step": 3, "initiatives": ["field-services"]} if on else {
            "step": 2, "initiatives": ["smart-parts"],
        }  # fmt: skip
        self.room.write("entitlement", {"id": "c", "customer": "acme", **terms})
        if self.alerting["acme"] != on:
            self.switched ^= {"acme"}
        self.alerting["acme"] = on
        self.pass_time(1)

    # What must always hold -------------------------------------------------------------------

    @invariant()
    def just_what_the_oracle_says_is_open(self) -> None:
        """A1, A5, A6, A8, A9, A10, A12, and that nothing else is."""
        found = [(row["thing"], row["rule"]) for row in self.opened()]
        wanted = [(t, r) for t, oracle in self.oracles.items() for r in oracle.shown]
        assert sorted(found) == sorted(wanted)

    @invariant()
    def instances_follow_each_other(self) -> None:
        """A2, A11: start before end, no overlap, and nobody moves the begin."""
        by_rule: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in self.room.items("/alerts"):
            times = (row["started_ms"], row["raised_ms"])
            assert self.began.setdefault(row["id"], times) == times
            by_rule.setdefault((row["thing"], row["rule"]), []).append(row)
        for rows in by_rule.values():
            rows.sort(key=lambda row: row["started_ms"])
            for row, after in itertools.pairwise(rows):
                assert row["started_ms"] <= row["raised_ms"] <= row["cleared_ms"]
                assert row["cleared_ms"] <= after["started_ms"]

    @invariant()
    def the_feed_tells_each_begin_and_end_once(self) -> None:
        """A3, A4: raised, then cleared, each once per instance, and so to each contact."""
        told: dict[tuple[str, ...], list[str]] = {}
        for event in self.log:
            data = event["data"]
            if event["type"] in ("alert.raised", "alert.cleared"):
                told.setdefault((event["subject"],), []).append(event["type"][6:])
            elif event["type"] == "notice.written":
                key = (data["alert"], data["contact"], data["channel"])
                told.setdefault(key, []).append(data["what"])
        for key, words in told.items():
            assert words in (["raised"], ["raised", "cleared"]), (key, words)


def play(kit: Any, url: str | Callable[[], str], *, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: Alerting(kit, url if isinstance(url, str) else url()),
        settings=settings(
            deadline=None,
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
        ),
    )


A = ("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12")


@pytest.mark.feature(*A)
def test_whatever_happens_alerts_are_what_the_domain_says(kit) -> None:
    play(kit, "sqlite://", examples=5, steps=16)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.feature(*A)
def test_whatever_happens_for_long_alerts_are_what_the_domain_says(kit) -> None:
    play(kit, "sqlite://", examples=60, steps=40)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.timeout(900)
@pytest.mark.feature(*A)
def test_whatever_happens_on_postgresql_alerts_are_what_the_domain_says(kit, new_database) -> None:
    play(kit, new_database, examples=8, steps=40)
