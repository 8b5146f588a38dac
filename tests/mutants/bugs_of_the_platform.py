"""Bugs of several parties on one platform, planted in the reference DPS."""

from __future__ import annotations

from decimal import Decimal

from planting import mutant, wrap

from reference_impl.ecosystem import domain
from reference_impl.outcomes.money import rating
from reference_impl.registry.rights import Rights


@mutant
def keeps_a_cent_of_each_share(mp):
    def split(original, amount, shares):
        parts = original(amount, shares)
        if len(parts) > 1 and amount:
            first, *_, last = sorted(parts)
            parts[first] -= Decimal("0.01")
            parts[last] += Decimal("0.01")
        return parts

    wrap(mp, rating, "split", split)


@mutant
def asks_for_no_consent(mp):
    mp.setattr(Rights, "_must_consent", lambda *_: None)


@mutant
def reads_what_was_before_the_consent(mp):
    mp.setattr(domain, "span", lambda at_ms, over_ms, _opened_ms: (at_ms - over_ms + 1, at_ms))
