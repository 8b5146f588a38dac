"""A synthetic run that tells a real story: wear, advice, order, visit, repair, month's end."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.events import (
    ActorActed,
    CheckDecided,
    Event,
    FaultApplied,
    FeedSeen,
    RunFinished,
    RunResult,
    RunStarted,
    StepDone,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
)

START_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DEVICES = ("pump-01-1", "pump-01-2", "pump-02-1", "pump-02-2")
WORN = "pump-01-1"
NEED = f"{WORN}/bearing/1"
FITTED_MS = START_MS + 27 * DAY_MS


def _feed(at_ms: int, kind: str, subject: str, **data: object) -> FeedSeen:
    return FeedSeen(at_ms=at_ms, kind=kind, subject=subject, data=data, event_id=f"{at_ms}-{kind}")


def damage_at(device: str, at_ms: int) -> float:
    """True damage: one device wears from day 4 over 28 days until the new part."""
    if device != WORN or at_ms >= FITTED_MS:
        return 0.0
    return max(0.0, min(1.0, (at_ms - START_MS - 4 * DAY_MS) / (28 * DAY_MS)))


def _hourly(at_ms: int) -> list[Event]:
    out: list[Event] = []
    hour = (at_ms - START_MS) // HOUR_MS
    for device in DEVICES:
        damage = damage_at(device, at_ms)
        bump = 0.1 * math.sin(hour / 3.0)
        vib = 1.2 + 5.0 * (math.exp(3.6 * damage) - 1) / (math.exp(3.6) - 1) + bump
        out.append(
            TelemetrySeen(
                at_ms=at_ms,
                device=device,
                signals={"vibration_mm_s": vib, "level_m": 1.5 + 5 * bump},
            )
        )
        if hour % 6 == 0:
            out.append(TruthSampled(at_ms=at_ms, device=device, component="bearing", damage=damage))
    return out


def _decisions() -> list[Event]:
    order = {"need_key": NEED, "thing": WORN, "part": "bearing-set", "supplier": "nordic-parts"}
    visit = {"thing": WORN, "site": "station-01", "position": "bearing", "need_key": NEED}
    day = [START_MS + n * DAY_MS for n in range(61)]
    return [
        TruthHappened(
            at_ms=day[4], kind="damage.onset", subject=WORN, data={"component": "bearing"}
        ),
        FaultApplied(at_ms=day[4], kind="bearing_wear", target=WORN, params={"pf_interval": 672.0}),
        _feed(
            day[16],
            "alert.raised",
            f"alert-{WORN}",
            thing=WORN,
            rule="P12-vibration-zone-c",
            severity="minor",
            values={"vib_mm_s": 1.83},
        ),
        _feed(
            day[18],
            "recommendation.issued",
            f"rec-{WORN}",
            thing=WORN,
            part="bearing-set",
            position="bearing",
            quantity=1,
            policy="auto",
            need_key=NEED,
            why="order point by lead time",
        ),
        _feed(day[18], "order.placed", f"ord-{WORN}", total_eur=164.0, by="policy", **order),
        ActorActed(at_ms=day[19], actor="supplier", verb="order.confirm", subject=f"ord-{WORN}"),
        _feed(day[19], "order.confirmed", f"ord-{WORN}", **order),
        _feed(day[21], "order.shipped", f"ord-{WORN}", **order),
        _feed(day[25], "order.delivered", f"ord-{WORN}", **order),
        _feed(day[25], "work_order.requested", f"wo-{WORN}", **visit),
        _feed(day[25], "work_order.planned", f"wo-{WORN}", start_ms=FITTED_MS, **visit),
        _feed(FITTED_MS - HOUR_MS, "work_order.departed", f"wo-{WORN}", **visit),
        _feed(FITTED_MS - HOUR_MS // 2, "work_order.arrived", f"wo-{WORN}", **visit),
        TruthHappened(
            at_ms=FITTED_MS, kind="part.fitted", subject=WORN, data={"component": "bearing"}
        ),
        _feed(FITTED_MS, "work_order.completed", f"wo-{WORN}", **visit),
        _feed(FITTED_MS, "part.fitted", WORN, position="bearing", part="bearing-set", cycle=2),
        _feed(FITTED_MS + 2 * HOUR_MS, "work_order.verified", f"wo-{WORN}", **visit),
        _feed(
            START_MS + 27 * DAY_MS + 3 * HOUR_MS,
            "outcome.period_closed",
            "c-1/2026-01",
            contract="c-1",
            period="2026-01",
            availability=0.9991,
            target=0.997,
            fee_eur=180.0,
            credit_eur=0.0,
        ),
    ]


def _beliefs(at_ms: int) -> list[Event]:
    out: list[Event] = []
    for device in DEVICES:
        wear = 100 * damage_at(device, at_ms - 12 * HOUR_MS)
        left_ms = (100 - wear) / 100 * 28 * DAY_MS
        out.append(
            _feed(
                at_ms,
                "condition.evaluated",
                device,
                condition="bearing_wear",
                position="bearing",
                wear_pct=wear,
                cycle=1 if at_ms < FITTED_MS else 2,
                algorithm="exponential_rise/1",
                runout_p10_ms=at_ms + int(0.7 * left_ms) if wear else None,
                runout_p50_ms=at_ms + int(left_ms) if wear else None,
                runout_p90_ms=at_ms + int(1.4 * left_ms) if wear else None,
                evidence={"vibration_mm_s": 1.9, "limit": 7.1},
            )
        )
    return out


def checks(*, red: bool) -> tuple[CheckDecided, ...]:
    """The verdicts of the synthetic run."""
    good = CheckDecided(
        at_ms=START_MS + 60 * DAY_MS,
        check="one_order_per_need",
        phase="always",
        passed=True,
        title="one order per need",
        where="story.yaml:20:5",
    )
    if not red:
        return (good,)
    bad = CheckDecided(
        at_ms=START_MS + 45 * DAY_MS,
        check="order_delivered",
        phase="eventually",
        passed=False,
        title="one order for pump-01-1 is delivered within 45 d",
        where="story.yaml:24:5",
        expected="1 delivered order for pump-01-1 within 45 d",
        seen="0 delivered orders <none>",
        around=("Jan 23 00:00 order.placed ord-pump-01-1", "Feb 19 00:00 end of the bound"),
    )
    return (good, bad)


def make_events(run_dir: Path, *, red: bool = False) -> list[Event]:
    """The whole stream, in the order in which an engine would send it."""
    timed: list[tuple[int, int, Event]] = []
    for hour in range(60 * 24 + 1):
        at_ms = START_MS + hour * HOUR_MS
        timed += [(at_ms, 0, event) for event in _hourly(at_ms)]
        if hour % 24 == 12:
            timed += [(at_ms, 1, event) for event in _beliefs(at_ms)]
        step = StepDone(now_ms=at_ms, published=24 * hour, ingested=24 * hour, wall_s=hour / 480)
        timed.append((at_ms, 9, step))
    timed += [(event.at_ms, 2, event) for event in _decisions()]  # type: ignore[union-attr]
    timed += [(check.at_ms, 8, check) for check in checks(red=red)]
    timed.sort(key=lambda row: row[:2])
    started = RunStarted(
        title="A bearing wears out",
        story="A bearing wears for weeks; the service notices, orders and repairs in time.",
        scenario="scenarios/story.yaml",
        seed=7,
        mode="virtual",
        link="memory",
        broker="none",
        start_ms=START_MS,
        until_ms=START_MS + 60 * DAY_MS,
        sites=2,
        devices=4,
        run_dir=run_dir,
        notes=("rumqttd has no wheel here, amqtt stands in",),
    )
    return [started, *(row[2] for row in timed), RunFinished(result=make_result(run_dir, red=red))]


def make_result(run_dir: Path, *, red: bool = False) -> RunResult:
    """What the synthetic run came to."""
    return RunResult(
        verdict="failed" if red else "passed",
        exit_code=1 if red else 0,
        scenario="scenarios/story.yaml",
        title="A bearing wears out",
        seed=7,
        mode="virtual",
        link="memory",
        broker="none",
        trace_hash="ab" * 32,
        outcome_hash="cd" * 32,
        start_ms=START_MS,
        end_ms=START_MS + 60 * DAY_MS,
        simulated_s=60 * 86_400.0,
        wall_s=3.0,
        published=34_560,
        ingested=34_560,
        ledger={"produced": 34_560, "handed": 34_560, "stored": 34_560, "lost": 0},
        orders=1,
        work_orders=1,
        costs_eur={"parts": 164.0, "visits": 280.0, "downtime": 0.0, "total": 444.0},
        checks=checks(red=red),
        replay="twinrig run scenarios/story.yaml --seed 7 --link memory",
        run_dir=run_dir,
    )


@pytest.fixture
def green_events(tmp_path: Path) -> list[Event]:
    """A run in which all went well."""
    return make_events(tmp_path)


@pytest.fixture
def red_events(tmp_path: Path) -> list[Event]:
    """A run in which one check failed."""
    return make_events(tmp_path, red=True)
