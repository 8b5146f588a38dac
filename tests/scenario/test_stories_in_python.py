"""Stories that stand in YAML and in Python are one story: nothing in them differs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.engine.runner import load
from harness.scenario import build as b
from harness.scenario.schema import Scenario

FOLDER = Path(__file__).parents[2] / "scenarios"
COMPARISONS = {"seventeen_to_five"}
"""Scripts that run two stories beside each other, and tell none."""
SCRIPTS = sorted(path for path in FOLDER.glob("*/[a-z]*.py") if path.stem not in COMPARISONS)


def told_in_python(script: Path) -> Scenario:
    spec = importlib.util.spec_from_file_location(f"story_{script.stem}", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scenario = module.scenario()
    assert isinstance(scenario, Scenario)
    return scenario


def parts(scenario: Scenario) -> dict[str, Any]:
    """All that a run depends on."""
    checks = [
        (phase, ref.check, dict(ref.args))
        for phase in ("always", "eventually")
        for ref in getattr(scenario, phase)
    ]
    names = ("title", "run", "fleets", "field", "service", "timeline")
    return {name: getattr(scenario, name) for name in names} | {"checks": checks}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_story_is_the_same_in_yaml_and_in_python(script: Path) -> None:
    file = script.with_name(f"{script.stem.replace('_', '-')}.yaml")
    assert parts(told_in_python(script)) == parts(load(file))


STEPS = """
  - {name: a, at: {first: 1d, every: 2d, times: 2}, fault: sensor_stuck, device: x,
     params: {lasting: 3}}
  - {when: {holds: elapsed_h > 3.0, for: 2h, after: a, repeat: every, times: 4}, link: loss,
     for: 1h, ratio: 0.5}
  - {at: 1d, dps: pause, for: 2h}
  - {at: {after: a}, set: {crew: {vans: 3}}, for: 1d}
  - {when: elapsed_h > 3.0, away: carrier, for: 1d}
  - {at: 1d, weather: {warmer_k: 3, cloud: 0.5}}
  - {at: 1d, work: relube, device: x, component: bearing}
  - {at: 1d, service: {rules: [standard], policy: {mode: approval}}}
"""


def test_every_step_and_every_fleet_can_be_written_in_python(read: Callable[..., Scenario]) -> None:
    scenario = read(
        "title: x\nrun: {start: 2026-01-05T00:00:00Z, until: 10d, look: 30m}\n"
        "fleets: [{product: pump, age: {normal: [3y, 1y], min: 0s}, sites: [s, {name: t, age: 2y,"
        " at_km: [1, 2], devices: [x, {name: y, age: {choice: [1y, 2y]}}], params: {well_area_m2:"
        f" {{lognormal: [9, 0.2], max: 20}}}}}}]}}]\ntimeline:{STEPS}"
    )
    later = b.when("elapsed_h > 3.0", lasts="2h", after="a", repeat="every", times=4)
    again = b.at("1d", every="2d", times=2)
    site = b.site(
        "t",
        "x",
        b.device("y", age=b.choice("1y", "2y")),
        at_km=(1, 2),
        age="2y",
        well_area_m2=b.lognormal(9, 0.2, high=20),
    )
    written = b.Scenario(
        title="x",
        run=b.run("2026-01-05T00:00:00Z", "10d", look="30m"),
        fleets=(b.fleet("pump", sites=["s", site], age=b.normal("3y", "1y", low="0s")),),
        timeline=(
            b.fault("sensor_stuck", "x", at=again, called="a", lasting=3),
            b.loss(when=later, lasts="1h", ratio=0.5),
            b.dps("pause", at="1d", lasts="2h"),
            b.change({"crew": {"vans": 3}}, at=b.at(after="a"), lasts="1d"),
            b.away("carrier", when="elapsed_h > 3.0", lasts="1d"),
            b.weather(at="1d", warmer_k=3, cloud=0.5),
            b.work("relube", "x", component="bearing", at="1d"),
            b.install(rules=["standard"], policy={"mode": "approval"}, at="1d"),
        ),
    )
    assert parts(written) == parts(scenario)
