"""Events and checks made by hand."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.checks.base import Brief, Check, Decision, Ending, catalog
from harness.events import Event
from harness.scenario.schema import Policy


def _beside(name: str) -> Any:
    """A module of this folder; it is on nobody's path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOGS = _beside("logs")
Make, START, END, D, OTHER = LOGS.Make, LOGS.START, LOGS.END, LOGS.D, LOGS.OTHER


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
            "basic": {"price_eur": 30.0, "features": ["charts"], "safety_alerts": "with_plan"},
            "pro": {"price_eur": 90.0},
            "map": {"price_eur": 5.0, "kind": "addon", "features": ["map"]},
        },
        planned_updates=frozenset({"c-yes"}),
        owners={D: "cust", OTHER: "cust"},
        contracts={
            "k-1": {
                "start_ms": START,
                "fee_eur": 180.0,
                "things": [D, OTHER],
                "up_when": "run > 0.5",
                "groups": [{"id": "both", "things": [D, OTHER], "k": 2}],
            },
        },
        packages={"pack": {"models": ["mixer"]}},
        rollouts={"roll": {"package": "pack", "in_flight": 1, "window": {"hours": "09:00-15:00"}}},
        models={D: "mixer", OTHER: "mixer", "dev-01-9": "blender"},
    )


@pytest.fixture(scope="session")
def judged_by() -> Callable[..., Decision]:
    """What one invariant comes to for who knows another brief."""

    def judge(brief: Brief, number: str, events: Sequence[Event]) -> Decision:
        kind = catalog()["invariants"]
        check = kind(kind.Arguments.model_validate({"only": number}), brief)
        for event in events:
            check.take(event)
        return check.decide(Ending(at_ms=END, ledger={}))

    return judge


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
