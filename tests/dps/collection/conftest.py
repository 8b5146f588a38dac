"""A DPS with twelve containers around a depot, that say how full they are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from broker.wire import messages as m
from dps_rig import HOUR as H
from dps_rig import MINUTE, Rig

START = 1_767_571_200_000
"""Monday 2026-01-05, midnight UTC."""
DEPOT = {"latitude_deg": 53.0, "longitude_deg": 10.0}
SIGNALS = {
    "fill": {"unit": "%", "min": 0.0, "max": 100.0},
    "north": {"unit": "deg", "min": -90.0, "max": 90.0},
    "east": {"unit": "deg", "min": -180.0, "max": 180.0},
    "smell": {"unit": "1", "min": 0.0, "max": 100.0},
    "uses": {"unit": "1", "min": 0.0, "max": 1e9},
}
RULES = {
    "pack": "filling", "version": "1", "model": "skip-1", "owner": "service", "every": "10m",
    "stale_after": "3h",
    "rules": [
        {"id": "urgent", "let": {"fill": {"signal": "fill", "take": "last", "over": "2h"}},
         "when": "fill >= 95.0", "for": "0s", "severity": "major", "then": [{"alert": {}}],
         "why": "It is about to overflow"},
        {"id": "ready", "let": {"fill": {"signal": "fill", "take": "last", "over": "2h"}},
         "when": "fill >= 80.0", "for": "0s", "severity": "operation", "then": [{"alert": {}}],
         "why": "It is worth a stop"},
    ],
}  # fmt: skip
NAMES = [f"skip-{n:02}" for n in range(12)]
BODY = {
    "title": "Old town", "depot": DEPOT, "models": ["skip-1"], "fill_signal": "fill",
    "latitude_signal": "north", "longitude_signal": "east", "holds_l": 500, "steps": 30,
    "must_rules": ["urgent"], "ready_rules": ["ready"],
    "trucks": [{"id": "truck-1", "capacity_l": 4000, "capacity_kg": 900}],
}  # fmt: skip


class Town(Rig):
    """The DPS of a town."""

    def __init__(self):
        super().__init__(sites=["old-town"], start=START, wall_s=lambda: 0.0)
        self.seq = 0
        self.put("/v1/customers/city", {"name": "City"})
        self.put("/v1/sites/old-town", {"customer": "city", "name": "Old town"})
        self.put("/v1/models/skip-1", {"product": "skip", "signals": SIGNALS, "title": "A skip"})
        for name in NAMES:
            self.put(f"/v1/things/{name}", {"model": "skip-1", "site": "old-town"})
        self.done("POST", "/v1/rule-packs", RULES)
        self.until(START)

    def say(self, fills, **more):
        """Every skip that is named says how full it is, and where it stands."""
        said = []
        for name, fill in fills.items():
            number = NAMES.index(name)
            where = {"north": 53.0 + 0.004 * (number % 4 + 1), "east": 10.0 + 0.005 * (number // 4)}
            if not self.seq:
                known = {n: m.Signal(**s) for n, s in SIGNALS.items()}
                said += [
                    m.Birth(device=one, boot=1, at_ms=self.now, product="skip", model="skip-1",
                            serial=one, firmware="1", signals=known, seq=0)
                    for one in NAMES
                ]  # fmt: skip
            self.seq += 1
            said.append(
                m.Telemetry(device=name, boot=1, seq=self.seq, at_ms=self.now,
                            signals={"fill": fill, **where, **more})
            )  # fmt: skip
        self.publish("old-town", *said)

    def collect(self, name="town", **other):
        return self.put(f"/v1/collections/{name}", {**BODY, **other})

    def morning(self, fills, *, hour=5, **more):
        """The skips tell their fill through the night; then it is the hour of the plan."""
        while self.now % (24 * H) != (hour - 1) * H:
            self.wait(hours=1)
        self.say(dict.fromkeys(NAMES, 10.0) | fills, **more)
        self.wait(hours=1)

    def routes(self):
        routes = self.items("/v1/collection-routes")
        return [self.get(f"/v1/collection-routes/{route['id']}") for route in routes]


@pytest.fixture
def town():
    """One town."""
    made = Town()
    yield made
    made.close()


@pytest.fixture(scope="session")
def kit():
    """Lengths of time, names, the body of a collection."""
    return SimpleNamespace(H=H, MINUTE=MINUTE, START=START, NAMES=NAMES, BODY=BODY)
