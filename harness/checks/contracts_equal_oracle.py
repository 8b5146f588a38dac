"""What the DPS measures for contracts of any clauses equals what the harness computes itself.

Contracts are those that the scenario installs by calls (``PUT /v1/contracts/{id}``). Flags of the
data, approved exclusions, suspensions and baselines are taken from the feed; readings from the
wire. Disputes, planned windows and swaps are not computed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from broker.wire.messages import Uplink, samples_of
from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.events import Event, FaultApplied, FeedSeen
from harness.oracles import outcomes as oracle

EXACT = ("up_ms", "degraded_ms", "down_ms", "unknown_ms", "excluded_ms", "total_ms",
         "fee_eur", "credit_eur", "bonus_eur")  # fmt: skip
"""Times to the millisecond, money to the cent."""
GAIN_EUR = 0.02
"""A gain share is of sums of floats: it may differ by a cent of rounding on either side."""
PATH = "/v1/contracts/"


class PeriodsArgs(Args):
    """``at_least``: so many periods there must be."""

    at_least: int = Field(default=1, ge=0)


class ContractsEqualOracle(Check):
    """Compares every ``outcome.period_closed`` of such a contract with the oracle."""

    name = "contracts_equal_oracle"
    title = "What contracts come to is what they say"
    Arguments = PeriodsArgs
    wants_messages = True
    hears = (FaultApplied, FeedSeen)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._terms: dict[str, oracle.Terms] = {}
        self._began_ms: dict[str, int] = {}
        self._lines: dict[str, tuple[float, float]] = {}
        self._active_ms: dict[str, int] = {}
        self._readings: dict[str, oracle.Readings] = {}
        self._closed: list[str] = []
        self._flags: list[tuple[str, str, float, float]] = []

    def on_messages(self, messages: Iterable[tuple[str, Uplink]], at_ms: int) -> None:
        """See Check."""
        del at_ms
        for _, message in messages:
            rows = samples_of(message)
            if not rows:
                continue
            readings = self._readings.setdefault(message.device, oracle.Readings())
            for row in rows:
                readings.add(row.at_ms, row.signals)

    def on_event(self, event: Event) -> None:
        """See Check. Computed when the DPS closes: what arrives later counts for neither."""
        if isinstance(event, FaultApplied):
            for call in event.params.get("calls", ()):
                self._install(call)
        elif isinstance(event, FeedSeen):
            self._told(event)

    def _install(self, call: Mapping[str, Any]) -> None:
        path = str(call["path"])
        contract = path.removeprefix(PATH)
        if call.get("method", "PUT") == "PUT" and path.startswith(PATH) and "/" not in contract:
            self._terms[contract] = oracle.Terms(call["body"])
            self._began_ms[contract] = int(call["body"]["start_ms"])

    def _told(self, event: FeedSeen) -> None:
        data, at_ms = event.data, event.at_ms
        if event.kind == "data.flagged":
            since = float(data["since_ms"])
            self._flags.append((event.subject, data["signal"], since, oracle.FOREVER))
        elif event.kind == "data.cleared":
            self._flags = [
                (*flag[:3], float(at_ms))
                if flag[:2] == (event.subject, data["signal"]) and flag[3] == oracle.FOREVER
                else flag
                for flag in self._flags
            ]
        elif event.kind == "exclusion.approved" and data["contract"] in self._terms:
            stretch = oracle.Stretch(data["thing"], data["from_ms"], data["to_ms"])
            self._terms[data["contract"]].excluded.append(stretch)
        elif event.kind == "contract.suspended" and event.subject in self._terms:
            stretch = oracle.Stretch(None, at_ms, oracle.FOREVER)
            self._terms[event.subject].suspended.append(stretch)
        elif event.kind == "contract.resumed" and event.subject in self._terms:
            stretches = self._terms[event.subject].suspended
            stretches[-1] = stretches[-1]._replace(to_ms=at_ms)
        elif event.kind == "contract.activated" and event.subject in self._terms:
            self._baseline(event)
        elif event.kind == "outcome.period_closed" and data["contract"] in self._terms:
            self._compare(event)

    def _baseline(self, event: FeedSeen) -> None:
        terms = self._terms[event.subject]
        if terms.said["gain"] is None:
            return
        begin_ms = int(terms.said["start_ms"])
        line = oracle.fitted(oracle.days_of(terms, self._readings, begin_ms, event.at_ms))
        if line is None:
            self.violate(event.at_ms, "a baseline of seven days", "it was activated without", event)
            return
        self._lines[event.subject], self._active_ms[event.subject] = line, event.at_ms

    def _compare(self, event: FeedSeen) -> None:
        contract, name = str(event.data["contract"]), str(event.data["period"])
        terms = self._terms[contract]
        terms.flags = [
            (signal, oracle.Stretch(thing, begin, end)) for thing, signal, begin, end in self._flags
        ]
        period = oracle.month_from(self._began_ms[contract])
        self._began_ms[contract] = period.to_ms
        start_ms, end_ms = int(terms.said["start_ms"]), 2**62
        units = oracle.classified(terms, self._readings, period, start_ms=start_ms, end_ms=end_ms)
        active_ms = self._active_ms.get(contract, oracle.FOREVER)
        judged = terms.said["gain"] is None or period.from_ms >= active_ms
        ours = oracle.settled(terms, units, period, judged=judged)
        said = f"{contract}/{name}: availability {ours['availability']:.6f}"
        said += f", {ours['credit_eur']:.2f} EUR credit"
        wrong = [
            f"{key} {event.data.get(key, 0)}, not {ours[key]:g}"
            for key in EXACT
            if event.data.get(key, 0) != ours[key]
        ]
        if contract in self._lines and judged:
            days = oracle.days_of(terms, self._readings, period.from_ms, period.to_ms)
            gain_eur = oracle.gained(terms, self._lines[contract], days)
            said += f", {gain_eur:.2f} EUR gain"
            if abs(float(event.data.get("gain_eur", -1.0)) - gain_eur) > GAIN_EUR:
                wrong.append(f"gain_eur {event.data.get('gain_eur')}, not {gain_eur:.2f}")
        self._closed.append(said)
        if wrong:
            self.violate(event.at_ms, said, "; ".join(wrong), event)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if len(self._closed) < self.args.at_least:
            seen = f"{len(self._closed)} were closed"
            self.violate(ending.at_ms, f"at least {self.args.at_least} periods", seen)
        decision = super().decide(ending)
        if decision.passed:
            decision.seen = "; ".join(self._closed) or "no period was closed within the run"
        return decision
