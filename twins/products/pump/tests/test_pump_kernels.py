"""Kernels: compiled or read by the interpreter, they give the same bits."""

from types import ModuleType

import numpy as np
import pytest

from twins.core.state import pack, unpack
from twins.core.streams import Streams
from twins.core.twin import Build
from twins.products import catalog
from twins.products.pump import (
    columns,
    grinding,
    hydraulics,
    measuring,
    model,
    rainfall,
    rounds,
    switching,
)
from twins.products.pump.twin import PumpTwin

PUMP = catalog()["pump"]
KERNELS = (grinding, hydraulics, measuring, rainfall, rounds, switching)


def twin(stations: int = 2, **params: float) -> PumpTwin:
    """Wet stations of three pumps, everything wrong with the first, its motors too hot."""
    made = PumpTwin(
        Build(
            sites=tuple(f"s-{number}" for number in range(1, stations + 1)),
            devices=tuple(f"p-{index}" for index in range(3 * stations)),
            devices_per_site=3,
            report_every_ms=600_000,
            start_ms=1_767_571_200_000,
            params={name: param.default for name, param in PUMP.params.items()} | params,
            streams=Streams(1),
        )
    )
    for name in ("impeller", "ring", "imbalance", "misaligned", "valve", "winding", "bearing"):
        made.stations.pumps["ill"][name][0] = (0.0, 0.2, 0.4)
    made.ills.clog[0], made.ills.clog_mode[0, 1] = (0.0, 0.3, 0.3), 2.0
    made.ills.cooling[0], made.ills.backflow[0, 2], made.ills.suction_m[0, 0] = 9.0, 0.1, 8.0
    return made


def run(made: PumpTwin) -> bytes:
    """A day, with all that changes after it."""
    seen = []
    for report in range(144):
        if report == 60:
            made.set_able(0, able=False)
        if report == 100:
            made.command(4, "stop", {})
        made.advance(made.now_ms + 600_000)
        seen.append(made.measure().copy())
    return pack({"seen": np.array(seen), "state": made.dump()})


def interpret(patch: pytest.MonkeyPatch, module: ModuleType) -> int:
    """Let every kernel of a module be read by the interpreter, also where it calls another."""
    kernels = {
        name: kernel.py_func for name, kernel in vars(module).items() if hasattr(kernel, "py_func")
    }
    for name, function in kernels.items():
        for user in (module, model, rounds):
            if hasattr(user, name):
                patch.setattr(user, name, function)
    return len(kernels)


@pytest.mark.parametrize("vfd", [0.0, 1.0])
def test_interpreted_kernels_give_the_same_bits(
    vfd: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = twin(vfd=vfd, inflow_l_s=45.0)
    bits = run(compiled)
    assert compiled.stations.pumps["trip_s"].max() > 0.0, "a motor tripped"
    assert compiled.stations.pumps["joint"]["flow"].max() > 0.0, "several ran on one main"
    for module in KERNELS:
        assert interpret(monkeypatch, module) >= 1
    monkeypatch.setattr("twins.products.pump.twin.go_round", rounds.go_round)
    monkeypatch.setattr("twins.products.pump.inflow.flow_in", rainfall.flow_in)
    monkeypatch.setattr("twins.products.pump.wear.along", grinding.along)
    assert run(twin(vfd=vfd, inflow_l_s=45.0)) == bits


def test_a_fleet_measured_in_parts_says_the_same_as_one_measured_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = run(twin())
    monkeypatch.setattr("twins.products.pump.twin.PART", 1)
    one_by_one = twin()
    assert [part.shape for part in one_by_one.parts()] == [(3, 26), (3, 26)]
    assert run(twin()) == whole


def test_a_motor_that_trips_with_a_report_shows_the_same_whoever_else_there_is() -> None:
    fleets = alone, _ = twin(1, inflow_l_s=60.0), twin(12, inflow_l_s=60.0)
    with_a_report = 0
    for _ in range(72):
        seen = []
        for made in fleets:
            made.ills.cooling[0] = (9.0, 10.0, 11.0)
            pumps = made.stations.pumps[0]
            pumps["latched"], pumps["trip_before_s"] = False, -np.inf  # somebody comes by
            made.advance(made.now_ms + 600_000)
            seen.append(made.measure()[:3])
        with_a_report += int((alone.stations.pumps["trip_s"] == alone.now_s).any())
        np.testing.assert_array_equal(seen[0], seen[1])
    assert with_a_report > 5


def test_a_point_that_was_kept_is_the_one_that_would_be_worked_out() -> None:
    made = twin()
    for _ in range(40):
        made.advance(made.now_ms + 600_000)
        made.measure()
    stations = made.stations
    kept = stations.pumps["alone"].copy()
    stations.wells["asks"], stations.wells["k"] = hydraulics.POINTS, 0
    stations.pumps["was"]["level_m"] = np.nan
    hydraulics.work_out(stations.size, stations.wells, stations.pumps, stations.every)
    np.testing.assert_array_equal(stations.pumps["alone"], kept)
    stations.wells["asks"], made.ills.clog[1] = hydraulics.POINTS, 0.5
    hydraulics.work_out(stations.size, stations.wells, stations.pumps, stations.every)
    assert (stations.pumps["alone"]["flow"][1] < kept["flow"][1]).all()


def test_tables_come_back_from_a_snapshot_as_they_were() -> None:
    made, other = twin(), twin()
    run(made)
    assert not np.array_equal(other.stations.pumps, made.stations.pumps)
    columns.load(other.stations.pumps, unpack(pack(columns.dump(made.stations.pumps))))
    np.testing.assert_array_equal(other.stations.pumps, made.stations.pumps)


def test_what_happens_at_one_station_leaves_others_as_they_are_to_the_last_bit() -> None:
    """Nor does a look at all of them."""
    calm, busy = twin(), twin()
    for report in range(60):
        middle_ms = calm.now_ms + 200_001
        for made in (calm, busy):
            made.advance(middle_ms)
        busy.truth(), busy.states()
        if report % 7 == 0:
            busy.command(report % 3, "stop" if report % 2 else "start", {})
            busy.set_wear(0, "bearing", damage=report / 100.0, rise=0.1)
        for made in (calm, busy):
            made.advance(middle_ms + 399_999)
        np.testing.assert_array_equal(busy.measure()[3:], calm.measure()[3:])
    names = columns.PUMP.names or ()
    for name in names:
        np.testing.assert_array_equal(busy.stations.pumps[name][1], calm.stations.pumps[name][1])
    assert busy.stations.pumps["run_s"][0, 0] != calm.stations.pumps["run_s"][0, 0]


def test_a_look_between_two_reports_sees_the_wells_fill() -> None:
    made = twin()
    levels = []
    for _ in range(5):
        made.advance(made.now_ms + 60_000)
        levels.append(made.truth()["level_m"][3])
    assert len(set(levels)) == 5
    made.advance(made.now_ms + 300_000)
    before = made.truth()
    made.measure()
    assert made.truth()["level_m"].tolist() == before["level_m"].tolist()
