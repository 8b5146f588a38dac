"""How far one kind of component has worn, for every device of a fleet: columns, no objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core import wear_kernel
from twins.core.streams import Streams, keys
from twins.core.wear import (
    HOUR_MS,
    STEPS,
    Columns,
    WearLaw,
    draw_lives,
    draw_path,
    draw_rises,
    stretch,
)

HEALTHY, GROWING, FAILED = 0, 1, 2
GUARD_MS = 1e-3
"""What rounding may have left over: an event this much after a whole ms is due at that ms."""


class Growing:
    """The components that are between onset and failure: few, and only they have a path.

    Rows are kept dense: the last one moves to where one goes away.
    """

    def __init__(self, devices: int) -> None:
        self.count = 0
        self._slot = np.full(devices, -1, dtype=np.int32)
        self._members = np.empty(0, dtype=np.int64)
        self._paths = np.empty((0, STEPS + 1), dtype=np.float32)
        self._shape = np.empty((2, 0))

    @property
    def shape(self) -> Columns:
        """Rise at full damage and curvature of the members, shape ``(2, >= count)``."""
        return self._shape

    @property
    def paths(self) -> NDArray[np.float32]:
        """Their paths, shape ``(>= count, STEPS + 1)``."""
        return self._paths

    @property
    def members(self) -> NDArray[np.int64]:
        """Indices of the devices, shape ``(count,)``, in no order."""
        return self._members[: self.count]

    def add(self, device: int, *, path: Columns, rise: float, bend: float) -> None:
        """A component's damage has begun."""
        if self.count == len(self._members):
            more = max(8, self.count // 2)
            self._members = np.append(self._members, np.zeros(more, dtype=np.int64))
            empty = np.empty((more, STEPS + 1), dtype=np.float32)
            self._paths = np.concatenate((self._paths, empty))
            self._shape = np.concatenate((self._shape, np.empty((2, more))), axis=1)
        row, self.count = self.count, self.count + 1
        self._slot[device], self._members[row] = row, device
        self._paths[row], self._shape[:, row] = path, (rise, bend)

    def drop(self, device: int) -> None:
        """It has failed, or was renewed; nothing happens if it was not growing."""
        row = int(self._slot[device])
        if row < 0:
            return
        self.count -= 1
        last = int(self._members[self.count])
        self._members[row], self._slot[last] = last, row
        self._paths[row] = self._paths[self.count]
        self._shape[:, row] = self._shape[:, self.count]
        self._slot[device] = -1


class Worn:
    """One component of every device, by a drawn life.

    What a component wears by is its ``clock``: ms since the start, or its uses times 3,600,000.
    ``progress`` goes at ``rate`` per ms of clock and counts ms of service while healthy, the share
    of the P-F interval while growing; the phase changes when it reaches ``due``.
    """

    COLUMNS = ("number", "phase", "sudden", "service", "stress", "anchor", "progress", "rate",
               "due", "due_clock", "pf_ms", "born_ms", "onset_ms", "lasts")  # fmt: skip

    def __init__(self, law: WearLaw, name: str, devices: Sequence[str], streams: Streams) -> None:
        n = len(devices)
        self.law, self.name = law, name
        self._devices, self._streams = devices, streams
        self._keys = keys(f"{device}/{name}" for device in devices)
        self.number = np.zeros(n, dtype=np.int64)
        self.phase = np.zeros(n, dtype=np.int8)
        self.sudden = np.zeros(n, dtype=np.bool_)
        self.service = np.ones(n, dtype=np.bool_)
        self.stress, self.rate = np.ones(n), np.zeros(n)
        self.anchor, self.progress = np.zeros(n), np.zeros(n)
        self.due, self.due_clock = np.zeros(n), np.full(n, np.inf)
        self.pf_ms, self.born_ms, self.onset_ms = np.ones(n), np.zeros(n), np.zeros(n)
        self.lasts = np.ones(n)
        """By how much later than the law says damage of what is in place begins."""
        self.growing = Growing(n)
        self._soonest: float | None = None

    @property
    def soonest(self) -> float:
        """Clock at which the first of all devices is due."""
        if self._soonest is None:
            self._soonest = float(self.due_clock.min())
        return self._soonest

    def begin(self, clock: Columns | float, age_ms: Columns | float = 0.0) -> None:
        """First lives of all devices, which have reached these ages already."""
        self.number[:] = 1
        lives = draw_lives(self.law, self._streams, self._keys, 1, age_ms)
        self.born_ms[:] = age_ms
        self._take(slice(None), lives.onset_ms, lives.pf_ms, lives.sudden)
        self._go(slice(None), clock)

    def renew(
        self, device: int, clock: float, *, age_ms: float = 0.0, lasts: float | None = None
    ) -> int:
        """Begin the next life, of a virtual age (0: a new part is in place); returns its number.

        ``lasts`` is the factor of a revised part; the one in place stays as it is if not said.
        """
        self.number[device] += 1
        if lasts is not None:
            self.lasts[device] = lasts
        here = slice(device, device + 1)
        lives = draw_lives(self.law, self._streams, self._keys[here], self.number[here], age_ms)
        self.growing.drop(device)
        self.phase[here], self.progress[here], self.born_ms[here] = HEALTHY, 0.0, age_ms
        onset_ms = np.rint(lives.onset_ms * self.lasts[here])
        self._take(here, onset_ms, lives.pf_ms, lives.sudden)
        self._go(here, clock)
        return int(self.number[device])

    def force(self, device: int, clock: float, *, onset_ms: float, pf_ms: float) -> None:
        """Make this life end sooner (or later): damage begins ``onset_ms`` from now.

        If damage has begun already it stays where it is and goes on with the new P-F interval.
        Either way the growth time differs from ``pf_ms`` as that of any life does.
        """
        assert self.phase[device] != FAILED
        here = slice(device, device + 1)
        self.settle(clock, here)
        factor = stretch(self.law, self._streams, self._keys[here], self.number[here])
        if self.phase[device] == GROWING:
            self.pf_ms[here] = pf_ms * factor
        else:
            sudden = np.full(1, self.law.growth == "sudden")
            self._take(here, self.progress[here] + onset_ms, pf_ms * factor, sudden)
        self._go(here, clock)

    def serve(self, device: int, clock: float, *, service: bool) -> bool:
        """Stop or resume wearing; returns whether that is a change."""
        if bool(self.service[device]) == service:
            return False
        here = slice(device, device + 1)
        self.settle(clock, here)
        self.service[device] = service
        self._go(here, clock)
        return True

    def strain(self, stress: Columns, clock: Columns | float, *, after: float) -> None:
        """From now on wear at ``stress``; what is due by ``after`` has its pace already."""
        if wear_kernel.strain(stress, _column(clock), after, *self._pace()):
            self._soonest = None

    def settle(self, clock: float, here: slice) -> None:
        """Bring progress up to ``clock``."""
        self.progress[here] += self.rate[here] * (clock - self.anchor[here])
        self.anchor[here] = clock

    def change(self, device: int, clock: float) -> int:
        """Go over to the next phase, at its time; returns the new one."""
        here = slice(device, device + 1)
        if self.phase[device] == HEALTHY and not self.sudden[device]:
            self.phase[device], self.onset_ms[device] = GROWING, self.due[device]
            self.progress[device], self.due[device] = 0.0, 1.0
            self._grow(device)
        else:
            if self.phase[device] == HEALTHY:
                self.onset_ms[device], self.pf_ms[device] = self.due[device], 0.0
            self.phase[device], self.progress[device] = FAILED, 1.0
            self.growing.drop(device)
        self._go(here, clock)
        return int(self.phase[device])

    def age_ms(self, device: int, clock: float) -> float:
        """Virtual age: service since the part was new, times what overhauls left of it."""
        self.settle(clock, slice(device, device + 1))
        progress = float(self.progress[device])
        if self.phase[device] != HEALTHY:
            progress = float(self.onset_ms[device] + progress * self.pf_ms[device])
        return float(self.born_ms[device]) + progress

    def damage(self, clock: Columns | float) -> Columns:
        """Damage now, shape ``(n,)``: 0 as new to 1 broken."""
        damage = np.where(self.phase == FAILED, 1.0, 0.0)
        if self.growing.count:
            damage[self.growing.members] = self.grown(clock)[0]
        return damage

    def used_up(self, uses: Columns) -> bool:
        """Whether a phase of some device is over, of a component that wears by use."""
        return wear_kernel.any_due(self.due_clock, uses, float(HOUR_MS))

    def grown(self, clock: Columns | float) -> Columns:
        """Damage and rise of the growing ones, ``(2, count)``, in the order of their members."""
        growing = self.growing
        return wear_kernel.grown(
            growing.members, _column(clock), self.progress, self.rate, self.anchor, growing.paths,
            growing.shape,
        )  # fmt: skip

    def full_rise(self, device: int) -> float:
        """How much the signal has risen at full damage."""
        here = slice(device, device + 1)
        rise, _ = draw_rises(self.law, self._streams, self._keys[here], self.number[here])
        return float(rise[0])

    def remaining_h(self, clock: Columns | float) -> Columns:
        """Hours in service (or uses) until failure if nobody interferes, shape ``(n,)``."""
        left = self.due - (self.progress + self.rate * (clock - self.anchor))
        growing = self.phase == GROWING
        left_ms = np.where(growing, left * self.pf_ms, left)
        left_ms += np.where((self.phase == HEALTHY) & ~self.sudden, self.pf_ms, 0.0)
        left_ms[self.phase == FAILED] = 0.0
        return np.asarray(np.maximum(left_ms, 0.0) / HOUR_MS)

    def dump(self) -> dict[str, Any]:
        """Where every component is; paths are drawn again."""
        return {name: getattr(self, name) for name in self.COLUMNS}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in self.COLUMNS:
            setattr(self, name, state[name])
        self._soonest = None
        for device in np.flatnonzero(self.phase == GROWING).tolist():
            self._grow(device)

    def _take(
        self, here: slice, onset_ms: Columns, pf_ms: Columns, sudden: NDArray[np.bool_]
    ) -> None:
        self.pf_ms[here], self.sudden[here] = pf_ms, sudden
        self.due[here] = onset_ms + np.where(sudden, pf_ms, 0.0)

    def _go(self, here: slice, clock: Columns | float) -> None:
        """Wear on from ``clock``, and note when the phase will change."""
        first, last, _ = here.indices(len(self.phase))
        wear_kernel.go(first, last, _column(clock), *self._pace())
        self._soonest = None

    def _pace(self) -> tuple[Any, ...]:
        """The columns in which a kernel makes components wear on."""
        return (
            self.service, self.stress, self.phase, self.pf_ms, self.due, self.progress, self.rate,
            self.anchor, self.due_clock,
        )  # fmt: skip

    def _grow(self, device: int) -> None:
        here = slice(device, device + 1)
        number = self.number[here]
        rise, bend = draw_rises(self.law, self._streams, self._keys[here], number)
        rng = self._streams.block(f"wear/path/{self._devices[device]}/{self.name}", int(number[0]))
        path = draw_path(self.law.growth, rng)
        self.growing.add(device, path=path, rise=float(rise[0]), bend=float(bend[0]))


def _column(clock: Columns | float) -> Columns:
    """A clock that is one for all devices has shape ``(1,)``."""
    return np.array([clock]) if isinstance(clock, float) else clock
