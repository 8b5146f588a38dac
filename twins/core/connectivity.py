"""What becomes of a fleet's reports on the devices' side: timestamp, buffer, link, power.

Reports of the moment leave as columns. Everything that leaves a device otherwise (a backlog after
an outage, a copy, a late one, a birth after a power cut, the broker's will) is a :class:`Sending`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core import links
from twins.core.backlog import Backlog
from twins.core.clocks import Clocks
from twins.core.device import Ack, DeviceSide, Held, Status, Yes
from twins.core.links import Reaches
from twins.core.manifest import SignalSpec
from twins.core.pending import PendingTable, Row
from twins.core.reporting import OnChange
from twins.core.sending import NOBODY, Board, Said, Sending, silent
from twins.core.sensors import Readings
from twins.core.streams import keys
from twins.core.truth import TruthLedger
from twins.core.twin import Build

HOUR_MS = 3_600_000
WILL_AFTER_MS = 90_000
"""A broker publishes the will after one and a half keep-alives of 60 s (MQTT 3.1.1, 3.1.2.10)."""
WATCHDOG_MS = 30_000
"""After so long without a sign of life the watchdog starts a device anew (estimate)."""
BUFFER_DAYS: Mapping[str, int] = {"wired": 3, "cellular": 14, "lora": 3, "mesh": 3}
"""How long a device keeps its reports, by link: 1 to 30 days, the more the longer it is away."""
MODEM_H, POWER_H = (4.0, 1.2), (2.0, 1.0)
"""Median and log sigma of a hung modem and of a power cut (E)."""
CONNECTED = ("wired", "cellular")
"""Links over which each device holds a connection of its own, which can break."""


class Connectivity:
    """The devices' side of a fleet.

    Args:
        key: Distinguishes the fleet's pending rows.
        build: The fleet; its ``link`` and ``reporting`` are looked at here.
        signals: In the order of the columns.
        pending: Where outages and power wait.
        ledger: Told when a device is away and back.
        send: Told what leaves.
        reaches: The twin, if its physics knows who can reach the network.
        random: Scales natural wrong clocks; 0 for none.
        remembers: Whether ring buffers hold what was said, and not only when.
    """

    def __init__(
        self,
        *,
        key: str,
        build: Build,
        signals: Mapping[str, SignalSpec],
        pending: PendingTable,
        ledger: TruthLedger,
        send: Callable[[Sending], None],
        reaches: Reaches | None,
        random: float,
        remembers: bool = True,
    ) -> None:
        n, specs = len(build.devices), list(signals.values())
        self._build, self._link, self._reaches = build, build.link, reaches
        self._pending, self._ledger, self._send = pending, ledger, send
        self._kind = f"{key}.link"
        self.side = DeviceSide(
            devices=n,
            signals=specs,
            report_every_ms=build.report_every_ms,
            buffer_days=BUFFER_DAYS[build.link],
            remembers=remembers,
        )
        names = keys(build.devices)
        free = build.link != "wired"
        self.clocks = Clocks(
            keys=names, streams=build.streams, free=free, random=random, start_ms=build.start_ms
        )
        self._change = OnChange(specs, n) if build.reporting == "change" else None
        self._traffic = links.Traffic(build.link, names, build.streams) if free else None
        modem, far = build.link == "cellular", build.link == "lora"
        begin = build.streams, build.start_ms
        self._outages = links.modem_outages(names, *begin) if modem else None
        self._gateways = links.Gateways(build.sites, *begin) if far else None
        self._away_until_ms = np.zeros(n, dtype=np.int64)
        self._dark_until_ms = np.zeros(n, dtype=np.int64)
        self._quiet_until_ms = 0
        """The later of the two over all devices: until then somebody may be away."""
        self._back_ms = np.full(n, -links.RECONNECT_MS, dtype=np.int64)
        self._meshed = np.ones(n, dtype=bool)
        self._connections = [1] * n
        self._broken: dict[int, None] = {}
        self._unborn: dict[int, None] = {}
        self.board: Board | None = None
        self._unsaid: dict[int, list[Ack]] = {}
        self.backlog = Backlog(self.side, build.devices, build.streams)
        self._overtaken: dict[int, tuple[int, int]] = {}
        self._counts = {"away": [0] * n, "dark": [0] * n}
        pending.serve(self._kind, rank=1, handler=self._on_row)

    def start(self) -> None:
        """Begin: the first outages are on their way."""
        self._foresee(self._build.start_ms)

    def say(self, now_ms: int, readings: Readings, report: int) -> Said:
        """Number, stamp and keep a report; find out what of it leaves.

        Args:
            now_ms: The true time.
            readings: What the sensors say; rows of devices that are not heard are made NaN in it.
            report: Its running number.
        """
        quiet = now_ms >= self._quiet_until_ms
        who: Yes | None = None if quiet else np.asarray(self._dark_until_ms <= now_ms)
        if self._change is not None:
            readings = self._change.thin(readings, now_ms, who)
        if readings.mute is not None:  # who has nothing to say says nothing
            who = ~readings.mute if who is None else who & ~readings.mute
        stamps, values = self.clocks.stamps(now_ms), readings.values
        seqs = self.side.report(stamps, readings, who=who)
        if quiet and self._link == "wired":  # who says nothing has NaN already
            return Said(seqs, stamps, values, who, NOBODY, NOBODY)
        there = self._there(now_ms)
        leave = there.copy() if who is None else who & there
        for device in np.flatnonzero(~there if who is None else who & ~there).tolist():
            self.backlog.keep(device, self.side.boot(device), int(seqs[device]))
        lost, late = self._befall(now_ms, report, leave)
        heard = np.ones(len(seqs), dtype=bool) if who is None else who.copy()
        heard[lost] = False
        self._foresee(now_ms)
        return Said(seqs, stamps, silent(values, heard), leave, lost, late)

    def after(self, now_ms: int, said: Said, report: int) -> None:
        """Send what comes besides the reports of the moment: late ones, copies, mesh backlogs."""
        late, self._overtaken = self._overtaken, {}
        for device, (boot, seq) in late.items():
            if self.reachable(now_ms, device):
                self._send_one(now_ms, device, boot, seq)
            else:
                self.backlog.keep(device, boot, seq)
        if self._traffic is None or said.leave is None:
            return
        for device in said.late.tolist():
            self._overtaken[device] = (self.side.boot(device), int(said.seqs[device]))
        recent = now_ms - self._back_ms < links.RECONNECT_MS
        share = np.where(recent, links.RECONNECT_DUPLICATES, self._traffic.duplicates)
        twice = said.leave & (self._traffic.draws("twice", report) < share)
        for device in np.flatnonzero(twice).tolist():
            self._send_one(now_ms, device, self.side.boot(device), int(said.seqs[device]))
        if self._reaches is not None and self._link == "mesh":
            meshed = self._reaches.reachable()
            for device in np.flatnonzero(meshed & ~self._meshed).tolist():
                self._return(now_ms, device)
            self._meshed = meshed

    def reachable(self, now_ms: int, device: int) -> bool:
        """Whether a device is connected now."""
        if self._away_until_ms[device] > now_ms or self._dark_until_ms[device] > now_ms:
            return False
        meshed = self._reaches is None or self._link != "mesh"
        return meshed or bool(self._reaches.reachable()[device])  # type: ignore[union-attr]

    @property
    def delayed(self) -> int:
        """Reports that the next ones will overtake."""
        return len(self._overtaken)

    def hears(self, device: int, command_id: str) -> bool:
        """Whether a device that is there hears this downlink at all."""
        if self._link != "lora":
            return True
        name = f"link/downlink/{self._build.devices[device]}/{command_id}"
        return self._build.streams.uniform(name) < links.DOWNLINK_HEARD

    def inject(self, now_ms: int, fault: str, device: int, values: Mapping[str, float]) -> None:
        """Let a fault of ``LINK_FAULTS`` begin; its parameters are checked."""
        if fault in ("clock_skew", "clock_wrong_year"):
            if fault == "clock_skew":
                self.clocks.skew(device, round(values["skew"] * 1000.0))
            else:
                self.clocks.begin_in(now_ms, device, round(values["year"]))
            self._ledger.tell(now_ms, "clock.wrong", self._build.devices[device], fault=fault)
            if values["lasting"] > 0.0:
                until_ms = now_ms + round(values["lasting"] * HOUR_MS)
                self._await(until_ms, "clock", device)
            return
        if fault == "power_cut":
            lasting_ms = self._lasting_ms("dark", device, values["lasting"], *POWER_H)
            self.cut_power(now_ms, device, for_ms=lasting_ms)
        else:
            lasting_ms = self._lasting_ms("away", device, values["lasting"], *MODEM_H)
            self._leave(now_ms, device, now_ms + lasting_ms, dark=False)

    def cut_power(self, now_ms: int, device: int, *, for_ms: int, told: str = "power.cut") -> None:
        """A device goes off, and boots anew ``for_ms`` later; a second cut only puts that off."""
        if self.board is not None and self._dark_until_ms[device] <= now_ms:
            self.board.cut(now_ms, device)
        self._leave(now_ms, device, now_ms + for_ms, dark=True, told=told)

    def acknowledge(
        self, now_ms: int, device: int, command_id: str, status: Status, detail: str
    ) -> Ack:
        """Number, stamp and keep what has become of a command."""
        at_ms = self.clocks.stamp(now_ms, device)
        return self.side.acknowledge(
            device, at_ms=at_ms, command_id=command_id, status=status, detail=detail
        )

    def volunteer(self, now_ms: int, device: int, ack: Ack) -> None:
        """A device says an acknowledgement by itself, as soon as it can."""
        if self.reachable(now_ms, device):
            self._send(Sending(now_ms, device, "ack", boot=ack.boot, ack=ack))
        else:
            self._unsaid.setdefault(device, []).append(ack)

    def _lasting_ms(
        self, what: str, device: int, given_h: float, median_h: float, sigma: float
    ) -> int:
        self._counts[what][device] += 1
        name = f"link/{what}/{self._build.devices[device]}/{self._counts[what][device]}"
        drawn_h = self._build.streams.lognormal(name, median=median_h, sigma=sigma)
        return max(round((given_h or drawn_h) * HOUR_MS), 1)

    def adjust(self, now_ms: int, device: int) -> None:
        """Somebody set the clock of a device right."""
        if self.clocks.wrong[device]:
            self.clocks.skew(device, 0)
            self._ledger.tell(now_ms, "clock.right", self._build.devices[device])

    def _there(self, now_ms: int) -> Yes:
        there = (self._away_until_ms <= now_ms) & (self._dark_until_ms <= now_ms)
        if self._reaches is not None and self._link == "mesh":
            there &= self._reaches.reachable()
        return there

    def _befall(
        self, now_ms: int, report: int, leave: Yes
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lose and delay single reports; changes ``leave`` in place, returns whose it did."""
        traffic = self._traffic
        if traffic is None:
            return NOBODY, NOBODY
        lost = traffic.lost(report, now_ms)
        lost = np.zeros(len(leave), dtype=bool) if lost is None else lost
        if self._gateways is not None:
            per_site = self._build.devices_per_site
            lost = lost | np.repeat(~self._gateways.work(now_ms), per_site)
        lost &= leave
        late = leave & ~lost & (traffic.draws("overtaken", report) < traffic.overtaken)
        leave &= ~(lost | late)
        return np.flatnonzero(lost), np.flatnonzero(late)

    def _foresee(self, now_ms: int) -> None:
        """Put down outages that begin before the next report."""
        if self._outages is None:
            return
        soon = self._outages.from_ms <= now_ms + self._build.report_every_ms
        for device in np.flatnonzero(soon).tolist():
            from_ms = max(int(self._outages.from_ms[device]), now_ms)
            until_ms = max(self._outages.until_ms(device), from_ms + 1)
            self._await(from_ms, "down", device, until_ms=until_ms)
            self._outages.next(device, until_ms)

    def _await(self, due_ms: int, what: str, device: int, **more: int) -> None:
        args = {"what": what, "device": device, **more}
        self._pending.add(due_ms, self._kind, self._build.devices[device], args)

    def _on_row(self, row: Row) -> None:
        now_ms, device, what = row.due_ms, row.args["device"], row.args["what"]
        if what == "down":
            self._leave(now_ms, device, row.args["until_ms"], dark=False)
        elif what == "will":
            self._will(now_ms, device)
        elif what == "power":
            if self._dark_until_ms[device] <= now_ms:
                self._start_up(now_ms, device)
        elif what == "clock":
            self.adjust(now_ms, device)
        elif self.reachable(now_ms, device):
            self._ledger.tell(now_ms, "link.up", self._build.devices[device])
            self._return(now_ms, device)

    def _leave(
        self, now_ms: int, device: int, until_ms: int, *, dark: bool, told: str = "link.down"
    ) -> None:
        """A device is cut off, or has no power, until ``until_ms``."""
        until = self._dark_until_ms if dark else self._away_until_ms
        until[device] = max(int(until[device]), until_ms)
        self._quiet_until_ms = max(self._quiet_until_ms, until_ms)
        self._ledger.tell(now_ms, told, self._build.devices[device])
        self._await(until_ms, "power" if dark else "up", device)
        if self._link in CONNECTED and until_ms - now_ms > WILL_AFTER_MS:
            self._await(now_ms + WILL_AFTER_MS, "will", device)

    def _will(self, now_ms: int, device: int) -> None:
        """The broker notices that the connection is gone, once per connection."""
        if device in self._broken or self.reachable(now_ms, device):
            return
        self._broken[device] = None
        boot, number = self.side.boot(device), self._connections[device]
        self._send(Sending(now_ms, device, "will", boot=boot, number=number))

    def _start_up(self, now_ms: int, device: int) -> None:
        """Power is there: boot, unless what is to be started hangs."""
        if self.board is not None and not self.board.comes_up(device):
            self._leave(now_ms, device, now_ms + WATCHDOG_MS, dark=True, told="device.hung")
            return
        self._boot(now_ms, device)
        if self.board is not None:
            self.board.started(now_ms, device)

    def _boot(self, now_ms: int, device: int) -> None:
        """Power is back: the next boot begins with a birth."""
        late = self._overtaken.pop(device, None)
        if late is not None:
            self.backlog.keep(device, *late)
        self.side.reboot(device, self.clocks.stamp(now_ms, device))
        if self._change is not None:
            self._change.forget(device)
        self._connections[device] = 1
        self._broken.pop(device, None)
        self._unborn[device] = None
        self._ledger.tell(now_ms, "power.back", self._build.devices[device])
        if self.reachable(now_ms, device):
            self._return(now_ms, device)

    def _return(self, now_ms: int, device: int) -> None:
        """A device is connected again: what waited in it leaves, then it hears what waited."""
        if device in self._broken:
            del self._broken[device]
            self._connections[device] += 1
        self._back_ms[device] = now_ms
        boot = self.side.boot(device)
        for of_boot in sorted(self.backlog.boots(device) | {boot}):
            if of_boot == boot and device in self._unborn:
                del self._unborn[device]
                self._send(Sending(now_ms, device, "birth", boot=boot))
            held, gone = self.backlog.take(device, of_boot)
            for chunk in self.backlog.chunks(device, held, doubled=self._traffic is not None):
                self._send(Sending(now_ms, device, "reports", boot=of_boot, reports=chunk))
            if gone:
                name = self._build.devices[device]
                nothing = tuple(Held(q, now_ms, []) for q in gone)
                self._ledger.tell(now_ms, "buffer.overflowed", name, reports=len(gone))
                self._send(Sending(now_ms, device, "gone", boot=of_boot, reports=nothing))
        for ack in self._unsaid.pop(device, ()):
            self._send(Sending(now_ms, device, "ack", boot=ack.boot, ack=ack))
        self._send(Sending(now_ms, device, "back"))

    def _send_one(self, now_ms: int, device: int, boot: int, seq: int) -> None:
        if held := self.side.held(device, boot, seq, seq):
            self._send(Sending(now_ms, device, "reports", boot=boot, reports=tuple(held)))

    def dump(self) -> dict[str, Any]:
        """Everything that changes, as plain data and columns."""
        return {
            "side": self.side.dump(),
            "clocks": self.clocks.dump(),
            "change": None if self._change is None else self._change.dump(),
            "outages": None if self._outages is None else self._outages.dump(),
            "gateways": None if self._gateways is None else self._gateways.dump(),
            "away": self._away_until_ms,
            "dark": self._dark_until_ms,
            "quiet": self._quiet_until_ms,
            "back": self._back_ms,
            "meshed": self._meshed,
            "connections": self._connections,
            "broken": list(self._broken),
            "unborn": list(self._unborn),
            "backlog": self.backlog.dump(),
            "overtaken": [[device, *late] for device, late in self._overtaken.items()],
            "counts": self._counts,
            "unsaid": [[device, list(map(list, acks))] for device, acks in self._unsaid.items()],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.side.load(state["side"])
        self.clocks.load(state["clocks"])
        parts = {"change": self._change, "outages": self._outages, "gateways": self._gateways}
        for name, part in parts.items():
            if part is not None:
                part.load(state[name])
        self._away_until_ms, self._dark_until_ms = state["away"], state["dark"]
        self._quiet_until_ms, self._back_ms = state["quiet"], state["back"]
        self._meshed, self._connections = state["meshed"], list(state["connections"])
        self._broken = dict.fromkeys(state["broken"])
        self._unborn = dict.fromkeys(state["unborn"])
        self.backlog.load(state["backlog"])
        self._overtaken = {device: (boot, seq) for device, boot, seq in state["overtaken"]}
        self._unsaid = {device: [Ack(*ack) for ack in acks] for device, acks in state["unsaid"]}
        self._counts = {name: list(counts) for name, counts in state["counts"].items()}
