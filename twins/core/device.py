"""The device's side of the wire: boot, running numbers, ring buffer, commands obeyed once."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.clocks import Stamps
from twins.core.manifest import SignalSpec
from twins.core.packing import NO_ROOM, Packing, Room
from twins.core.sensors import Readings

DAY_MS = 86_400_000
BUFFER_DAYS = 14
"""How long a device keeps its reports (twins reference, section 3: 1 to 30 days)."""
BUFFER_REPORTS_MAX = 4096
"""Bound of the ring buffer for devices that report very often."""
BLOCK_BYTES, BLOCK_ROWS = 2**22, 128
"""Memory of the ring comes in blocks of so much at least, in which numpy asks for huge pages, or of
so many reports: new pages for each report would cost as much as to make it."""
REMEMBERED_COMMANDS = 1000
"""How many command ids a device remembers, and how many acknowledgements it keeps."""

Numbers = NDArray[np.int32]
Yes = NDArray[np.bool_]
Status = Literal["running", "done", "refused", "expired"]
"""``running``: accepted and under way, another acknowledgement of the same command follows."""


class Ack(NamedTuple):
    """What became of a command, with the running number it was said under."""

    boot: int
    seq: int
    at_ms: int
    command_id: str
    status: Status
    detail: str


class Held(NamedTuple):
    """A report that the ring buffer still holds; ``values`` is a row of the fleet's columns.

    They are empty if the device does not remember them.
    """

    seq: int
    at_ms: int
    values: list[float]


class _Row(NamedTuple):
    """One report of the fleet in the ring; as good as nothing of it is its own but ``said``."""

    base: Numbers
    plus: int
    """``base + plus`` are the running numbers; many rows share one base."""
    who: Yes | None
    """Who said something, shape ``(n,)``; all if ``None``."""
    stamps: Stamps
    number: int
    """How many reports of the fleet there were before."""
    said: Room

    def seq(self, device: int) -> int:
        """The running number of a device; 0 if it said nothing."""
        if self.who is not None and not self.who[device]:
            return 0
        return int(self.base[device]) + self.plus

    def seqs(self) -> Numbers:
        """The running numbers of all devices, shape ``(n,)``."""
        seqs = self.base + np.int32(self.plus)
        return seqs if self.who is None else seqs * self.who


class DeviceSide:
    """Numbers, memory and obedience of a fleet's devices, as columns.

    Ring buffer, acknowledgements and the ids obeyed stand in flash: they survive a reboot, under
    the boot they were said in.
    The ring holds what was said as whole numbers of quanta, one to four bytes a reading as a rule
    (``packing.py``). Its memory is taken in blocks as reports come. Where nobody will ask for what
    was said (``remembers``), it holds numbers and times only.
    """

    def __init__(
        self,
        *,
        devices: int,
        signals: Sequence[SignalSpec],
        report_every_ms: int,
        buffer_days: int = BUFFER_DAYS,
        remembers: bool = True,
    ) -> None:
        rows = min(max(buffer_days * DAY_MS // report_every_ms, 1), BUFFER_REPORTS_MAX)
        self._packing, self._devices = Packing(signals), devices
        self._rows, self._written, self._remembers = rows, 0, remembers
        self._per_block = min(
            max(-(-BLOCK_BYTES // max(self._packing.bytes * devices, 1)), 1), BLOCK_ROWS
        )
        self._blocks: list[tuple[NDArray[Any], ...]] = []
        self._base, self._plus, self._shared = np.zeros(devices, dtype=np.int32), 0, False
        """Newest numbers: ``base + plus``; whether the ring holds this base."""
        self._newest = np.zeros(devices, dtype=np.int32)
        self._reports = 0
        self._reboots: dict[int, list[int]] = {}
        """By device how many reports of the fleet there were at each reboot."""
        self._born_ms: dict[int, int] = {}
        self._ring: deque[_Row] = deque(maxlen=rows)
        self._acks: dict[int, list[Ack]] = {}
        self._obeyed: dict[int, dict[str, None]] = {}
        """By device; the collector of cycles would have to look at one list for each."""

    def boot(self, device: int) -> int:
        """How often a device has booted."""
        return 1 + len(self._reboots.get(device, ()))

    def boots(self) -> list[int]:
        """How often each device has booted."""
        boots = [1] * self._devices
        for device, reboots in self._reboots.items():
            boots[device] += len(reboots)
        return boots

    def newest(self, device: int) -> int:
        """The newest number of a device's present boot."""
        return int(self._base[device]) + self._plus

    def reboot(self, device: int, stamp_ms: int) -> None:
        """Start anew: the next boot, whose birth (``seq`` 0) is said at ``stamp_ms``."""
        self._reboots.setdefault(device, []).append(self._reports)
        self._own()[device] = 0
        self._born_ms[device] = stamp_ms

    def born_ms(self, device: int) -> int | None:
        """When the present boot began; ``None`` in the first one, which began with the world."""
        return self._born_ms.get(device)

    def room(self) -> Room:
        """Where the next report is to be written."""
        if not self._remembers:
            return NO_ROOM
        block, row = divmod(self._written % self._rows, self._per_block)
        if block == len(self._blocks):
            self._blocks.append(self._packing.blocks(self._per_block, self._devices))
        eight, sixteen, half, whole = self._blocks[block]
        return eight[row], sixteen[row], half[row], whole[row]

    def report(self, stamps: Stamps, readings: Readings, *, who: Yes | None = None) -> Numbers:
        """Number a report and keep it.

        Args:
            stamps: What the devices' clocks say.
            readings: Of every device.
            who: Which devices report, shape ``(n,)``; all if left out.

        Returns:
            The running number of each device, shape ``(n,)``; good until the next report.
        """
        if who is None:
            self._plus += 1
        else:
            base = self._own()
            base += who
        self._written, self._shared = self._written + 1, True
        self._ring.append(_Row(self._base, self._plus, who, stamps, self._reports, readings.quanta))
        self._reports += 1
        return np.add(self._base, np.int32(self._plus), out=self._newest)

    def take(self, device: int, command_id: str) -> bool:
        """Whether the device has yet to obey this id; from now on it has obeyed it."""
        known = self._obeyed.setdefault(device, {})
        if command_id in known:
            return False
        known[command_id] = None
        if len(known) > REMEMBERED_COMMANDS:
            del known[next(iter(known))]
        return True

    def acknowledge(
        self, device: int, *, at_ms: int, command_id: str, status: Status, detail: str
    ) -> Ack:
        """Number an acknowledgement and keep it."""
        self._own()[device] += 1
        boot, seq = self.boot(device), self.newest(device)
        ack = Ack(boot, seq, at_ms, command_id, status, detail)
        self._acks[device] = [*self._acks.get(device, ())[-REMEMBERED_COMMANDS:], ack]
        return ack

    def held(self, device: int, boot: int, from_seq: int, to_seq: int) -> list[Held]:
        """What the ring buffer still has of ``from_seq`` to ``to_seq`` of a boot, oldest first."""
        found: list[Held] = []
        reboots = self._reboots.get(device, ())
        for row in reversed(self._ring):
            of_boot = 1 + bisect_right(reboots, row.number)
            if of_boot > boot:
                continue
            seq = row.seq(device)
            if of_boot < boot or 0 < seq < from_seq:
                break
            if 0 < seq <= to_seq:
                values = [] if row.said is NO_ROOM else self._packing.readings(row.said, device)
                found.append(Held(seq, row.stamps.of(device), values))
        return found[::-1]

    def acks(self, device: int, boot: int, from_seq: int, to_seq: int) -> list[Ack]:
        """The acknowledgements kept of ``from_seq`` to ``to_seq`` of a boot, oldest first."""
        return [
            ack
            for ack in self._acks.get(device, ())
            if ack.boot == boot and from_seq <= ack.seq <= to_seq
        ]

    def dump(self) -> dict[str, Any]:
        """All of it as plain data and columns."""
        return {
            "reports": self._reports,
            "reboots": [[device, reboots] for device, reboots in self._reboots.items()],
            "born_ms": [list(item) for item in self._born_ms.items()],
            "seqs": self._base + np.int32(self._plus),
            "ring": [
                [row.seqs(), list(row.stamps), row.number, list(row.said)] for row in self._ring
            ],
            "acks": [[at, [list(ack) for ack in acks]] for at, acks in self._acks.items()],
            "obeyed": [[at, list(ids)] for at, ids in self._obeyed.items()],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._reports = state["reports"]
        self._reboots = {device: list(reboots) for device, reboots in state["reboots"]}
        self._base, self._plus, self._shared = state["seqs"], 0, False
        self._born_ms = dict(state["born_ms"])
        self._ring.clear()
        for seqs, stamps, number, said in state["ring"]:
            self._ring.append(_Row(seqs, 0, seqs > 0, Stamps(*stamps), number, tuple(said)))
        self._acks = {at: [Ack(*ack) for ack in acks] for at, acks in state["acks"]}
        self._obeyed = {at: dict.fromkeys(ids) for at, ids in state["obeyed"]}

    def _own(self) -> Numbers:
        """The newest numbers, to be changed: a copy if the ring holds them."""
        if self._shared or self._plus:
            self._base = self._base + np.int32(self._plus)
            self._plus, self._shared = 0, False
        return self._base
