"""A customer who approves what a service recommends: soon, or only when reminded."""

from __future__ import annotations

from collections.abc import Mapping

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.ports import HOUR_MS, Ground, Handlers, hours

NAME = "customer"
PARAMS: Mapping[str, Param] = {
    "approve_p50_h": Param(unit="h", default=8.0, min=0.01, max=2160, title="approves (estimate)"),
    "approve_p90_h": Param(unit="h", default=30.0, min=0.01, max=2160, title="9 of 10 approve in"),
    "ignore_p": Param(unit="1", default=0.15, min=0.0, max=1.0, title="share ignored at first"),
    "remind_h": Param(unit="h", default=72.0, min=0.0, max=2160, title="until somebody reminds"),
    "notice_p50_h": Param(unit="h", default=24.0, min=0.01, max=2160, title="no service: notices"),
    "notice_p90_h": Param(unit="h", default=96.0, min=0.01, max=2160, title="9 of 10 notice in"),
    "phone_p50_h": Param(unit="h", default=3.0, min=0.01, max=720, title="until help is promised"),
    "phone_p90_h": Param(unit="h", default=12.0, min=0.01, max=720, title="9 of 10 promised in"),
}
"""All estimates. The last four are those of the arm without the service (``caretaker``)."""


class Customer:
    """Delays come from streams named after the recommendation."""

    def __init__(self, ground: Ground, params: Mapping[str, float]) -> None:
        self._ground, self._params = ground, params
        self._asked: dict[str, None] = {}

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        return {"customer.approve": self._on_approve}

    def observe(self, fact: Fact) -> None:
        """A recommendation waits for approval, or does so no longer."""
        if fact.kind == "recommendation.issued":
            if fact.data.get("policy") == "approval" and fact.subject not in self._asked:
                self._asked[fact.subject] = None
                self._consider(fact)
        elif fact.kind.startswith("recommendation."):
            self._ground.forget("customer.approve", fact.subject)

    def dump(self) -> list[str]:
        """Recommendations heard of."""
        return list(self._asked)

    def load(self, state: list[str]) -> None:
        """Take over what :meth:`dump` gave."""
        self._asked = dict.fromkeys(state)

    def _consider(self, fact: Fact) -> None:
        streams = self._ground.streams
        delay_ms = hours(
            streams,
            f"customer/approve/{fact.subject}",
            p50_h=self._params["approve_p50_h"],
            p90_h=self._params["approve_p90_h"],
        )
        if streams.uniform(f"customer/ignore/{fact.subject}") < self._params["ignore_p"]:
            delay_ms += round(self._params["remind_h"] * HOUR_MS)
        due_ms = self._ground.soonest(fact.at_ms + delay_ms)
        self._ground.later(due_ms, "customer.approve", fact.subject, {})

    def _on_approve(self, row: Row) -> None:
        self._ground.intend(row.due_ms, NAME, "recommendation.approve", row.subject)
