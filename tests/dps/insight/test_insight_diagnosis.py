"""Diagnosis: connectivity first, data against past and peers, causes ranked; scored by twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference_impl.insight.declared import read_model
from reference_impl.insight.diagnosing import connection_index_pct
from reference_impl.insight.views import Views
from reference_impl.kernel.ports import ThingRef
from twins.core.spec import FleetSpec, WorldSpec
from twins.products import catalog
from twins.world import World

M, H, DAY = 60_000, 3_600_000, 86_400_000
CAUSES = [
    {
        "cause": "worn",
        "position": "hub",
        "remedies": ["grease it", "order a hub"],
        "signs": [
            {"signal": "hum", "way": "up", "weight": 3},
            {"signal": "amps", "way": "same"},
        ],
        "alerts": {"hum-high": 1.0},
    },
    {
        "cause": "blocked",
        "remedies": ["flush it"],
        "signs": [{"signal": "amps", "way": "up", "weight": 2}, {"signal": "hum", "way": "up"}],
    },
]


def fleet(lab: Any, *, hum: float = 0.0, amps: float = 0.0, weather: float = 0.0) -> None:
    """Six things for 28 days; ``a`` is off by so much in the last two, all by ``weather``."""
    lab.install(["hum", "amps"], diagnosis=CAUSES)
    at_ms = np.arange(1, 28 * 144 + 1, dtype=np.int64) * 10 * M
    late = at_ms > 26 * DAY
    rng = np.random.default_rng(4)
    for thing in "abcdef":
        lab.thing(thing)
        own = thing == "a"
        for name, extra in (("hum", hum * own + weather), ("amps", amps * own + weather)):
            lab.telemetry.add(thing, name, at_ms, rng.normal(5.0, 0.3, at_ms.size) + extra * late)


def asked(lab: Any, thing: str = "a") -> Any:
    return lab.ask(lab.analytics.views.diagnosis, thing, at_ms=28 * DAY, days=28, recent=2)


@pytest.mark.feature("AN3", "FS3")
@pytest.mark.parametrize(("hum", "amps", "cause"), [(2.0, 0.0, "worn"), (0.5, 2.0, "blocked")])
def test_the_cause_whose_signs_are_seen_comes_first_with_its_evidence(
    lab: Any, hum: float, amps: float, cause: str
) -> None:
    fleet(lab, hum=hum, amps=amps, weather=1.5)
    found = asked(lab)
    first = found["causes"][0]
    assert first["cause"] == cause
    assert first["score"] > 0.5
    assert first["remedies"]
    sign = next(s for s in first["signs"] if s["name"] == "hum")
    assert sign["now"] - sign["before"] == pytest.approx(hum + 1.5, abs=0.2)
    assert sign["peers"] == pytest.approx(1.5, abs=0.1)
    assert max(row["score"] for row in asked(lab, "c")["causes"]) < 0.5  # weather is no fault


@pytest.mark.feature("FS3")
def test_the_first_step_is_connectivity_and_a_low_index_is_told_before_any_conclusion(
    lab: Any,
) -> None:
    fleet(lab, hum=2.0)
    assert asked(lab)["connection"]["low"] is False
    times, values = lab.telemetry.data["a", "hum"]
    away = (times > 5 * DAY) & (times < 15 * DAY)
    for name in ("hum", "amps"):
        times, values = lab.telemetry.data["a", name]
        lab.telemetry.data["a", name] = (times[~away], values[~away])
    lab.alerts = [
        {"thing": "a", "rule": "hum-high", "started_ms": 27 * DAY, "cleared_ms": None},
        {"thing": "a", "rule": "old", "started_ms": -2 * DAY, "cleared_ms": -DAY},
    ]
    found = asked(lab)
    order = list(found)
    steps = [order.index(name) for name in ("connection", "events", "causes")]
    assert steps == sorted(steps)
    assert found["connection"]["low"] is True
    assert found["connection"]["index_pct"] == pytest.approx(100.0 * 18 / 28, abs=1.0)
    assert [row["rule"] for row in found["events"]] == ["hum-high"]
    assert found["causes"][0]["cause"] == "worn"


def test_the_connection_index_is_the_share_of_reports_that_were_due() -> None:
    at_ms = np.arange(1, 30 * 144 + 1, dtype=np.int64) * 10 * M
    keep = np.random.default_rng(1).random(at_ms.size) < 0.8
    found = connection_index_pct(at_ms[keep], from_ms=0, to_ms=30 * DAY)
    assert found == pytest.approx(90.0, abs=6.0)  # an hour counts as whole from its usual number on
    assert connection_index_pct(at_ms[:0], from_ms=0, to_ms=DAY) == 0.0


def lived(
    product: str, faults: Sequence[tuple[str, Mapping[str, float]]], *, seed: int, per_site: int
) -> tuple[dict[tuple[str, str], Any], dict[str, str]]:
    """28 days of a fleet; on day 21 each fault begins on a device of a site of its own."""
    # few rooms to a unit: their own devices are most of the work, and none of the question
    params = {"rooms": 5.0} if product == "ventilation" else {}
    sites = len(faults) + 4
    spec = FleetSpec(product=product, sites=sites, devices_per_site=per_site, params=params)
    world = World(WorldSpec(start_ms=0, fleets=(spec,)), seed=seed)
    world.start()
    data: dict[tuple[str, str], list[tuple[int, float]]] = {}
    injected = {}
    for day in range(1, 29):
        if day == 22:
            devices = sorted(name for name in {key[0] for key in data} if name.endswith("-1"))
            for device, (fault, params) in zip(devices, faults, strict=False):
                world.inject(fault, device, dict(params))
                injected[device] = fault
        for _, message in world.run_until(day * DAY).messages:
            for signal, value in getattr(message, "signals", {}).items():
                if isinstance(value, float):
                    data.setdefault((message.device, signal), []).append((message.at_ms, value))
    columns = {}
    for key, readings in data.items():
        times, values = zip(*sorted(readings), strict=True)
        columns[key] = (np.array(times, dtype=np.int64), np.array(values))
    return columns, injected


def top_causes(product: str, data: Any, injected: Mapping[str, str]) -> dict[str, str]:
    """The first cause for each device, by the product's own table."""
    own = catalog()[product]
    declared = read_model(own.model, {name: {} for name in own.signals}, diagnosis=own.diagnosis)
    refs = {
        name: ThingRef(thing=name, model=own.model, site="s", customer="c", title=name)
        for name in sorted({device for device, _ in data})
    }

    def series(thing: str, signal: str, *, after_ms: int, to_ms: int) -> Any:
        nothing = (np.empty(0, dtype=np.int64), np.empty(0))
        times, values = data.get((thing, signal), nothing)
        low, high = np.searchsorted(times, [after_ms, to_ms], side="right")
        return times[low:high], values[low:high]

    directory = SimpleNamespace(
        thing=lambda _conn, name: refs[name],
        things=lambda _conn, _model=None: list(refs.values()),
    )
    views = Views(
        insight=SimpleNamespace(directory=directory),  # type: ignore[arg-type]
        telemetry=SimpleNamespace(series=series),  # type: ignore[arg-type]
        declared=lambda _model: declared,
        raised=lambda _conn, _thing: [],
        flags=lambda _conn, _thing: [],
    )
    nobody: Any = None
    return {
        name: views.diagnosis(nobody, name, at_ms=28 * DAY, days=28, recent=2)["causes"][0]["cause"]
        for name in injected
    }


WEAR = {"onset": 0.0, "pf_interval": 240.0}
INJECTED = {
    "pump": (
        2,
        (113, 114),
        0.7,
        [("bearing_wear", WEAR), ("imbalance", {}), ("seal_leak", WEAR), ("winding_decay", WEAR),
         ("impeller_wear", {"pf_interval": 60.0}), ("clog", {"self_clean": 0.0}),
         ("check_valve_stuck", {}), ("valve_closing", {}), ("cavitation", {}),
         ("cooling_blocked", {})],
    ),
    "ventilation": (
        1,
        (113, 114),
        0.8,
        [("fan_wear", {"fan": 1.0, **WEAR}), ("imbalance", {"fan": 1.0, "mm_s": 4.0}),
         ("rotor_stop", {"after": 0.0}), ("damper_stuck", {"opening_pct": 30.0}),
         ("valve_stuck", {"valve": 1.0, "opening_pct": 60.0}),
         ("simultaneous_heat_cool", {"overlap_pct": 20.0}), ("wrong_schedule", {"shift": 6.0}),
         ("filter_unseated", {"stage": 1.0}), ("filter_loading", {"factor": 20.0})],
    ),
    "bin": (
        1,
        (113, 114, 115, 116, 117, 118),
        0.3,
        [("drive_wear", {"onset": 0.0, "pf_interval": 60.0}), ("dirty_sensor", {}), ("knock", {}),
         ("battery_ageing", {"onset": 0.0, "pf_interval": 200.0}), ("dirty_panel", {"share": 0.6})],
    ),
}  # fmt: skip


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.feature("AN3")
@pytest.mark.sampled(2)
@pytest.mark.parametrize("product", list(INJECTED))
def test_the_first_cause_is_the_fault_that_was_injected_in_most_cases(product: str) -> None:
    """Bounds are of twelve other seeds (101 to 112).

    There 101 of 120, 102 of 108 and 28 of 60 were right; of one seed 7 to 9 of 10, 7 to 9 of 9 and
    1 to 4 of 5 (docs/known-limits.md).
    """
    per_site, seeds, share, faults = INJECTED[product]
    right = cases = 0
    for seed in seeds:
        data, injected = lived(product, faults, seed=seed, per_site=per_site)
        told = top_causes(product, data, injected)
        right += sum(told[device] == fault for device, fault in injected.items())
        cases += len(injected)
    assert right / cases >= share, f"{right} of {cases}"


@pytest.mark.feature("AN3")
def test_a_diagnosis_that_is_put_on_record_tells_its_first_causes_in_the_feed(lab: Any) -> None:
    fleet(lab, hum=2.0)
    when = {"at_ms": 28 * DAY, "days": 28, "recent": 2}
    found = lab.do(lab.analytics.views.noted, "a", by="ada", **when)
    [event] = [e for e in lab.feed if e.kind == "diagnosis.made"]
    assert found == asked(lab)
    assert (event.subject, event.data["by"], event.data["customer"]) == ("a", "ada", "c")
    assert event.data["causes"] == ["worn", "blocked"]
    assert event.data["score"] == found["causes"][0]["score"] > 0.5
