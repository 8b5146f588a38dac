"""Each fault moves the channels that physics touches, in the stated size, and no other."""

import functools
from collections.abc import Mapping

import numpy as np
import pytest

from twins.core.state import pack, unpack
from twins.core.streams import Streams
from twins.core.twin import Build
from twins.products import catalog
from twins.products.pump.twin import PumpTwin

START = 1_767_571_200_000  # a Monday
PUMP = catalog()["pump"]
SIGNALS = list(PUMP.signals)
EVERY_S, WARM_UP, REPORTS = 600, 72, 432
LOAD = {
    "level_m", "flow_m3_h", "power_kw", "current_a", "vibration_mm_s", "bearing_temp_c",
    "motor_temp_c", "run_hours_h", "starts", "running", "run_share", "speed_hz",
    "station_flow_m3_h", "discharge_bar", "mains_v", "insulation_mohm", "specific_energy_kwh_m3",
}  # fmt: skip
"""What moves when a pump has to work longer or against another head."""
PACE = LOAD - {"current_a", "vibration_mm_s", "specific_energy_kwh_m3"}
"""What moves when a station's water is spread otherwise over hours and pumps."""


class Forced:
    """Notes what a fault asks of the wear."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, int, int]] = []

    def force(self, device: int, component: str, *, onset_ms: int, pf_ms: int) -> None:
        self.asked.append((device, component, onset_ms, pf_ms))


def twin() -> PumpTwin:
    """Two stations with two pumps each, dry weather."""
    return PumpTwin(
        Build(
            sites=("s-1", "s-2"),
            devices=("p-1-1", "p-1-2", "p-2-1", "p-2-2"),
            devices_per_site=2,
            report_every_ms=EVERY_S * 1000,
            start_ms=START,
            params={name: param.default for name, param in PUMP.params.items()},
            streams=Streams(1),
        )
    )


def go(made: PumpTwin, reports: int) -> np.ndarray:
    """True values, shape ``(reports, 4, signals)``."""
    rows = []
    for _ in range(reports):
        made.advance(made.now_ms + EVERY_S * 1000)
        rows.append(made.measure().copy())
    return np.array(rows)


def inject(made: PumpTwin, fault: str, given: Mapping[str, float], device: int = 0) -> Forced:
    params = {name: param.default for name, param in PUMP.faults[fault].params.items()}
    wear = Forced()
    made.inject(fault, device, {**params, **given}, wear)
    return wear


@functools.cache
def healthy() -> np.ndarray:
    made = twin()
    go(made, WARM_UP)
    return go(made, REPORTS)


def faulted(fault: str, **given: float) -> np.ndarray:
    made = twin()
    go(made, WARM_UP)
    inject(made, fault, given)
    return go(made, REPORTS)


def worn(component: str, damage: float, rise: float = 0.0) -> np.ndarray:
    made = twin()
    go(made, WARM_UP)
    made.set_wear(0, component, damage=damage, rise=rise)
    return go(made, REPORTS)


def moved(seen: np.ndarray, device: int) -> set[str]:
    """Channels of a device that differ from the healthy run anywhere."""
    same = (seen == healthy()) | (np.isnan(seen) & np.isnan(healthy()))
    return {name for index, name in enumerate(SIGNALS) if not same[:, device, index].all()}


def ratio(seen: np.ndarray, name: str, device: int = 0) -> float:
    """Mean over the healthy mean."""
    index = SIGNALS.index(name)
    return float(np.nanmean(seen[:, device, index]) / np.nanmean(healthy()[:, device, index]))


def running_flow(seen: np.ndarray, device: int = 0) -> float:
    """Flow while running over the healthy one."""
    flow, share = SIGNALS.index("flow_m3_h"), SIGNALS.index("run_share")

    def of(run: np.ndarray) -> float:
        return float(run[:, device, flow].sum() / run[:, device, share].sum())

    return of(seen) / of(healthy())


# fault, parameters, what may move at the pump, at its neighbour, and how much what moves
CASES = {
    "imbalance": (
        {"ratio": 2.5}, {"vibration_mm_s"}, set(), {"vibration_mm_s": (2.4, 2.6)},
    ),
    "misalignment": (
        {}, {"vibration_mm_s", "bearing_temp_c"}, set(),
        {"vibration_mm_s": (1.5, 1.7), "bearing_temp_c": (1.01, 1.3)},
    ),
    "clog": (
        {"size": 0.6, "self_clean": 0.0}, LOAD, PACE,
        {"current_a": (0.7, 0.93), "specific_energy_kwh_m3": (1.1, 1.5),
         "vibration_mm_s": (1.1, 1.6), "run_share": (1.2, 2.2), "station_flow_m3_h": (0.99, 1.01)},
    ),
    "valve_closing": (
        {"loss_pct": 5.0}, LOAD, PACE,
        {"vibration_mm_s": (0.98, 1.02), "station_flow_m3_h": (0.99, 1.01),
         "specific_energy_kwh_m3": (1.01, 1.1)},
    ),
    "check_valve_stuck": (
        {"leak_pct": 15.0}, LOAD, PACE,
        {"flow_m3_h": (0.2, 0.8), "vibration_mm_s": (0.99, 1.01), "current_a": (0.99, 1.01),
         "starts": (1.03, 1.5), "station_flow_m3_h": (0.99, 1.01)},
    ),
    "cavitation": (
        {}, LOAD, PACE,
        {"vibration_mm_s": (0.95, 1.15), "current_a": (0.4, 0.9), "run_share": (1.5, 6.0)},
    ),
    "impeller_wear": (
        {"pf_interval": 2.0}, LOAD, PACE,
        {"vibration_mm_s": (0.99, 1.05), "run_share": (1.05, 1.3)},
    ),
    "ring_wear": (
        {"pf_interval": 2.0}, LOAD, PACE,
        {"specific_energy_kwh_m3": (1.015, 1.06), "vibration_mm_s": (0.98, 1.02)},
    ),
    "ragging": (
        {"rags_per_1000_m3": 30.0, "self_clean": 0.0}, LOAD, PACE,
        {"current_a": (0.5, 0.95), "vibration_mm_s": (1.1, 2.5)},
    ),
    "level_drift": ({"mm_per_day": 100.0}, LOAD, LOAD, {"station_flow_m3_h": (0.99, 1.01)}),
    "level_grease": ({"offset_m": 0.3}, LOAD, LOAD, {"station_flow_m3_h": (0.99, 1.01)}),
    "mains_loss": (
        {"lasting": 3.0}, LOAD | {"high_float"}, LOAD | {"high_float"}, {"mains_v": (0.93, 0.97)},
    ),
    "infiltration_storm": (
        {}, LOAD | {"high_float", "rain_mm_h"}, LOAD | {"high_float", "rain_mm_h"},
        {"station_flow_m3_h": (1.5, 4.0), "current_a": (0.97, 1.03), "vibration_mm_s": (0.97, 1.1)},
    ),
    "cooling_blocked": (
        {"factor": 3.0}, {"motor_temp_c", "insulation_mohm"}, set(), {"motor_temp_c": (1.1, 2.5)},
    ),
    "counter_rollover": (
        {"after_h": 1.0, "after_starts": 20.0}, {"run_hours_h", "starts"}, set(), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", CASES)
def test_a_fault_moves_the_channels_that_physics_touches_in_the_stated_size(fault: str) -> None:
    given, at_pump, beside, sizes = CASES[fault]
    seen = faulted(fault, **given)
    assert moved(seen, 0) - at_pump == set()
    assert moved(seen, 0) >= set(sizes) - {"station_flow_m3_h"}
    assert moved(seen, 0)
    for name in moved(seen, 1) - beside:  # at other times, or both on one main
        assert ratio(seen, name, 1) == pytest.approx(1.0, abs=0.05), name
    assert moved(seen, 2) | moved(seen, 3) == set()  # another station
    for name, (low, high) in sizes.items():
        assert low <= ratio(seen, name) <= high, name


def test_every_fault_of_the_manifest_has_a_test_of_its_size() -> None:
    forced = {"bearing_wear", "seal_leak", "winding_decay"}
    assert set(CASES) | forced == set(PUMP.faults)


@pytest.mark.parametrize(
    ("fault", "component"),
    [("bearing_wear", "bearing"), ("seal_leak", "seal"), ("winding_decay", "winding")],
)
def test_a_fault_of_a_component_with_a_drawn_life_forces_that_life(
    fault: str, component: str
) -> None:
    wear = inject(twin(), fault, {"onset": 2.0, "pf_interval": 100.0}, device=3)
    assert wear.asked == [(3, component, 7_200_000, 360_000_000)]


def test_a_failing_bearing_shows_in_vibration_and_late_in_temperature() -> None:
    seen = worn("bearing", 0.8, rise=3.0)
    assert moved(seen, 0) == {"vibration_mm_s", "bearing_temp_c"}
    assert moved(seen, 1) == set()
    assert 2.3 < ratio(seen, "vibration_mm_s") < 3.0
    assert 1.0 < ratio(seen, "bearing_temp_c") < 1.4


def test_a_seal_leaks_into_the_oil_first_and_into_the_stator_at_its_end() -> None:
    early, late = worn("seal", 0.6), worn("seal", 0.99)
    assert moved(early, 0) == {"oil_water_pct", "seal_leak"}
    shown = {"oil_water_pct", "seal_leak", "stator_leak", "insulation_mohm"}
    assert shown <= moved(late, 0) <= shown | LOAD  # it stands: its protection stopped it
    assert ratio(late, "insulation_mohm") < 0.05
    assert ratio(late, "flow_m3_h") == 0.0
    assert moved(late, 1) <= LOAD
    assert ratio(late, "station_flow_m3_h", 1) == pytest.approx(1.0, abs=0.01)
    assert moved(worn("seal", 0.2), 0) == {"oil_water_pct"}


def test_a_winding_that_decays_shows_in_its_insulation_only() -> None:
    seen = worn("winding", 0.9)
    assert moved(seen, 0) == {"insulation_mohm"}
    assert 0.0005 < ratio(seen, "insulation_mohm") < 0.01


def test_a_closing_valve_takes_the_share_of_the_flow_that_was_said() -> None:
    for loss_pct in (0.5, 5.0, 10.0):
        assert running_flow(faulted("valve_closing", loss_pct=loss_pct)) == pytest.approx(
            1.0 - loss_pct / 100.0, abs=0.004
        )


def test_cavitation_takes_more_than_two_fifths_of_the_flow() -> None:
    assert 0.2 < running_flow(faulted("cavitation")) < 0.6


def test_rags_of_the_second_kind_leave_the_flow_and_take_power() -> None:
    seen = faulted("clog", size=0.6, mode=2.0, self_clean=0.0)
    assert running_flow(seen) == pytest.approx(1.0, abs=1e-9)
    assert 1.15 < ratio(seen, "current_a") < 1.4
    assert "flow_m3_h" not in moved(seen, 0)


def test_a_start_or_running_backwards_throws_rags_off() -> None:
    made = twin()
    inject(made, "clog", {"self_clean": 0.2})
    go(made, REPORTS)
    assert made.ills.clog[0, 0] == 0.0
    inject(made, "clog", {"self_clean": 0.0})
    tries = 0
    while made.ills.clog[0, 0] > 0.1:
        assert made.command(0, "reverse", {}) is None
        tries += 1
        go(made, 1)
    assert 1 <= tries < 10


def test_counters_roll_over_where_they_are_full() -> None:
    seen = faulted("counter_rollover", after_h=1.0, after_starts=20.0)
    for name, register in (("run_hours_h", 1.0), ("starts", 20.0)):
        column = seen[:, 0, SIGNALS.index(name)]
        plain = healthy()[:, 0, SIGNALS.index(name)]
        falls = np.flatnonzero(np.diff(column) < 0.0)
        assert len(falls) >= 1
        assert column[falls[0] + 1] < 0.5 * register + 5.0
        assert column[: falls[0] + 1] == pytest.approx(plain[: falls[0] + 1])


def test_pumps_stand_while_the_mains_are_gone_and_the_float_comes_up() -> None:
    seen = faulted("mains_loss", lasting=3.0)
    dead = seen[:, 0, SIGNALS.index("mains_v")] == 0.0
    assert 17 <= dead.sum() <= 19
    assert seen[dead][1:, :2, SIGNALS.index("running")].sum() == 0.0
    after = np.flatnonzero(dead)[-1] + 1
    assert seen[after : after + 3, :2, SIGNALS.index("run_share")].max() > 0.5


def test_the_control_believes_a_sensor_that_shows_too_much() -> None:
    made = twin()
    inject(made, "level_grease", {"offset_m": 0.3, "lasting": 1000.0})
    levels = []
    for _ in range(REPORTS):
        shown = go(made, 1)[0, 0, 0]
        levels.append(made.truth()["level_m"][0])
        assert shown == pytest.approx(levels[-1] + 0.3)
    assert 0.19 < min(levels) < 0.4
    assert max(levels) < 1.25


def test_rags_double_the_hazard_of_the_bearing_and_a_rest_ages_the_seal() -> None:
    made = twin()
    assert made.command(1, "stop", {}) is None
    inject(made, "clog", {"size": 0.6, "self_clean": 0.0})
    go(made, 144 * 14)
    assert made.stress("bearing").tolist() == [2.0, 1.0, 1.0, 1.0]
    seal = made.stress("seal")
    assert seal[1] > 2.5  # S11: standby seals live 7,900 h, running ones 28,900 h
    assert seal[2] == pytest.approx(1.0, abs=0.05)


def test_a_visit_takes_rags_imbalance_and_a_crooked_seat_away_but_no_wear() -> None:
    made = twin()
    for fault in ("clog", "imbalance", "misalignment"):
        inject(made, fault, {})
    inject(made, "impeller_wear", {"pf_interval": 1.0})
    go(made, REPORTS)
    before = made.grinding["impeller"].damage(0)
    made.maintain(0, "adjust", "impeller")
    ills = made.ills
    assert ills.clog[0, 0] == ills.imbalance[0, 0] == ills.misaligned[0, 0] == 0.0
    assert made.grinding["impeller"].damage(0) == before > 0.5
    made.grinding["impeller"].renew(0, 2)
    assert made.grinding["impeller"].damage(0) == 0.0


def test_a_twin_goes_on_exactly_as_the_one_it_was_saved_from() -> None:
    made = twin()
    for fault in ("ragging", "level_drift", "check_valve_stuck", "counter_rollover"):
        inject(made, fault, {})
    go(made, 50)
    made.advance(made.now_ms + 200_000)
    inject(made, "clog", {}, device=2)
    other = twin()
    other.load(unpack(pack(made.dump())))
    made.advance(made.now_ms + 400_000)
    other.advance(other.now_ms + 400_000)
    np.testing.assert_array_equal(other.measure(), made.measure())
    np.testing.assert_array_equal(go(other, 200), go(made, 200))
