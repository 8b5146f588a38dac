"""Two arms on the same random numbers: a part ordered by forecast, and at 100 % wear."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.grading import arms
from harness.grading.compare import compare
from harness.grading.packs import pack_set
from harness.report import rules_compare

HOME = Path(__file__).resolve().parents[2] / "scenarios" / "machine_customers"
LATE, EARLY = (HOME / "packs" / f"{name}.yaml" for name in ("at-100-percent", "by-forecast"))
STORY = HOME / "forecast-beats-threshold.yaml"
SEEDS = range(1, 7)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.feature("SP9", "AN5")
def test_ordering_by_forecast_beats_ordering_at_100_percent_wear_and_the_report_says_by_how_much():
    """Downtime, first-time-fix, visits and cost over six seeds; no seed stands still longer."""
    jobs = arms.jobs(pack_set(LATE), pack_set(EARLY), [STORY], SEEDS)
    pairs = arms.run_pairs(jobs, processes=arms.cores(), done=lambda _done, _of: None)
    comparison = compare(pairs)
    told = rules_compare.Compared(
        comparison=comparison, base=LATE, candidate=EARLY, seeds=SEEDS, scenarios=[STORY]
    )
    figures = rules_compare.as_data(told)["all"]
    text = rules_compare.markdown(told)

    assert all(p.candidate.downtime_h <= p.base.downtime_h for p in pairs), text
    assert all(p.candidate.first_time_fix >= p.base.first_time_fix for p in pairs), text
    assert figures["downtime_h"]["high"] < 0.0, text
    assert figures["downtime_h"]["difference"] < -48.0, text
    assert figures["first_time_fix"]["low"] > 0.0, text
    assert figures["visits"]["difference"] < 0.0, text
    assert figures["cost_eur"]["difference"] < 0.0, text
    for name in ("downtime_h", "first_time_fix", "visits", "cost_eur"):
        assert f"| {rules_compare.TITLES[name]} |" in text
