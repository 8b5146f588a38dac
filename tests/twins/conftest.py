"""A small product for tests of what devices obey: everything is declared, nothing is physics."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import simpy
from numpy.typing import NDArray

from twins.core import declared
from twins.core.declared import Declared
from twins.core.device import Ack
from twins.core.fleet import Fleet, Report
from twins.core.manifest import ComponentSpec, FaultSpec, SignalSpec
from twins.core.pending import LAST, PendingTable, Wake
from twins.core.ports import Truth
from twins.core.sending import Sending
from twins.core.state import pack, unpack
from twins.core.streams import Streams
from twins.core.truth import TruthLedger
from twins.core.twin import Build, Columns, OwnWear, Wear
from twins.core.wear import WearLaw

START_MS = 1_767_571_200_000
DEVICES = ("mill-1", "mill-2")
TOML = """
id = "mill"
model = "mill-9"
hardware = 2

[commands.start]
title = "Turn"
[commands.turbo]
title = "Turn fast"
feature = "turbo"
not_while = ["busy"]
since = "1.1.0"
[commands.turbo.args.speed]
unit = "rpm"
min = 10
max = 90
[commands.turbo.args.turns]
kind = "whole"
min = 1
default = 3
[commands.turbo.args.mode]
kind = "text"
one_of = ["soft", "hard"]
default = "soft"
[commands.rest]
title = "Stop when busy"
only_while = ["busy"]

[settings.high]
title = "Upper level"
unit = "m"
min = 1.0
max = 5.0
default = 3.0
[settings.low]
title = "Lower level"
unit = "m"
min = 0.5
max = 4.0
default = 1.0
[settings.rated]
title = "Rated power"
unit = "kW"
min = 0.0
max = 9.0
param = "rated_kw"
read_only = true
[settings.boost]
title = "Boost steps"
unit = "1"
min = 0
max = 3
whole = true
feature = "turbo"

[features.turbo]
title = "Turbo"
[features.basic]
title = "Basic"
param = "rated_kw"

[states.busy]
title = "Somebody works at it"
blocks_update = true
[safety.guard_open]
title = "Guard open"
blocks = ["start", "turbo", "reboot"]

[images."1.1.0"]
size_bytes = 100000
[images."1.2.0"]
size_bytes = 50000
fault = "self_test"
[images."1.3.0"]
size_bytes = 50000
fault = "boot_loop"
[images."1.4.0"]
size_bytes = 50000
fault = "corrupt"
[images."1.5.0"]
size_bytes = 50000
for_model = "mill-8"
min_hardware = 3
signed = false
[images."0.9.0"]
size_bytes = 50000
"""


@dataclass
class Mill:
    """A manifest without a folder."""

    id: str = "mill"
    model: str = "mill-9"
    firmware: str = "1.0.0"
    signals: Mapping[str, SignalSpec] = field(
        default_factory=lambda: {
            "level_m": SignalSpec(unit="m", min=0.0, max=9.0, title="", steps_per_unit=10)
        }
    )
    components: Mapping[str, ComponentSpec] = field(default_factory=dict)
    faults: Mapping[str, FaultSpec] = field(default_factory=dict)
    obeys: Declared = field(default_factory=lambda: declared.read(tomllib.loads(TOML)))


class MillTwin:
    """What the tests turn by hand, and what it was told."""

    def __init__(self, devices: int) -> None:
        self.laws: Mapping[str, WearLaw | OwnWear] = {}
        self.busy = np.zeros(devices, dtype=bool)
        self.guard_open = np.zeros(devices, dtype=bool)
        self.told: list[tuple[Any, ...]] = []
        self.levels = np.tile([3.0, 1.0], (devices, 1))

    def advance(self, to_ms: int) -> None: ...

    def measure(self) -> Columns:
        return np.ones((len(self.busy), 1))

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None: ...

    def set_able(self, device: int, *, able: bool) -> None: ...

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        self.told.append((device, name, dict(args)))
        return None

    def in_service(self, device: int) -> bool:
        return True

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None: ...

    def truth(self) -> Mapping[str, Columns]:
        return {}

    def states(self) -> Mapping[str, NDArray[np.bool_]]:
        return {"busy": self.busy, "guard_open": self.guard_open}

    def configure(self, device: int, values: Mapping[str, float]) -> str | None:
        if values["low"] > values["high"] - 0.2:
            return f"low {values['low']:g} m must be 0.2 m below high {values['high']:g} m"
        self.levels[device] = values["high"], values["low"]
        return None

    def set_feature(self, device: int, feature: str, *, unlocked: bool) -> None:
        self.told.append((device, feature, unlocked))

    def dump(self) -> dict[str, Any]:
        return {"levels": self.levels, "busy": self.busy, "guard_open": self.guard_open}

    def load(self, state: Mapping[str, Any]) -> None:
        self.levels, self.busy = state["levels"], state["busy"]
        self.guard_open = state["guard_open"]


class Mills:
    """A fleet of two mills that reports every ten minutes, and all that it says."""

    def __init__(self, link: str = "wired") -> None:
        self.env = simpy.Environment(initial_time=START_MS)
        self.pending, self.ledger = PendingTable(self.env), TruthLedger()
        self.twin, self.acks = MillTwin(len(DEVICES)), list[Ack]()
        self.reports, self.born = list[tuple[int, list[int]]](), list[tuple[int, str, int]]()
        self.truths: list[Truth] = []
        self.ids = 0
        self.fleet = Fleet(
            key="fleet",
            manifest=Mill(),
            build=Build(
                sites=("site-1",),
                devices=DEVICES,
                devices_per_site=2,
                report_every_ms=600_000,
                start_ms=START_MS,
                params={"rated_kw": 7.5},
                streams=Streams(1),
                link=link,
            ),
            twin=self.twin,
            pending=self.pending,
            ledger=self.ledger,
            hear=self.on_report,
            broke=lambda _: None,
            send=self.on_sending,
        )

    @property
    def now_ms(self) -> int:
        return int(self.env.now)

    def on_report(self, report: Report) -> None:
        self.reports.append((report.at_ms, list(report.seqs)))

    def on_sending(self, fleet: Fleet, sending: Sending) -> None:
        if sending.what == "birth":
            self.born.append((sending.at_ms, DEVICES[sending.device], sending.boot))
        elif sending.ack is not None:
            self.acks.append(sending.ack._replace(at_ms=sending.at_ms))  # not by its own clock

    def start(self) -> Mills:
        self.fleet.start()
        return self

    def run(self, for_ms: float) -> None:
        self.env.run(until=Wake(self.env, delay_ms=round(for_ms), priority=LAST))
        self.truths += self.ledger.take()

    def tell(self, name: str, /, device: str = DEVICES[0], **args: Any) -> Ack:
        """Say something to a device; its answer."""
        self.ids += 1
        ack = self.fleet.obey(
            self.now_ms,
            device,
            command_id=f"c{self.ids}",
            name=name,
            args=args,
            expires_ms=self.now_ms + 60_000,
        )
        assert ack is not None
        self.truths += self.ledger.take()
        return ack

    def cut(self, for_ms: int = 20_000, device: int = 0) -> None:
        self.fleet.cut_power(self.now_ms, device, for_ms=for_ms)

    def away(self, for_ms: int) -> None:
        """The modem of mill-1 hangs."""
        self.fleet.inject(self.now_ms, "modem_outage", DEVICES[0], {"lasting": for_ms / 3_600_000})

    def version(self, device: int = 0) -> str:
        return self.fleet.obedience.updates.version(device)

    def again(self) -> Mills:
        """Another fleet, from a snapshot of this one."""
        state = unpack(pack([self.fleet.dump(), self.pending.dump()]))
        other = Mills(self.fleet.build.link)
        other.env.run(until=Wake(other.env, delay_ms=self.now_ms - START_MS, priority=0))
        other.fleet.load(state[0])
        other.pending.load(state[1])
        other.ids = self.ids
        return other


@pytest.fixture(scope="session")
def mills() -> type[Mills]:
    """How to make a fleet of mills."""
    return Mills
