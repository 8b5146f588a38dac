"""Sun, battery and charge of a fleet of bins, columns of shape ``(n,)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.bin import model
from twins.products.bin.model import Columns

BEGINS_FULL = 0.9
"""State of charge at the beginning."""


class Power:
    """Energy in minus energy out is what is stored, exactly.

    ``derate`` is the share of the open sky's radiation that a panel gets as it hangs; ``shade``,
    ``dirt`` and ``panel`` (its age) are what these leave of that. ``reports`` is how many a step
    has, ``worn`` the share of their capacity that batteries have lost at the beginning.
    """

    COLUMNS = ("energy_wh", "capacity_wh", "charged_wh", "used_wh", "charge_a", "shorted",
               "shade", "dirt", "panel", "worn", "cold", "soc")  # fmt: skip

    def __init__(
        self,
        battery: model.Battery,
        *,
        derate: Columns,
        step_h: float,
        reports: float,
        worn: float,
    ) -> None:
        size = len(derate)
        self.battery, self._step_h, self._derate = battery, step_h, derate
        self.worn = np.full(size, worn)
        self.capacity_wh = np.full(size, battery.full_wh * (1.0 - worn))
        self.energy_wh = BEGINS_FULL * self.capacity_wh
        self.charged_wh, self.used_wh, self.charge_a = (np.zeros(size) for _ in range(3))
        self.shorted: NDArray[np.bool_] = np.zeros(size, dtype=np.bool_)
        self.shade, self.dirt, self.panel, self.cold = (np.ones(size) for _ in range(4))
        self.soc = np.full(size, BEGINS_FULL)
        self._base_wh = battery.base_w * step_h + battery.report_wh * reports
        self._leak = battery.discharge_month / (30.0 * 24.0) * step_h

    def feel(self, outdoor_c: Columns) -> None:
        """The cold leaves less of the capacity; asked once an hour."""
        self.cold = model.cold_leaves(self.battery, outdoor_c)

    def spend(self, at: NDArray[np.int64], wh: Columns) -> None:
        """Take energy out of some batteries, at most what there is."""
        wh = np.minimum(wh, self.energy_wh[at])
        self.energy_wh[at] -= wh
        self.used_wh[at] += wh

    def step(self, sun_w_m2: Columns | None) -> None:
        """Charge and discharge for a step; ``sun_w_m2`` is ``None`` at night."""
        battery = self.battery
        loss_wh = self._leak * self.energy_wh
        loss_wh += self._base_wh
        if sun_w_m2 is None or battery.panel_w == 0.0:
            if self.charge_a.any():
                self.charge_a = np.zeros_like(self.charge_a)
            np.minimum(loss_wh, self.energy_wh, out=loss_wh)
            self.energy_wh -= loss_wh
        else:
            offered_w = sun_w_m2 * self._derate
            offered_w *= self.shade
            offered_w *= self.dirt
            offered_w *= self.panel
            offered_w *= battery.panel_w / 1000.0 * battery.charge_efficiency
            gain_wh = model.accepted_w(self.soc, offered_w)
            gain_wh *= self._step_h
            np.minimum(gain_wh, self.capacity_wh - self.energy_wh, out=gain_wh)
            self.charge_a = gain_wh / (self._step_h * battery.charge_efficiency * 12.0)
            self.charged_wh += gain_wh
            self.energy_wh += gain_wh
            np.minimum(loss_wh, self.energy_wh, out=loss_wh)
            self.energy_wh -= loss_wh
        self.used_wh += loss_wh
        self.soc = model.charge_share(self.energy_wh, self.capacity_wh, self.cold)

    def fade(self, device: int, *, lost: float) -> None:
        """A battery lost this share of its capacity, or what it had lost before if that is more."""
        lost = max(lost, float(self.worn[device]))
        self.capacity_wh[device] = self.battery.full_wh * (1.0 - lost)
        spilled_wh = max(float(self.energy_wh[device] - self.capacity_wh[device]), 0.0)
        self.energy_wh[device] -= spilled_wh
        self.used_wh[device] += spilled_wh

    def renew(self, device: int) -> None:
        """A new battery is in place; it comes charged."""
        self.worn[device] = 0.0
        self.capacity_wh[device] = self.battery.full_wh
        self.charged_wh[device] += self.battery.full_wh - self.energy_wh[device]
        self.energy_wh[device] = self.battery.full_wh
        self.soc[device] = 1.0

    def volts(self) -> Columns:
        """Terminal voltage."""
        return model.battery_v(self.battery, self.soc, self.charge_a, self.shorted)

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: getattr(self, name) for name in self.COLUMNS}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in self.COLUMNS:
            setattr(self, name, state[name])
