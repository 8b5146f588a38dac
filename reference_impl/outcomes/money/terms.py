"""The terms of a pricing as written in a request, checked whole, and as rating takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.money import ZERO, euros
from reference_impl.outcomes.money.meters import Ends, Meter, MeterKind
from reference_impl.outcomes.money.rating import ALL_PCT, PricingModel, Tier, total_pct

PER = ("month", "thing", "user")
"""What a recurring fee is per: for all, per thing of the customer, per user of the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A recurring fee; ``quantity`` None: as many as there are when the month is closed."""

    what: str
    per: str
    unit_price: Decimal
    quantity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a meter's quantity costs."""

    meter: Meter
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a pricing charges for; what its model does not have is empty."""

    orders: bool = False
    visit: Decimal = ZERO
    fees: tuple[Fee, ...] = ()
    tariffs: tuple[Tariff, ...] = ()
    minimum: Decimal = ZERO
    contract: str = ""


def read_terms(model: PricingModel, body: object, problems: list[Problem]) -> Terms:
    """Terms from a request's body; problems go to the list."""
    fields = Fields(body, where="terms", problems=problems)
    terms = _READERS[model](fields)
    fields.done()
    return terms


def read_shares(
    model: PricingModel, shares: Mapping[str, float], problems: list[Problem]
) -> dict[str, Decimal]:
    """Who gets which part of what comes in, percent; together 100 (PM6)."""
    found = {party: Decimal(str(pct)) for party, pct in shares.items()}
    if model is PricingModel.ECOSYSTEM and not found:
        what = "is empty: nobody gets a share"
        problems.append(Problem(where="shares", what=what, allowed="parties with percent"))
    if any(pct <= 0 for pct in found.values()):
        problems.append(Problem(where="shares", what="has a share that is not above 0 %"))
    if found and total_pct(found) != ALL_PCT:
        what = f"is {total_pct(found)} % together"
        problems.append(Problem(where="shares", what=what, allowed="100 %"))
    return found


def _nothing(_fields: Fields) -> Terms:
    return Terms()


def _transaction(fields: Fields) -> Terms:
    orders = fields.raw("orders", default=True)
    if not isinstance(orders, bool):
        fields.problem("orders", f"is {orders!r}", "true or false")
    visit = euros(fields.number("visit_eur", low=0.0, default=0.0))
    return Terms(orders=orders is True, visit=visit)


def _subscription(fields: Fields) -> Terms:
    fees = []
    for index, entry in enumerate(fields.sequence("fees")):
        one = Fields(entry, where=fields.at(f"fees[{index}]"), problems=fields.problems)
        per = one.choice("per", PER, default="month")
        quantity = None
        if one.has("quantity") or per == "month":
            quantity = int(one.number("quantity", low=1.0, default=1.0))
        price = euros(one.number("unit_price_eur", low=0.0))
        fees.append(Fee(what=one.text("what"), per=per, unit_price=price, quantity=quantity))
        one.done()
    if not fees:
        fields.problem("fees", "is empty", "one fee at least")
    return Terms(fees=tuple(fees))


def _usage(fields: Fields) -> Terms:
    tariffs = []
    for index, entry in enumerate(fields.sequence("meters")):
        one = Fields(entry, where=fields.at(f"meters[{index}]"), problems=fields.problems)
        meter = Meter(
            signal=one.text("signal"),
            unit=one.text("unit"),
            kind=MeterKind(one.choice("kind", list(MeterKind), default="register") or "register"),
            ends=Ends(one.choice("ends", list(Ends), default="carry") or "carry"),
            factor=Decimal(str(one.number("factor", low=0.0, default=1.0))),
            rollover=one.number("rollover", low=0.0, default=0.0),
            daily_max=one.number("daily_max", low=0.0, default=0.0),
            max_gap_ms=one.duration("max_gap", default="24h", low_ms=1000),
            sells=one.raw("sells", default=False) is True,
        )
        tariffs.append(Tariff(meter=meter, tiers=_tiers(one)))
        one.done()
    signals = [tariff.meter.signal for tariff in tariffs]
    if len(set(signals)) < len(signals) or not signals:
        fields.problem("meters", f"is of {', '.join(signals) or 'nothing'}", "signals, each once")
    minimum = euros(fields.number("minimum_eur", low=0.0, default=0.0))
    return Terms(tariffs=tuple(tariffs), minimum=minimum)


def _tiers(fields: Fields) -> tuple[Tier, ...]:
    """``unit_price`` (euros, also parts of a cent), or ``tiers`` that end above one another."""
    if not fields.has("tiers"):
        return (Tier(None, Decimal(str(fields.number("unit_price", low=0.0)))),)
    tiers: list[Tier] = []
    entries = fields.sequence("tiers")
    for index, entry in enumerate(entries):
        one = Fields(entry, where=fields.at(f"tiers[{index}]"), problems=fields.problems)
        last = index == len(entries) - 1
        upto = None if last else Decimal(str(one.number("upto", low=0.0)))
        if last and one.raw("upto") is not None:
            one.problem("upto", "ends the last tier", "null: it has no end")
        if upto is not None and tiers and tiers[-1].upto is not None and upto <= tiers[-1].upto:
            one.problem("upto", f"is {upto}", f"above {tiers[-1].upto}")
        tiers.append(Tier(upto, Decimal(str(one.number("unit_price", low=0.0)))))
        one.done()
    if not tiers:
        fields.problem("tiers", "is empty", "one tier at least")
        return (Tier(None, ZERO),)
    return tuple(tiers)


def _outcome(fields: Fields) -> Terms:
    return Terms(contract=fields.text("contract", default=""))


_READERS: Mapping[PricingModel, Callable[[Fields], Terms]] = {
    PricingModel.FREE: _nothing,
    PricingModel.TRANSACTION: _transaction,
    PricingModel.SUBSCRIPTION: _subscription,
    PricingModel.USAGE: _usage,
    PricingModel.OUTCOME: _outcome,
    PricingModel.ECOSYSTEM: _transaction,
}


def terms_of(pricing: Mapping[str, Any]) -> Terms:
    """The terms of a pricing that was accepted."""
    problems: list[Problem] = []
    terms = read_terms(PricingModel(pricing["model"]), pricing["terms"], problems)
    assert not problems, f"accepted terms became unreadable: {problems}"
    return terms


def shares_of(pricing: Mapping[str, Any]) -> dict[str, Decimal]:
    """The shares of a pricing that was accepted."""
    return {party: Decimal(str(pct)) for party, pct in pricing["shares"].items()}
