"""W1 to W10 under any sequence of calls: a stateful machine against the HTTP API.

What is due is worked out here again, minute by minute, from what the service says it promised.
"""

from __future__ import annotations

import itertools
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

MINUTE = 60_000
ENDED = ("CLOSED", "CANCELLED")
BOOKED = ("PLANNED", "DISPATCHED", "ACCEPTED", "EN_ROUTE", "ON_SITE", "IN_PROGRESS", "ON_HOLD")
FAULTS = ("corrective", "breakdown")
STEPS = ("remote", "dispatch", "accept", "depart", "arrive", "begin", "resume", "complete")
REASONS = ("customer_access", "force_majeure", "provider_part", "safety")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CALENDARS = (
    {},
    {"time_zone": "Europe/Rome", "holidays": ["2026-01-06"],
     "hours": {day: [["06:00", "12:00"], ["13:00", "22:00"]] for day in DAYS[:6]}},
)  # fmt: skip
picks = st.integers(0, 7)
things = st.sampled_from(["mix-1", "mix-2", "mix-1", "mix-3"])
priorities = st.sampled_from(["P1", "P2", "P3"])


class Promised(RuleBasedStateMachine):
    """Random faults, people, parts, pauses, priorities, windows and restarts."""

    def __init__(self, yard):
        super().__init__()
        self.yard, self.hot, self.known, self.stock = yard, set(), {}, 4

    @initialize(calendar=st.sampled_from(CALENDARS), begins=st.sampled_from(["event", "report"]))
    def promise(self, calendar, begins):
        covers = {"customers": ["alpha"]}
        self.yard.level("basic", covers=covers, begins=begins, opens_for=["failure"], **calendar)
        self.yard.level("best", tier="premium", covers={"things": ["mix-2"]}, begins=begins)
        for name, skills in (("ann", ["electric"]), ("bob", [])):
            self.yard.put(f"/v1/technicians/{name}", {"name": name, "skills": skills})
        self.yard.put("/v1/stock/main/seal-kit", {"on_hand": self.stock})

    def order(self, pick):
        rows = [row for row in self.yard.items("/v1/work-orders") if row["state"] not in ENDED]
        return rows[pick % len(rows)]["id"] if rows else None

    def may(self, path, **body):
        """Call it; the state may refuse it, and then nothing has changed."""
        answer = self.yard.ask("POST", path, {"by": "somebody", **body})
        assert answer.status_code in (200, 404, 409, 422), answer.text
        return answer.status_code == 200

    @rule(thing=things, position=st.sampled_from(["machine", "seal"]), ago=st.integers(0, 90))
    def report(self, thing, position, ago):
        begun_ms = self.yard.now - ago * MINUTE
        self.may(f"/v1/things/{thing}/work-orders", title="so", position=position,
                 part="seal-kit" * (position == "seal"), begun_ms=begun_ms)  # fmt: skip

    @rule(thing=things, with_visit=st.booleans())
    def ask_for_help(self, thing, with_visit):
        made = self.yard.post(f"/v1/things/{thing}/tickets", title=f"at {self.yard.now}")
        if with_visit:
            self.may(f"/v1/things/{thing}/work-orders", title="so", ticket=made["id"])

    @rule(pick=picks, step=st.sampled_from(["start", "hold", "resume", "close", "reject"]))
    def move_ticket(self, pick, step):
        rows = self.yard.items("/v1/tickets")
        if rows:
            path = f"/v1/tickets/{rows[pick % len(rows)]['id']}/{step}"
            self.may(path, reason="customer_access")

    @rule(pick=picks, priority=priorities, skilled=st.booleans(), parts=st.integers(0, 2))
    def triage(self, pick, priority, skilled, parts):
        if order := self.order(pick):
            listed = [{"part": "seal-kit", "quantity": parts}] if parts else []
            self.may(f"/v1/work-orders/{order}/triage", priority=priority, parts=listed,
                     skills=["electric"] * skilled)  # fmt: skip

    @rule(who=st.sampled_from(["ann", "bob"]), hours=st.integers(0, 1))
    def send_one_to_all(self, who, hours):
        for thing in ("mix-1", "mix-2", "mix-3"):
            self.report(thing, "seal", 0)
        rows = self.yard.items("/v1/work-orders")
        for number in range(sum(row["state"] not in ENDED for row in rows)):
            self.plan(number, who, hours)

    @rule(pick=picks, who=st.sampled_from(["ann", "bob", ""]), hours=st.integers(0, 3))
    def plan(self, pick, who, hours):
        if order := self.order(pick):
            start_ms = self.yard.now + hours * 60 * MINUTE
            self.may(f"/v1/work-orders/{order}/plan", start_ms=start_ms, crew="van",
                     technician=who, end_ms=start_ms + 90 * MINUTE)  # fmt: skip

    @rule(pick=picks, steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4))
    def step(self, pick, steps):
        if order := self.order(pick):
            for one in steps:
                self.may(f"/v1/work-orders/{order}/{one}")

    @rule(pick=picks, used=st.integers(0, 3))
    def serve(self, pick, used):
        if order := self.order(pick):
            self.plan(pick, "", 0)
            for one in ("depart", "arrive"):
                self.may(f"/v1/work-orders/{order}/{one}")
            parts = [{"part": "seal-kit", "quantity": used}] if used else []
            if self.may(f"/v1/work-orders/{order}/complete", parts=parts):
                self.stock -= used

    @rule(pick=picks, reason=st.sampled_from(REASONS), minutes=st.integers(0, 200))
    def hold(self, pick, reason, minutes):
        if order := self.order(pick):
            self.plan(pick, "", 0)
            for one in ("depart", "arrive", "begin"):
                self.may(f"/v1/work-orders/{order}/{one}")
            if self.may(f"/v1/work-orders/{order}/hold", reason=reason):
                self.yard.wait(minutes=minutes)
                self.may(f"/v1/work-orders/{order}/resume")

    @rule(pick=picks, other=picks, duplicate=st.booleans())
    def cancel(self, pick, other, duplicate):
        if order := self.order(pick):
            heir = self.order(other) if duplicate else ""
            self.may(f"/v1/work-orders/{order}/cancel", reason="so", duplicate_of=heir)

    @rule(pick=picks, priority=priorities, minutes=st.sampled_from([0, 45, 150]))
    def change_priority(self, pick, priority, minutes):
        if order := self.order(pick):
            self.yard.wait(minutes=minutes)
            self.may(f"/v1/work-orders/{order}/priority", priority=priority)

    @rule(thing=things, after=st.integers(1, 3), length=st.integers(1, 3))
    def propose(self, thing, after, length):
        from_ms = self.yard.now + after * 60 * MINUTE
        self.may(f"/v1/things/{thing}/planned-work", title="check", from_ms=from_ms,
                 to_ms=from_ms + length * 60 * MINUTE)  # fmt: skip

    @rule(thing=things, after=st.integers(0, 90), early=st.integers(-60, 60),
          length=st.integers(10, 200))  # fmt: skip
    def upkeep(self, thing, after, early, length):
        from_ms = self.yard.now + (61 + after) * MINUTE
        to_ms = from_ms + 60 * MINUTE
        made = self.yard.post(f"/v1/things/{thing}/planned-work", title=f"check at {from_ms}",
                              from_ms=from_ms, to_ms=to_ms)  # fmt: skip
        order = self.yard.post(f"/v1/planned-work/{made['id']}/agree")["work_order"]
        self.yard.until(from_ms + early * MINUTE)
        self.yard.visit(order)
        self.yard.wait(minutes=length)
        self.may(f"/v1/work-orders/{order}/complete")

    @rule(thing=things, cool=st.booleans(), remote=st.booleans())
    def mend(self, thing, cool, remote):
        self.heat(thing, 120.0)
        for alert in self.yard.items(f"/v1/alerts?thing={thing}"):
            self.may(f"/v1/things/{thing}/work-orders", title="so", alert=alert["id"])
        rows = self.yard.items(f"/v1/work-orders?thing={thing}")
        for order in [row["id"] for row in rows if row["state"] not in ENDED]:
            for one in ("triage", *(["remote"] if remote else [])):
                self.may(f"/v1/work-orders/{order}/{one}")
            if not remote:
                self.may(f"/v1/work-orders/{order}/plan", start_ms=self.yard.now, crew="van")
                for one in ("depart", "arrive"):
                    self.may(f"/v1/work-orders/{order}/{one}")
            self.may(f"/v1/work-orders/{order}/complete")
        if cool:
            self.heat(thing, 20.0)
        self.yard.wait(hours=2)

    @rule(pick=picks, agree=st.booleans())
    def answer(self, pick, agree):
        rows = self.yard.items("/v1/planned-work")
        if rows:
            path = f"/v1/planned-work/{rows[pick % len(rows)]['id']}"
            later = {"from_ms": self.yard.now + 60 * MINUTE, "to_ms": self.yard.now + 90 * MINUTE}
            if agree:
                self.may(f"{path}/agree")
            else:
                self.may(f"{path}/reschedule", side="customer", reason="so", **later)

    @rule(thing=things, temp_c=st.sampled_from([20.0, 120.0]))
    def heat(self, thing, temp_c):
        (self.hot.add if temp_c > 90 else self.hot.discard)(thing)
        self.yard.heat(thing, temp_c)

    @rule(minutes=st.sampled_from([7, 65, 300, 1600]))
    def wait(self, minutes):
        self.yard.wait(minutes=minutes)

    @rule()
    def restart(self):
        if self.yard.url != "sqlite://":
            self.yard = self.yard.restarted()

    @invariant()
    def one_order_a_failure(self):
        rows = [row for row in self.yard.items("/v1/work-orders") if row["state"] not in ENDED]
        places = [(row["thing"], row["position"]) for row in rows if row["kind"] in FAULTS]
        assert len(places) == len(set(places)), "W1"
        for thing, position in places:
            assert position == "machine" or (thing, "machine") not in places, "W1"

    @invariant()
    def clocks_are_right(self):
        told = self.yard.feed("sla.")
        for row in self.yard.items("/v1/sla?limit=1000"):
            mine = [e for e in told if e["subject"] == row["id"]]
            spans = [(p["from_ms"], p["to_ms"]) for p in row["pauses"]]
            assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans)), "W3"
            assert row["paused_ms"] == waited(mine), "W3"
            for what, limit in row["limits"].items():
                late = [e for e in mine if e["type"] == "sla.breached"
                        and e["data"]["what"] == what]  # fmt: skip
                self.limit_is_right(row, limit, late, mine)

    def limit_is_right(self, row, limit, late, mine):
        assert len(late) == (limit["breached_ms"] is not None), "W8"
        if late:
            assert late[0]["data"]["due_ms"] == limit["breached_ms"] == limit["due_ms"], "W8"
            news = {e["at_ms"] for e in mine if e["type"] != "sla.breached"}
            assert late[0]["at_ms"] in {limit["due_ms"], *news}, "W8"
            assert late[0]["at_ms"] >= limit["due_ms"], "W8"
            return
        if limit["state"] == "RUNNING":
            assert limit["due_ms"] == self.by_minute(row, limit, mine[0]), "W2, W7"
            assert limit["due_ms"] > self.yard.now, "W8"
        elif limit["state"] == "STOPPED":
            assert limit["stopped_ms"] < limit["due_ms"], "W8"
            if row["t0_ms"] == mine[0]["data"]["t0_ms"]:  # no duplicate with an earlier beginning
                assert limit["due_ms"] <= self.by_minute(row, limit, mine[0]), "W2"

    def by_minute(self, row, limit, started):
        """When a limit is due, by its definition."""
        pauses = tuple((p["from_ms"], p["to_ms"]) for p in row["pauses"])
        calendar = started["data"]["calendar"]
        key = (row["id"], row["t0_ms"], limit["limit_ms"], pauses)
        if key not in self.known:
            zone, left, at_ms = ZoneInfo(calendar["time_zone"]), limit["limit_ms"], row["t0_ms"]
            while left > 0:
                held = any(a <= at_ms < b for a, b in pauses)
                left -= MINUTE * (not held and is_open(calendar, at_ms, zone))
                at_ms += MINUTE
            self.known[key] = at_ms
        return self.known[key]

    @invariant()
    def verified_is_verified_by_telemetry(self):
        cleared = {}
        for event in self.yard.feed("alert.", "work_order."):
            if event["type"] == "alert.cleared":
                assert event["data"]["thing"] not in self.hot or event["at_ms"] < self.yard.now
                assert event["data"]["by"] == "rules", "W9"
                cleared[event["subject"]] = event["at_ms"]
            elif event["type"] == "work_order.verified":
                row = self.yard.get(f"/v1/work-orders/{event['subject']}")
                if row["state"] == "CLOSED":
                    assert all(cleared.get(a, 2**60) <= event["at_ms"] for a in row["alerts"]), "W4"

    @invariant()
    def shelves_add_up(self):
        (shelf,) = self.yard.items("/v1/stock")
        held = sum(p["quantity"] for o in self.yard.items("/v1/work-orders") for p in o["reserved"])
        assert (shelf["on_hand"], shelf["reserved"]) == (self.stock, held), "W5"

    @invariant()
    def technicians_are_in_one_place_and_know_their_work(self):
        skills = {"ann": {"electric"}, "bob": set()}
        slots = {"ann": [], "bob": []}
        for row in self.yard.items("/v1/work-orders"):
            if row["state"] in BOOKED and row["technician"]:
                assert set(row["skills"]) <= skills[row["technician"]], "W6"
                slots[row["technician"]].append((row["start_ms"], row["end_ms"]))
        for mine in slots.values():
            assert all(a[1] <= b[0] for a, b in itertools.pairwise(sorted(mine))), "W6"

    @invariant()
    def planned_downtime_lies_in_its_window(self):
        rows = {row["work_order"]: row for row in self.yard.items("/v1/planned-work?limit=1000")}
        for window in self.yard.windows:
            row = rows[window.work_order]
            assert row["state"] == "DONE", "W10"
            assert row["from_ms"] <= window.from_ms < window.to_ms <= row["to_ms"], "W10"
        assert len({w.work_order for w in self.yard.windows}) == len(self.yard.windows), "W10"

    def teardown(self):
        self.yard.close()


def waited(events):
    """How long an incident was held, as the feed tells it; a hold that lasts does not count yet."""
    total = since = 0
    for event in events:
        what = (event["type"], event["data"].get("reason"), event["data"].get("what"))
        if what[0] == "sla.paused":
            since = event["at_ms"]
        elif since and (what[1] == "held no longer" or what[::2] == ("sla.stopped", "restore")):
            total, since = total + event["at_ms"] - since, 0
    return total


def is_open(calendar, at_ms, zone):
    """Whether a minute counts."""
    if calendar["hours"] is None:
        return True
    there = datetime.fromtimestamp(at_ms / 1000, zone)
    text = f"{there:%H:%M}"
    spans = calendar["hours"].get(DAYS[there.weekday()], [])
    return f"{there:%F}" not in calendar["holidays"] and any(a <= text < b for a, b in spans)


NUMBERS = [f"W{n}" for n in range(1, 11)]


def run(make, examples, steps):
    run_state_machine_as_test(
        lambda: Promised(make()),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


@pytest.mark.feature(*NUMBERS)
def test_any_sequence_of_calls_keeps_the_invariants_of_promised_work(kit):
    run(kit.Yard, 2, 12)


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_any_long_sequence_of_calls_and_restarts_keeps_them(kit, tmp_path):
    names = itertools.count()
    run(lambda: kit.Yard(f"sqlite:///{tmp_path / f'{next(names)}.sqlite'}"), 8, 25)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.timeout(1200)
def test_any_sequence_of_calls_keeps_them_on_postgresql(kit, new_database):
    run(lambda: kit.Yard(new_database()), 3, 20)
