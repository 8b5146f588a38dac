"""The story of ``bearing-wears-out.yaml``, told in Python: the same trace hash.

Run it with ``python scenarios/pumps/bearing_wears_out.py --seed 7``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.engine.runner import RunOptions, run_scenario
from harness.scenario import build as b


def scenario() -> b.Scenario:
    """A pump's bearing wears; the service orders a bearing set, and a technician fits it."""
    worn, others = "pump-01-1", ["pump-01-2", "pump-02-1", "pump-02-2"]
    return b.Scenario(
        title="A bearing wears out",
        run=b.run("2026-01-05T00:00:00Z", "60d", sync="1h"),
        fleets=(b.fleet("pump", sites=2, devices_per_site=2, report_every="10m"),),
        service=b.Service(
            rules=("standard",),
            policy=b.Policy(mode="auto", max_unit_price_eur=400.0),
            contract=b.Contract(fee_eur=180.0, target=0.997),
        ),
        timeline=(b.fault("bearing_wear", worn, at="4d", onset="0h", pf_interval="28d"),),
        always=(
            b.check("one_order_per_need"),
            b.check("one_work_order_per_need"),
            b.check("order_follows_states"),
            b.check("no_dead_letters"),
            b.check("no_orders", device=others),
        ),
        eventually=(
            b.check("alert_raised", device=worn, rule="bearing-worn", within="32d"),
            b.check("order_delivered", device=worn, times=1, within="45d"),
            b.check("part_fitted", device=worn, times=1),
            b.check("availability_at_least", share=0.999),
            b.check("outcome_equals_oracle"),
            b.check("nothing_lost"),
        ),
    )


def main() -> int:
    """Run it; the exit code is the run's."""
    parser = argparse.ArgumentParser(description=scenario().title)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--link", choices=("memory", "mqtt"), default="mqtt")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    chosen = parser.parse_args()
    options = RunOptions(link=chosen.link, runs_dir=chosen.runs_dir)
    result = run_scenario(scenario(), seed=chosen.seed, options=options)
    for decided in result.checks:
        print(f"{'passed' if decided.passed else 'FAILED'}  {decided.title}  {decided.seen}")
    print(f"{result.verdict}: trace {result.trace_hash}, {result.run_dir}")
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
