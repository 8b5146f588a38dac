"""Steps on people, weather, machines and the DPS, in whole runs over the memory link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.engine.runner import run_scenario
from harness.events import ActorActed, FeedSeen, TruthHappened
from harness.scenario import build as b
from harness.scenario.entries import Setup
from harness.scenario.schema import Scenario
from harness.sut.reference import InProcessReference

WORN = "pump-01-1"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LEAVES, BACK = 10.0, 16.0
"""Days on which the supplier of the story goes and comes back."""


def story(*steps: Any, **changes: Any) -> Scenario:
    """A bearing that is ordered within twenty days, and further steps."""
    told: dict[str, Any] = {
        "title": "Steps",
        "run": b.run("2026-01-05T00:00:00Z", "20d", sync="12h"),
        "fleets": (b.fleet("pump", sites=1, devices_per_site=2, report_every="1h"),),
        "service": b.Service(policy=b.Policy(max_unit_price_eur=400.0)),
        "timeline": (
            b.fault("bearing_wear", WORN, at="1d", onset="0h", pf_interval="16d"),
            *steps,
        ),
        "eventually": (b.check("nothing_lost"),),
    }
    return b.Scenario(**{**told, **changes})


def days(events: list[Any], kind: str, start_ms: int) -> list[float]:
    """When events of a kind were, in days since the start."""
    return [
        (e.at_ms - start_ms) / DAY_MS
        for e in events
        if isinstance(e, FeedSeen | TruthHappened) and e.kind == kind
    ]


PLACED = f"events(order.placed, {WORN}) >= 1"
SEEN = f"/v1/things/{WORN}/features"
BUSY = (
    b.away("supplier", when=b.when(PLACED), lasts="4d", called="gone"),
    b.dps("kill", at=b.at("30h", after="gone"), lasts="15h"),
    b.outage(when=b.when(f"truth({WORN}).bearing.damage > 0.4"), lasts="30h", site="station-01"),
    b.change({"crew": {"vans": 2}}, at="3d", lasts="6d"),
    b.weather(at="5d", lasts="9h", rain_mm_h=8.0),
    b.work("clean", "pump-01-2", at=b.at("4d", every="4d", times=2)),
    b.install(policy={"max_open_orders": 7}, at="8d"),
    Setup.model_validate({"at": "8d", "service": {"calls": [{"method": "GET", "path": SEEN}]}}),
)


def test_a_supplier_who_is_away_confirms_nothing_and_catches_up(
    play: Callable[..., Any],
) -> None:
    scenario = story(b.away("supplier", when=PLACED, lasts="4d"))
    result, notes = play(scenario)
    start_ms = scenario.run.start
    [placed] = days(notes.events, "order.placed", start_ms)
    confirmed = days(notes.events, "order.confirmed", start_ms)
    gone = [day for day, kind, _, ended in notes.steps(start_ms) if kind == "away" and not ended]
    assert len(gone) == 1
    assert placed <= gone[0] < placed + 0.51
    assert all(day >= gone[0] + 4.0 for day in confirmed)
    assert result.verdict == "passed"


def test_a_busy_timeline_saved_in_its_middle_ends_with_the_same_hash(
    play: Callable[..., Any], tmp_path: Path
) -> None:
    scenario = story(*BUSY)
    whole, notes = play(scenario, snapshot_at_ms=10 * DAY_MS, snapshot_dir=tmp_path / "saved")
    kinds = {kind for _, kind, _, _ in notes.steps(scenario.run.start)}
    assert kinds >= {"away", "kill", "outage", "changed_ways", "weather", "work_clean", "installed"}
    assert whole.verdict == "passed", whole.error
    assert not whole.notes
    [look] = [e for e in notes.events if isinstance(e, ActorActed) and e.verb == "service.looked"]
    assert (look.at_ms, look.subject) == (scenario.run.start + 8 * DAY_MS, SEEN)
    assert look.data["answer"] == {"thing": WORN, "features": [], "safety_alerts": True}
    resumed, _ = play(scenario, resume_from=tmp_path / "saved")
    assert resumed.trace_hash == whole.trace_hash


def test_a_dps_that_is_away_hears_nothing_until_it_is_back_and_decides_the_same_orders(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    clock = InProcessReference.clock

    async def noted(self: InProcessReference, now_ms: int, *args: Any) -> Any:
        asked.append(now_ms)
        return await clock(self, now_ms, *args)

    monkeypatch.setattr(InProcessReference, "clock", noted)
    scenario = story(b.dps("restart", at="6d", lasts="30h"), b.dps("pause", at="9d", lasts="6h"))
    result, notes = play(scenario)
    start_ms = scenario.run.start
    away = [(6 * 24, 6 * 24 + 30), (9 * 24, 9 * 24 + 6)]
    heard_h = [(now_ms - start_ms) / HOUR_MS for now_ms in asked]
    assert not [hour for hour in heard_h for low, high in away if low < hour <= high]
    assert len(days(notes.events, "order.placed", start_ms)) == 1
    assert result.verdict == "passed"


def test_a_dps_that_is_still_away_at_the_end_comes_back_for_the_verdict(
    play: Callable[..., Any],
) -> None:
    scenario = story(
        b.dps("kill", when="elapsed_h >= 60.0", lasts="30d"),
        run=b.run("2026-01-05T00:00:00Z", "4d", sync="12h"),
    )
    result, _ = play(scenario)
    assert result.verdict == "passed", result.error
    assert result.ledger["lost"] == 0


def test_work_and_changes_are_true_and_end(play: Callable[..., Any]) -> None:
    scenario = story(
        b.work("overhaul", WORN, component="bearing", when=f"truth({WORN}).bearing.damage > 0.3"),
        b.work("replace", WORN, component="bearing", at="15d"),
    )
    _, notes = play(scenario)
    worked = [
        e.data["action"]
        for e in notes.events
        if isinstance(e, TruthHappened) and e.kind == "component.maintained"
    ]
    assert worked[:1] == ["overhaul"]
    assert "replace" in worked


def test_an_entry_whose_condition_never_holds_is_named_at_the_end(
    play: Callable[..., Any],
) -> None:
    scenario = story(
        b.away("crew", when="events(order.rejected) >= 3", lasts="1d"),
        run=b.run("2026-01-05T00:00:00Z", "2d", sync="12h"),
    )
    result, _ = play(scenario)
    [note] = result.notes
    assert "entry 2 of the timeline has never taken effect: events(order.rejected) >= 3" in note


@pytest.mark.deep
def test_a_busy_timeline_has_one_hash_over_memory_and_over_a_broker(tmp_path: Path) -> None:
    from harness.engine.runner import RunOptions

    hashes = {
        run_scenario(
            story(*BUSY), seed=3, options=RunOptions(link=link, runs_dir=tmp_path / link)
        ).trace_hash
        for link in ("memory", "mqtt")
    }
    assert len(hashes) == 1


def test_an_amended_contract_counts_for_the_month_that_is_not_closed_yet(
    play: Callable[..., Any],
) -> None:
    scenario = story(
        run=b.run("2026-01-30T00:00:00Z", "3d", sync="6h"),
        timeline=(b.install(contract={"fee_eur": 620.0}, at="1d"),),
        service=b.Service(contract=b.Contract(fee_eur=310.0, target=0.9, unknown_after_s=7200)),
        eventually=(b.check("outcome_equals_oracle"),),
    )
    result, notes = play(scenario)
    [closed] = [e for e in notes.events if getattr(e, "kind", "") == "outcome.period_closed"]

    assert result.verdict == "passed", result.failed_checks
    assert closed.data["fee_eur"] == 40.0, "two of the 31 days of January, at the new fee"
