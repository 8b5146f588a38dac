"""The business case: value, trough, payback, the world without the project, both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.outcomes.cases import business_case as b

CASH = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=2, max_size=120)


def npv_as_in_textbooks(rate, values):
    """numpy-financial's ``npv``: ``sum v_t / (1 + rate)^t``, at the rate of one period."""
    return sum(value / (1.0 + rate) ** t for t, value in enumerate(values))


@pytest.mark.feature("CC18")
@given(cash=CASH, rate_pct=st.floats(-20, 60))
def test_the_value_is_that_of_the_textbook(cash, rate_pct):
    monthly = (1.0 + rate_pct / 100.0) ** (1.0 / 12.0) - 1.0
    expected = npv_as_in_textbooks(monthly, cash)
    assert b.npv(np.array(cash), rate_pct) == pytest.approx(expected, rel=1e-9, abs=1e-3)


@pytest.mark.feature("CC18")
@given(cash=CASH)
def test_the_trough_is_the_lowest_and_after_payback_it_is_never_below(cash):
    found = b.worth(np.array(cash), 8.0)
    running, at = 0.0, []
    for value in cash:
        running += value
        at.append(running)
    lowest = min(0.0, *at)
    assert found.trough.eur == pytest.approx(lowest, abs=1e-6)
    if lowest < -1e-6:
        assert at[found.trough.month] == pytest.approx(lowest, abs=1e-6)
    if found.payback_month is None:
        assert at[-1] < 0
    else:
        assert min([0.0, *at[found.payback_month :]]) >= -1e-6
        assert found.payback_month == 0 or at[found.payback_month - 1] < 1e-6


@pytest.mark.feature("CC18")
def test_textbook_figures():
    """100 now, 110 in a year at 10 %: worth nothing, paid back in month 12."""
    flows = [
        b.Flow(what="buy", kind=b.FlowKind.CAPEX, eur=100.0, every=0),
        b.Flow(what="back", kind=b.FlowKind.REVENUE, eur=110.0, first=12, every=0),
    ]
    found = b.worth(b.total_cash(flows, 13), 10.0)
    assert found.npv_eur == pytest.approx(0.0, abs=1e-9)
    assert (found.trough, found.payback_month) == ((-100.0, 0), 12)


@pytest.mark.feature("CC18")
def test_draws_lie_within_their_spread_and_a_new_flow_shifts_no_others():
    one = b.Flow(what="energy", kind=b.FlowKind.OPEX, eur=1.0, low_pct=-20.0, high_pct=40.0)
    more = b.Flow(what="zeal", kind=b.FlowKind.OPEX, eur=1.0, low_pct=-1.0)
    alone = b.drawn([one], np.random.default_rng(7), 5000)["energy"]
    both = b.drawn([more, one], np.random.default_rng(7), 5000)["energy"]
    assert (alone == both).all()
    assert 0.8 <= alone.min() < 0.83
    assert 1.36 < alone.max() <= 1.4
    assert alone.mean() == pytest.approx(1.0 + 0.2 / 3, abs=0.01), "mean of a triangle"


@pytest.mark.feature("CC18")
def test_both_sides_are_told_with_what_the_service_takes_away_and_the_world_without_it(desk):
    provider = {
        "with_project": [
            {"what": "platform", "kind": "capex", "eur": 60_000.0, "every": 0},
            {"what": "devices", "kind": "capex", "eur": 20_000.0, "first": 3, "every": 0},
            {"what": "fees", "kind": "revenue", "eur": 6000.0, "first": 6, "low_pct": -20.0},
            {"what": "parts", "kind": "revenue", "eur": 9000.0, "every": 6},
            {"what": "parts lost", "kind": "lost_revenue", "eur": 4500.0, "every": 6},
            {"what": "dealer", "kind": "partner_margin", "eur": 600.0, "first": 6},
        ],
        "without_project": [
            {"what": "parts", "kind": "revenue", "eur": 9000.0, "every": 6, "growth_pct": -6.0},
        ],
    }
    customer = {
        "with_project": [
            {"what": "fee", "kind": "opex", "eur": 6000.0, "low_pct": -5.0, "high_pct": 5.0}
        ],
        "without_project": [
            {"what": "machine", "kind": "capex", "eur": 150_000.0, "every": 0},
            {"what": "repairs", "kind": "opex", "eur": 4000.0, "low_pct": -60.0, "high_pct": 150.0},
        ],
    }
    body = {"months": 60, "rate_pct": 8.0, "provider": provider, "customer": customer}
    found = desk.done("POST", "/v1/business-cases/evaluate", body)
    assert found == desk.done("POST", "/v1/business-cases/evaluate", body), "seeded"
    sold, bought = found["provider"], found["customer"]
    assert sold["with"]["kinds"]["lost_revenue"] == -45_000.0
    assert sold["with"]["kinds"]["partner_margin"] == -54 * 600.0
    assert sold["with"]["trough_month"] == 3
    assert sold["with"]["trough_eur"] == -60_000.0 - 20_000.0 + 4500.0
    cash = np.array(sold["with"]["cash_eur"])
    assert cash[7] == 6000.0 - 600.0
    difference = cash - np.array(sold["without"]["cash_eur"])
    assert sold["difference"]["npv_eur"] == pytest.approx(b.npv(difference, 8.0), abs=0.1)
    assert sold["doing_nothing_eur"] > 0, "parts fade away"
    assert sold["with"]["revenue_variation"] < sold["without"]["revenue_variation"]
    assert bought["with"]["upfront_eur"] == 0.0 < bought["without"]["upfront_eur"]
    widths = [bought[arm]["ownership_eur"]["p90"] - bought[arm]["ownership_eur"]["p10"]
              for arm in ("with", "without")]  # fmt: skip
    assert 0 < widths[0] < widths[1], "the cost of a service can be foreseen"
    for figure in (sold["doing_nothing_eur"], bought["without"]["upfront_eur"]):
        assert f"{figure:,.0f} EUR" in found["report"] or f"{figure:,.0f})" in found["report"]


@pytest.mark.feature("CC18")
def test_twenty_years_of_ventilation_by_demand_cost_less_than_at_constant_volume(desk):
    """Fan energy at 55 % mean flow and exponent 2: 30 % (H2); filters and units are renewed."""
    constant = {
        "what": "constant volume", "purchase_eur": 42_000.0, "energy_kwh_per_year": 20_000.0,
        "energy_eur_per_kwh": 0.22, "energy_growth_pct": 2.0, "upkeep_eur_per_year": 1400.0,
        "renewals": [{"what": "filters", "every_years": 0.5, "eur": 160.0},
                     {"what": "motor", "every_years": 10, "eur": 3500.0}],
        "low_pct": -10.0, "high_pct": 25.0,
    }  # fmt: skip
    demand = {**constant, "what": "by demand", "purchase_eur": 61_000.0,
              "energy_kwh_per_year": 20_000.0 * 0.55**2, "upkeep_eur_per_year": 1700.0}  # fmt: skip
    service = {"what": "as a service", "fee_eur_per_month": 700.0}
    body = {"years": 20, "rate_pct": 4.0, "ways": [constant, demand, service]}
    found = desk.done("POST", "/v1/business-cases/life-cycle", body)["ways"]
    assert [len(way["years_eur"]) for way in found] == [20, 20, 20]
    assert found[2]["upfront_eur"] == 0.0
    assert found[1]["saves_eur"] == pytest.approx(
        found[0]["life_cycle_eur"] - found[1]["life_cycle_eur"], abs=0.02
    )
    assert found[1]["saves_eur"] > 0
    yearly = 20_000.0 * (1 - 0.55**2) * 0.22 - 300.0
    assert found[1]["payback_month"] == pytest.approx(12 * 19_000.0 / yearly, rel=0.1)
    renewed = found[0]["years_eur"][10] - found[0]["years_eur"][9]
    assert renewed > 3500.0, "the motor of year 11"
    first_year = 42_000.0 + 20_000.0 * 0.22 + 1400.0 + 160.0
    assert found[0]["years_eur"][0] == pytest.approx(first_year, rel=0.01)


@pytest.mark.feature("CC18")
def test_a_pilot_is_scaled_up_only_when_its_interval_lies_within_the_band(desk):
    def asked(effects, low, high):
        body = {"effects_eur": effects, "low_eur": low, "high_eur": high}
        return desk.done("POST", "/v1/business-cases/scale-up", body)

    steady = [1000.0 + 10.0 * (n % 7) for n in range(30)]
    assert asked(steady, 900.0, 1200.0)["advised"]
    wild = asked([0.0, 2060.0, -500.0, 2560.0], 900.0, 1200.0)
    assert not wild["advised"], "the mean is right, and nobody can be sure of it"
    assert "below 900.00" in wild["why"]
    assert "above 1200.00" in wild["why"]
    assert not asked(steady, 1100.0, 1200.0)["advised"]
