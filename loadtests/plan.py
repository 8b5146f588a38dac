"""What is asked of a run: which device is up when, and which message is due when.

The schedule is open-loop and anchored: message ``k`` of device ``i`` is due at
``start_s(i) + k * interval_s`` after the start of traffic, whatever became of the messages before.
So what was asked is a number known beforehand, and a stall cannot hide (coordinated omission).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

Shape = Literal["constant", "ramp"]
RAMP_STEPS = 10
"""A ramp grows in this many equal steps over the run."""
RAMP_LEAD_S = 2.5
"""Devices of a later step connect this long before their first message is due: Locust looks at a
shape once a second, and a connection takes its time."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One load run, as asked.

    ``rate_per_s`` is the rate of all devices together once all are up. Of ``shards`` processes this
    one has the devices ``shard``, ``shard + shards``, ...
    """

    users: int
    rate_per_s: float
    duration_s: float
    shape: Shape = "constant"
    shard: int = 0
    shards: int = 1

    @property
    def interval_s(self) -> float:
        """Seconds between two messages of one device."""
        return self.users / self.rate_per_s

    @property
    def devices(self) -> Sequence[int]:
        """Device numbers of this shard, in the order in which they come up."""
        return range(self.shard, self.users, self.shards)

    def up_s(self, device: int) -> float:
        """Second at which ``device`` must be up: 0, or the start of its step of the ramp."""
        if self.shape == "constant":
            return 0.0
        return (device * RAMP_STEPS // self.users) * self.duration_s / RAMP_STEPS

    def start_s(self, device: int) -> float:
        """Second at which the first message of ``device`` is due; devices are spread evenly."""
        return self.up_s(device) + device / self.rate_per_s

    def due_s(self, device: int, nth: int) -> float:
        """Second at which the ``nth`` message (from 0) of ``device`` is due."""
        return self.start_s(device) + nth * self.interval_s

    def asked_of(self, device: int) -> int:
        """How many messages of ``device`` are due before the run ends."""
        left_s = self.duration_s - self.start_s(device)
        return max(0, math.ceil(round(left_s / self.interval_s, 9)))

    @property
    def asked(self) -> int:
        """How many messages this shard is asked to send."""
        return sum(self.asked_of(device) for device in self.devices)

    @property
    def first_wave(self) -> int:
        """How many devices of this shard connect before traffic starts."""
        return self.up_at(RAMP_LEAD_S)

    def up_at(self, second: float) -> int:
        """How many devices of this shard must be up at ``second``."""
        return sum(1 for device in self.devices if self.up_s(device) <= second)
