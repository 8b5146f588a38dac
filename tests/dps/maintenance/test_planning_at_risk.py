"""A promise that is about to be broken moves visits forward."""

from __future__ import annotations

import pytest

from reference_impl.maintenance.planning.at_risk import Spare
from reference_impl.published import ContractChanged, PeriodClosed

DAY_H = 24
WEEK = {day: [["08:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
HOME = {"latitude_deg": 45.46, "longitude_deg": 9.19}
SETTINGS = {"enabled": True, "notice_min": 2 * DAY_H * 60}
CONTRACT = {"customer": "alpha", "things": ["mix-1", "mix-2"], "fee_eur": 100.0, "target": 0.99,
            "step": 0.01, "credit_pct_per_step": 5.0, "up_when": "temp_c < 80.0"}  # fmt: skip


def told(yard, kind, event=ContractChanged, *, contract="c-1", period="2026-01", left_h=8):
    with yard.dps.store.begin() as uow:
        data = {"contract": contract, "period": period, "left_s": left_h * 3600}
        uow.publish(event(at_ms=yard.now, kind=kind, subject=f"{contract}/{period}", data=data))


def start_ms(yard, order):
    return yard.get(f"/v1/work-orders/{order}")["start_ms"]


@pytest.mark.feature("FS6")
def test_an_outcome_at_risk_plans_work_of_its_machines_at_once_until_the_period_is_over(yard, kit):
    monday = kit.START + 4 * DAY_H * kit.H
    yard.put("/v1/technicians/ann", {"name": "Ann", "skills": []})
    yard.put("/v1/planning/shifts/ann", {**HOME, "hours": WEEK})
    for site in ("site-a", "site-b"):
        yard.put(f"/v1/planning/places/{site}", {"latitude_deg": 45.5, "longitude_deg": 9.3})
    yard.put("/v1/contracts/c-1", {**CONTRACT, "start_ms": kit.START})
    yard.put("/v1/planning/settings", SETTINGS)
    yard.until(monday)
    mine, other = (yard.report(thing, priority="P4")["id"] for thing in ("mix-1", "mix-3"))
    yard.until(monday + 7 * kit.H)
    before = start_ms(yard, mine), start_ms(yard, other)
    assert min(before) >= monday + 2 * DAY_H * kit.H, "two days' notice"
    told(yard, "outcome.at_risk")
    yard.wait(minutes=1)
    assert (start_ms(yard, mine), start_ms(yard, other)) == before, "nobody has asked for it"
    yard.put("/v1/planning/settings", {**SETTINGS, "at_risk": "P2"})
    told(yard, "contract.amended")
    yard.wait(minutes=1)
    assert start_ms(yard, mine) == before[0]
    told(yard, "outcome.at_risk")
    yard.wait(minutes=1)
    assert start_ms(yard, mine) < monday + DAY_H * kit.H
    assert start_ms(yard, other) >= monday + 2 * DAY_H * kit.H, "it is under no contract"
    assert yard.get(f"/v1/work-orders/{mine}")["priority"] == "P2"
    late = yard.report("mix-2", position="seal", priority="P4")["id"]
    assert yard.get(f"/v1/work-orders/{late}")["priority"] == "P2", "asked for meanwhile"
    told(yard, "outcome.period_closed", PeriodClosed)
    calm = yard.report("mix-2", position="shaft", priority="P4")["id"]
    assert yard.get(f"/v1/work-orders/{calm}")["priority"] == "P4"


def test_a_contract_is_at_risk_until_its_own_period_is_over_and_the_tightest_counts(yard, kit):
    planning, work = yard.dps.contexts.planning, yard.dps.contexts.work
    spare = Spare(planning=planning.rows, contracts=work.contracts)

    def spare_h():
        """How long each machine has until a contract of it has no more to spare."""
        with yard.dps.store.read() as conn:
            dues = [spare(conn, thing) for thing in ("mix-1", "mix-2", "mix-3")]
        return [None if due_ms is None else (due_ms - yard.now) / kit.H for due_ms in dues]

    for name, things in (("c-1", ["mix-1", "mix-2"]), ("c-2", ["mix-2"])):
        yard.put(f"/v1/contracts/{name}", {**CONTRACT, "things": things, "start_ms": kit.START})
    settings = yard.put("/v1/planning/settings", {**SETTINGS, "at_risk": "P2"})
    told(yard, "outcome.at_risk", left_h=9)
    told(yard, "outcome.at_risk")
    told(yard, "outcome.at_risk", contract="c-2", period="2026-02", left_h=3)
    assert spare_h() == [8, 3, None]
    told(yard, "outcome.period_closed", PeriodClosed, contract="c-2", period="2026-01")
    assert spare_h() == [8, 3, None], "the period before was computed late"
    told(yard, "outcome.period_closed", PeriodClosed, contract="c-2", period="2026-02")
    assert spare_h() == [8, 8, None]
    told(yard, "outcome.period_closed", PeriodClosed)
    assert spare_h() == [None, None, None]
    assert yard.get("/v1/planning/settings") == settings
