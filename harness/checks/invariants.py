"""The numbered invariants of the domain; every run has this check, named or not."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from pydantic import field_validator, model_validator

from harness.checks.base import Args, Brief, Check, Decision, Ending, Violation
from harness.events import Event, FeedSeen
from harness.oracles import (
    alert_invariants,
    compliance_invariants,
    contract_invariants,
    entitlement_invariants,
    order_invariants,
    outcome_invariants,
    remote_invariants,
    sla_invariants,
    subscription_invariants,
    supply_invariants,
    update_invariants,
    work_invariants,
)
from harness.oracles.invariants import OTHERS, REGISTRY, Invariant, family

MODULES = (
    order_invariants,
    supply_invariants,
    compliance_invariants,
    alert_invariants,
    work_invariants,
    sla_invariants,
    remote_invariants,
    outcome_invariants,
    contract_invariants,
    update_invariants,
    subscription_invariants,
    entitlement_invariants,
)
"""Imported so that the registry has them."""
FAMILIES = ("O", "C", "A", "W", "K", "FW", "SU", "R", "S")
"""Of buying, alerts, work, outcomes, firmware, plans, commands, states: as they are told."""
_NUMBER = re.compile(r"([A-Z]+)(\d+)")
SHOWN_MAX = 6
"""Violated invariants that a failure tells beside the first."""


def numbers() -> list[str]:
    """Every number, in the order of the domain."""

    def place(ident: str) -> tuple[int, int]:
        found = _NUMBER.fullmatch(ident)
        assert found is not None, ident
        return FAMILIES.index(found[1]), int(found[2])

    return sorted(REGISTRY, key=place)


class InvariantsArgs(Args):
    """``only``: these numbers; ``without``: all but these. All of them if left out."""

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @field_validator("only", "without", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _are_known(self) -> InvariantsArgs:
        if self.only and self.without:
            raise ValueError("only and without exclude each other; keep one of them")
        for ident in (*self.only, *self.without):
            if ident not in REGISTRY:
                raise ValueError(f"unknown invariant {ident!r}; allowed: {', '.join(numbers())}")
        return self


class Invariants(Check):
    """Gives each event to the invariants that ask for its family."""

    name = "invariants"
    title = "The invariants of the domain hold"
    Arguments = InvariantsArgs

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        chosen = args.only or [ident for ident in numbers() if ident not in args.without]
        self._invariants: list[Invariant] = [REGISTRY[ident](brief) for ident in chosen]
        self._by_family: dict[str, list[Invariant]] = {}
        for invariant in self._invariants:
            for name in invariant.families:
                self._by_family.setdefault(name, []).append(invariant)
        self._violated: dict[str, Violation] = {}

    @property
    def hears(self) -> Collection[type[Event]]:  # type: ignore[override]  # it depends on which
        """See Check."""
        others = {kind for kind, name in OTHERS.items() if name in self._by_family}
        return {FeedSeen, *others}

    def headline(self) -> str:
        """See Check."""
        idents = [invariant.ident for invariant in self._invariants]
        if len(idents) == len(REGISTRY):
            return f"All {len(idents)} numbered invariants hold"
        return f"Invariants hold: {' '.join(idents)}"

    def on_event(self, event: Event) -> None:
        """See Check."""
        for invariant in self._by_family.get(family(event), ()):
            wrong = invariant.take(event)
            if wrong is not None:
                culprit = invariant.culprit or event
                self._note(invariant, getattr(culprit, "at_ms", 0), wrong, culprit)

    def _note(self, invariant: Invariant, at_ms: int, wrong: str, event: Event | None) -> None:
        expected = f"{invariant.ident}: {invariant.sentence()}"
        found = Violation(at_ms, expected, f"{invariant.ident}: {wrong}", event)
        self._violated.setdefault(invariant.ident, found)

    def decide(self, ending: Ending) -> Decision:
        """See Check. The earliest violation comes first; the others are told beside it."""
        for invariant in self._invariants:
            missing = invariant.close(ending.at_ms)
            if missing is not None:
                self._note(invariant, *missing, None)
        if not self._violated:
            return Decision(passed=True, seen=f"{len(self._invariants)} invariants hold")
        first, *others = sorted(self._violated.values(), key=lambda found: found.at_ms)
        beside = "".join(f"; {found.seen}" for found in others[:SHOWN_MAX])
        return Decision(
            passed=False,
            expected=first.expected,
            seen=first.seen + beside,
            at_ms=first.at_ms,
            event=first.event,
        )
