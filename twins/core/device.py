"""The device's side of the wire: boot, running numbers, ring buffer, commands obeyed once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000
BUFFER_DAYS = 14
"""How long a device keeps its reports (twins reference, section 3: 1 to 30 days)."""
BUFFER_REPORTS_MAX = 4096
"""Bound of the ring buffer for devices that report very often."""
REMEMBERED_COMMANDS = 1000
"""How many command ids a device remembers, and how many acknowledgements it keeps."""


Status = Literal["done", "refused", "expired"]


class Ack(NamedTuple):
    """What became of a command, with the running number it was said under."""

    boot: int
    seq: int
    at_ms: int
    command_id: str
    status: Status
    detail: str


class Held(NamedTuple):
    """A report that the ring buffer still holds; ``values`` is a row of the fleet's columns."""

    seq: int
    at_ms: int
    values: list[float]


class DeviceSide:
    """Connectivity of a fleet's devices, as columns.

    Ring buffer, acknowledgements and the ids obeyed stand in flash: they survive a reboot, under
    the boot they were said in.
    """

    def __init__(self, *, devices: int, channels: int, report_every_ms: int) -> None:
        rows = min(max(BUFFER_DAYS * DAY_MS // report_every_ms, 1), BUFFER_REPORTS_MAX)
        self.boots = [1] * devices
        self.off = np.zeros(devices, dtype=bool)
        """Devices that are without power or starting; :meth:`reboot` ends it."""
        self._born_ms: dict[int, int] = {}
        self._boot_rows: dict[int, list[int]] = {}
        self._seqs = [0] * devices
        self._ring_seq = np.zeros((rows, devices), dtype=np.int64)
        self._ring_at = np.zeros(rows, dtype=np.int64)
        self._ring: NDArray[np.float64] = np.zeros((rows, devices, channels))
        self._written = 0
        self._acks: list[list[Ack]] = [[] for _ in range(devices)]
        self._obeyed: list[dict[str, None]] = [{} for _ in range(devices)]

    def report(self, at_ms: int, values: NDArray[np.float64]) -> list[int]:
        """Number a report of every device and keep it.

        Returns:
            The running numbers; 0 for a device that is off and says nothing.
        """
        said = self._seqs = [seq + 1 for seq in self._seqs]
        if self.off.any():
            said, self._seqs = said.copy(), said.copy()
            for device in np.flatnonzero(self.off).tolist():
                said[device] = 0
                self._seqs[device] -= 1
        row = self._written % len(self._ring_at)
        self._ring_seq[row], self._ring_at[row], self._ring[row] = said, at_ms, values
        self._written += 1
        return said

    def reboot(self, device: int, at_ms: int) -> None:
        """Start anew: the next boot, whose birth (``seq`` 0) is said at ``at_ms``."""
        self.off[device] = False
        self.boots[device] += 1
        self._born_ms[device] = at_ms
        self._boot_rows.setdefault(device, []).append(self._written)
        seqs = self._seqs.copy()  # the old list was handed out with a report
        seqs[device] = 0
        self._seqs = seqs

    def born_ms(self, device: int) -> int | None:
        """When the present boot began; ``None`` in the first one, which began with the world."""
        return self._born_ms.get(device)

    def take(self, device: int, command_id: str) -> bool:
        """Whether the device has yet to obey this id; from now on it has obeyed it."""
        known = self._obeyed[device]
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
        seqs = self._seqs.copy()  # the old list was handed out with a report
        seqs[device] += 1
        self._seqs = seqs
        ack = Ack(self.boots[device], seqs[device], at_ms, command_id, status, detail)
        self._acks[device] = [*self._acks[device][-REMEMBERED_COMMANDS:], ack]
        return ack

    def held(self, device: int, boot: int, from_seq: int, to_seq: int) -> list[Held]:
        """What the ring buffer still has of ``from_seq`` to ``to_seq`` of a boot, oldest first."""
        filled = min(self._written, len(self._ring_at))
        seqs = self._ring_seq[:filled, device]
        fits = (seqs >= max(from_seq, 1)) & (seqs <= to_seq)
        if device in self._boot_rows:
            fits &= self._of_boot(device, boot, filled)
        elif boot != self.boots[device]:
            return []
        rows = np.flatnonzero(fits)
        return sorted(
            Held(int(seqs[row]), int(self._ring_at[row]), self._ring[row, device].tolist())
            for row in rows
        )

    def acks(self, device: int, boot: int, from_seq: int, to_seq: int) -> list[Ack]:
        """The acknowledgements kept of ``from_seq`` to ``to_seq`` of a boot, oldest first."""
        return [
            ack for ack in self._acks[device] if ack.boot == boot and from_seq <= ack.seq <= to_seq
        ]

    def _of_boot(self, device: int, boot: int, filled: int) -> NDArray[np.bool_]:
        """Which rows of the ring were written in this boot."""
        rows = np.arange(filled)
        written = rows + (self._written - 1 - rows) // len(self._ring_at) * len(self._ring_at)
        starts = [0, *self._boot_rows[device], self._written]
        number = boot - (self.boots[device] - len(self._boot_rows[device]))
        if not 0 <= number < len(starts) - 1:
            return np.zeros(filled, dtype=bool)
        return (written >= starts[number]) & (written < starts[number + 1])

    def dump(self) -> dict[str, Any]:
        """All of it as plain data and columns."""
        filled = min(self._written, len(self._ring_at))
        return {
            "boots": self.boots,
            "off": self.off,
            "born_ms": [list(item) for item in self._born_ms.items()],
            "boot_rows": [list(item) for item in self._boot_rows.items()],
            "seqs": self._seqs,
            "written": self._written,
            "ring_seq": self._ring_seq[:filled],
            "ring_at": self._ring_at[:filled],
            "ring": self._ring[:filled],
            "acks": [[list(ack) for ack in acks] for acks in self._acks],
            "obeyed": [list(ids) for ids in self._obeyed],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.boots, self._seqs = list(state["boots"]), list(state["seqs"])
        self.off = state["off"]
        self._born_ms = dict(state["born_ms"])
        self._boot_rows = {device: list(rows) for device, rows in state["boot_rows"]}
        self._written = state["written"]
        filled = len(state["ring_at"])
        self._ring_seq[:filled] = state["ring_seq"]
        self._ring_at[:filled] = state["ring_at"]
        self._ring[:filled] = state["ring"]
        self._acks = [[Ack(*ack) for ack in acks] for acks in state["acks"]]
        self._obeyed = [dict.fromkeys(ids) for ids in state["obeyed"]]
