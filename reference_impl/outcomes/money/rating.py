"""Rating: from what happened to what it costs, one line for each, exact to the cent (PM1-PM6).

Pure functions over decimals. A line keeps quantity, unit price and what it is of (an order, a work
order, a charge, a period of a contract, a span of a meter), so that an invoice can be followed
down to the facts (K6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from reference_impl.kernel.money import CENT, ZERO, euros, total

ONE = Decimal(1)
ALL_PCT = Decimal(100)
SIXTH = Decimal("0.000001")


class PricingModel(StrEnum):
    """How somebody pays (domain model 2.7)."""

    FREE = "free"
    TRANSACTION = "transaction"
    SUBSCRIPTION = "subscription"
    USAGE = "usage"
    OUTCOME = "outcome"
    ECOSYSTEM = "ecosystem"


class LineKind(StrEnum):
    """What a line is of."""

    ORDER = "order"
    VISIT = "visit"
    CHARGE = "charge"
    RECURRING = "recurring"
    USAGE = "usage"
    MINIMUM = "minimum"
    FEE = "fee"
    CREDIT = "credit"
    BONUS = "bonus"
    DATA = "data"


class Month(NamedTuple):
    """A calendar month in UTC, as the measuring periods of contracts are."""

    label: str
    from_ms: int
    to_ms: int

    def after(self) -> Month:
        """The next one."""
        return month_of(self.to_ms)

    def before(self) -> Month:
        """The one before."""
        return month_of(self.from_ms - 1)


def month_of(at_ms: int) -> Month:
    """The month that contains an instant."""
    day = datetime.fromtimestamp(at_ms // 1000, tz=UTC)
    begin = datetime(day.year, day.month, 1, tzinfo=UTC)
    end = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    label = f"{day.year}-{day.month:02d}"
    return Month(label, round(begin.timestamp()) * 1000, round(end.timestamp()) * 1000)


def month_named(label: str) -> Month:
    """The month ``2026-01``. Raises ValueError if that is none."""
    begin = datetime.strptime(label, "%Y-%m").replace(tzinfo=UTC)
    return month_of(round(begin.timestamp()) * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line to be invoiced. ``amount`` is to the cent; ``key`` names what is charged, for good."""

    key: str
    kind: LineKind
    of: str
    what: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    from_ms: int
    to_ms: int
    thing: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Tier(NamedTuple):
    """Up to a quantity in a month (None: without end) each unit costs so much."""

    upto: Decimal | None
    unit_price: Decimal


class Slice(NamedTuple):
    """The part of a quantity that falls into a tier (numbered from 0)."""

    tier: int
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


def tiered(quantity: Decimal, tiers: Sequence[Tier]) -> list[Slice]:
    """A quantity by graduated tiers: each unit at the price of the tier in which it lies (PM4).

    A negative quantity (what is fed back, AS10) earns the price of the first tier.

    Raises:
        ValueError: If the tiers do not reach the quantity.
    """
    if quantity <= 0:
        first = tiers[0].unit_price
        return [Slice(0, quantity, first, euros(quantity * first))] if quantity else []
    slices, done = [], Decimal(0)
    for number, tier in enumerate(tiers):
        end = quantity if tier.upto is None else min(quantity, tier.upto)
        if end > done:
            part = end - done
            slices.append(Slice(number, part, tier.unit_price, euros(part * tier.unit_price)))
            done = end
    if done < quantity:
        raise ValueError(f"the tiers end at {tiers[-1].upto}, {quantity} was used")
    return slices


def prorated(price: Decimal, month: Month, from_ms: int, to_ms: int) -> Decimal:
    """What a monthly price comes to for a part of the month.

    The difference of what was due by the end and by the begin of the part, each to the cent: the
    parts of a month that touch add up to the price, whatever the cuts (CC19).
    """

    def due(at_ms: int) -> Decimal:
        return euros(price * (at_ms - month.from_ms) / (month.to_ms - month.from_ms))

    begin, end = max(from_ms, month.from_ms), min(to_ms, month.to_ms)
    return due(end) - due(begin) if end > begin else ZERO


def share_of(month: Month, from_ms: int, to_ms: int) -> Decimal:
    """The share of a month that a span covers, to six places."""
    begin, end = max(from_ms, month.from_ms), min(to_ms, month.to_ms)
    whole = Decimal(month.to_ms - month.from_ms)
    return (Decimal(max(0, end - begin)) / whole).quantize(SIXTH)


def top_up(minimum: Decimal, rated: Decimal) -> Decimal:
    """What is missing to a minimum commitment; nothing if it was reached (PM4)."""
    return max(ZERO, minimum - rated)


def split(amount: Decimal, shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """An amount by percent, to the cent, with nothing left over (PM6).

    Cents that rounding down leaves go one by one to the largest remainders, then by name.

    Raises:
        ValueError: If the shares are not 100 % together.
    """
    if total_pct(shares) != ALL_PCT:
        raise ValueError(f"the shares are {total_pct(shares)} % together, not 100 %")
    sign = -1 if amount < 0 else 1
    exact = {party: abs(amount) * pct / ALL_PCT for party, pct in shares.items()}
    down = {party: value.quantize(CENT, rounding=ROUND_DOWN) for party, value in exact.items()}
    left = int((abs(amount) - total(down.values())) / CENT)
    for party in sorted(exact, key=lambda p: (down[p] - exact[p], p))[:left]:
        down[party] += CENT
    return {party: sign * value for party, value in down.items()}


def total_pct(shares: Mapping[str, Decimal]) -> Decimal:
    """The sum of shares, percent."""
    return sum(shares.values(), Decimal(0))


def of_order(order: str, data: Mapping[str, Any], at_ms: int) -> list[Line]:
    """A delivered order (PM2): its lines, less discount, plus tax, as placed (O6)."""
    whole = _once(LineKind.ORDER, f"order:{order}", of=order, what="", at_ms=at_ms)
    lines = [
        _costs(
            replace(
                whole, key=f"{whole.key}/{number}", what=str(line["part"]), unit="piece",
                thing=line["thing"] or "",
            ),
            Decimal(line["quantity"]), euros(line["unit_price_eur"]),
        )
        for number, line in enumerate(data.get("lines") or [data], start=1)
    ]  # fmt: skip
    for name, sign in (("discount", -1), ("tax", 1)):
        price = sign * euros(data.get(f"{name}_eur") or 0)
        if price:
            lines.append(_costs(replace(whole, key=f"{whole.key}/{name}", what=name), ONE, price))
    return lines


def of_visit(work_order: str, thing: str, price: Decimal, at_ms: int) -> list[Line]:
    """A closed work order (PM2), once however often it is closed."""
    line = _once(LineKind.VISIT, f"visit:{work_order}", of=work_order, what="visit", at_ms=at_ms)
    return [_costs(replace(line, thing=thing, unit="visit"), ONE, price)]


def of_charge(charge: str, what: str, amount: Decimal, at_ms: int) -> list[Line]:
    """A charge that was asked for: a subscription's period, an upgrade, a feature, a rental."""
    line = _once(LineKind.CHARGE, f"charge:{charge}", of=charge, what=what, at_ms=at_ms)
    return [_costs(line, ONE, amount)]


def of_data(
    sale: str, what: str, price: tuple[int, Decimal], at_ms: int, evidence: Mapping[str, Any]
) -> list[Line]:
    """Data that were sold with their owner's consent, which is the line's evidence (PM6).

    ``price`` is how many records, and euros for each.
    """
    line = _once(LineKind.DATA, f"data:{sale}", of=sale, what=what, at_ms=at_ms)
    line = replace(line, unit="record", evidence=evidence)
    return [_costs(line, Decimal(price[0]), price[1])]


def of_period(
    subject: str, data: Mapping[str, Any], span: tuple[int, int], document: str
) -> list[Line]:
    """A measured period of a contract (PM5), or by how much a document corrects it.

    Fee, less credit and shortfall, plus bonus and share of the gain.
    """
    amounts = (
        (LineKind.FEE, "fee", euros(data.get("fee_eur") or 0)),
        (LineKind.CREDIT, "credit", -euros(data.get("credit_eur") or 0)),
        (LineKind.BONUS, "bonus", euros(data.get("bonus_eur") or 0)),
        (LineKind.BONUS, "gain", euros(data.get("gain_eur") or 0)),
        (LineKind.CREDIT, "shortfall", -euros(data.get("shortfall_eur") or 0)),
    )
    measured = {name: data[name] for name in ("availability", "kpi", "target") if name in data}
    return [
        Line(
            key=f"outcome:{document}/{what}", kind=kind, of=subject, what=what, quantity=ONE,
            unit="period", unit_price=amount, amount=amount, from_ms=span[0], to_ms=span[1],
            evidence=measured,
        )
        for kind, what, amount in amounts
    ]  # fmt: skip


def _once(kind: LineKind, key: str, *, of: str, what: str, at_ms: int) -> Line:
    """What happens at an instant; it costs nothing yet."""
    return Line(
        key=key, kind=kind, of=of, what=what, quantity=ONE, unit="", unit_price=ZERO,
        amount=ZERO, from_ms=at_ms, to_ms=at_ms,
    )  # fmt: skip


def _costs(line: Line, quantity: Decimal, price: Decimal) -> Line:
    return replace(line, quantity=quantity, unit_price=price, amount=euros(quantity * price))


def charged(lines: Iterable[Line]) -> Decimal:
    """What lines come to."""
    return total(line.amount for line in lines)
