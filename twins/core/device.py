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
    """Connectivity of a fleet's devices, as columns."""

    def __init__(self, *, devices: int, channels: int, report_every_ms: int) -> None:
        rows = min(max(BUFFER_DAYS * DAY_MS // report_every_ms, 1), BUFFER_REPORTS_MAX)
        self.boots = [1] * devices
        self._seqs = [0] * devices
        self._ring_seq = np.zeros((rows, devices), dtype=np.int64)
        self._ring_at = np.zeros(rows, dtype=np.int64)
        self._ring: NDArray[np.float64] = np.zeros((rows, devices, channels))
        self._written = 0
        self._acks: list[list[Ack]] = [[] for _ in range(devices)]
        self._obeyed: list[dict[str, None]] = [{} for _ in range(devices)]

    def report(self, at_ms: int, values: NDArray[np.float64]) -> list[int]:
        """Number a report of every device and keep it; returns the running numbers."""
        self._seqs = [seq + 1 for seq in self._seqs]
        row = self._written % len(self._ring_at)
        self._ring_seq[row], self._ring_at[row], self._ring[row] = self._seqs, at_ms, values
        self._written += 1
        return self._seqs

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
        ack = Ack(seqs[device], at_ms, command_id, status, detail)
        self._acks[device] = [*self._acks[device][-REMEMBERED_COMMANDS:], ack]
        return ack

    def held(self, device: int, from_seq: int, to_seq: int) -> list[Held]:
        """What the ring buffer still has of ``from_seq`` to ``to_seq``, oldest first."""
        filled = min(self._written, len(self._ring_at))
        seqs = self._ring_seq[:filled, device]
        rows = np.flatnonzero((seqs >= max(from_seq, 1)) & (seqs <= to_seq))
        return sorted(
            Held(int(seqs[row]), int(self._ring_at[row]), self._ring[row, device].tolist())
            for row in rows
        )

    def acks(self, device: int, from_seq: int, to_seq: int) -> list[Ack]:
        """The acknowledgements kept of ``from_seq`` to ``to_seq``, oldest first."""
        return [ack for ack in self._acks[device] if from_seq <= ack.seq <= to_seq]

    def dump(self) -> dict[str, Any]:
        """All of it as plain data and columns."""
        filled = min(self._written, len(self._ring_at))
        return {
            "boots": self.boots,
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
        self._written = state["written"]
        filled = len(state["ring_at"])
        self._ring_seq[:filled] = state["ring_seq"]
        self._ring_at[:filled] = state["ring_at"]
        self._ring[:filled] = state["ring"]
        self._acks = [[Ack(*ack) for ack in acks] for acks in state["acks"]]
        self._obeyed = [dict.fromkeys(ids) for ids in state["obeyed"]]
