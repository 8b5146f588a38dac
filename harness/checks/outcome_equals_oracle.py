"""What the DPS bills equals what the harness computes itself from the samples on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from broker.wire.messages import Uplink, samples_of
from harness.checks.base import Brief, Check, Decision, Ending
from harness.errors import ScenarioError
from harness.events import Event, FaultApplied, FeedSeen
from harness.oracles import availability as oracle

COMPARED = ("up_ms", "down_ms", "unknown_ms", "total_ms", "fee_eur", "credit_eur")
"""Exact: times to the millisecond, money to the cent."""
INSTALLED = "installed"
"""What an entry of a timeline is called that amends the contract."""


class OutcomeEqualsOracle(Check):
    """Compares every ``outcome.period_closed`` with the availability oracle."""

    name = "outcome_equals_oracle"
    title = "Availability and credit are what the contract says"
    wants_messages = True

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._samples = oracle.Samples()
        self._closed: dict[str, str] = {}
        if brief.contract is None:
            raise ScenarioError("the check outcome_equals_oracle needs service.contract")
        self._contract = brief.contract
        self._clause = oracle.parse_clause(brief.contract.up_when)
        self._periods = {p.name: p for p in oracle.periods(brief.start_ms, brief.until_ms)}

    def on_messages(self, messages: Iterable[tuple[str, Uplink]], at_ms: int) -> None:
        """See Check."""
        del at_ms
        signal, add, holds = self._clause.signal, self._samples.add, self._clause.holds
        for _, message in messages:
            rows = samples_of(message)
            if not rows:
                continue
            for row in rows:
                value = row.signals.get(signal)
                if value is not None:
                    add(message.device, row.at_ms, up=holds(value))

    def on_event(self, event: Event) -> None:
        """See Check. Computed when the DPS closes: what arrives later counts for neither."""
        if isinstance(event, FaultApplied) and event.kind == INSTALLED:
            self._amend(event.params.get("contract"))
        if not isinstance(event, FeedSeen) or event.kind != "outcome.period_closed":
            return
        name = str(event.data.get("period"))
        period = self._periods.get(name)
        if period is None or period.to_ms > event.at_ms:
            self.violate(event.at_ms, "only periods that are over get closed", f"{name} was closed")
            return
        ours = oracle.outcome(self._contract, self._samples, sorted(self.brief.devices), period)
        self._closed[name] = f"{name}: availability {ours.availability:.6f}, {ours.credit_eur} EUR"
        if problems := _differences(ours, event):
            self.violate(event.at_ms, self._closed[name], "; ".join(problems))

    def _amend(self, change: object) -> None:
        """What is amended counts for every period that is not closed yet."""
        if isinstance(change, Mapping):
            signed = self.brief.contract
            assert signed is not None
            self._contract = signed.model_copy(update=dict(change))

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        grace_ms = self._contract.grace_s * 1000
        for name, _, end_ms in self._periods.values():
            if end_ms + grace_ms <= ending.at_ms and name not in self._closed:
                self.violate(end_ms, f"{name} is closed", f"the DPS did not close {name}")
        decision = super().decide(ending)
        if decision.passed:
            decision.seen = "; ".join(self._closed.values()) or "no period ended within the run"
        return decision


def _differences(ours: oracle.Outcome, told: FeedSeen) -> list[str]:
    return [
        f"{name} {told.data.get(name)}, not {getattr(ours, name)}"
        for name in COMPARED
        if told.data.get(name) != getattr(ours, name)
    ]
