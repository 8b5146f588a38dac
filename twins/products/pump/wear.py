"""Wear that only grows with run hours (impeller, ring), a drifting level sensor, and rags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams
from twins.core.wear import STEPS, weibull_h
from twins.products.pump.columns import Table
from twins.products.pump.grinding import along
from twins.products.pump.model import Columns

STEP_REPORTS = 6
"""Wear is brought up every so many reports: it takes months, and a curve costs."""


class Grinding:
    """A gamma process in run hours.

    Damage of one component of every pump, columns ``(n,)``.
    Monotone with a linear mean (twins reference, section 2); the run hours to full wear are a
    Weibull draw per life, the path of each life another.
    """

    def __init__(
        self,
        streams: Streams,
        devices: tuple[str, ...],
        *,
        component: str,
        life_h: float,
        beta: float,
    ) -> None:
        self._streams, self._devices, self._component = streams, devices, component
        self._life_h, self._beta = life_h, beta
        n = len(devices)
        self.hours = np.zeros(n)
        """Run hours of this life, as they count (grit counts more)."""
        self.pace, self.lives = np.ones(n), np.ones(n, dtype=np.int64)
        self._paths = np.zeros((n, STEPS + 2), dtype=np.float32)
        self.full_h = np.zeros(n)
        for device in range(n):
            self._draw(device)

    def step(self, run_h: Columns) -> Columns:
        """Let pumps run on by so many hours, shape ``(n,)``; returns the damage."""
        self.hours = self.hours + run_h * self.pace
        return self.damages()

    def damages(self) -> Columns:
        """Damage of every pump: 0 as new; stays at its path's end when that is passed."""
        damage = np.empty(len(self.hours))
        along(self.hours, self.full_h, self._paths, STEPS, damage)
        return damage

    def damage(self, device: int) -> float:
        """Damage of one pump."""
        return float(self.damages()[device])

    def renew(self, device: int, life: int) -> None:
        """A new part: begin that life."""
        self.lives[device], self.hours[device], self.pace[device] = life, 0.0, 1.0
        self._draw(device)

    def hasten(self, device: int, full_h: float) -> None:
        """Grit: what is left of this life lasts so many run hours."""
        left_h = max(self.full_h[device] - self.hours[device], 0.01 * self.full_h[device])
        self.pace[device] = left_h / full_h

    def dump(self) -> dict[str, Any]:
        """What changes; paths are drawn again."""
        return {"hours": self.hours, "pace": self.pace, "lives": self.lives}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.hours, self.pace, self.lives = state["hours"], state["pace"], state["lives"]
        for device in np.flatnonzero(self.lives > 1).tolist():
            self._draw(device)

    def _draw(self, device: int) -> None:
        name = f"pump/{self._component}/{self._devices[device]}"
        rng = self._streams.block(name, int(self.lives[device]))
        self.full_h[device] = weibull_h(
            eta_h=self._life_h, beta=self._beta, uniform=float(rng.random())
        )
        path = np.concatenate(([0.0], np.cumsum(rng.standard_gamma(1.0, STEPS + 1))))
        self._paths[device] = path / path[STEPS]


class Drifted:
    """The reading drifts; done for at 20 cm of error.

    The level sensor as a component. Its state lies with the ills.
    """

    FULL_M = 0.2

    def __init__(self, offset_m: Columns, pumps: int, clear: Callable[[int], None]) -> None:
        self._offset_m, self._pumps, self._clear = offset_m, pumps, clear

    def damage(self, device: int) -> float:
        """Error over what is too much."""
        return float(abs(self._offset_m[device // self._pumps]) / self.FULL_M)

    def renew(self, device: int, life: int) -> None:
        """A new sensor, clean and calibrated."""
        del life
        self._clear(device)


class Rags:
    """Rags arrive as a Poisson process of the pumped volume; columns ``(n,)``.

    Each adds a gamma(k = 2) lump to the clog. A start may throw all of it off again (section 1A).
    When either happens next is drawn ahead and lies with the pumps (``rags_m3``, ``clean_starts``).
    """

    def __init__(self, streams: Streams, devices: tuple[str, ...], pumps: Table) -> None:
        n = len(devices)
        self._streams, self._devices = streams, devices
        self.per_m3, self.lump, self.mode = np.zeros(n), np.zeros(n), np.ones(n)
        self.self_clean = np.zeros(n)
        self.until_ms = np.zeros(n)
        self.draws = np.zeros(n, dtype=np.int64)
        self._pumps = pumps.reshape(-1)

    def begin(self, device: int, *, until_ms: float, params: Mapping[str, float]) -> None:
        """From now on rags come, up to a time."""
        self.per_m3[device] = params["rags_per_1000_m3"] / 1000.0
        self.lump[device], self.mode[device] = params["size"], params["mode"]
        self.self_clean[device], self.until_ms[device] = params["self_clean"], until_ms
        pump = self._pumps[device]
        pump.rags_m3 = pump.m3 + self._rng(device).exponential(1.0 / self.per_m3[device])

    def settle(self, device: int) -> None:
        """There is a clog: draw with which start it will come off by itself."""
        share, pump = self.self_clean[device], self._pumps[device]
        if share > 0.0 and not np.isfinite(pump.clean_starts):
            pump.clean_starts = pump.starts + float(self._rng(device).geometric(share))

    def step(self, now_ms: float, ragged: NDArray[np.int64]) -> None:
        """Rags of the interval that ends, at the pumps where they come or come off."""
        table = self._pumps
        clog, clog_mode, rags_m3 = table["ill"]["clog"], table["ill"]["clog_mode"], table["rags_m3"]
        starts, clean_starts = table["starts"], table["clean_starts"]
        for device, m3 in zip(ragged.tolist(), table["m3"][ragged].tolist(), strict=True):
            comes = m3 >= rags_m3[device]
            while m3 >= rags_m3[device]:
                rng = self._rng(device)
                clog[device] = min(clog[device] + rng.gamma(2.0, 0.5 * self.lump[device]), 1.0)
                clog_mode[device] = self.mode[device]
                rags_m3[device] += rng.exponential(1.0 / self.per_m3[device])
            if comes and now_ms >= self.until_ms[device]:
                rags_m3[device] = np.inf
            if comes:
                self.settle(device)
            if starts[device] >= clean_starts[device]:
                clog[device], clean_starts[device] = 0.0, np.inf

    def reverse(self, device: int) -> None:
        """Run backwards: most rags come off three times in five, else a few (estimate)."""
        pump = self._pumps[device]
        if pump.ill.clog > 0.0:
            pump.ill.clog *= 0.1 if self._rng(device).random() < 0.6 else 0.8
            pump.clean_starts = np.inf

    def forget(self, device: int) -> None:
        """Somebody took the rags out."""
        self._pumps[device].clean_starts = np.inf

    def counted_anew(self, device: int) -> None:
        """The starts counter stands at 0 again."""
        if np.isfinite(self._pumps[device].clean_starts):
            self.forget(device)
            self.settle(device)

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _RAGS}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _RAGS:
            setattr(self, name, state[name])

    def _rng(self, device: int) -> np.random.Generator:
        """The next draw of a pump, a stream of its own."""
        self.draws[device] += 1
        return self._streams.block(f"pump/rags/{self._devices[device]}", int(self.draws[device]))


_RAGS = "per_m3", "lump", "mode", "self_clean", "until_ms", "draws"
