"""The formulas of the unit, its rooms and its radio, on a small fleet without any world."""

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from twins.core.streams import Streams, keys
from twins.core.twin import Build
from twins.products import catalog
from twins.products.ventilation import fan_kernels, model, room_kernels
from twins.products.ventilation.air import Air
from twins.products.ventilation.fan_kernels import DUCT_SET_PA, EXTRACT, EXTRACT_SHARE, SUPPLY
from twins.products.ventilation.filters import BYPASS, CLEAN_PA, Filters
from twins.products.ventilation.mesh import Mesh
from twins.products.ventilation.mesh_kernels import count_single
from twins.products.ventilation.room_kernels import UnitColumns
from twins.products.ventilation.rooms import Rooms
from twins.products.ventilation.twin import VentilationTwin

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000  # a Monday


def twin(units: int = 2, *, every_ms: int = HOUR, start_ms: int = START, **params: float) -> Any:
    """A fleet's physics without devices, sensors and people."""
    values = {name: param.default for name, param in catalog()["ventilation"].params.items()}
    build = Build(
        sites=tuple(f"building-{i:02}" for i in range(1, units + 1)),
        devices=tuple(f"ahu-{i:02}-1" for i in range(1, units + 1)),
        devices_per_site=1,
        report_every_ms=every_ms,
        start_ms=start_ms,
        params=values | {"rooms": 20.0} | params,
        streams=Streams(5),
    )
    return VentilationTwin(build)


def air(*, load: float = 0.0, fixed_speed: float = 0.0, belt: bool = False) -> Air:
    """One unit of 20 rooms with a given share of dust in its filters."""
    filters = Filters(("a",), Streams(1), capacity_g=(100.0, 36.0))
    filters.load[:] = load
    return Air(
        design_m3_s=1.39, filters=filters, healthy_mm_s=np.ones((2, 1)),
        power_factors=np.ones(1), fixed_speed=fixed_speed, belt=belt,
    )  # fmt: skip


def step(made: Air, x: float, *, ice: float = 0.0) -> Air:
    """One step at a wanted flow."""
    made.step(
        np.array([x]), on=np.array([True]), dt_s=300.0,
        ice=np.array([ice]), dust_ug_m3=np.zeros(1),
    )  # fmt: skip
    return made


def test_a_fan_at_any_speed_gives_what_its_curve_and_the_duct_allow() -> None:
    """Far overloaded filters, or a held speed: flow and duct pressure fall together."""
    for made in (step(air(load=1.6), 1.0), step(air(fixed_speed=0.6), 1.0)):
        for row, fan in enumerate((SUPPLY, EXTRACT)):
            x, n, wanted = made.x[row, 0], made.n[row, 0], (1.0, EXTRACT_SHARE)[row]
            duct_pa = DUCT_SET_PA * (x / wanted) ** 2
            need_pa = duct_pa + fan.duct_pa * x * x + made.pa[row, 0]
            assert need_pa == pytest.approx(fan.shutoff_pa * n * n - fan.curve_pa * x * x, rel=1e-6)
        assert made.duct_pa[0] == pytest.approx(DUCT_SET_PA * made.x[0, 0] ** 2)
        assert 0.2 < made.x[0, 0] < 0.95


def test_below_full_speed_the_fans_hold_the_duct_pressure() -> None:
    made = step(air(), 0.6)
    assert made.x[:, 0] == pytest.approx([0.6, 0.6 * EXTRACT_SHARE])
    assert made.duct_pa[0] == pytest.approx(DUCT_SET_PA)
    assert np.all(made.n < 1.0)


def test_power_on_demand_control_follows_flow_less_than_cubed() -> None:
    """A held duct pressure leaves Q^1.8-2.5 near design flow (section 1B)."""
    x = np.array([0.7, 0.8, 0.9, 1.0])
    kw = [step(air(), value).kw[0] for value in x]
    assert 1.8 < np.polyfit(np.log(x), np.log(kw), 1)[0] < 2.5


def test_a_clean_unit_needs_the_fan_power_of_its_commissioning_at_any_flow() -> None:
    """V9: only then does a quarter more say that something is wrong."""
    for options in ({}, {"belt": True}, {"fixed_speed": 0.6}):
        for x in (0.25, 0.5, 0.9):
            made = air(**options)
            made.filters.clean_pa[:, 0] = CLEAN_PA
            step(made, x)
            sfp = 1000.0 * made.kw / (made.x[0] * made.design_m3_s)
            assert made.clean_sfp(made.x[0]) == pytest.approx(sfp, rel=0.01)
    dirty = step(air(load=1.3), 0.9)
    sfp = 1000.0 * dirty.kw / (dirty.x[0] * dirty.design_m3_s)
    assert np.all(sfp > 1.25 * dirty.clean_sfp(dirty.x[0]))


def test_loaded_filters_cost_speed_power_and_vibration() -> None:
    clean, dirty = step(air(), 0.8), step(air(load=1.0), 0.8)
    for name in ("n", "mm_s", "pa"):
        assert np.all(getattr(dirty, name) > getattr(clean, name))
    assert dirty.kw[0] > 1.1 * clean.kw[0]


def test_a_slipping_belt_costs_power_and_not_flow() -> None:
    """97 % efficient when good, 80 % at 8 % slip (S13)."""
    good, bad = air(belt=True), air(belt=True)
    bad.slip[0] = 0.08
    for made in (good, bad):
        step(made, 0.8)
    assert np.array_equal(good.x, bad.x)
    direct = step(air(), 0.8).kw[0]
    assert direct < good.kw[0] < bad.kw[0]
    found = [fan_kernels.belt_efficiency(slip) for slip in (0.0, 0.015, 0.04, 0.08, 0.5)]
    assert found == pytest.approx([1.0, 0.97, 0.92, 0.80, 0.40])


def test_ice_costs_pressure_on_the_extract_side_first() -> None:
    free, iced = step(air(), 0.8), step(air(), 0.8, ice=0.5)
    assert iced.kw[0] > free.kw[0]
    assert iced.n[0, 0] == free.n[0, 0]
    assert iced.n[1, 0] > free.n[1, 0]


def test_imbalance_grows_with_dust_and_moves_vibration_only() -> None:
    """Vibration of imbalance goes with the square of speed."""
    plain, rough = air(fixed_speed=0.5), air(fixed_speed=0.5)
    rough.imbalance_mm_s[0] = 4.0
    for made in (plain, rough):
        step(made, 1.0)
    assert rough.mm_s[0, 0] == pytest.approx(0.5 * np.hypot(1.0, 0.5 * 4.0))
    assert plain.mm_s[0, 0] == pytest.approx(0.5)
    assert np.array_equal(plain.x, rough.x)
    assert np.array_equal(plain.kw, rough.kw)
    made = twin(1, dust_ug_m3=1000.0)
    made.advance(START + 5 * DAY)
    assert np.all(made.air.imbalance_mm_s > 0.0)


def test_a_changed_filter_begins_clean_and_few_are_badly_seated() -> None:
    made = Filters(("a",), Streams(2), capacity_g=(100.0, 36.0))
    made.load[:] = np.array([[120.0], [10.0]]) / made.capacity_g
    before = made.load.copy()
    seen = []
    for life in range(2, 502):
        made.renew(0, 0, life)
        seen.append(made.design_pa()[0, 0] / CLEAN_PA[0])
    low = np.array(seen) < 0.6
    assert before[0, 0] > 0.8
    assert made.load[1, 0] == before[1, 0]
    assert 0.005 < low.mean() < 0.04
    assert np.all(np.abs(np.array(seen)[~low] - 1.0) < 0.1)
    assert np.mean(np.array(seen)[low]) == pytest.approx(BYPASS, abs=0.03)


def test_the_closed_form_of_co2_is_what_small_steps_come_to() -> None:
    """With recirculated air, too."""
    leak_m3_s = room_kernels.LEAK_1_S * room_kernels.ROOM_M3
    for ppm, persons, flow, inlet in (
        (600.0, 3.0, 0.03, 480.0), (420.0, 0.0, 0.05, 480.0), (900.0, 5.0, 0.0, 420.0),
    ):  # fmt: skip
        slow = ppm
        for _ in range(9000):
            change = persons * room_kernels.PERSON_PPM_M3_S - flow * (slow - inlet)
            change -= leak_m3_s * (slow - room_kernels.OUTDOOR_PPM)
            slow += 0.1 * change / room_kernels.ROOM_M3
        left = room_kernels.left_after(flow, 900.0)
        exact = room_kernels.co2_after(ppm, persons, flow, left, inlet)
        assert exact == pytest.approx(slow, rel=1e-4)


def test_gusts_have_mean_zero_and_variance_one() -> None:
    words = keys(f"gust-{number}" for number in range(4000))
    gusts = [room_kernels.gust(word) for word in words]
    assert np.mean(gusts) == pytest.approx(0.0, abs=0.05)
    assert np.var(gusts) == pytest.approx(1.0, abs=0.07)


def still(units: int) -> UnitColumns:
    """Units that stand."""
    nobody, one = np.zeros(units, dtype=np.bool_), np.ones(units)
    return UnitColumns(nobody, ~nobody, 800.0 * one, one, one)


def test_an_occupied_run_lasts_about_an_hour() -> None:
    """Median 1 h (M:windesheim)."""
    rooms = Rooms(tuple("abcdef"), 20, Streams(3))
    units = still(6)
    runs: list[int] = []
    length = np.zeros(rooms.persons.shape, dtype=int)
    for number in range(4 * 288):
        rooms.step(number, START + number * 300_000, dt_s=300.0, units=units)
        present = rooms.persons > 0
        runs += length[~present & (length > 0)].tolist()
        length = np.where(present, length + 1, 0)
    assert 0.5 <= np.median(runs) / 12.0 <= 1.75


def test_demand_control_saves_most_of_the_fan_energy_of_constant_volume() -> None:
    """Domain 6.2: at most 60 % of the constant-volume baseline, which the unit counts itself."""
    demand, constant = twin(2), twin(2, demand_control=0.0)
    for made in (demand, constant):
        made.advance(START + 2 * DAY)
    assert np.all(demand.air.energy_kwh < 0.6 * constant.air.energy_kwh)
    assert demand.air.baseline_kwh == pytest.approx(constant.air.energy_kwh, rel=0.05)
    assert np.array_equal(demand.rooms.persons, constant.rooms.persons)  # nobody's day changed


def test_dampers_open_with_co2_and_stay_within_their_range() -> None:
    made = twin(1)
    seen = []
    for number in range(1, 3 * 96):
        made.advance(START + number * 900_000)
        opening = made.rooms.opening.copy()
        assert np.all((opening >= room_kernels.DAMPER_MIN) & (opening <= 1.0))
        seen.append((made.rooms.reading_ppm.ravel(), opening.ravel(), made._wants[0]))
    ppm = np.concatenate([row for row, _, on in seen if on])
    opening = np.concatenate([row for _, row, on in seen if on])
    assert opening[ppm < 600].mean() < 0.3
    assert opening[ppm > 850].mean() > 0.4


def test_a_mixing_box_gives_back_what_rooms_breathed() -> None:
    mixed, fresh = twin(1, recovery=2.0), twin(1)
    for made in (mixed, fresh):
        made.advance(START + 15 * HOUR)
    assert mixed.rooms.ppm.mean() > fresh.rooms.ppm.mean() + 20.0
    assert 0.0 < mixed.climate.fresh[0] < 0.9


def test_how_a_span_is_cut_changes_nothing() -> None:
    fine, coarse = twin(2), twin(2)
    for minute in range(7, 2 * 24 * 60, 7):
        fine.advance(START + minute * 60_000)
    for made in (fine, coarse):
        made.advance(START + 2 * DAY)
    assert np.array_equal(fine.measure(), coarse.measure(), equal_nan=True)
    assert np.array_equal(fine.rooms.ppm, coarse.rooms.ppm)
    assert np.array_equal(fine.mesh.parent, coarse.mesh.parent)


def test_a_filter_lasts_about_a_year_and_an_extract_filter_nine_months() -> None:
    """Domain 6.2: 6 to 24 months, and 9 months."""
    loads = []
    for eighth in range(8):  # one Monday in every eighth of a year; it works 260 days
        made = twin(6, start_ms=START + round(6.5 * eighth) * 7 * DAY)
        made.advance(made._build.start_ms + DAY)
        loads.append(made.air.filters.load.mean(axis=1))
    supply, extract = 260.0 * np.mean(loads, axis=0)
    assert 0.5 < supply < 2.0
    assert 1.0 < extract < 1.8


def test_the_weather_is_colder_in_winter_and_at_night() -> None:
    year = [model.outdoor_temp_c(START + day * DAY + 15 * HOUR, 8.0) for day in range(365)]
    assert 20.0 < max(year) < 25.0
    assert int(np.argmin(year)) < 60
    night, noon = (model.outdoor_temp_c(START + hour * HOUR, 8.0) for hour in (3, 15))
    assert noon - night == pytest.approx(8.0, abs=0.5)


def test_rising_vibration_of_a_worn_fan_is_monotone_in_damage() -> None:
    made = twin(1)
    levels = []
    for rise in (0.0, 1.0, 3.0, 10.0):
        made.set_wear(0, "extract_fan", damage=0.5, rise=rise)
        levels.append(made.truth()["extract_vibration_mm_s"][0])
    assert all(low < high for low, high in itertools.pairwise(levels))
    assert levels[-1] > 7.1
    assert made.truth()["supply_vibration_mm_s"][0] < 3.0


@pytest.fixture
def mesh() -> Mesh:
    made = Mesh(("a", "b"), 20, Streams(4))
    made.links_dbm[:, 0, 11:] -= 40.0  # the far rooms need a relay
    made.links_dbm[:, 11:, 0] -= 40.0
    for unit in (0, 1):
        made.heal(unit)
    return made


def test_paths_lead_to_the_gateway_over_ever_cheaper_links(mesh: Mesh) -> None:
    """No rings, also after days of fading with nodes that cling to their parents."""
    for hour in range(72):
        mesh.hour(hour, START + (hour + 1) * HOUR)
        at = np.broadcast_to(np.arange(21), mesh.parent.shape)
        for _ in range(20):
            at = np.take_along_axis(mesh.parent, at, axis=1)
        assert np.all(at[mesh.joined] == 0)
    assert np.all(mesh.hops[:, 11:][mesh.joined[:, 11:]] >= 2)
    assert np.all(mesh.delivery[mesh.joined] >= 0.5)


def test_a_link_at_85_dbm_delivers_95_per_cent() -> None:
    """S25; two nodes alone, so that there is no other path."""
    made = Mesh(("a",), 1, Streams(4))
    made.links_dbm[:], made.fade[:] = -85.0, 0.0
    made.heal(0)
    assert made.delivery[0, 1] == pytest.approx(0.95, abs=1e-6)
    made.links_dbm[:] = -96.0
    made.heal(0)
    assert not made.reachable[0, 0]


@pytest.mark.feature("CC24")
def test_the_mesh_heals_around_a_dead_relay(mesh: Mesh) -> None:
    relay = int(mesh.behind[0, 1:].argmax()) + 1
    behind = mesh.parent[0] == relay
    assert behind.any()
    before, other = mesh.path_changes.copy(), mesh.parent[1].copy()
    told = mesh.reachable
    mesh.killed[0, relay] = True
    mesh.heal(0)
    assert told.all(), "whoever was told of it keeps what he was told"
    assert mesh.lost[0] == np.count_nonzero(~mesh.reachable[0]) > 0
    assert not np.any(mesh.parent[0][mesh.joined[0]] == relay)
    assert mesh.path_changes[0] >= before[0] + behind.sum()
    assert np.array_equal(mesh.parent[1], other)
    assert mesh.path_changes[1] == before[1]
    assert not mesh.reachable[0, relay - 1]
    mesh.new_battery(0, relay - 1, 2)
    mesh.heal(0)
    assert mesh.reachable[0, relay - 1]
    assert mesh.lost[0] == 0


def test_relays_empty_their_cells_first() -> None:
    """5.0 to 16.8 years (S25)."""
    made = Mesh(tuple("abcd"), 20, Streams(4))
    for hour in range(240):
        made.hour(hour, START + (hour + 1) * HOUR)
    years = 240.0 / 8766.0 / (made.used * made.charge)[:, 1:]
    assert years.max() == pytest.approx(16.8, rel=0.01)
    assert 3.5 < years.min() < 12.0
    volts = [made.battery_v()[0, 0]]
    for used in (0.5, 0.95, 1.0):
        made.used[0, 1] = used
        volts.append(made.battery_v()[0, 0])
    assert volts == sorted(volts, reverse=True)
    assert volts[-1] < 2.4


def reached(links: NDArray[np.bool_], without: int) -> set[int]:
    """Who has a way to the gateway when one node is dead (-1: none)."""
    found, front = {0}, [0]
    while front:
        for other in np.flatnonzero(links[front.pop()]).tolist():
            if other not in found and other != without:
                found.add(other)
                front.append(other)
    return found


def test_nodes_with_one_way_are_those_that_another_nodes_death_cuts_off() -> None:
    """The oracle lets every node die in turn; thick and thin meshes, some with lost nodes."""
    rng, seen = np.random.default_rng(5), set()
    for number in range(60):
        upper = np.triu(rng.random((12, 12)) < 0.1 + 0.005 * number, 1)
        links = upper | upper.T
        whole = reached(links, -1)
        cut = set().union(*(whole - reached(links, dead) - {dead} for dead in range(1, 12)))
        assert count_single(np.where(links, -60.0, -np.inf)) == len(cut)
        seen.add(len(cut))
    assert {0, 1, 5} <= seen
