"""Both filter stages of a fleet: dust in, pressure drop out, a new capacity at every change."""

from __future__ import annotations

from typing import Any

import numpy as np

from twins.core.streams import Streams
from twins.products.ventilation.fan_kernels import Columns, Stages, design_pa

STAGES = ("supply", "extract")
CLEAN_PA = (65.0, 45.0)
RISE_PA = (100.0, 90.0)
"""EN 13053: final = lower of clean + 100 Pa and 3 x clean; ePM1 65 Pa, ePM10 45 Pa (estimate)."""
CURVATURE, CURVATURE_SPREAD = 3.4, 0.8
"""k of 26 loading tests (M:filter); kept within 2 to 5, the band of check 25."""
CAPACITY_SPREAD = 0.13
"""CV of equal filters 0.11-0.15 (M:filter)."""
CLEAN_SPREAD, CLEAN_MOST = 0.028, 3.0
"""Log-spread of the clean pressure drop, and where makers sort out (estimates)."""
BADLY_SEATED, BYPASS = 0.02, 0.45
"""1-3 % of changes read too low (check 28); by how much is an estimate."""


class Filters:
    """Columns of shape ``(2, n)``, supply first; ``load`` is dust over capacity, 1 when due.

    They are changed in place only, by :func:`fan_kernels.blow` among others.

    Life ``k`` takes draw ``k`` of every stream, whatever anybody decides.
    """

    def __init__(
        self, devices: tuple[str, ...], streams: Streams, *, capacity_g: tuple[float, float]
    ) -> None:
        self._devices, self._streams, self._new_g = devices, streams, capacity_g
        shape = (len(STAGES), len(devices))
        self.load, self.seat = np.zeros(shape), np.ones(shape)
        self.clean_pa, self.capacity_g = np.empty(shape), np.empty(shape)
        self.curvature = np.empty(shape)
        self.rise_by_bend = np.empty(shape)
        self.columns = Stages(**{name: getattr(self, name) for name in Stages._fields})
        for stage in range(len(STAGES)):
            for device in range(len(devices)):
                self.renew(stage, device, 1)
        self.seat[:] = 1.0  # the works seats its own filters well

    def renew(self, stage: int, device: int, life: int) -> None:
        """A new filter set is in place: life number ``life`` of that place, from 1."""
        name = f"{STAGES[stage]}/{self._devices[device]}"

        def normal(purpose: str) -> float:
            return self._streams.normal(f"ventilation/{purpose}/{name}", life)

        spread = min(max(normal("clean"), -CLEAN_MOST), CLEAN_MOST)
        self.load[stage, device] = 0.0
        self.clean_pa[stage, device] = CLEAN_PA[stage] * np.exp(CLEAN_SPREAD * spread)
        self.capacity_g[stage, device] = self._new_g[stage] * np.exp(
            CAPACITY_SPREAD * normal("capacity")
        )
        bend = CURVATURE + CURVATURE_SPREAD * normal("bend")
        self.curvature[stage, device] = bend = min(max(bend, 2.0), 5.0)
        self.rise_by_bend[stage, device] = RISE_PA[stage] / np.expm1(bend)
        seated = self._streams.uniform(f"ventilation/seat/{name}", life)
        self.seat[stage, device] = BYPASS if seated < BADLY_SEATED else 1.0

    def design_pa(self) -> Columns:
        """Pressure drop at design flow, shape ``(2, n)``."""
        return design_pa(self.columns)

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            getattr(self, name)[...] = state[name]
        self.rise_by_bend[...] = np.array(RISE_PA)[:, None] / np.expm1(self.curvature)


class Stage:
    """Dust over capacity: one stage as a component (``OwnWear`` of core)."""

    def __init__(self, filters: Filters, stage: int) -> None:
        self._filters, self._stage = filters, stage

    def damage(self, device: int) -> float:
        """Dust over capacity."""
        return float(self._filters.load[self._stage, device])

    def damages(self) -> Columns:
        """Of all units."""
        load: Columns = self._filters.load[self._stage]
        return load

    def renew(self, device: int, life: int) -> None:
        """A new filter set is in place."""
        self._filters.renew(self._stage, device, life)


_STATE = ("load", "clean_pa", "capacity_g", "curvature", "seat")
