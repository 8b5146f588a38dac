"""The story of ``worst-moment.yaml``, told in Python: the same trace hash.

Run it with ``python scenarios/pumps/worst_moment.py --seed 7``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.engine.runner import RunOptions, run_scenario
from harness.scenario import build as b

WORN = "pump-01-1"


def scenario() -> b.Scenario:
    """A bearing wears, and misfortune waits for it."""
    return b.Scenario(
        title="Everything at the worst moment",
        run=b.run("2026-01-05T00:00:00Z", "45d", sync="4h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="30m"),),
        service=b.Service(policy=b.Policy(mode="auto", max_unit_price_eur=400.0)),
        timeline=(
            b.fault("bearing_wear", WORN, at="2d", onset="0h", pf_interval="35d"),
            b.outage(when=f"truth({WORN}).bearing.damage > 0.3", site="station-01", lasts="1d"),
            b.away(
                "supplier", when=f"events(order.placed, {WORN}) >= 1", lasts="7d", called="holidays"
            ),
            b.away(
                "crew",
                when=b.when(f"events(order.shipped, {WORN}) >= 1", after="holidays"),
                lasts="4d",
            ),
        ),
        always=(
            b.check("one_order_per_need"),
            b.check("one_work_order_per_need"),
            b.check("order_follows_states"),
            b.check("no_dead_letters"),
        ),
        eventually=(
            b.check("order_delivered", device=WORN, times=1),
            b.check("part_fitted", device=WORN, times=1),
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
