"""Exactly these numbers of a device were lost, came twice, or were overtaken: no more, no less."""

from __future__ import annotations

from pydantic import Field

from broker.ledger import Delivery
from harness.checks.base import Args, Check, Decision, Ending

Numbers = tuple[int, ...]


class NumbersArgs(Args):
    """Numbers (``seq``) of one device and boot; what is left out must be none."""

    device: str
    boot: int = Field(default=1, ge=0)
    lost: Numbers = ()
    duplicated: Numbers = ()
    reordered: Numbers = ()
    recovered: Numbers = ()


class DeliveryExactly(Check):
    """Compares the delivery ledger with what is written."""

    name = "delivery_exactly"
    title = "Exactly these messages went wrong"
    Arguments = NumbersArgs

    def headline(self) -> str:
        """See Check."""
        return f"{self.args.device}: {self._shown(self._wanted())}"

    def _wanted(self) -> dict[str, list[int]]:
        names = ("lost", "duplicated", "reordered", "recovered")
        return {name: sorted(getattr(self.args, name)) for name in names}

    @staticmethod
    def _shown(numbers: dict[str, list[int]]) -> str:
        parts = [f"{name} {', '.join(map(str, found))}" for name, found in numbers.items() if found]
        return "; ".join(parts) or "nothing went wrong"

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        wanted = self._wanted()
        seen: dict[str, list[int]] = {name: [] for name in wanted}
        for found in ending.deliveries:
            if (found.device, found.boot) == (self.args.device, self.args.boot):
                seen = _numbers(found)
        return Decision(
            passed=seen == wanted,
            expected=self._shown(wanted),
            seen=self._shown(seen),
            at_ms=ending.at_ms,
            device=self.args.device,
        )


def _numbers(found: Delivery) -> dict[str, list[int]]:
    def spread(ranges: list[tuple[int, int]]) -> list[int]:
        return [number for first, last in ranges for number in range(first, last + 1)]

    return {
        "lost": spread(found.lost),
        "duplicated": spread(found.duplicated),
        "reordered": spread([(o.first, o.last) for o in found.reordered]),
        "recovered": spread(found.recovered),
    }
