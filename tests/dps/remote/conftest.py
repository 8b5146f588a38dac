"""A whole DPS over the memory link, and devices that say and do what a test wants."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from broker.wire import messages as m
from dps_rig import DAY, HOUR, MINUTE, START, Rig, opening

SECOND = 1000
SITE = "site-01"
SIGNALS = {
    name: {"unit": "1", "min": -1000.0, "max": 1000.0} for name in ("speed", "level", "battery")
}
OBEYS = {
    "commands": {
        "turn": {"title": "Turn", "idempotent": True},
        "kick": {"title": "Kick once"},
    },
    "settings": {
        "speed": {"unit": "rpm", "min": 10, "max": 90},
        "level": {"unit": "m", "min": 0, "max": 3},
    },
}
MODEL = {
    "product": "mixer", "title": "A mixer", "signals": SIGNALS, "obeys": OBEYS,
    "constants": {"reports_every_s": 28_800.0},
}  # fmt: skip
"""They report every eight hours, and are offline after a day without a word."""


class Yard(Rig):
    """The DPS of the devices ``mix-1`` ... ``mix-n``, all on one site."""

    def __init__(self, url="sqlite://", things=2, hardware=None, open_store=False):
        self.names = [f"mix-{n}" for n in range(1, things + 1)]
        self.boots, self.seq, self.taken, self.running = {}, {}, 0, {}
        super().__init__(url, sites=[SITE])
        if not open_store:
            self.install(hardware or {})

    def install(self, hardware):
        self.done("PUT", "/customers/acme", {"name": "Acme"})
        site = {"customer": "acme", "name": "site-01", "time_zone": "UTC"}
        self.done("PUT", "/sites/site-01", site)
        self.done("PUT", "/models/mixer-1", MODEL)
        self.done("PUT", "/models/mixer-2", MODEL)
        for name in self.names:
            thing = {"model": "mixer-1", "site": "site-01"}
            if name in hardware:
                thing["properties"] = {"hardware_revision": hardware[name]}
            self.done("PUT", f"/things/{name}", thing)

    def send(self, *messages):
        self.publish(SITE, *messages)

    def wait(self, span_ms):
        """So many milliseconds."""
        return self.until(self.now + span_ms)

    def number(self, name):
        self.seq[name] = self.seq.get(name, 0) + 1
        return self.seq[name]

    def birth(self, name, firmware="1.0.0", at_ms=None):
        boot = self.boots[name] = self.boots.get(name, 0) + 1
        self.seq[name] = 0
        signals = {key: m.Signal(unit="1", min=-1000.0, max=1000.0) for key in SIGNALS}
        self.send(
            m.Birth(
                device=name, boot=boot, at_ms=self.now if at_ms is None else at_ms,
                product="mixer", model="mixer-1", serial=name, firmware=firmware, signals=signals,
            )
        )  # fmt: skip

    def births(self, firmware="1.0.0"):
        for name in self.names:
            self.birth(name, firmware)

    def read(self, name, at_ms=None, **signals):
        at_ms = self.now if at_ms is None else at_ms
        seq, boot = self.number(name), self.boots[name]
        self.send(m.Telemetry(device=name, boot=boot, seq=seq, at_ms=at_ms, signals=signals))

    def ack(self, command, status="done", detail="", at_ms=None):
        name = command.device
        self.send(
            m.CommandAck(
                device=name, boot=self.boots[name], seq=self.number(name),
                at_ms=self.now if at_ms is None else at_ms, command_id=command.command_id,
                status=status, detail=detail if isinstance(detail, str) else json.dumps(detail),
            )
        )  # fmt: skip

    def told(self):
        """Commands that devices were sent since the last time."""
        fresh = [one for one in self.down[self.taken :] if isinstance(one, m.Command)]
        self.taken = len(self.down)
        return fresh

    def update(self, command, ends="updated"):
        """What a device says of an update, as docs/reference/device.md has it; and its births."""
        version, was = command.args["version"], self.running.get(command.device, "1.0.0")
        at = iter(range(self.now + SECOND, self.now + 100 * SECOND, SECOND))

        def say(stage, status="running", **more):
            said = {"stage": stage, "version": version, **more}
            self.ack(command, status, said, at_ms=next(at))

        if ends == "refused":
            self.ack(command, "refused", "no update while busy", at_ms=next(at))
            return
        say("downloading", percent=0)
        if ends == "silent":
            return
        say("downloaded", percent=100)
        if ends == "failed":
            say("failed", "refused", why="the digest of the image is another")
            return
        for stage in ("verified", "updating"):
            say(stage, percent=100)
        self.birth(command.device, version, at_ms=next(at))
        if ends == "dumb":
            return
        say("testing")
        if ends == "rolled_back":
            self.birth(command.device, was, at_ms=next(at))
            say("rolled_back", "refused", why="it failed its test")
        else:
            self.running[command.device] = version
            say("updated", "done")

    def package(self, ident="p-1", version="2.0.0", status=200, **more):
        body = {"name": "mixer", "version": version, "size_bytes": 1000, "checksum": "a" * 64}
        path = f"/firmware/packages/{ident}"
        return self.done("PUT", path, {**body, "models": ["mixer-1"], **more}, status)

    def rollout(self, ident="r-1", *, package="p-1", start=True, status=200, **plan):
        """Write a rollout, and let it go."""
        body = {"by": "ada", "package": package, "groups": [{"share": 1.0}], "approval": False}
        path = f"/firmware/rollouts/{ident}"
        made = self.done("PUT", path, {**body, **plan}, status)
        for step in ("submit", "start") if start else ():
            made = self.decide(ident, step)
        return made

    def decide(self, ident, step, status=200, by="ada", **more):
        return self.done("POST", f"/firmware/rollouts/{ident}/{step}", {"by": by, **more}, status)

    def states(self, ident="r-1"):
        """The state of each device of a rollout."""
        items = self.get(f"/firmware/rollouts/{ident}/devices?limit=1000")["items"]
        return {one["thing"]: one["state"] for one in items}

    def heard(self, span_ms=SECOND):
        """Let the clock go on, and give the updates that devices were asked for."""
        self.wait(span_ms)
        return [one for one in self.told() if one.name == "update_firmware"]


@pytest.fixture
def open_yard():
    """Makes yards, and closes them."""
    yield from opening(Yard)


@pytest.fixture
def yard(open_yard):
    """One yard with two devices that have said what they are."""
    one = open_yard()
    one.births()
    one.until(START)
    return one


@pytest.fixture(scope="session")
def spans():
    """Lengths of time, and when stories begin."""
    return SimpleNamespace(SECOND=SECOND, MINUTE=MINUTE, HOUR=HOUR, DAY=DAY, START=START, Yard=Yard)
