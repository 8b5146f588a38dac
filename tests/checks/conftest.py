"""Events and checks made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
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

    @classmethod
    def updated(cls) -> dict[str, tuple[list, list]]:
        """FW, R of updates: a log that breaks it, and its nearest that does not."""
        f = cls.feed
        device = {"thing": D, "rollout": "u", "group": 1, "version": "2.0.0", "was": "1.0.0"}

        def step(at_h: float, what: str, **more):
            return f(at_h, f"firmware.{what}", f"u/{D}", **{**device, **more})

        def ask(**args):
            data = {"thing": D, "name": "update_firmware", "args": {"version": "1.9.0", **args}}
            return f(2, "command.requested", "c", **data)

        def closed(contract: str, planned_ms: int):
            things = {D: {"up_ms": 9 * H - planned_ms, "planned_ms": planned_ms}}
            return f(9, "outcome.period_closed", f"{contract}/2026-01", contract=contract,
                     things=things, **cls.classes(planned_ms=planned_ms))  # fmt: skip

        born, done = f(3, "device.born", D, firmware="2.0.0"), step(4, "updated")
        level = {"condition": "hub_wear", "position": "hub", "level": 0.1}
        old, new = (f(at, "condition.evaluated", D, cycle=n, **level) for at, n in ((1, 1), (5, 2)))
        fitted = f(4.5, "part.fitted", D, position="hub", serial="s-9", cycle=2, part="hub-set")
        judged = [
            step(1, "initiated"), born, done,
            f(5, "firmware.health_judged", "u", rollout="u", group=1, verdict="UNHEALTHY"),
        ]  # fmt: skip
        other = f(7, "firmware.initiated", "u/dev-01-2", **{**device, "thing": "dev-01-2"})
        resumed = f(6, "firmware.rollout_resumed", "u", rollout="u")
        rounds = [f(1 + n / 10, "automation.ran", "a/x", automation="a", thing=D) for n in range(4)]
        return {
            "FW1": (
                [step(1, "initiated"), step(2, "failed"), step(3, "updating")],
                [step(1, "initiated"), step(2, "updating"), step(3, "failed")],
            ),
            "FW5": (
                [f(1, "device.born", D, firmware="1.10.0"), ask()],
                [f(1, "device.born", D, firmware="1.10.0"), ask(downgrade=True)],
            ),
            "FW6": (
                [step(1, "initiated"), f(3, "device.born", D, firmware="0.0.0")],
                [step(1, "initiated"), f(2, "device.born", D, firmware="1.0.0"), born],
            ),
            "FW9": (
                [step(1, "initiated"), born, done, closed("c-no", H)],
                [step(1, "initiated"), born, done, closed("c-yes", H)],
            ),
            "FW11": (
                [old, step(2, "initiated"), born, done, new],
                [old, step(2, "initiated"), born, done, fitted, new],
            ),
            "FW12": ([*judged, other], [*judged, resumed, other]),
            "R5": (rounds, [*rounds[:3], f(2.1, "automation.ran", "a/x", automation="a", thing=D)]),
        }

    @staticmethod
    def classes(**known: Any) -> dict[str, Any]:
        """The lengths of a period's classes, and what it comes to."""
        found = {"down_ms": 0, "planned_ms": 0, "excluded_ms": 0, "unknown_ms": 0, "degraded_ms": 0}
        found |= known
        return {**found, "up_ms": 9 * H - sum(found.values()), "total_ms": 9 * H,
                "availability": 1.0, "fee_eur": 10.0, "credit_eur": 0.0}  # fmt: skip

    @classmethod
    def subscribed(cls) -> dict[str, tuple[list, list]]:
        """SU: a log that breaks it, and its nearest that does not."""
        f = cls.feed
        mine = {
            "customer": "cust",
            "thing": D,
            "plan": "basic",
            "next_plan": None,
            "state": "ACTIVE",
        }

        def sub(at_h: float, what: str, ident: str = "s-1", **more):
            return f(at_h, f"subscription.{what}", ident, **{**mine, **more})

        def renewed(from_: tuple[int, int], to: tuple[int, int]):
            begin, end = (
                round(datetime(2026, *day, tzinfo=UTC).timestamp() * 1000) for day in (from_, to)
            )
            return sub(1, "renewed", from_ms=begin, to_ms=end)

        up = {"plan": "basic", "next_plan": "pro"}
        bill = {"subject": "s-1", "customer": "cust", "what": "upgrade to pro", "amount_eur": 60.0}
        paid = f(3, "charge.settled", "c-1", **bill)
        changed = sub(3, "changed", plan="pro")
        asked = [sub(1, "begun"), sub(2, "change_asked", **up)]
        months = [renewed((1, 31), (2, 28)), renewed((2, 28), (3, 31))]
        trial, over = sub(1, "begun", state="TRIAL"), sub(2, "ended", state="EXPIRED")
        return {
            "SU2": (
                [sub(1, "begun"), sub(2, "begun", "s-2", plan="pro")],
                [sub(1, "begun"), sub(2, "begun", "s-2", plan="map"),
                 sub(3, "ended", state="EXPIRED"), sub(4, "begun", "s-3", plan="pro")],
            ),
            "SU3": ([*asked, changed], [*asked, paid, changed]),
            "SU4": ([paid, paid], [paid, f(4, "charge.settled", "c-2", **bill)]),
            "SU9": ([*months, renewed((3, 31), (5, 1))], [*months, renewed((3, 31), (4, 30))]),
            "SU10": (
                [trial, over, sub(3, "begun", "s-2", state="TRIAL")],
                [trial, over, sub(3, "begun", "s-2", plan="pro", state="TRIAL")],
            ),
        }  # fmt: skip


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
