"""Belief beside truth: the conditions and rules of a product, on telemetry of its own twins.

Real physics and noise, the product's own condition and order point (evaluated every six hours
instead of ten minutes), many seeds. Nothing here is tuned to a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broker.wire.messages import Telemetry
from twins.core.spec import FleetSpec, WorldSpec
from twins.core.yaml_text import parsed
from twins.products import catalog
from twins.world import World

H = 3_600_000
DAY = 24 * H
PRODUCT = catalog()["pump"]
SITES = range(1, 11)
WORN = frozenset(f"pump-{site:02}-1" for site in SITES)
Damage = dict[tuple[str, int], float]


def yaml(path: Path) -> Any:
    return parsed(path.read_text(encoding="utf-8"))


def live(rig: Any, *, seed: int, days: int, worn: bool) -> Damage:
    """Let a world run without service into ``rig``; gives the damage by device and time.

    Days count from 1970, a Thursday. Lives last a thousand years, but for the worn ones.
    """
    fleet = FleetSpec(product="pump", sites=len(SITES), params={"bearing_life_h": 1e6})
    world = World(WorldSpec(start_ms=0, fleets=(fleet,)), seed=seed)
    world.start()
    damage: Damage = {}
    for to_ms in range(6 * H, days * DAY + 1, 6 * H):
        if worn and to_ms == 4 * DAY + 6 * H:
            for device in sorted(WORN):
                world.inject("bearing_wear", device, {"onset": 0.0, "pf_interval": 672.0})
        seen: dict[str, list[tuple[int, float]]] = {}
        for _, message in world.run_until(to_ms).messages:
            if isinstance(message, Telemetry) and "vibration_mm_s" in message.signals:
                reading = (message.at_ms, message.signals["vibration_mm_s"])
                seen.setdefault(message.device, []).append(reading)
        for device, readings in seen.items():
            times, values = zip(*readings, strict=True)
            rig.telemetry.add(device, "vibration_mm_s", times, values)
        truth = [s for s in world.sample_truth() if s.component == "bearing"]
        damage.update({(s.device, to_ms): s.damage for s in truth})
        rig.advance(to_ms)
    return damage


@pytest.fixture
def service(make_rig: Callable[[], Any]) -> Any:
    """A DPS that knows the product and twenty things of it."""
    rig = make_rig()
    rig.install(
        *(f"pump-{site:02}-{n}" for site in SITES for n in (1, 2)), condition=PRODUCT.conditions[0]
    )
    pack = yaml(PRODUCT.rule_packs["standard"])
    rules = [rule for rule in pack["rules"] if rule["id"] == "bearing-order-point"]
    rig.do(rig.rules.install, {**pack, "every": "6h", "rules": rules}, at_ms=0)
    return rig


ON_DEEP = [pytest.param(seed, marks=pytest.mark.deep) for seed in (2, 3, 4)]


@pytest.mark.deep
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_healthy_fleet_of_twenty_gets_no_order_in_ninety_days(service: Any, seed: int) -> None:
    live(service, seed=seed, days=90, worn=False)

    assert service.kinds("order.") == []
    beliefs = [row["wear_pct"] for row in service.rows(service.insight, "states")]
    assert len(beliefs) == 20
    assert np.median(beliefs) == 0.0
    assert max(beliefs) < 40.0  # from there on the pack tells a person


@pytest.mark.parametrize("seed", [1, *ON_DEEP])
def test_worn_machines_are_ordered_for_in_time_and_believed_near_the_truth(
    service: Any, seed: int
) -> None:
    """Ten bearings from day 4 to about day 32; nine of ten parts come within ten days."""
    damage = live(service, seed=seed, days=36, worn=True)

    placed = {e.data["thing"]: e.at_ms for e in service.feed if e.kind == "order.placed"}
    assert placed.keys() == WORN
    left_d = []
    for thing, at_ms in placed.items():
        broken_ms = min(at for (device, at), u in damage.items() if device == thing and u >= 1.0)
        left_d.append((broken_ms - at_ms) / DAY)
    assert sorted(left_d)[1] > 10.0
    assert min(left_d) > 7.0  # the one in ten whose damage grows late and steeply
    errors = []
    for row in service.rows(service.insight, "history"):
        truth_pct = 100.0 * damage[row["thing"], row["at_ms"]]
        if row["thing"] in WORN and 30.0 <= truth_pct < 100.0:
            errors.append(abs(row["wear_pct"] - truth_pct))
    assert len(errors) > 500
    # Curvature (3.6 +- 1) and amplitude (+-20 %) differ from bearing to bearing, and nobody is
    # told: that alone is 7 to 8 points in the median, and up to 13 for ten machines.
    assert np.median(errors) < 14.0


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.feature("AN4")
def test_the_interval_of_version_2_holds_the_failure_in_about_eight_of_ten_forecasts(
    make_rig: Callable[[], Any],
) -> None:
    """Pooled over three fleets; version 1 states the line's error only, and holds one in eight.

    On ten other fleets (seeds 101 to 110) it held in 84 % of 5,654 forecasts, in 76 to 90 % of one
    fleet's; warning came 13 days ahead in nine of ten, 17 in the median. A bound is three standard
    deviations between fleets (4.9 points), over the root of three, off that.
    """
    condition = {**PRODUCT.conditions[0], "version": "2"}
    inside, leads_d = [], []
    for seed in (111, 112, 113):
        rig = make_rig()
        rig.install(*(f"pump-{s:02}-{n}" for s in SITES for n in (1, 2)), condition=condition)
        damage = live(rig, seed=seed, days=36, worn=True)
        broken = {
            thing: min(at for (device, at), u in damage.items() if device == thing and u >= 1.0)
            for thing in {device for (device, _), u in damage.items() if u >= 1.0}
        }
        first: dict[str, float] = {}
        for event in rig.feed:
            if event.kind != "condition.evaluated" or event.data["runout_p50_ms"] is None:
                continue
            failed_ms = broken.get(event.subject, -1)
            if event.at_ms < failed_ms:
                data = event.data
                inside.append(data["runout_p10_ms"] <= failed_ms <= data["runout_p90_ms"])
                first.setdefault(event.subject, (failed_ms - event.at_ms) / DAY)
        leads_d += first.values()
    assert len(inside) > 1500
    assert 0.75 <= np.mean(inside) <= 0.93
    assert len(leads_d) >= 27
    assert np.percentile(leads_d, 10) > 10.0  # days of warning, of a life of 28
