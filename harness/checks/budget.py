"""Something does not cost more than it may: euros, hours of downtime, messages, orders, visits."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from harness.checks.asking import Titled
from harness.checks.base import Brief, Check, Decision, Ending
from harness.events import Event, FeedSeen, TruthHappened

COUNTED = {
    "orders": "order.placed",
    "work_orders": "work_order.requested",
    "visits": "work_order.departed",
    "alerts": "alert.raised",
    "commands": "command.requested",
}
"""Budgets that count events of the feed."""
_MS_PER_H = 3_600_000


class BudgetArgs(Titled):
    """``budget``: what is counted, and how much of it there may (or must) be.

    ``of``: one kind of cost, as the report names it. ``device``: downtime and counts of one device.
    """

    budget: Literal[
        "cost_eur", "downtime_h", "messages", "orders", "work_orders", "visits", "alerts",
        "commands",
    ]  # fmt: skip
    at_most: float | None = Field(default=None, ge=0)
    at_least: float | None = Field(default=None, ge=0)
    of: str | None = None
    device: str | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> BudgetArgs:
        if self.at_most is None and self.at_least is None:
            raise ValueError("a budget needs at_most, at_least, or both")
        if self.of is not None and self.budget != "cost_eur":
            raise ValueError("of names a kind of cost; it goes with budget: cost_eur")
        if self.device is not None and self.budget in ("cost_eur", "messages"):
            raise ValueError(f"{self.budget} is of the whole run; leave device out")
        return self


class Budget(Check):
    """Counts while the run goes on, so that the first one too many is found in the trace."""

    name = "budget"
    title = "A budget is kept"
    Arguments = BudgetArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._count = 0
        self._down_since_ms: dict[str, int] = {}
        self._down_ms = 0

    def headline(self) -> str:
        """See Check."""
        args = self.args
        what = f"{args.budget} ({args.of})" if args.of else args.budget
        who = f"{args.device}: " if args.device else ""
        limits = [f"at least {args.at_least:g}"] if args.at_least is not None else []
        limits += [f"at most {args.at_most:g}"] if args.at_most is not None else []
        return args.title or f"{who}{what}: {' and '.join(limits)}"

    def on_event(self, event: Event) -> None:
        """See Check."""
        args = self.args
        if isinstance(event, FeedSeen) and event.kind == COUNTED.get(args.budget):
            if args.device in (None, event.data.get("thing")):
                self._count += 1
                self._look(self._count, event.at_ms, event)
        elif args.budget == "downtime_h" and isinstance(event, TruthHappened):
            self._downtime(event)

    def _downtime(self, event: TruthHappened) -> None:
        if self.args.device not in (None, event.subject):
            return
        if event.kind == "device.down":
            self._down_since_ms.setdefault(event.subject, event.at_ms)
        elif event.kind == "device.up" and event.subject in self._down_since_ms:
            self._down_ms += event.at_ms - self._down_since_ms.pop(event.subject)
            self._look(self._down_ms / _MS_PER_H, event.at_ms, event)

    def _look(self, amount: float, at_ms: int, event: Event | None) -> None:
        most = self.args.at_most
        if most is not None and amount > most:
            self.violate(at_ms, f"at most {most:g} {self.args.budget}", f"{amount:g}", event)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        args, at_ms = self.args, ending.at_ms
        if args.budget == "cost_eur":
            name = args.of or "total"
            if args.of is not None and args.of not in ending.costs_eur:
                seen = f"nothing was paid for {name}; there is {', '.join(ending.costs_eur)}"
                return Decision(passed=False, expected=self.headline(), seen=seen, at_ms=at_ms)
            amount = float(ending.costs_eur.get(name, 0.0))
        elif args.budget == "messages":
            amount = ending.published
        elif args.budget == "downtime_h":
            still_ms = sum(at_ms - since for since in self._down_since_ms.values())
            amount = (self._down_ms + still_ms) / _MS_PER_H
        else:
            amount = self._count
        self._look(amount, at_ms, None)
        if args.at_least is not None and amount < args.at_least:
            self.violate(at_ms, f"at least {args.at_least:g} {args.budget}", f"{amount:g}")
        decision = super().decide(ending)
        if decision.passed:
            decision.expected, decision.seen = self.headline(), f"{amount:g}"
        elif decision.seen != f"{amount:g}":
            decision.seen += f" there, {amount:g} in the end"
        return decision
