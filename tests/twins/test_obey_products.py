"""What pumps, units and bins make of settings and interlocks: physics follows, safety wins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from broker.wire.messages import Command, CommandAck, Telemetry
from twins.core.ports import Truth
from twins.core.spec import LICENCE_KEY, FleetSpec, WorldSpec
from twins.core.unlock import Licence, sign
from twins.products import catalog
from twins.world import World

HOUR = 3_600_000
START = 1_767_571_200_000


class Site:
    """One site of one product, spoken to over the wire."""

    def __init__(self, product: str, **params: float) -> None:
        fleet = FleetSpec(product=product, report_every_ms=600_000, params=params)
        self.spec = WorldSpec(start_ms=START, fleets=(fleet,))
        self.world = World(self.spec, seed=7)
        self.world.start()
        self.site = next(iter(self.world.sites))
        self.first, self.second = self.world.sites[self.site][:2]
        self.truths: list[Truth] = []
        self.ids = 0

    def run(self, hours: float) -> list[Telemetry]:
        """What the first device says meanwhile."""
        step = self.world.run_until(self.world.now_ms + round(hours * HOUR))
        self.truths += step.truths
        said = [message for _, message in step.messages if message.device == self.first]
        return [message for message in said if isinstance(message, Telemetry)]

    def tell(self, name: str, /, device: str = "", **args: Any) -> CommandAck:
        self.ids += 1
        command = Command(
            command_id=f"c{self.ids}",
            device=device or self.first,
            name=name,
            args=args,
            issued_ms=self.world.now_ms,
            expires_ms=self.world.now_ms + HOUR,
        )
        [(_, ack)] = self.world.obey(self.site, command)
        assert isinstance(ack, CommandAck)
        return ack

    def unlock(self, feature: str) -> None:
        ends_ms = self.world.now_ms + 1000 * HOUR
        token = sign(LICENCE_KEY, Licence(self.first, feature, ends_ms, 1))
        assert self.tell("unlock_feature", token=token).status == "done"

    def edges(self, interlock: str) -> Iterator[str]:
        for truth in self.truths:
            if truth.data.get("interlock") == interlock and truth.subject == self.first:
                yield truth.kind


def settings(ack: CommandAck) -> dict[str, float]:
    assert ack.status == "done", ack.detail
    found: dict[str, float] = json.loads(ack.detail)["settings"]
    return found


@pytest.mark.parametrize("product", sorted(catalog()))
def test_every_declared_setting_has_a_default_within_its_range(product: str) -> None:
    made = catalog()[product]
    for name, spec in made.obeys.settings.items():
        default = made.params[spec.param].default if spec.param else spec.default
        assert spec.min <= default <= spec.max, name


def test_a_station_works_between_the_levels_it_was_told_whichever_pump_heard_them() -> None:
    site = Site("pump")
    assert "is locked" in site.tell("set_settings", start_level_m=1.9).detail
    site.unlock("remote_levels")
    crossed = site.tell("set_settings", start_level_m=1.0, stop_level_m=0.9)
    assert crossed.detail == "stop_level_m 0.9 must be 0.3 m below start_level_m 1"
    site.run(6)
    before = [message.signals["level_m"] for message in site.run(24)]
    site.tell("set_settings", start_level_m=2.1, stop_level_m=1.4)
    shared = settings(site.tell("get_settings", site.second))
    assert (shared["start_level_m"], shared["stop_level_m"]) == (2.1, 1.4)
    site.run(6)
    restored = World.restore(site.spec, seed=7, data=site.world.snapshot())
    after = site.run(24)
    levels = [message.signals["level_m"] for message in after]
    assert min(before) < 1.0
    assert max(before) < 1.8
    assert min(levels) > 1.3
    assert max(levels) > 1.8
    again = [m for _, m in restored.run_until(site.world.now_ms).messages if m.device == site.first]
    assert again == after


def test_the_high_level_float_keeps_pumps_from_being_stopped_from_afar() -> None:
    site = Site("pump")
    for device in (site.first, site.second):
        assert site.tell("stop", device).status == "done"
    while "interlock.tripped" not in site.edges("high_level_float"):
        [said] = site.run(1 / 6)
        assert site.world.now_ms < START + 6 * HOUR
    assert said.signals["running"] == 1.0, "nobody said start"
    refused = site.tell("stop", site.second)
    assert refused.status == "refused"
    assert "blocked by the interlock 'high_level_float'" in refused.detail
    assert "no update while" in site.tell("update_firmware", version="1.1.0").detail
    while "interlock.cleared" not in site.edges("high_level_float"):
        site.run(1 / 6)
        assert site.world.now_ms < START + 8 * HOUR
    assert site.tell("stop").status == "done"
    site.run(24)
    assert site.world.sample_truth()[0].signals["spilled_m3"] == 0.0


def test_a_unit_keeps_the_air_and_the_hours_it_was_told() -> None:
    site = Site("ventilation")
    assert settings(site.tell("get_settings"))["co2_setpoint_ppm"] == 800.0
    assert site.tell("set_co2_setpoint", ppm=650).status == "done"
    assert settings(site.tell("get_settings", name="co2_setpoint_ppm")) == {
        "co2_setpoint_ppm": 650.0
    }
    reversed_hours = site.tell("set_settings", start_h=20, stop_h=8)
    assert reversed_hours.detail == "start_h 20 must be before stop_h 8"
    site.tell("set_settings", start_h=0, stop_h=24)
    night = site.run(4)
    assert all(message.signals["supply_flow_m3_h"] > 0.0 for message in night[1:])


def test_smoke_holds_a_unit_whatever_is_asked_and_updates_wait() -> None:
    site = Site("ventilation")
    site.run(10)
    site.world.inject("smoke_alarm", site.first, {"duration": 2.0})
    site.run(1)
    refused = site.tell("start")
    assert refused.detail == "blocked by the interlock 'smoke' (Smoke detector)"
    assert "no update while smoke" in site.tell("update_firmware", version="1.1.0").detail
    site.run(3)
    assert list(site.edges("smoke")) == ["interlock.tripped", "interlock.cleared"]
    assert site.tell("start").status == "done"


def test_a_bin_presses_as_often_as_its_threshold_says_once_that_is_paid_for() -> None:
    strokes = []
    for loose_l in (25.0, 60.0):
        site = Site("bin")
        assert "is locked" in site.tell("set_settings", compact_loose_l=loose_l).detail
        site.unlock("adaptive_compaction")
        assert settings(site.tell("set_settings", compact_loose_l=loose_l)) == {
            "compact_loose_l": loose_l
        }
        strokes.append(site.run(7 * 24)[-1].signals["compactions"])
    assert 0 < strokes[1] < 0.7 * strokes[0]


def test_a_burning_bin_lets_nobody_start_its_ram() -> None:
    site = Site("bin")
    site.tell("inhibit_compaction")
    site.world.inject("fire", site.first, {})
    site.run(1)
    refused = site.tell("allow_compaction")
    assert refused.status == "refused"
    assert "blocked by the interlock 'fire' (Fire, above 70 degC inside)" in refused.detail
    assert next(site.edges("fire")) == "interlock.tripped"
