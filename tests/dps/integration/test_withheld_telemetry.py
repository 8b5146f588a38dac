"""Who sends less never looks better: twins under one contract, one of whom withholds (K7).

Through the wire, ingestion, a month's closing and the money, not only through the arithmetic.
"""

from __future__ import annotations

import numpy as np
import pytest

PAIRS = 150
EVERY_H = 3


def told(rng, hours):
    """A month of a thing that fails now and then: times in hours, and whether it was able."""
    changes = np.sort(rng.choice(hours, size=2 * int(rng.integers(0, 6)), replace=False))
    at_h = np.arange(0, hours, EVERY_H)
    return at_h, np.searchsorted(changes, at_h, side="right") % 2 == 0


def withheld(rng, at_h, able):
    """What a provider may leave out: at random, a stretch, or just what is bad for him."""
    keep = rng.random(len(at_h)) >= rng.choice([0.02, 0.2, 0.7])
    way = int(rng.integers(3))
    if way == 1:
        begin = int(rng.integers(len(at_h)))
        keep = np.ones(len(at_h), bool)
        keep[begin : begin + int(rng.integers(1, 80))] = False
    elif way == 2:
        keep |= able
    return keep


@pytest.mark.deep
@pytest.mark.feature("K7")
@pytest.mark.timeout(300)
def test_of_two_alike_the_one_that_withholds_readings_never_has_the_better_month(clockwork):
    rng = np.random.default_rng(20_260_101)
    hours = 31 * 24
    names = [f"{kind}-{n}" for n in range(PAIRS) for kind in ("all", "less")]
    desk = clockwork.Desk(things=names)
    try:
        for n in range(PAIRS):
            at_h, able = told(rng, hours)
            keep = withheld(rng, at_h, able)
            terms = {
                "unknown_after_s": float(rng.choice([3600.0, 6 * 3600.0, 24 * 3600.0])),
                "rectify_s": float(rng.choice([0.0, 8 * 3600.0])),
                "bonus_pct_per_step": float(rng.choice([0.0, 5.0])), "bonus_cap_pct": 20.0,
                "target": float(rng.choice([0.5, 0.9, 0.99])),
            }  # fmt: skip
            for kind, sent in (("all", np.ones(len(at_h), bool)), ("less", keep)):
                desk.sign(f"c-{kind}-{n}", things=[f"{kind}-{n}"], **terms)
                at_ms = [clockwork.START + int(h) * clockwork.H for h in at_h[sent]]
                desk.report(f"{kind}-{n}", at_ms, able=able[sent].astype(float))
        desk.until(clockwork.ms(2026, 2, 4))
        closed = {e["data"]["contract"]: e["data"] for e in desk.feed("outcome.period_closed")}
        assert len(closed) == 2 * PAIRS
        worse = 0
        for n in range(PAIRS):
            whole, less = closed[f"c-all-{n}"], closed[f"c-less-{n}"]
            assert less["availability"] <= whole["availability"], n
            assert less["credit_eur"] >= whole["credit_eur"], n
            assert less.get("bonus_eur", 0.0) <= whole.get("bonus_eur", 0.0), n
            worse += less["availability"] < whole["availability"]
        assert worse > PAIRS // 4, "enough is withheld to be seen"
    finally:
        desk.close()
