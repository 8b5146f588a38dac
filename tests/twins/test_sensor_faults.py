"""The sensor chain and its faults: each moves its own channel of its own device, and clears."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from broker.wire.messages import Telemetry
from twins.core.common_faults import SENSOR_FAULTS, faults_of
from twins.core.errors import InvalidFault
from twins.core.manifest import SignalSpec
from twins.core.ports import Truth
from twins.core.sensors import Sensors
from twins.core.spec import FleetSpec, WorldSpec
from twins.core.streams import Streams
from twins.products import catalog
from twins.world import World

HOUR, DAY = 3_600_000, 86_400_000
START = 1_767_571_200_000
SPEC = WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump", sites=2),))
MINE, SIGNAL = "pump-01-1", "bearing_temp_c"
Rows = dict[tuple[str, int], dict[str, float]]


def told(
    fault: str | None,
    params: dict[str, Any] | None = None,
    *,
    days: int = 3,
    restored: bool = False,
) -> tuple[Rows, list[Truth]]:
    """What everybody says in three days; the fault begins after one."""
    world = World(SPEC, seed=3)
    steps = [world.start(), world.run_until(START + DAY)]
    if fault is not None:
        world.inject(fault, MINE, params or {})
    steps.append(world.run_until(START + DAY + 2 * HOUR))
    if restored:
        world = World.restore(SPEC, seed=3, data=world.snapshot())
    steps.append(world.run_until(START + days * DAY))
    rows = {
        (m.device, (m.at_ms - START) // 60_000): m.signals
        for step in steps
        for _, m in step.messages
        if isinstance(m, Telemetry)
    }
    return rows, [truth for step in steps for truth in step.truths]


HEALTHY = told(None)[0]


def differences(rows: Rows) -> dict[tuple[str, str], list[int]]:
    """Minutes in which a signal of a device is another than without the fault."""
    found: dict[tuple[str, str], list[int]] = {}
    for (device, minute), healthy in HEALTHY.items():
        seen = rows[device, minute]
        for signal in healthy.keys() | seen.keys():
            if seen.get(signal) != healthy.get(signal):
                found.setdefault((device, signal), []).append(minute)
    return found


def column(rows: Rows, signal: str = SIGNAL) -> np.ndarray:
    minutes = sorted(minute for device, minute in rows if device == MINE)
    return np.array([rows[MINE, minute].get(signal, np.nan) for minute in minutes])


@pytest.mark.parametrize("fault", [name for name in SENSOR_FAULTS if name != "sensor_swapped"])
def test_a_sensor_fault_moves_its_own_signal_of_its_own_device_until_it_is_over(
    fault: str,
) -> None:
    params: dict[str, Any] = {"signal": SIGNAL, "lasting": 12.0}
    if fault == "sensor_zero":
        params["share_pct"] = 30.0
    rows, truths = told(fault, params)
    changed = differences(rows)
    assert set(changed) == {(MINE, SIGNAL)}
    minutes = changed[MINE, SIGNAL]
    assert min(minutes) >= 24 * 60
    assert max(minutes) <= 36 * 60
    assert told(fault, params, restored=True) == (rows, truths)
    marks = [
        (t.kind, t.at_ms - START, t.data["signal"]) for t in truths if t.kind.startswith("sensor.")
    ]
    assert marks == [
        ("sensor.faulty", DAY, SIGNAL),
        ("sensor.mended", DAY + 12 * HOUR, SIGNAL),
    ]


def test_each_fault_has_the_shape_of_its_name() -> None:
    during = slice(145, 215)  # reports of the twelve hours
    healthy = column(HEALTHY)

    def of(fault: str, **params: float | str) -> np.ndarray:
        return column(told(fault, {"signal": SIGNAL, "lasting": 12.0, **params})[0])

    assert len(set(of("sensor_stuck")[during])) == 1
    assert of("sensor_stuck")[during][0] == healthy[143]
    assert np.all(np.isnan(of("sensor_dropout")[during]))
    assert np.allclose((of("sensor_bias", offset=4.0) - healthy)[during], 4.0)
    drift = (of("sensor_drift", per_day=24.0) - healthy)[during]
    assert np.allclose(np.diff(drift), 24.0 / 144.0, atol=0.021)
    zeros = of("sensor_zero", share_pct=50.0)[during]
    assert 0.3 < np.mean(zeros == 0.0) < 0.7
    assert np.all((zeros == 0.0) | (zeros == healthy[during]))
    spike = column(told("sensor_spike", {"signal": SIGNAL, "size_pct": 20.0})[0])
    [at] = np.flatnonzero(spike != healthy)
    assert at == 144
    assert spike[at] - healthy[at] == pytest.approx(0.2 * 170.0)


def test_swapped_sensors_say_what_the_other_one_should() -> None:
    other = "motor_temp_c"
    params = {"signal": SIGNAL, "with": other, "lasting": 12.0}
    rows, _ = told("sensor_swapped", params)
    assert set(differences(rows)) == {(MINE, SIGNAL), (MINE, other)}
    assert np.allclose(column(rows)[145:215], column(HEALTHY, other)[145:215], atol=0.01)


def test_adjusting_ends_what_would_never_end_by_itself() -> None:
    world = World(SPEC, seed=3)
    world.start()
    world.inject("sensor_bias", MINE, {"signal": SIGNAL, "offset": 9.0})
    world.run_until(START + DAY)
    world.fleets[0].adjust(world.now_ms, MINE)
    step = world.run_until(START + 2 * DAY)
    assert [t.kind for t in step.truths if t.kind.startswith("sensor")] == ["sensor.mended"]
    after = [m for _, m in step.messages if isinstance(m, Telemetry) and m.device == MINE]
    assert all(m.signals == HEALTHY[MINE, (m.at_ms - START) // 60_000] for m in after)


def test_a_signal_that_does_not_exist_is_refused_with_those_that_do() -> None:
    world = World(SPEC, seed=3)
    world.start()
    with pytest.raises(InvalidFault, match=r"signal must be a signal, not 'bering'.*bearing_temp"):
        world.inject("sensor_stuck", MINE, {"signal": "bering"})
    with pytest.raises(InvalidFault, match="swapped with itself"):
        world.inject("sensor_swapped", MINE, {"signal": SIGNAL, "with": SIGNAL})


@pytest.mark.parametrize("product", sorted(catalog()))
def test_every_product_has_every_common_fault_at_a_rate_that_grows_with_its_channels(
    product: str,
) -> None:
    manifest = catalog()[product]
    faults = faults_of(manifest)
    assert faults.keys() >= SENSOR_FAULTS.keys()
    assert faults["sensor_spike"].rate_per_year == 2.0 * len(manifest.signals)


def chain(**fields: float) -> SignalSpec:
    return SignalSpec(
        unit="1",
        min=-1e6,
        max=1e6,
        title="",
        steps_per_unit=1000,
        **fields,  # type: ignore[arg-type]
    )


def test_a_sensor_lags_drifts_and_samples_as_its_fields_say() -> None:
    signals = {
        "lag": chain(lag_s=1200.0),
        "drift": chain(drift=10.0),
        "held": chain(sample_s=3600.0),
        "mean": chain(noise=1.0, samples=100),
        "slow": chain(slow=1.0, slow_tau_s=6000.0),
    }
    devices = [f"d{number}" for number in range(200)]
    sensors = Sensors(signals, devices, Streams(1), report_every_ms=600_000)
    reports = 144 * 20
    seen = np.array(
        [
            sensors.read(np.full((200, 5), min(r, 1) * 100.0), r, at_ms=r * 600_000).values
            for r in range(reports)
        ]
    )
    lag, drift, held, mean, slow = np.moveaxis(seen, 2, 0)
    assert lag[2, 0] == pytest.approx(100.0 * (1.0 - np.exp(-1.0)), abs=0.01)
    assert np.std(drift[-1]) == pytest.approx(10.0 * np.sqrt(20.0 / 365.25), rel=0.15)
    assert [len(set(held[at : at + 6, 0])) for at in (6, 12, 60)] == [1, 1, 1]
    assert np.std(mean[1:]) == pytest.approx(0.1, rel=0.05)
    assert np.std(slow[500:]) == pytest.approx(1.0, rel=0.1)
    memory = np.corrcoef(slow[500:-1].ravel(), slow[501:].ravel())[0, 1]
    assert memory == pytest.approx(np.exp(-0.1), abs=0.01)
