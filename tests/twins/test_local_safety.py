"""What devices do by themselves: no service, no link, and no command that could change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from broker.wire.messages import Command, CommandAck, Telemetry
from twins.core.ports import Truth
from twins.core.spec import LICENCE_KEY, FieldSpec, FleetSpec, WorldSpec
from twins.core.state import pack, unpack
from twins.core.streams import Streams
from twins.core.twin import Build
from twins.core.unlock import Licence, sign
from twins.products import catalog
from twins.products.bin.kernels import is_quiet
from twins.products.pump.model import Plant, cheapest_speed
from twins.products.pump.switching import RESET_C, TRIP_C
from twins.products.pump.twin import PumpTwin
from twins.products.ventilation.fan_kernels import STANDBY_KW
from twins.world import World

HOUR = 3_600_000
START = 1_767_571_200_000  # Monday 2026-01-05 00:00 UTC
PLANT = Plant()


class Alone:
    """One site without a service whose modems hang from the begin: nobody hears, nobody says."""

    def __init__(
        self, product: str, *, away: bool = True, devices: int = 2, **params: float
    ) -> None:
        fleet = FleetSpec(
            product=product, devices_per_site=devices, report_every_ms=600_000, params=params
        )
        spec = WorldSpec(start_ms=START, fleets=(fleet,), field=FieldSpec(service=False))
        self.world = World(spec, seed=7)
        self.world.start()
        self.fleet = self.world.fleets[0]
        self.site = next(iter(self.world.sites))
        self.devices = [d for d in self.world.sites[self.site] if self.world.devices[d] == product]
        self.truths: list[Truth] = []
        self.heard, self.ids = 0, 0
        if away:
            for device in self.devices:
                self.world.inject("modem_outage", device, {"lasting": 5000.0})

    def run(self, hours: float) -> list[dict[str, float]]:
        """True values of the first device every ten minutes."""
        rows = []
        for _ in range(round(6 * hours)):
            step = self.world.run_until(self.world.now_ms + HOUR // 6)
            self.truths += step.truths
            self.heard += sum(isinstance(message, Telemetry) for _, message in step.messages)
            rows.append(self.truth())
        return rows

    def truth(self, device: int = 0) -> dict[str, float]:
        fleet = self.fleet
        return {
            name: float(column[fleet.index[self.devices[device]]])
            for name, column in fleet.twin.truth().items()
        }

    def tell(self, name: str, device: int = 0, **args: Any) -> CommandAck:
        self.ids += 1
        command = Command(
            command_id=f"c{self.ids}", device=self.devices[device], name=name, args=args,
            issued_ms=self.world.now_ms, expires_ms=self.world.now_ms + HOUR,
        )  # fmt: skip
        [(_, ack)] = self.world.obey(self.site, command)
        assert isinstance(ack, CommandAck)
        return ack

    def unlock(self, feature: str, *, hours: float, device: int = 0) -> None:
        ends_ms = self.world.now_ms + round(hours * HOUR)
        token = sign(LICENCE_KEY, Licence(self.devices[device], feature, ends_ms, 1))
        assert self.tell("unlock_feature", device, token=token).status == "done"

    def edges(self, interlock: str, device: int = 0) -> list[str]:
        return [
            truth.kind.removeprefix("interlock.")
            for truth in self.truths
            if truth.data.get("interlock") == interlock and truth.subject == self.devices[device]
        ]


def test_a_station_with_a_dead_level_sensor_never_spills_the_float_starts_its_pumps() -> None:
    alone = Alone("pump")
    alone.world.inject("level_drift", alone.devices[0], {"mm_per_day": -500.0})
    rows = alone.run(66)
    assert alone.heard == 0
    assert rows[-1]["spilled_m3"] == 0.0
    assert max(row["level_m"] for row in rows[-108:]) > 2.2  # it does come up to the float
    assert "tripped" in alone.edges("high_level_float")


def test_a_sensor_that_shows_far_too_much_stops_at_the_dry_run_probe_and_starts_by_level() -> None:
    alone = Alone("pump")
    alone.world.inject("level_grease", alone.devices[0], {"offset_m": 0.9, "lasting": 48.0})
    rows = alone.run(48)
    levels = [row["level_m"] for row in rows]
    assert min(levels) >= PLANT.dry_m - 1e-9
    assert max(levels) < PLANT.float_m
    assert alone.edges("dry_run")[:2] == ["tripped", "cleared"], "it goes on after a rest"
    assert rows[-1]["energy_kwh"] > rows[len(rows) // 2]["energy_kwh"] > 0.0
    alone.run(24)
    assert alone.edges("dry_run")[-1] == "cleared"


def station(pumps: int, inflow_l_s: float) -> PumpTwin:
    """One station, watched in the physics; much more water than in its default."""
    product = catalog()["pump"]
    params = {name: param.default for name, param in product.params.items()}
    params |= {"inflow_l_s": inflow_l_s, "diurnal_stretch": 0.0, "season_swing": 0.0}
    return PumpTwin(
        Build(
            sites=("s-1",), devices=tuple(f"p-{n}" for n in range(pumps)), devices_per_site=pumps,
            report_every_ms=600_000, start_ms=START, params=params, streams=Streams(3),
        )
    )  # fmt: skip


def go(made: PumpTwin, reports: int) -> list[Mapping[str, Any]]:
    rows = []
    for _ in range(reports):
        made.advance(made.now_ms + 600_000)
        made.measure()
        rows.append({**made.truth(), **made.states()})
    return rows


def hot(made: PumpTwin, factor: float = 8.0) -> PumpTwin:
    made.inject("cooling_blocked", 0, {"factor": factor}, None)  # type: ignore[arg-type]
    return made


def test_a_hot_motor_trips_cools_down_and_starts_again_and_its_standby_carries_on() -> None:
    made = hot(station(2, 18.0), factor=8.0)
    rows = go(made, 144)
    temps = np.array([row["motor_temp_c"][0] for row in rows])
    tripped = np.array([row["motor_overtemp"][0] for row in rows])
    assert TRIP_C - 25.0 < temps.max() < TRIP_C + 10.0  # looked at once a minute
    assert tripped.any()
    assert not tripped.all()
    assert not any(row["motor_overtemp"][1] for row in rows)
    assert rows[-1]["spilled_m3"][0] == 0.0
    assert max(row["level_m"][0] for row in rows) < PLANT.float_m


def test_the_third_trip_within_an_hour_latches_until_somebody_comes() -> None:
    made = hot(station(1, 60.0), factor=9.0)
    rows = go(made, 24)
    assert rows[-1]["motor_overtemp"][0]
    assert rows[-1]["motor_temp_c"][0] < RESET_C - 20.0, "cool, and still off"
    assert made.in_service(0), "nobody told it to stop"
    saved = unpack(pack(made.dump()))
    other = station(1, 60.0)
    other.load(saved)
    np.testing.assert_array_equal(go(made, 3)[-1]["energy_kwh"], go(other, 3)[-1]["energy_kwh"])
    made.maintain(0, "clean", "impeller")
    kwh = rows[-1]["energy_kwh"][0]
    assert go(made, 12)[-1]["energy_kwh"][0] > kwh + 1.0
    assert not made.states()["motor_overtemp"][0]


def test_water_in_the_stator_stops_the_pump_and_nobody_starts_it_from_afar() -> None:
    alone = Alone("pump", away=False)
    twin = alone.fleet.twin
    alone.run(6)
    twin.set_wear(0, "seal", damage=0.96, rise=0.0)
    before = alone.truth()["energy_kwh"]
    alone.run(12)
    assert alone.truth()["energy_kwh"] == before
    assert alone.truth(1)["energy_kwh"] > 5.0, "the standby works for both"
    for command in ("start", "reverse"):
        refused = alone.tell(command)
        assert refused.status == "refused"
        assert "blocked by the interlock 'stator_leak' (Water in the stator" in refused.detail
    twin.set_wear(0, "seal", damage=0.0, rise=0.0)
    alone.run(6)
    assert alone.truth()["energy_kwh"] > before
    assert alone.edges("stator_leak") == ["tripped", "cleared"]


@pytest.mark.feature("CC9")
def test_smoke_stops_the_fans_while_nobody_hears() -> None:
    alone = Alone("ventilation", devices=1, rooms=2.0, start_h=0.0, stop_h=24.0)
    alone.run(2)
    alone.world.inject("smoke_alarm", alone.devices[0], {"duration": 2.0})
    start = alone.truth()["energy_kwh"]
    alone.run(2)
    standby = alone.truth()["energy_kwh"] - start
    alone.run(2)
    assert standby == pytest.approx(2.0 * STANDBY_KW)
    assert alone.truth()["energy_kwh"] - start - standby > 1.3 * standby
    assert alone.edges("smoke") == ["tripped", "cleared"]


def test_an_open_door_a_fire_and_a_jam_hold_the_ram_whatever_is_asked() -> None:
    alone = Alone("bin", away=False, throw_l_day=200.0, rounds_per_day=0.0, devices=2)
    twin = alone.fleet.twin
    alone.run(30)
    strokes = twin.uses("drive").copy()  # type: ignore[attr-defined]
    assert (strokes > 0.0).all()
    alone.world.inject("stuck_door", alone.devices[0], {})
    alone.world.inject("fire", alone.devices[1], {"rate": 5.0})
    alone.run(1)
    for device, interlock in ((0, "door_open"), (1, "fire")):
        for command in ("allow_compaction", "reset_jam"):
            assert f"blocked by the interlock {interlock!r}" in alone.tell(command, device).detail
    alone.run(18)
    assert twin.uses("drive")[0] == strokes[0]  # type: ignore[attr-defined]
    assert alone.edges("door_open") == ["tripped"]
    assert alone.edges("fire", 1)[0] == "tripped"


def test_a_jammed_ram_locks_itself_after_three_strokes_while_nobody_hears() -> None:
    alone = Alone("bin", throw_l_day=200.0, rounds_per_day=0.0)
    alone.run(8)
    twin = alone.fleet.twin
    strokes = float(twin.uses("drive")[0])  # type: ignore[attr-defined]
    alone.world.inject("jam", alone.devices[0], {})
    alone.run(40)
    assert float(twin.uses("drive")[0]) == strokes + 3.0  # type: ignore[attr-defined]
    assert alone.edges("jam_lockout") == ["tripped"]
    assert alone.heard == 0


def test_a_ram_rests_in_its_quiet_hours_as_long_as_they_are_paid_for() -> None:
    alone = Alone("bin", away=False, throw_l_day=150.0, round_p0=1.0, throw_spread=0.1)
    twin = alone.fleet.twin
    alone.unlock("compaction_scheduling", hours=49.0)
    assert alone.tell("set_settings", quiet_from_h=18, quiet_to_h=14).status == "done"

    def pressed(hours: float) -> list[float]:
        strokes = []
        for _ in range(round(hours)):
            before = float(twin.uses("drive")[0])  # type: ignore[attr-defined]
            alone.run(1)
            strokes.append(float(twin.uses("drive")[0]) - before)  # type: ignore[attr-defined]
        return strokes

    by_hour = np.array(pressed(48)).reshape(2, 24).sum(axis=0)
    assert by_hour[13:17].sum() > 0.0  # 14 to 18 h, winter time
    assert by_hour.sum() == by_hour[13:17].sum()
    later = np.array(pressed(48)).reshape(2, 24).sum(axis=0)
    assert later.sum() > later[13:17].sum(), "the licence has ended"
    assert '"quiet_from_h":0.0' in alone.tell("get_settings").detail


def test_quiet_hours_go_over_midnight_or_are_none() -> None:
    night, noon = (22.0, 6.0), (12.0, 14.0)
    for hour, (from_h, to_h), quiet in (
        (23.0, night, True), (5.0, night, True), (12.0, night, False), (13.0, noon, True),
        (14.0, noon, False), (0.0, (0.0, 0.0), False),
    ):  # fmt: skip
        assert is_quiet(hour, from_h, to_h) == quiet


def test_levels_of_a_station_fall_back_when_the_last_licence_of_its_pumps_ends() -> None:
    alone = Alone("pump", away=False)
    alone.unlock("remote_levels", hours=10.0)
    alone.unlock("remote_levels", hours=20.0, device=1)
    assert alone.tell("set_settings", start_level_m=1.0).status == "done"
    alone.run(11)
    assert '"start_level_m":1.0' in alone.tell("get_settings").detail, "its neighbour has one"
    high = max(row["level_m"] for row in alone.run(8))
    alone.run(2)
    for device in (0, 1):
        assert '"start_level_m":1.5' in alone.tell("get_settings", device).detail
    assert high < 1.2 < max(row["level_m"] for row in alone.run(12))


def test_a_unit_without_its_licence_gives_every_room_its_design_flow() -> None:
    alone = Alone("ventilation", away=False, devices=1, rooms=4.0, demand_control=0.0)
    alone.run(9)
    alone.unlock("demand_control", hours=4.0)
    assert alone.tell("demand_control").status == "done"
    start = alone.truth()["energy_kwh"]
    alone.run(3)
    saved = alone.truth()["energy_kwh"] - start
    alone.run(2)
    start = alone.truth()["energy_kwh"]
    alone.run(3)
    assert saved < 0.8 * (alone.truth()["energy_kwh"] - start)


@pytest.mark.parametrize(("static_m", "friction_m"), [(11.5, 0.5), (2.0, 10.0)])
def test_the_energy_mode_takes_the_speed_at_which_a_cubic_metre_costs_least(
    static_m: float, friction_m: float
) -> None:
    def kwh_m3(*, saves: bool) -> float:
        alone = Alone(
            "pump", away=False, vfd=1.0, static_head_m=static_m, friction_head_m=friction_m,
            inflow_l_s=8.0,
        )  # fmt: skip
        if saves:
            for device in (0, 1):
                alone.unlock("energy_mode", hours=1000.0, device=device)
        alone.run(48)
        fleet = alone.fleet
        moved = sum(fleet.twin.volume_of(device) for device in (0, 1))  # type: ignore[attr-defined]
        return float(fleet.twin.truth()["energy_kwh"].sum()) / moved

    plain, saving = kwh_m3(saves=False), kwh_m3(saves=True)
    best = cheapest_speed(Plant(static_m=static_m, friction_m=friction_m, drive_efficiency=0.95))
    if static_m > friction_m:
        assert best > 0.9
        assert saving < 0.95 * plain
    else:
        assert best < 0.7
        assert saving == pytest.approx(plain, rel=1e-9), "a converter turns that slowly anyway"


def test_the_bill_has_the_energy_of_pumps_and_of_units_by_kind() -> None:
    fleets = tuple(
        FleetSpec(product=product, devices_per_site=1, report_every_ms=HOUR, params=params)
        for product, params in (("pump", {}), ("ventilation", {"rooms": 2.0}))
    )
    world = World(WorldSpec(start_ms=START, fleets=fleets), seed=7)
    world.start()
    step = world.run_until(START + 8 * 24 * HOUR)
    booked = {t.subject for t in step.truths if t.data.get("what") == "energy"}
    assert booked == {"pump-1", "ventilation-2"}
    kwh = sum(
        float(fleet.twin.truth().get("energy_kwh", np.zeros(1)).sum()) for fleet in world.fleets
    )
    assert world.costs_eur()["energy"] == pytest.approx(0.25 * kwh, abs=0.02)
    assert kwh > 10.0
