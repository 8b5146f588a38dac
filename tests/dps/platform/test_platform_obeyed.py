"""What an operator asks of a device through the API, and what a real twin makes of it."""

from __future__ import annotations

import asyncio
import json

import pytest

from broker.wire import messages as m
from twins.core.spec import LICENCE_KEY, FleetSpec, WorldSpec
from twins.core.unlock import Licence, sign
from twins.products import catalog
from twins.world import World

SITE, DEVICE = "building-01", "ahu-01-1"
MINUTE_MS = 60_000


class Plant:
    """A DPS and a world that hear of each other, minute by minute."""

    def __init__(self, rig, start_ms, until):
        fleet = FleetSpec(
            product="ventilation",
            devices_per_site=1,
            report_every_ms=10 * MINUTE_MS,
            params={"demand_control": 0.0, "rooms": 2.0},
        )
        self.world = World(WorldSpec(start_ms=start_ms, fleets=(fleet,)), seed=3)
        self.rig, self.until, self.heard = rig, until, 0

    async def open(self):
        product = catalog()["ventilation"]
        signals = {
            name: {"unit": spec.unit, "min": spec.min, "max": spec.max}
            for name, spec in product.signals.items()
        }
        model = {"product": "ventilation", "title": product.title, "signals": signals}
        await self.rig.put("/v1/customers/acme", {"name": "Acme"})
        await self.rig.put(f"/v1/sites/{SITE}", {"customer": "acme", "name": SITE})
        await self.rig.put(f"/v1/models/{product.model}", model)
        await self.rig.put(f"/v1/things/{DEVICE}", {"model": product.model, "site": SITE})
        await self._send(self.world.start().messages)
        await self.rig.clock(self.world.now_ms)

    async def run(self, minutes):
        for _ in range(minutes):
            await self._send(self.world.run_until(self.world.now_ms + MINUTE_MS).messages)
            sent = set((await self.rig.clock(self.world.now_ms))["commands"])
            await self.until(lambda sent=sent: sent <= {c.command_id for c in self.rig.down})
            told = [each for each in self.rig.down[self.heard :] if isinstance(each, m.Command)]
            self.heard = len(self.rig.down)
            for command in told:
                await self._send(self.world.obey(SITE, command))

    async def ask(self, name, minutes=2, **args):
        """Ask for something and let a while pass; what the API then says of it."""
        call = {"by": "ada", "name": name, "args": args}
        made = await self.rig.post(f"/v1/things/{DEVICE}/commands", call)
        await self.run(minutes)
        listed = (await self.rig.get(f"/v1/things/{DEVICE}/commands"))["items"]
        return next(each for each in listed if each["id"] == made["id"])

    async def _send(self, messages):
        await self.rig.send(SITE, *(msg for _, msg in messages if msg.device == DEVICE))


@pytest.fixture
def plant(kit):
    """Runs a story with a plant."""

    def run(story):
        async def told():
            async with kit.open_rig(sites=(SITE,)) as rig:
                plant = Plant(rig, kit.START_MS, kit.until)
                await plant.open()
                await story(plant)

        asyncio.run(told())

    return run


def test_an_update_asked_for_through_the_api_is_seen_stage_by_stage_and_ends_in_a_new_birth(plant):
    async def story(plant):
        command = await plant.ask("update_firmware", minutes=6, version="1.1.0")
        assert command["state"] == "CONFIRMED"
        assert json.loads(command["detail"]) == {"stage": "updated", "version": "1.1.0"}
        events = await plant.rig.feed()
        mine = [e for e in events if e["type"].startswith("command.")]
        assert [e["type"] for e in mine[:2]] == ["command.requested", "command.progressed"]
        assert mine[-1]["type"] == "command.confirmed"
        details = [json.loads(e["data"]["detail"]) for e in mine[1:]]
        percents = [said["percent"] for said in details if "percent" in said]
        assert percents == sorted(percents)
        assert percents[0] == 0
        assert percents[-1] == 100
        assert [said["stage"] for said in details[-5:]] == [
            "downloaded", "verified", "updating", "testing", "updated",
        ]  # fmt: skip
        births = [e for e in events if e["type"] == "device.born" and e["subject"] == DEVICE]
        assert [(e["data"]["boot"], e["data"]["firmware"]) for e in births] == [
            (1, "1.0.0"),
            (2, "1.1.0"),
        ]

    plant(story)


def test_a_bad_build_is_rolled_back_and_the_api_says_what_runs(plant):
    async def story(plant):
        command = await plant.ask("update_firmware", minutes=6, version="1.2.0")
        assert command["state"] == "FAILED"
        said = json.loads(command["detail"])
        assert (said["stage"], said["version"]) == ("rolled_back", "1.0.0")
        births = await plant.rig.feed("device.born")
        assert [e["data"]["firmware"] for e in births] == ["1.0.0", "1.2.0", "1.0.0"]

    plant(story)


def test_a_feature_is_refused_until_it_is_paid_for(plant):
    async def story(plant):
        refused = await plant.ask("demand_control")
        assert refused["state"] == "FAILED"
        assert "feature 'demand_control' is locked" in refused["detail"]
        expires_ms = plant.world.now_ms + 3_600_000
        token = sign(LICENCE_KEY, Licence(DEVICE, "demand_control", expires_ms, 1))
        assert (await plant.ask("unlock_feature", token=token))["state"] == "CONFIRMED"
        assert (await plant.ask("demand_control"))["state"] == "CONFIRMED"
        assert (await plant.ask("unlock_feature", token=token))["state"] == "FAILED"

    plant(story)
