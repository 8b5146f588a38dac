"""Events and checks made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from harness.checks.base import Brief, Check, Decision, Ending, catalog
from harness.events import (
    ActorActed,
    Event,
    FaultApplied,
    FeedSeen,
    StepDone,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
)
from harness.scenario.schema import Policy

H = 3_600_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
END = START + 100 * H
D, OTHER = "dev-01-1", "dev-01-2"


class Make:
    """Short words for events; times are hours since the start."""

    @staticmethod
    def feed(at_h: float, kind: str, subject: str, /, **data: Any) -> FeedSeen:
        at_ms = START + int(at_h * H)
        return FeedSeen(at_ms=at_ms, kind=kind, subject=subject, data=data, event_id=f"{at_ms}")

    @staticmethod
    def truth(at_h: float, kind: str, subject: str = D, **data: Any) -> TruthHappened:
        return TruthHappened(at_ms=START + int(at_h * H), kind=kind, subject=subject, data=data)

    @staticmethod
    def sample(at_h: float, damage: float, component: str = "hub") -> TruthSampled:
        at_ms = START + int(at_h * H)
        return TruthSampled(at_ms=at_ms, device=D, component=component, damage=damage)

    @staticmethod
    def reading(at_h: float, **signals: float) -> TelemetrySeen:
        return TelemetrySeen(at_ms=START + int(at_h * H), device=D, signals=signals)

    @staticmethod
    def deed(at_h: float, verb: str, subject: str, refused: str | None = None) -> ActorActed:
        at_ms = START + int(at_h * H)
        return ActorActed(at_ms=at_ms, actor="crew", verb=verb, subject=subject, refused=refused)

    @staticmethod
    def fault(at_h: float, kind: str, target: str, *, ended: bool = False) -> FaultApplied:
        return FaultApplied(at_ms=START + int(at_h * H), kind=kind, target=target, ended=ended)

    @staticmethod
    def step(at_h: float) -> StepDone:
        return StepDone(now_ms=START + int(at_h * H), published=0, ingested=0, wall_s=0.0)

    @classmethod
    def sent(cls) -> dict[str, tuple[list, list]]:
        """W6, W10: a log that breaks it, and its nearest that does not."""
        f = cls.feed

        def slot(order: str, at_h: float, from_h: float, step: str = "planned", **more):
            taken = {"from_ms": START + int(from_h * H), "to_ms": START + int((from_h + 2) * H)}
            return f(at_h, f"work_order.{step}", order, thing=D, technician="ann", **taken, **more)

        def used(from_h: float, to_h: float):
            span = {"used_from_ms": START + int(from_h * H), "used_to_ms": START + int(to_h * H)}
            return f(to_h, "planned_work.done", "u", thing=D, work_order="w", **span)

        def asked(*orders: str):
            needs = {order: f"{D}/{order}/1" for order in orders}
            return [
                f(0, "work_order.requested", order, thing=D, need_key=key)
                for order, key in needs.items()
            ]

        first, there = (
            slot("w", 1, 5, skills=["electric"]),
            f(4, "work_order.arrived", "w", thing=D),
        )
        gone = [*asked("w"), first, f(3, "work_order.departed", "w", thing=D), there]
        both = [*asked("w", "w2"), first, slot("w2", 2, 6)]
        agreed = f(1, "planned_work.agreed", "u", from_ms=START + 5 * H, to_ms=START + 7 * H)
        return {
            "W6": (both, [*both, slot("w2", 3, 7, "moved")]),
            "W10": ([*gone, agreed, used(4, 7)], [*gone, agreed, used(5, 7)]),
        }


@pytest.fixture(scope="session")
def make() -> type[Make]:
    """Makes events."""
    return Make


@pytest.fixture(scope="session")
def brief() -> Brief:
    """Two devices at one site, with one part, one condition, two rules and a policy."""
    condition = {"id": "hub_wear", "position": "hub", "params": {"signal": "x", "window_s": 7200}}
    rules = {
        "wet": {"let": {"w": {"signal": "wet", "take": "min", "over": "1h"}}, "stale_after": "2h"},
        "band": {
            "let": {"m": {"signal": "level", "take": "last"}},
            "when": "m > 2.0",
            "clear_when": "m < 1.0",
            "stale_after": "2h",
        },
        "damp": {
            "let": {"w": {"signal": "wet", "take": "max", "over": "1h"}},
            "suppressed_by": ["wet"],
            "stale_after": "2h",
        },
        "worn": {
            "let": {"w": {"condition": "hub_wear", "field": "wear_pct"}},
            "stale_after": "2h",
            "then": [{"recommend": {"part": "hub-set", "position": "hub"}}],
        },
    }
    return Brief(
        start_ms=START,
        until_ms=END,
        devices={D: "site-01", OTHER: "site-01"},
        policy=Policy(max_unit_price_eur=400.0, max_open_orders=2, monthly_budget_eur=700.0),
        fits={name: frozenset({("hub-set", "hub")}) for name in (D, OTHER)},
        conditions={D: (condition,), OTHER: (condition,)},
        rules=rules,
        technicians={"ann": frozenset({"electric"})},
        plans={
            "basic": {"price_eur": 30.0},
            "pro": {"price_eur": 90.0},
            "map": {"price_eur": 5.0, "kind": "addon"},
        },
        planned_updates=frozenset({"c-yes"}),
    )


@pytest.fixture(scope="session")
def judged(brief: Brief) -> Callable[..., Decision]:
    """What a check comes to after these events."""

    def judge(name: str, args: dict, events: Sequence[Event], **ending: Any) -> Decision:
        kind = catalog()[name]
        check: Check = kind(kind.Arguments.model_validate(args), brief)
        for event in events:
            check.take(event)
        return check.decide(Ending(**{"at_ms": END, "ledger": {}, **ending}))

    return judge
