"""What the service says equals what the harness computes itself from truth, wire and deeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field, model_validator

from broker.wire.messages import Uplink
from harness.checks.asking import Titled
from harness.checks.base import Brief, Check, Decision, Ending
from harness.checks.nothing_lost import NothingLost
from harness.checks.outcome_equals_oracle import OutcomeEqualsOracle
from harness.events import Event
from harness.oracles import needs, processes, wear
from harness.oracles.log import Log, Row

Oracle = Callable[[Log], Iterator[Row]]
OF_LOGS: Mapping[str, Oracle] = {
    "orders": processes.orders,
    "work_orders": processes.work_orders,
    "lead_time": processes.lead_times,
    "needs": needs.needs,
    "wear": wear.wear,
    "levels": wear.levels,
}
"""Oracles that are functions of the event log."""
AS_CHECKS: Mapping[str, type[Check]] = {
    "availability": OutcomeEqualsOracle,
    "delivery": NothingLost,
}
"""Oracles that are kept up while the run goes on: a month's availability, the delivery ledger."""
ORACLES = tuple(sorted((*OF_LOGS, *AS_CHECKS)))
SHOWN_MAX = 5
"""Differences that a failure tells."""


class OracleArgs(Titled):
    """``equals_oracle``: its name. ``device``: only of this one.

    ``points``, ``from_pct``: of ``wear``; how far off, and from which true damage on. ``at_least``:
    so many comparisons there must be.
    """

    equals_oracle: str
    device: str | None = None
    points: float | None = Field(default=None, gt=0, le=100)
    from_pct: float | None = Field(default=None, ge=0, le=100)
    at_least: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> OracleArgs:
        name = self.equals_oracle
        if name not in ORACLES:
            raise ValueError(f"unknown oracle {name!r}; allowed: {', '.join(ORACLES)}")
        if name != "wear" and (self.points is not None or self.from_pct is not None):
            raise ValueError("points and from_pct go with equals_oracle: wear")
        if name in AS_CHECKS and (self.device is not None or self.at_least):
            raise ValueError(f"{name} is of the whole run: leave device and at_least out")
        return self


class EqualsOracle(Check):
    """Keeps the log and asks the oracle at the end; ``availability`` is asked month by month."""

    name = "equals_oracle"
    title = "What the service says equals the oracle"
    Arguments = OracleArgs
    wants_messages = True

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        inner = AS_CHECKS.get(args.equals_oracle)
        self._inner = None if inner is None else inner(inner.Arguments(), brief)
        self._log = Log(brief)

    def headline(self) -> str:
        """See Check."""
        who = f"{self.args.device}: " if self.args.device else ""
        return self.args.title or f"{who}{self.args.equals_oracle} as the oracle computes it"

    def on_event(self, event: Event) -> None:
        """See Check."""
        if self._inner is None:
            self._log.take(event)
        else:
            self._inner.take(event)

    def on_messages(self, messages: Iterable[tuple[str, Uplink]], at_ms: int) -> None:
        """See Check."""
        if self.args.equals_oracle == "levels":
            self._log.take_messages(messages)
        elif self._inner is not None:
            self._inner.on_messages(messages, at_ms)

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        if self._inner is not None:
            return self._inner.decide(ending)
        self._log.until_ms = ending.at_ms
        rows = [row for row in self._rows() if self.args.device in (None, row.device or _of(row))]
        wrong = sorted((row for row in rows if not row.agrees), key=lambda row: row.at_ms)
        if wrong:
            return _refuted(rows, wrong)
        if len(rows) < self.args.at_least:
            expected = f"at least {self.args.at_least} comparisons"
            seen = f"{len(rows)} of {self.args.equals_oracle}"
            return Decision(passed=False, expected=expected, seen=seen, at_ms=ending.at_ms)
        return Decision(passed=True, seen=f"{len(rows)} compared, all agree")

    def _rows(self) -> Iterator[Row]:
        name, args = self.args.equals_oracle, self.args
        if name != "wear":
            return OF_LOGS[name](self._log)
        given = {"points": args.points, "from_pct": args.from_pct}
        return wear.wear(self._log, **{k: v for k, v in given.items() if v is not None})


def _of(row: Row) -> str | None:
    return getattr(row.event, "subject", None)


def _refuted(rows: list[Row], wrong: list[Row]) -> Decision:
    first, others = wrong[0], wrong[1:SHOWN_MAX]
    beside = "".join(f"; {row.key}: {row.seen}, not {row.expected}" for row in others)
    count = f" ({len(wrong)} of {len(rows)} differ{beside})"
    return Decision(
        passed=False,
        expected=f"{first.key}: {first.expected}",
        seen=first.seen + count,
        at_ms=first.at_ms,
        event=first.event,
        device=first.device,
    )
