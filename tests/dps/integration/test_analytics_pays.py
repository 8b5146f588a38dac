"""Prescriptive analytics: whoever follows the advice pays less than who ignores it (AN5).

The two worlds are paired: the same machines, weather and people, the same wear to the hour; only
whether the recommended part is ordered differs.
"""

from __future__ import annotations

import pytest

from harness.engine.runner import RunOptions, run_scenario
from harness.scenario import build as b

WORN = "pump-01-1"


def world(mode):
    return b.Scenario(
        title=f"A bearing wears, and the advice is {mode}",
        run=b.run("2026-01-05T00:00:00Z", "60d", sync="6h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="1h"),),
        service=b.Service(policy=b.Policy(mode=mode, max_unit_price_eur=400.0)),
        timeline=(b.fault("bearing_wear", WORN, at="4d", onset="0h", pf_interval="28d"),),
    )


def lived(mode, folder):
    result = run_scenario(
        world(mode), seed=7, options=RunOptions(link="memory", runs_dir=folder / mode)
    )
    assert result.verdict == "passed", result.error
    return result


@pytest.mark.deep
@pytest.mark.feature("AN5")
def test_following_the_advice_costs_less_than_ignoring_it(tmp_path):
    followed, ignored = lived("auto", tmp_path), lived("off", tmp_path)
    assert (followed.orders, ignored.orders) == (1, 0)
    assert followed.costs_eur["total"] < 0.8 * ignored.costs_eur["total"], (
        followed.costs_eur, ignored.costs_eur,
    )  # fmt: skip
