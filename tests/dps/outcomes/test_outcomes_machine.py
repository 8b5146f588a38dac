"""K1 to K12 under any sequence of calls: a stateful machine against the HTTP API."""

from __future__ import annotations

from itertools import pairwise

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

H, DAY = 3_600_000, 86_400_000
PLACES = ("mix-1", "mix-2")
CAP_PCT = 30.0
places = st.sampled_from(PLACES)
picks = st.integers(0, 7)


class Promising(RuleBasedStateMachine):
    """Random readings, silence, doubts, agreements, disputes, swaps and time."""

    def __init__(self, desk):
        super().__init__()
        self.desk, self.final, self.stands, self.spares = desk, {}, {}, ["mix-3", "mix-4"]
        self.told = {}

    @initialize(
        k=st.sampled_from([0, 1, 2]), rectify_h=st.sampled_from([0, 3]),
        down=st.lists(st.integers(0, 700), max_size=3),
    )  # fmt: skip
    def begin(self, k, rectify_h, down):
        """Every story begins with a month that can be disputed."""
        more = {"groups": [{"id": "pair", "things": list(PLACES), "k": k}]} if k else {}
        self.stands = {place: place for place in PLACES}
        self.desk.sign(
            things=list(PLACES), exclusions=["mains"], rectify_s=rectify_h * 3600.0,
            degraded_when="load > 0.5", bonus_pct_per_step=1.0, bonus_cap_pct=2.0,
            planned_allowance_s=6 * 3600.0, warn_every_s=86400.0, **more,
        )  # fmt: skip
        start = self.desk.now
        for place in PLACES:
            stops = [(start + hour * H, start + (hour + 9) * H) for hour in down]
            self.desk.month(place, down=stops, every=H, load=0.0)
        self.desk.until(start + 33 * DAY)

    def may(self, path, **body):
        """Call it; the state may refuse it, and then nothing has changed."""
        answer = self.desk.ask("POST", path, {"by": "somebody", **body})
        assert answer.status_code in (200, 403, 404, 409, 422), answer.text
        return answer

    def any_of(self, path, pick):
        items = self.desk.items(path)
        return items[pick % len(items)] if items else None

    @rule(
        hours=st.sampled_from([5, 30, 200, 700]), able=st.sampled_from([0.0, 1.0, 1.0]),
        load=st.sampled_from([0.0, 1.0]), silent=st.sampled_from([(), PLACES[:1], PLACES]),
    )  # fmt: skip
    def live(self, hours, able, load, silent):
        end = self.desk.now + hours * H
        for place, thing in self.stands.items():
            if place not in silent:
                self.desk.report(thing, range(self.desk.now, end, H), able=able, load=load)
        self.desk.until(end)

    @rule(place=places, on=st.booleans())
    def doubt(self, place, on):
        kind = "data.flagged" if on else "data.cleared"
        self.desk.flag(self.stands[place], self.desk.now, kind=kind)

    @rule(place=places, ago=st.integers(0, 300), hours=st.integers(1, 40), side=st.booleans(),
          approver=st.sampled_from(["provider", "plant"]))  # fmt: skip
    def exclude(self, place, ago, hours, side, approver):
        begin = max(0, self.desk.now - ago * H)
        asked = self.may(
            "/v1/contracts/c-1/exclusions", by="provider", thing=place if side else None,
            from_ms=begin, to_ms=begin + hours * H, reason="mains", evidence="a letter",
        )  # fmt: skip
        if asked.status_code == 200:
            answer = self.may(f"/v1/exclusions/{asked.json()['id']}/approve", by=approver)
            assert (answer.status_code == 200) == (approver == "plant"), "K8"

    @rule(place=places, hours=st.integers(1, 12))
    def plan(self, place, hours):
        now = self.desk.now
        self.desk.window(self.stands[place], now - hours * H, now, work_order=f"wo-{now}")

    @rule(place=places)
    def swap(self, place):
        if self.spares:
            thing = self.spares[0]
            path = "/v1/contracts/c-1/swaps"
            if self.may(path, place=place, thing=thing).status_code == 200:
                self.stands[place] = self.spares.pop(0)

    @rule(verb=st.sampled_from(["suspend", "resume", "resume"]))
    def pause(self, verb):
        self.may(f"/v1/contracts/c-1/{verb}")

    @rule(fee=st.sampled_from([500.0, 2000.0]), month=st.integers(1, 6))
    def amend(self, fee, month):
        self.may("/v1/contracts/c-1/amendments", from_period=f"2026-{month:02d}",
                 terms={"fee_eur": fee})  # fmt: skip

    @rule(pick=picks, verb=st.sampled_from(["disputes", "adjust", "corrections"]),
          what=st.sampled_from(["UP", "DOWN", "EXCLUDED"]), place=places)  # fmt: skip
    def object(self, pick, verb, what, place):
        if row := self.any_of("/v1/outcomes", pick):
            path = f"/v1/outcomes/{row['contract']}/{row['period']}"
            whole = self.desk.get(path)
            begin, end = whole["from_ms"], whole["to_ms"]
            stretch = {"thing": place, "from_ms": begin, "to_ms": min(end, begin + DAY)}
            stretch |= {"class": what, "reason": "so", "evidence": "shift book"}
            body = {"reason": "so"}
            if verb != "disputes":
                body |= {"corrections": [stretch], "side": "auditor", "by": "auditor"}
            if verb == "corrections":
                body["asked_by"] = "plant"
            self.may(f"{path}/{verb}", **body)

    @invariant()
    def periods_are_sound(self):
        whole = self.desk.get("/v1/contracts/c-1")
        fees = {row["number"]: row["terms"]["fee_eur"] for row in whole["versions"]}
        for row in self.desk.items("/v1/outcomes"):
            path = f"/v1/outcomes/{row['contract']}/{row['period']}"
            assert 0.0 <= row["availability"] <= 1.0, "K2"
            assert 0.0 <= row["credit_eur"] <= CAP_PCT / 100 * row["fee_eur"] + 0.005, "K4"
            assert row["fee_eur"] <= fees[row["version"]] + 0.005, "K9"
            shown = self.desk.get(path)
            self.partitions(shown, row)
            if row["state"] == "FINAL":
                known = {**shown, "documents": None}
                assert self.final.setdefault(row["period"], known) == known, "K3"
            stamp = (row["period"], row["state"], len(shown["documents"]))
            if stamp not in self.told:
                self.told[stamp] = self.desk.get(f"{path}/recomputed")
                assert self.told[stamp]["same"], "K5"

    def partitions(self, shown, row):
        begin, end = shown["from_ms"], shown["to_ms"]
        grouped = "pair" in shown["intervals"]
        sums = {}
        for unit, spans in shown["intervals"].items():
            assert (spans[0]["from_ms"], spans[-1]["to_ms"]) == (begin, end), "K1"
            assert all(a["to_ms"] == b["from_ms"] for a, b in pairwise(spans)), "K1"
            for span in spans:
                assert span["from_ms"] < span["to_ms"], "K1"
                if span["class"] == "EXCLUDED":
                    assert span["rule"], "K8"
                    assert span["evidence"], "K8"
                if unit == "pair" or not grouped:
                    length = span["to_ms"] - span["from_ms"]
                    sums[span["class"]] = sums.get(span["class"], 0) + length
        told = {k: row.get(f"{k.lower()}_ms", 0) for k in sums}
        assert told == sums, "K6, K10"
        assert row["total_ms"] == sum(sums.values()), "K6, K11"
        counted = row["total_ms"] - sums.get("PLANNED", 0) - sums.get("EXCLUDED", 0)
        assert row["counted_ms"] == counted
        assert row["charged_ms"] <= sum(sums.get(k, 0) for k in ("DOWN", "UNKNOWN", "DEGRADED"))
        share = 1.0 if not counted else 1 - row["charged_ms"] / counted
        assert abs(row["availability"] - share) < 1e-8, "K6"

    def teardown(self):
        self.desk.close()


def run(make, examples, steps):
    run_state_machine_as_test(
        lambda: Promising(make()),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


THINGS = ("mix-1", "mix-2", "mix-3", "mix-4")


@pytest.mark.feature(*(f"K{n}" for n in range(1, 13) if n != 7))
def test_any_sequence_of_calls_keeps_the_invariants_of_outcomes(clockwork):
    run(lambda: clockwork.Desk(things=THINGS), 2, 12)


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_any_long_sequence_of_calls_keeps_the_invariants_of_outcomes(clockwork):
    run(lambda: clockwork.Desk(things=THINGS), 10, 25)


@pytest.mark.deep
@pytest.mark.postgres
@pytest.mark.timeout(1200)
def test_any_sequence_of_calls_keeps_the_invariants_of_outcomes_on_postgresql(
    clockwork, new_database
):
    run(lambda: clockwork.Desk(new_database(), things=THINGS), 2, 20)
