"""One filter stage of a fleet: dust in, pressure drop out, a new capacity at every change."""

from __future__ import annotations

from typing import Any

import numpy as np

from twins.core.streams import Streams
from twins.products.ventilation import model
from twins.products.ventilation.model import Columns

CURVATURE, CURVATURE_SPREAD = 3.4, 0.8
"""k of 26 loading tests (M:filter); kept within 2 to 5, the band of check 25."""
CAPACITY_SPREAD = 0.13
"""CV of equal filters 0.11-0.15 (M:filter)."""
CLEAN_SPREAD = 0.03
"""Log-spread of the clean pressure drop (estimate)."""
BADLY_SEATED, BYPASS = 0.02, 0.45
"""1-3 % of changes read too low (check 28); by how much is an estimate."""


class Filters:
    """Columns of shape ``(n,)``; ``load`` is dust over capacity, 1 at the final pressure drop.

    Life ``k`` takes draw ``k`` of every stream, whatever anybody decides. A stage is an
    ``OwnWear`` of ``twins.core.twin``.
    """

    def __init__(
        self, stage: str, devices: tuple[str, ...], streams: Streams,
        *, clean_pa: float, rise_pa: float, capacity_g: float,
    ) -> None:  # fmt: skip
        self._stage, self._devices, self._streams = stage, devices, streams
        self._clean, self._capacity, self._rise_pa = clean_pa, capacity_g, rise_pa
        n = len(devices)
        self.load = np.zeros(n)
        self.clean_pa, self.capacity_g = np.empty(n), np.empty(n)
        self.curvature, self.seat = np.empty(n), np.ones(n)
        for device in range(n):
            self.renew(device, 1)
            self.seat[device] = 1.0  # the works seats its own filters well

    def damage(self, device: int) -> float:
        """Dust over capacity."""
        return float(self.load[device])

    def renew(self, device: int, life: int) -> None:
        """A new filter set is in place."""
        name = f"{self._stage}/{self._devices[device]}"

        def normal(purpose: str) -> float:
            return self._streams.normal(f"ventilation/{purpose}/{name}", life)

        self.load[device] = 0.0
        self.clean_pa[device] = self._clean * np.exp(CLEAN_SPREAD * normal("clean"))
        self.capacity_g[device] = self._capacity * np.exp(CAPACITY_SPREAD * normal("capacity"))
        bend = CURVATURE + CURVATURE_SPREAD * normal("bend")
        self.curvature[device] = min(max(bend, 2.0), 5.0)
        seated = self._streams.uniform(f"ventilation/seat/{name}", life)
        self.seat[device] = BYPASS if seated < BADLY_SEATED else 1.0

    def catch(self, dust_g: Columns) -> None:
        """Take up dust, shape ``(n,)``."""
        self.load += dust_g / self.capacity_g

    def design_pa(self) -> Columns:
        """Pressure drop at design flow."""
        rise = self._rise_pa * model.loading(self.load, self.curvature)
        return self.seat * (self.clean_pa + rise)

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in _STATE:
            setattr(self, name, state[name])


_STATE = ("load", "clean_pa", "capacity_g", "curvature", "seat")
