"""Seventeen collections a week against five: one city without the service and with it (H12 to H15).

Both arms run with one seed, so that people bring the same waste. Shown are collections a week of
each point, the cost by kind, and what a stop costs; it fails if a band is left, or if bags,
cleaning, repairs or the subscription are missing on the bill of the service.
Run it with ``python scenarios/bins/seventeen_to_five.py --seed 7``; ``--whole`` is the city of
700 baskets, 500 compactors and 210 bins for recycling.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness.engine.runner import RunOptions, load, run_scenario
from harness.scenario.loader import Choice

HERE = Path(__file__).parent
BAG_EUR, WEEKS = 0.45, 2.0
BEFORE, AFTER = (16.6, 17.1), (4.0, 6.0)
"""Collections a week and point; the last shift of a run is cut off by its end. Five is taken as
five, one more or less (20 %)."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "bags": ("bags",),
    "cleaning": ("cleaning",),
    "repairs": ("visits", "parts", "freight"),
    "subscription": ("subscription",),
    "trucks": ("trucks",),
}
NEEDED = ("bags", "cleaning", "repairs", "subscription")
"""What a case for the service must not leave out (H15)."""
WHOLE: Mapping[str, Mapping[str, str]] = {
    "seventeen-a-week": {
        "districts": "70", "trucks": "7", "bags_least_eur": "10450", "bags_most_eur": "10800",
    },
    "five-a-week": {
        "compactors": "50", "recycling": "30", "steps": "300", "bags_least_eur": "2556",
        "bags_most_eur": "3834",
    },
}  # fmt: skip


class Arm(NamedTuple):
    """What one way of collecting came to."""

    points: int
    verdict: str
    costs_eur: Mapping[str, float]
    """A week, by kind."""
    collections: float
    """A week, of each point."""

    @property
    def stop_eur(self) -> float:
        """What a collection costs with all that belongs to it."""
        return sum(self.costs_eur.values()) / (self.collections * self.points)


def arm(story: str, seed: int, runs_dir: Path, params: Mapping[str, str]) -> Arm:
    """Run one of the two."""
    scenario = load(HERE / f"{story}.yaml", Choice(sets=params))
    points = sum(
        (fleet.sites if isinstance(fleet.sites, int) else len(fleet.sites)) * fleet.devices_per_site
        for fleet in scenario.fleets
    )
    result = run_scenario(scenario, seed=seed, options=RunOptions(link="memory", runs_dir=runs_dir))
    costs = {
        kind: sum(result.costs_eur.get(name, 0.0) for name in names) / WEEKS
        for kind, names in KINDS.items()
    }
    return Arm(points, result.verdict, costs, costs["bags"] / BAG_EUR / points)


def wrong(before: Arm, after: Arm) -> list[str]:
    """What does not hold."""
    found = [f"{name}: {one.verdict}" for name, one in (("17", before), ("5", after))
             if one.verdict != "passed"]  # fmt: skip
    found += [
        f"{name}: {one.collections:.2f} collections a week, not {least} to {most}"
        for name, one, (least, most) in (("before", before, BEFORE), ("after", after, AFTER))
        if not least <= one.collections <= most
    ]
    found += [f"{kind} is left out of the cost" for kind in NEEDED if not after.costs_eur[kind]]
    return found


def report(before: Arm, after: Arm) -> str:
    """The table, in Markdown."""
    lines = ["| a week | without the service | with it |", "|---|---|---|"]
    lines.append(f"| collection points | {before.points} | {after.points} |")
    lines.append(f"| collections of each | {before.collections:.2f} | {after.collections:.2f} |")
    lines += [
        f"| {kind}, EUR | {before.costs_eur[kind]:.2f} | {after.costs_eur[kind]:.2f} |"
        for kind in KINDS
    ]
    sums = [sum(one.costs_eur.values()) for one in (before, after)]
    lines.append(f"| all of it, EUR | {sums[0]:.2f} | {sums[1]:.2f} |")
    lines.append(f"| a collection, EUR | {before.stop_eur:.2f} | {after.stop_eur:.2f} |")
    stops = [one.collections * one.points for one in (before, after)]
    lines.append(f"\nStops saved: {100.0 * (1.0 - stops[1] / stops[0]):.1f} % (H12: 70.2 %).")
    return "\n".join(lines)


def main() -> int:
    """Run both and compare them; 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--whole", action="store_true", help="the whole city, not a tenth")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    chosen = parser.parse_args()
    before, after = (
        arm(story, chosen.seed, chosen.runs_dir, params if chosen.whole else {})
        for story, params in WHOLE.items()
    )
    print(report(before, after))
    found = wrong(before, after)
    for text in found:
        print(f"FAILED  {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
