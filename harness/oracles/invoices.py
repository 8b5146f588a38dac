"""What invoices must come to, recomputed from the wire, the feed and the pricings as installed.

Nothing is booked here: an invoice must ask for what everything costs as it is known when it is
drafted, less what earlier ones asked for, so that corrections need no rule of their own (PM1-PM6).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from harness.errors import ScenarioError

FOREVER = 2**62
NOTHING = Decimal(0)
OF_ORDERS = ("transaction", "ecosystem")


def exact(number: float | str) -> Decimal:
    """The number as it was written."""
    return Decimal(str(number))


def cents(amount: Decimal) -> Decimal:
    """Half a cent away from zero."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def months_until(label: str, first_ms: int) -> list[tuple[int, int]]:
    """The UTC months from that of ``first_ms`` to the one with this label, ms."""
    begin = datetime.fromtimestamp(first_ms / 1000, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    found: list[tuple[int, int]] = []
    while not found or f"{begin:%Y-%m}" <= label:
        end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
        found.append((round(begin.timestamp() * 1000), round(end.timestamp() * 1000)))
        begin = end
    return found


def month_named(label: str) -> tuple[int, int]:
    """The UTC month ``2026-01``, ms."""
    begin = datetime.strptime(label, "%Y-%m").replace(tzinfo=UTC)
    return months_until(label, round(begin.timestamp() * 1000))[0]


@dataclass(slots=True)
class Terms:
    """A pricing as the scenario installed it; ``to_ms`` where another one follows it."""

    said: Mapping[str, Any]
    from_ms: int
    to_ms: int = FOREVER

    @property
    def model(self) -> str:
        """Its model."""
        return str(self.said["model"])

    @property
    def terms(self) -> Mapping[str, Any]:
        """The terms of the model."""
        found: Mapping[str, Any] = self.said.get("terms", {})
        return found

    def holds(self, at_ms: int) -> bool:
        """Whether it is in force at an instant."""
        return self.from_ms <= at_ms < self.to_ms


@dataclass(slots=True)
class Registers:
    """Readings of signals by device, sorted by time; the same instant again changes nothing."""

    rows: dict[tuple[str, str], list[tuple[int, float]]] = field(default_factory=dict)

    def add(self, device: str, at_ms: int, signals: Mapping[str, float]) -> None:
        """Take a report."""
        for name, value in signals.items():
            rows = self.rows.setdefault((device, name), [])
            if not rows or rows[-1][0] < at_ms:
                rows.append((at_ms, value))
            elif (at_ms, value) not in rows[-500:]:
                insort(rows, (at_ms, value))

    def used(self, device: str, meter: Mapping[str, Any], from_ms: int, to_ms: int) -> Decimal:
        """What a register counted in a span, as it stood at each end; or the increments in it."""
        kind = meter.get("kind", "register")
        if kind == "net" or meter.get("ends", "carry") != "carry":
            raise ScenarioError(
                "the invoice oracle reads increments, and registers that are carried over"
            )
        rows = self.rows.get((device, meter["signal"]), [])
        sign = exact(meter.get("factor", 1)) * (-1 if meter.get("sells", False) else 1)
        if kind == "increments":
            inside = (exact(value) for at_ms, value in rows if from_ms < at_ms <= to_ms)
            return sum(inside, NOTHING) * sign
        first, last = (bisect_right(rows, (at_ms, float("inf"))) - 1 for at_ms in (from_ms, to_ms))
        rollover, total = exact(meter.get("rollover", 0)), NOTHING
        for index in range(max(first, 0) + 1, last + 1):
            before, after = exact(rows[index - 1][1]), exact(rows[index][1])
            if after < before:
                rolled = after + rollover - before
                total += rolled if rolled < rollover / 2 else after
            else:
                total += after - before
        return total * sign


def tiered(meter: Mapping[str, Any], quantity: Decimal) -> list[Decimal]:
    """Price of a quantity, tier by tier, each to the cent."""
    tiers = meter.get("tiers") or [{"upto": None, "unit_price": meter["unit_price"]}]
    if quantity <= 0:
        return [cents(quantity * exact(tiers[0]["unit_price"]))]
    prices, begin = [], NOTHING
    for tier in tiers:
        end = quantity if tier["upto"] is None else min(quantity, exact(tier["upto"]))
        if end > begin:
            prices.append(cents((end - begin) * exact(tier["unit_price"])))
            begin = end
    return prices


def part_of(price: Decimal, month: tuple[int, int], from_ms: int, to_ms: int) -> Decimal:
    """A monthly price for a part of the month: due by its end less due by its begin."""
    begin, end = max(from_ms, month[0]), min(to_ms, month[1])
    if end <= begin:
        return NOTHING
    due = [cents(price * (at_ms - month[0]) / (month[1] - month[0])) for at_ms in (begin, end)]
    return due[1] - due[0]


def of_month(terms: Terms, month: tuple[int, int], registers: Registers) -> dict[str, Decimal]:
    """What fees and use of a pricing come to in a month, line by line."""
    begin, end = max(terms.from_ms, month[0]), min(terms.to_ms, month[1])
    if end <= begin:
        return {}
    if terms.model == "subscription":
        return {
            f"fee {number}": part_of(
                exact(fee["unit_price_eur"]) * fee.get("quantity", 1), month, begin, end
            )
            for number, fee in enumerate(terms.terms["fees"])
        }
    if terms.model != "usage":
        return {}
    thing = terms.said["thing"]
    lines = {
        f"{meter['signal']} {number}": price
        for meter in terms.terms["meters"]
        for number, price in enumerate(tiered(meter, registers.used(thing, meter, begin, end)))
    }
    if least := exact(terms.terms.get("minimum_eur", 0)):
        missing = part_of(least, month, begin, end) - sum(lines.values(), NOTHING)
        lines["minimum"] = max(NOTHING, missing)
    return lines


def of_rental(tariff: Mapping[str, Any], from_ms: int, to_ms: int) -> Decimal:
    """What a rental costs: a start, and each minute that was begun, one at least (DS15)."""
    minutes = max(1, -((from_ms - to_ms) // 60_000))
    return cents(exact(tariff["start_eur"]) + exact(tariff["per_minute_eur"]) * minutes)


@dataclass(slots=True)
class Sold:
    """What features and rentals cost, by the prices and the times of the calls that sell them."""

    tariffs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    prices: dict[str, Decimal] = field(default_factory=dict)
    """By feature: a scenario sells a feature of one model."""
    rented: dict[str, str] = field(default_factory=dict)
    """The tariff by the rental."""
    numbers: dict[str, int] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    def called(self, path: str, body: Mapping[str, Any], at_ms: int) -> None:
        """Take a call of the scenario."""
        match path.removeprefix("/v1/").split("/"):
            case ["tariffs", tariff]:
                self.tariffs[tariff] = body
            case ["models", _, "features", feature]:
                self.prices[feature] = exact(body["price_eur"])
            case ["things", thing, "rentals"]:
                self.numbers[thing] = self.numbers.get(thing, 0) + 1
                self.rented[f"rnt-{thing}-{self.numbers[thing]}"] = str(body["tariff"])
            case ["rentals", rental, "take"]:
                self.spans[rental] = (at_ms, at_ms)
            case ["rentals", rental, "give-back"]:
                self.spans[rental] = (self.spans[rental][0], at_ms)

    def cost(self, subject: str) -> Decimal | None:
        """What a charge of a subject must come to; None if it is of something else."""
        if subject in self.spans:
            return of_rental(self.tariffs[self.rented[subject]], *self.spans[subject])
        sold = (p for name, p in self.prices.items() if subject.rpartition("-")[0].endswith(name))
        return next(sold, None) if subject.startswith("unl-") else None


def of_order(data: Mapping[str, Any]) -> list[Decimal]:
    """What a delivered order costs: its goods, discount and tax."""
    goods = data.get("lines") or [data]
    prices = [cents(exact(n["unit_price_eur"]) * n["quantity"]) for n in goods]
    return [*prices, -exact(data.get("discount_eur") or 0), exact(data.get("tax_eur") or 0)]


def of_period(data: Mapping[str, Any]) -> list[Decimal]:
    """What a measured period comes to: what is added, and what is taken off."""
    signs = {"fee_eur": 1, "bonus_eur": 1, "gain_eur": 1, "credit_eur": -1, "shortfall_eur": -1}
    return [exact(data.get(name) or 0) * sign for name, sign in signs.items()]
