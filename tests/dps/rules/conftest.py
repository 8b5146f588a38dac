"""A whole DPS over the memory link, driven from tests that are not asynchronous."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker.wire import messages as m
from dps_rig import HOUR as HOUR_MS
from dps_rig import MINUTE as MINUTE_MS
from dps_rig import START as START_MS
from dps_rig import Rig, opening

MODEL = {
    "product": "mixer",
    "title": "A mixer",
    "signals": {
        name: {"unit": "1", "min": 0.0, "max": 1000.0} for name in ("heat", "mains", "work", "dirt")
    },
}
SITES = ("site-01", "site-02")
THINGS = {"mixer-01": "site-01", "mixer-02": "site-01", "mixer-03": "site-02"}
CUSTOMERS = {"site-01": "acme", "site-02": "bolt"}


def rule(ident: str, when: str, **more: Any) -> dict[str, Any]:
    """A rule on the last values of what its condition names."""
    names = [name for name in MODEL["signals"] if name in when + str(more.get("clear_when", ""))]
    let = {name: {"signal": name, "take": "last", "over": "30m"} for name in names}
    whole = {"id": ident, "let": let, "when": when, "severity": "major", "why": f"{ident} it is"}
    return {**whole, "then": [{"alert": {}}], **more}


def pack(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "pack": "p", "version": "1", "model": "mixer-1", "owner": "service", "every": "1m",
        "stale_after": "10m", "rules": list(rules), **more,
    }  # fmt: skip


class Room(Rig):
    """One DPS and what its devices, its operator and its users do."""

    def __init__(self, url: str = "sqlite://", **how: Any) -> None:
        super().__init__(url, sites=SITES, **how)
        self._seq: dict[str, int] = {}
        self._losses = 0
        self.cursor = "0"

    @property
    def now_ms(self) -> int:
        """What time it is, or is to be at the next call of the clock."""
        return self.now

    @now_ms.setter
    def now_ms(self, at_ms: int) -> None:
        self.now = at_ms

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.done(method, path, body, status)

    def install(self, *packs: dict[str, Any], model: dict[str, Any] | None = None) -> None:
        for customer in sorted(set(CUSTOMERS.values())):
            self.call("PUT", f"/customers/{customer}", {"name": customer.title()})
        for site, customer in CUSTOMERS.items():
            body = {"customer": customer, "name": site, "time_zone": "Europe/Rome"}
            self.call("PUT", f"/sites/{site}", body)
        self.call("PUT", "/models/mixer-1", {**MODEL, **(model or {})})
        for thing, site in THINGS.items():
            self.call("PUT", f"/things/{thing}", {"model": "mixer-1", "site": site})
        for body in packs:
            self.call("POST", "/rule-packs", body)

    def write(self, kind: str, row: dict[str, Any]) -> None:
        """A row of the registry, as its own services write it."""
        with self.dps.store.begin() as uow:
            self.dps.directory.put(uow, kind, row)

    def send(self, thing: str, at_ms: int | None = None, **signals: float) -> None:
        """A reading of now, not yet decided upon."""
        at_ms = self.now_ms if at_ms is None else at_ms
        seq = self._seq[thing] = self._seq.get(thing, 0) + 1
        message = m.Telemetry(device=thing, boot=1, seq=seq, at_ms=at_ms, signals=signals)
        self.publish(THINGS[thing], message)

    def will(self, thing: str, at_ms: int | None = None) -> None:
        """The broker says that a device is gone."""
        at_ms = self.now_ms if at_ms is None else at_ms
        self._losses += 1
        message = m.Will(device=thing, boot=1, seq=-self._losses, at_ms=at_ms)
        self.publish(THINGS[thing], message)

    def clock(self, to_ms: int) -> list[dict[str, Any]]:
        """Move time; gives what the feed shows since the last time."""
        self.until(to_ms)
        return self.news()

    def news(self) -> list[dict[str, Any]]:
        page = self.call("GET", f"/feed?after={self.cursor}&limit=1000")
        self.cursor = page["cursor"]
        found: list[dict[str, Any]] = page["events"]
        return found

    def minutes(self, count: int, *things: str, **signals: float) -> list[dict[str, Any]]:
        """Let minutes pass, with a reading in each; gives what the feed shows."""
        found = []
        for _ in range(count):
            self.now_ms += MINUTE_MS
            for thing in things or ("mixer-01",):
                if signals:
                    self.send(thing, **signals)
            found += self.clock(self.now_ms)
        return found


def kinds(events: list[dict[str, Any]], prefix: str = "alert.") -> list[str]:
    return [event["type"] for event in events if event["type"].startswith(prefix)]


class Kit:
    """What tests of rules share (tests are no package, so it comes as a fixture)."""

    Room = Room
    rule = staticmethod(rule)
    pack = staticmethod(pack)
    kinds = staticmethod(kinds)
    MINUTE_MS, HOUR_MS, START_MS, MODEL = MINUTE_MS, HOUR_MS, START_MS, MODEL


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def make_room() -> Iterator[Callable[..., Room]]:
    yield from opening(Room)


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    return make_room()
