"""What pricings come to in a month: metered use and recurring fees, as lines."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.money import ZERO, times
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.outcomes.money import meters as m
from reference_impl.outcomes.money import rating as r
from reference_impl.outcomes.money.billing import plain_number
from reference_impl.outcomes.money.terms import Fee, Terms, terms_of

Users = Callable[[sa.Connection, str], int]
"""How many users a customer has."""


class Metering:
    """Reads meters and counts what fees are per."""

    def __init__(self, *, telemetry: TelemetryView, directory: Directory, users: Users) -> None:
        self._telemetry, self._directory, self._users = telemetry, directory, users

    def used(
        self, pricing: Row, meter: m.Meter, *, from_ms: int, to_ms: int, now_ms: int
    ) -> m.Used:  # fmt: skip
        """What a meter of a pricing counted in a span, by what was measured up to now."""
        end_ms = min(to_ms + m.LOOK_MS, now_ms)
        read = partial(self._telemetry.series, pricing["thing"], meter.signal, to_ms=end_ms)
        at_ms, values = read(after_ms=from_ms - m.LOOK_MS)
        if not at_ms.size or at_ms[0] > from_ms > pricing["from_ms"]:
            # silent for long: what it showed then was charged, so that it counts on from there
            at_ms, values = read(after_ms=pricing["from_ms"] - m.LOOK_MS)
        return m.used(meter, at_ms, values, from_ms=from_ms, to_ms=to_ms)

    def usage(self, pricing: Row, month: r.Month, *, now_ms: int) -> list[r.Line]:
        """The lines of a month's use: one for each tier of each meter, and the minimum (PM4)."""
        terms, (from_ms, to_ms) = terms_of(pricing), within(pricing, month)
        if from_ms >= to_ms:
            return []
        lines: list[r.Line] = []
        for tariff in terms.tariffs:
            meter = tariff.meter
            found = self.used(
                pricing, meter, from_ms=from_ms, to_ms=to_ms, now_ms=now_ms
            )  # fmt: skip
            evidence = evidence_of(found)
            of = f"{pricing['thing']}/{meter.signal}"
            slices = r.tiered(found.quantity, tariff.tiers)
            slices = slices or [r.Slice(0, m.NOTHING, tariff.tiers[0].unit_price, ZERO)]
            lines += [
                r.Line(
                    key=f"use:{pricing['id']}/{month.label}/{meter.signal}/{part.tier}",
                    kind=r.LineKind.USAGE, of=of, what=meter.signal, quantity=part.quantity,
                    unit=meter.unit, unit_price=part.unit_price, amount=part.amount,
                    from_ms=from_ms, to_ms=to_ms, thing=pricing["thing"], evidence=evidence,
                )
                for part in slices
            ]  # fmt: skip
        return lines + _minimum(pricing, terms, month, (from_ms, to_ms), lines)

    def counted(
        self, pricing: Row, *, from_ms: int, to_ms: int, now_ms: int
    ) -> list[dict[str, Any]]:  # fmt: skip
        """What the meters of a pricing counted in a span, with what stands behind it."""
        end_ms = min(to_ms, now_ms, pricing["to_ms"] or to_ms)
        begin_ms = max(from_ms, pricing["from_ms"])
        found = []
        for tariff in terms_of(pricing).tariffs if begin_ms < end_ms else ():
            use = self.used(
                pricing, tariff.meter, from_ms=begin_ms, to_ms=end_ms, now_ms=now_ms
            )  # fmt: skip
            what = {"signal": tariff.meter.signal, "unit": tariff.meter.unit}
            span = {"from_ms": begin_ms, "to_ms": end_ms}
            quantity = plain_number(use.quantity)
            found.append({**what, **span, "quantity": quantity, **evidence_of(use)})
        return found

    def recurring(self, conn: sa.Connection, pricing: Row, month: r.Month) -> list[r.Line]:
        """The lines of a month's fees, each for its part of the month (PM3, CC19)."""
        from_ms, to_ms = within(pricing, month)
        if from_ms >= to_ms:
            return []
        share = plain_number(r.share_of(month, from_ms, to_ms))
        lines = []
        for number, fee in enumerate(terms_of(pricing).fees):
            quantity = self._counted(conn, pricing, fee)
            price = times(fee.unit_price, quantity)
            lines.append(
                r.Line(
                    key=f"fee:{pricing['id']}/{month.label}/{number}", kind=r.LineKind.RECURRING,
                    of=f"{pricing['id']}/{month.label}", what=fee.what, quantity=Decimal(quantity),
                    unit=f"{fee.per}-month", unit_price=fee.unit_price,
                    amount=r.prorated(price, month, from_ms, to_ms), from_ms=from_ms, to_ms=to_ms,
                    thing=pricing["thing"], evidence={"share": share},
                )
            )  # fmt: skip
        return lines

    def _counted(self, conn: sa.Connection, pricing: Row, fee: Fee) -> int:
        if fee.quantity is not None:
            return fee.quantity
        if fee.per == "user":
            return self._users(conn, pricing["customer"])
        if pricing["thing"]:
            return 1
        return sum(
            ref.customer == pricing["customer"] for ref in self._directory.things(conn)
        )  # fmt: skip


def within(pricing: Row, month: r.Month) -> tuple[int, int]:
    """The part of a month in which a pricing is in force; empty if the end is not behind."""
    end_ms = month.to_ms if pricing["to_ms"] is None else min(pricing["to_ms"], month.to_ms)
    return max(pricing["from_ms"], month.from_ms), end_ms


def evidence_of(found: m.Used) -> dict[str, Any]:
    """What stands behind a quantity, for the drill-down."""
    return {
        "first": None if found.first is None else found.first._asdict(),
        "last": None if found.last is None else found.last._asdict(),
        "readings": found.readings,
        "estimated": plain_number(found.estimated),
        "gaps": [gap._asdict() for gap in found.gaps],
        "missing_ms": sum(gap.to_ms - gap.from_ms for gap in found.gaps),
        "resets": found.resets,
        "rollovers": found.rollovers,
        "implausible": found.implausible,
    }


def _minimum(
    pricing: Row, terms: Terms, month: r.Month, span: tuple[int, int], lines: list[r.Line]
) -> list[r.Line]:
    if not terms.minimum:
        return []
    promised = r.prorated(terms.minimum, month, *span)
    rest = r.top_up(promised, r.charged(lines))
    return [
        r.Line(
            key=f"use:{pricing['id']}/{month.label}/minimum", kind=r.LineKind.MINIMUM,
            of=f"{pricing['id']}/{month.label}", what="minimum commitment", quantity=Decimal(1),
            unit="month", unit_price=rest, amount=rest, from_ms=span[0], to_ms=span[1],
            thing=pricing["thing"], evidence={"minimum_eur": plain_number(promised)},
        )
    ]  # fmt: skip
