"""Invariants K of measured outcomes, as far as the feed shows them.

The others are computed: ``contracts_equal_oracle`` and ``outcome_equals_oracle`` compare classes,
figure and money with readings from the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant

COMPUTED = ("outcome.period_closed", "outcome.period_adjusted")
AFTERWARDS = ("outcome.period_invoiced", "outcome.period_corrected")
"""All that may be told of a period that is final."""
CLASSES = tuple(
    f"{name}_ms" for name in ("up", "degraded", "down", "planned", "excluded", "unknown")
)


def _sum_ms(found: Mapping[str, Any]) -> int:
    return sum(int(found.get(name, 0)) for name in CLASSES)


class ClassesPartition(Invariant):
    """Interval classes partition the period exactly (no gap/overlap)."""

    ident = "K1"
    families = ("outcome",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind not in COMPUTED:
            return None
        told, whole = event.data, int(event.data["total_ms"])
        if _sum_ms(told) != whole:
            return f"{event.subject}: classes last {_sum_ms(told)} ms, the period {whole} ms"
        lengths = {name: _sum_ms(each) for name, each in told.get("things", {}).items()}
        if len(set(lengths.values())) > 1:
            return f"{event.subject}: things last {lengths} ms in one period"
        return None


class FigureIsShare(Invariant):
    """KPI ∈ [0,1]."""

    ident = "K2"
    families = ("outcome",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        figure = event.data.get("availability")
        if event.kind not in COMPUTED or (figure is not None and 0.0 <= figure <= 1.0):
            return None
        return f"{event.subject}: availability {figure}"


class FinalStays(Invariant):
    """FINAL is immutable, corrections are new documents."""

    ident = "K3"
    families = ("outcome",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._final: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.subject in self._final and event.kind not in AFTERWARDS:
            return f"{event.kind} of {event.subject}, which is final"
        if event.kind == "outcome.period_final":
            self._final.add(event.subject)
        return None


class CreditWithinCap(Invariant):
    """Credits ≤ cap, ≥ 0, one credit per failure.

    The cap itself is for the oracles, which know the contract; no cap is above the fee.
    """

    ident = "K4"
    families = ("outcome",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind not in COMPUTED:
            return None
        credit, fee = float(event.data["credit_eur"]), float(event.data["fee_eur"])
        if 0.0 <= credit <= fee:
            return None
        return f"{event.subject}: a credit of {credit:.2f} EUR of a fee of {fee:.2f} EUR"


class LinesSum(Invariant):
    """Customer-visible drill-down sums to the invoice.

    Each line stands on one invoice only.
    """

    ident = "K6"
    families = ("invoice",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._stands: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        lines = event.data.get("lines")
        if event.kind != "invoice.drafted" or lines is None:
            return None
        asked = Decimal(str(event.data["total_eur"]))
        found = sum((Decimal(str(line["amount_eur"])) for line in lines), Decimal(0))
        if found != asked:
            return f"{event.subject} asks for {asked} EUR, and its lines for {found} EUR"
        for line in lines:
            other = self._stands.setdefault(str(line["id"]), event.subject)
            if other != event.subject:
                return f"{line['id']} stands on {event.subject}, and on {other}"
        return None


class ExclusionApproved(Invariant):
    """Exclusions need evidence + approver other than the beneficiary.

    Who asks for an exclusion benefits from it.
    """

    ident = "K8"
    families = ("exclusion",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if event.kind != "exclusion.approved":
            return None
        if not data.get("evidence"):
            return f"{event.subject} has no evidence"
        if not data.get("approver") or data["approver"] == data.get("by"):
            return f"{event.subject} was approved by {data.get('approver') or 'nobody'}, who asked"
        return None
