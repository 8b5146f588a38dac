"""Availability, credits, and the clause that less data never helps."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.kernel.errors import Invalid, Unknown
from reference_impl.outcomes.contracts import domain as d

M, H = 60_000, 3_600_000


def ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)


def contract(**changes: Any) -> dict[str, Any]:
    return {
        "id": "c-1",
        "customer": "water-works",
        "things": ["pump-01"],
        "fee_eur": 180.0,
        "target": 0.997,
        "step": 0.001,
        "credit_pct_per_step": 2.0,
        "cap_pct": 20.0,
        "up_when": "available > 0.5",
        "unknown_after_s": 900.0,
        "grace_s": 3600.0,
        "start_ms": ms(2026, 1, 1),
        **changes,
    }


reports = st.lists(
    st.tuples(st.integers(0, 100), st.booleans(), st.booleans()), min_size=1, max_size=40
)


@given(reports, st.integers(1, 40))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_deleting_reports_never_raises_availability_and_classes_partition(
    raw: list[tuple[int, bool, bool]], hold_ms: int
) -> None:
    """K7 for any reports and any deletion; K1 for both."""
    unique = {at_ms: (up, keep) for at_ms, up, keep in raw}
    at_ms = np.array(sorted(unique), dtype=np.int64)
    up = np.array([unique[t][0] for t in at_ms.tolist()], dtype=bool)
    keep = np.array([unique[t][1] for t in at_ms.tolist()], dtype=bool)
    span = {"from_ms": 10, "to_ms": 90, "hold_ms": hold_ms}

    whole = d.classify(at_ms, up, **span)
    less = d.classify(at_ms[keep], up[keep], **span)

    assert d.total_ms(less, d.Klass.UP) <= d.total_ms(whole, d.Klass.UP)
    for intervals in (whole, less):
        assert intervals[0].from_ms == 10
        assert intervals[-1].to_ms == 90
        for before, after in pairwise(intervals):
            assert before.to_ms == after.from_ms
            assert before.klass is not after.klass
        assert sum(d.total_ms(intervals, klass) for klass in d.Klass) == 80
        for at in range(10, 90):  # the clause, said again for one instant
            vouched = any(t <= at < t + hold_ms for t in at_ms[up].tolist())
            if intervals is whole:
                klass = next(i.klass for i in intervals if i.from_ms <= at < i.to_ms)
                assert (klass is d.Klass.UP) == vouched


@pytest.mark.parametrize(
    ("up_share", "fee_eur", "credit_eur"),
    [
        ((1, 1), 180.0, 0.0),
        ((997, 1000), 180.0, 0.0),
        ((9961, 10000), 180.0, 0.0),  # 0.9 of a step is no step
        ((996, 1000), 180.0, 3.6),
        ((9951, 10000), 180.0, 3.6),
        ((990, 1000), 180.0, 25.2),
        ((987, 1000), 180.0, 36.0),
        ((1, 2), 180.0, 36.0),  # the cap
        ((0, 1), 99.99, 20.0),  # 19.998 rounds to 20.00
        ((996, 1000), 0.25, 0.01),  # half a cent rounds up
    ],
)
def test_the_credit_is_whole_steps_up_to_the_cap_to_the_cent(
    up_share: tuple[int, int], fee_eur: float, credit_eur: float
) -> None:
    clauses = d.Clauses(
        fee_eur=fee_eur, target=0.997, step=0.001, credit_pct_per_step=2.0, cap_pct=20.0
    )
    month = d.period_at(ms(2026, 1, 1))

    settled = d.due(clauses, month, Fraction(*up_share))

    assert settled == (fee_eur, credit_eur, 0.0)


def test_a_contract_that_begins_within_a_month_pays_its_share_of_it() -> None:
    """K9; 2026-02 has 28 days, the last 7 are a quarter."""
    clauses = d.Clauses(
        fee_eur=100.01, target=0.997, step=0.001, credit_pct_per_step=2.0, cap_pct=20.0
    )
    part = d.period_at(ms(2026, 2, 22))

    assert part == ("2026-02", ms(2026, 2, 22), ms(2026, 3, 1), 28 * 24 * H)
    assert d.due(clauses, part, Fraction(1)).fee_eur == 25.0
    assert d.period_at(ms(2026, 12, 31)).to_ms == ms(2027, 1, 1)


def measure(rig: Any, *, stop: tuple[int, int], lost: tuple[int, int]) -> None:
    """A January of reports each 10 minutes; down in ``stop``, silent in ``lost``."""
    at_ms = np.arange(ms(2026, 1, 1), ms(2026, 2, 1), 10 * M)
    up = ~((at_ms >= stop[0]) & (at_ms < stop[1]))
    sent = ~((at_ms >= lost[0]) & (at_ms < lost[1]))
    rig.telemetry.add("pump-01", "available", at_ms[sent], up[sent].astype(float))


def test_a_month_is_closed_after_its_grace_and_adds_up(rig: Any) -> None:
    """K1, K5, K6: what the drill-down shows is what the feed says."""
    rig.install("pump-01")
    rig.now_ms = ms(2026, 1, 1)
    rig.do(rig.outcomes.put, contract())
    stop, lost = (ms(2026, 1, 10), ms(2026, 1, 10, 8)), (ms(2026, 1, 20), ms(2026, 1, 20, 2))
    measure(rig, stop=stop, lost=lost)

    rig.advance(ms(2026, 2, 1, 1) - 1)
    assert rig.feed == []
    rig.advance(ms(2026, 2, 1, 1))

    (event,) = rig.feed
    assert (event.kind, event.subject) == ("outcome.period_closed", "c-1/2026-01")
    # the reports of 23:50 and the silent hole's last one vouch for 15 minutes each
    down_ms, unknown_ms = 8 * H - 5 * M, 2 * H - 5 * M
    total_ms = 31 * 24 * H
    up_ms = total_ms - down_ms - unknown_ms
    data = event.data
    assert (data["down_ms"], data["unknown_ms"], data["up_ms"]) == (down_ms, unknown_ms, up_ms)
    assert data["total_ms"] == total_ms
    assert data["availability"] == pytest.approx(up_ms / total_ms, abs=1e-9)
    assert data["things"] == {
        "pump-01": {"up_ms": up_ms, "down_ms": down_ms, "unknown_ms": unknown_ms}
    }
    # 0.98678 is 10.2 steps below 0.997: the cap of 20 %
    assert (data["fee_eur"], data["credit_eur"]) == (180.0, 36.0)
    with rig.store.read() as conn:
        shown = rig.outcomes.drill_down(conn, "c-1", "2026-01", now_ms=rig.now_ms)
        assert rig.outcomes.outcomes(conn, contract="c-1")[0]["credit_eur"] == 36.0
    lengths = {"UP": 0, "DOWN": 0, "UNKNOWN": 0}
    for entry in shown["intervals"]["pump-01"]:
        lengths[entry["class"]] += entry["to_ms"] - entry["from_ms"]
    assert lengths == {"UP": up_ms, "DOWN": down_ms, "UNKNOWN": unknown_ms}


def test_an_open_period_can_be_looked_into_and_the_next_one_follows(rig: Any) -> None:
    rig.install("pump-01")
    rig.now_ms = ms(2026, 1, 1)
    rig.do(rig.outcomes.put, contract(grace_s=0.0))
    measure(rig, stop=(0, 0), lost=(0, 0))
    with rig.store.read() as conn:
        half = rig.outcomes.drill_down(conn, "c-1", "2026-01", now_ms=ms(2026, 1, 16))
        with pytest.raises(Unknown, match="has no period '2026-02' yet"):
            rig.outcomes.drill_down(conn, "c-1", "2026-02", now_ms=ms(2026, 1, 16))
    assert half["result"] is None
    assert half["intervals"]["pump-01"] == [
        {"from_ms": ms(2026, 1, 1), "to_ms": ms(2026, 1, 16), "class": "UP"}
    ]

    rig.advance(ms(2026, 3, 1))

    assert [(e.data["period"], e.data["availability"]) for e in rig.feed] == [
        ("2026-01", 1.0),
        ("2026-02", pytest.approx(5 / (28 * 24 * 60), abs=1e-9)),  # 5 minutes after midnight
    ]


def test_a_report_without_every_signal_of_the_clause_says_nothing(rig: Any) -> None:
    rig.install("pump-01")
    rig.now_ms = ms(2026, 1, 1)
    clause = "available > 0.5 && vibration_mm_s < 9.0"
    rig.do(rig.outcomes.put, contract(up_when=clause, grace_s=0.0))
    measure(rig, stop=(0, 0), lost=(0, 0))
    rig.telemetry.add("pump-01", "vibration_mm_s", [ms(2026, 1, 2), ms(2026, 1, 3)], [1.0, 10.0])

    rig.advance(ms(2026, 2, 1))

    data = rig.feed[0].data
    assert (data["up_ms"], data["down_ms"]) == (15 * M, 15 * M)


def test_everything_wrong_with_a_contract_is_told_at_once(rig: Any) -> None:
    rig.install("pump-01")
    bad = contract(things=["pump-01", "pump-01", "pump-09"], up_when="avail > 0.5")
    with pytest.raises(Invalid) as refused:
        rig.do(rig.outcomes.put, bad)
    assert [p.where for p in refused.value.problems] == ["things[1]", "things[2]", "up_when"]
    with pytest.raises(Invalid, match="c-1"):
        rig.do(rig.outcomes.put, contract(up_when="1.0 > 0.5"))
