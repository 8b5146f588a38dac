"""Sun, battery and charge of a fleet of bins: columns of one entry a bin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.compiled import compiled

Columns = NDArray[np.float64]
Flags = NDArray[np.bool_]

BEGINS_FULL = 0.9
"""State of charge at the beginning."""


class Battery(NamedTuple):
    """Battery, panel and what they feed. The defaults are the lead battery of a compacting bin."""

    full_wh: float = 144.0
    """12 V 12 Ah (section 1C, derived from 17 days in the dark)."""
    cut_off: float = 0.4
    """State of charge below which the bin does not compact: 60 % is usable (section 1C)."""
    cold_per_k: float = 0.01
    """Capacity lost per K below 20 degC (handbook)."""
    discharge_month: float = 0.03
    """Self-discharge a month (S31)."""
    panel_w: float = 30.0
    """At 1000 W/m2 (S26)."""
    charge_efficiency: float = 0.85
    """Estimate, lead."""
    base_w: float = 0.105
    """Controller and modem: about half of the 5 Wh a day (S26; estimate)."""
    report_wh: float = 0.0
    """What a report takes; in ``base_w`` where the modem is on all the time."""
    empty_v: float = 11.4
    span_v: float = 1.3
    """At rest from ``empty_v`` to that much above (handbook, six lead cells)."""


CELLS = Battery(
    full_wh=18.7, cut_off=0.0, cold_per_k=0.003, discharge_month=0.001, panel_w=0.0,
    base_w=0.000142, report_wh=0.000285, empty_v=3.0, span_v=0.6,
)  # fmt: skip
"""Two lithium cells of size AA (3.6 V, 2.6 Ah each) of a bin that only measures: base load and
energy of a report (1 J) such that they last 10 years at 6, 5 at 24 reports a day (S30)."""


class Energy(NamedTuple):
    """What batteries hold, and what changes how much comes in.

    ``derate`` is the share of the open sky's radiation that a panel gets as it hangs; ``shade``,
    ``dirt`` and ``panel`` (its age) are what these leave of that. ``worn`` is the share of its
    capacity that a battery has lost, ``cold`` what the cold leaves.
    """

    energy_wh: Columns
    capacity_wh: Columns
    charged_wh: Columns
    used_wh: Columns
    charge_a: Columns
    charge_sum_a: Columns
    """Over the steps since the last report."""
    soc: Columns
    """State of charge, 0 to 1."""
    cold: Columns
    worn: Columns
    derate: Columns
    shade: Columns
    dirt: Columns
    panel: Columns
    shorted: Flags


class Step(NamedTuple):
    """What a step of this length does."""

    step_h: float
    base_wh: float
    """What the electronics take."""
    leak: float
    """Share of its energy that a battery loses by itself."""


class Sun(NamedTuple):
    """Radiation of a clear sky (0 at night), and what share of it comes to each bin."""

    clear_w_m2: float
    clearness: Columns


@compiled
def cold_leaves(battery: Battery, temp_c: float) -> float:
    """Share of the capacity that the cold leaves."""
    return 1.0 - battery.cold_per_k * min(max(20.0 - temp_c, 0.0), 60.0)


@compiled
def battery_v(battery: Battery, soc: float, charge_a: float, shorted: bool) -> float:
    """Terminal voltage: lead 11.4 to 12.7 V at rest, higher while charging (handbook).

    A lead battery at its end has a shorted cell: 2.1 V less. Lithium cells hold their voltage
    until little is left.
    """
    if battery.panel_w == 0.0:
        left = 1.0 - min(soc, 1.0)
        cube = left * left * left
        return battery.empty_v + battery.span_v * (1.0 - cube * cube) - (0.4 if shorted else 0.0)
    return battery.empty_v + battery.span_v * soc + 0.35 * charge_a - (2.1 if shorted else 0.0)


@compiled
def feel(cells: Energy, battery: Battery, outdoor_c: Columns) -> None:
    """The cold leaves less of the capacity; asked once an hour."""
    for i in range(len(outdoor_c)):
        cells.cold[i] = cold_leaves(battery, outdoor_c[i])


@compiled
def run(cells: Energy, battery: Battery, step: Step, spent_wh: Columns, sun: Sun) -> None:
    """Energy in minus energy out is what is stored, exactly.

    The regulator lets in all, tapering to nothing over the last tenth. State of charge: what is
    missing counts against the capacity that the cold leaves.

    Args:
        cells: All of them.
        battery: Their kind.
        step: What a step of this length does.
        spent_wh: What the ram took; at most what there is. Set to 0.
        sun: In this step.
    """
    per_w_m2 = sun.clear_w_m2 * battery.panel_w / 1000.0 * battery.charge_efficiency
    for i in range(len(spent_wh)):
        energy_wh, capacity_wh, gain_wh = cells.energy_wh[i], cells.capacity_wh[i], 0.0
        ram_wh = min(spent_wh[i], energy_wh)
        spent_wh[i] = 0.0
        energy_wh -= ram_wh
        loss_wh = step.leak * energy_wh + step.base_wh
        if per_w_m2 > 0.0:
            hangs = cells.derate[i] * cells.shade[i] * cells.dirt[i] * cells.panel[i]
            taken_w = sun.clearness[i] * hangs * per_w_m2 * min(10.0 * (1.0 - cells.soc[i]), 1.0)
            gain_wh = min(taken_w * step.step_h, capacity_wh - energy_wh)
            cells.charged_wh[i] += gain_wh
            energy_wh += gain_wh
        charge_a = gain_wh / (step.step_h * battery.charge_efficiency * 12.0)
        cells.charge_a[i] = charge_a
        cells.charge_sum_a[i] += charge_a
        loss_wh = min(loss_wh, energy_wh)
        cells.used_wh[i] += ram_wh + loss_wh
        energy_wh -= loss_wh
        cells.energy_wh[i] = energy_wh
        missing = (capacity_wh - energy_wh) / (capacity_wh * cells.cold[i])
        cells.soc[i] = max(1.0 - missing, 0.0)


@compiled
def tell(cells: Energy, battery: Battery, volts: Columns, charge_ma: Columns, steps: int) -> None:
    """Voltage now and mean charge current since the last report, ``steps`` steps ago."""
    for i in range(len(volts)):
        volts[i] = battery_v(battery, cells.soc[i], cells.charge_a[i], cells.shorted[i])
        mean_a = cells.charge_sum_a[i] / steps if steps > 0 else cells.charge_a[i]
        charge_ma[i] = 1000.0 * mean_a if battery.panel_w > 0.0 else np.nan
        cells.charge_sum_a[i] = 0.0


class Power:
    """Batteries and panels of a fleet.

    Args:
        battery: Their kind.
        derate: What the panels get as they hang, shape ``(n,)``.
        step_h: Length of a step.
        reports: How many a step has.
        worn: Share of their capacity that batteries have lost at the beginning.
    """

    def __init__(
        self, battery: Battery, *, derate: Columns, step_h: float, reports: float, worn: float
    ) -> None:  # fmt: skip
        size = len(derate)
        self.battery = battery
        none, one = np.zeros(size), np.ones(size)
        capacity_wh = np.full(size, battery.full_wh * (1.0 - worn))
        self.cells = Energy(
            energy_wh=BEGINS_FULL * capacity_wh, capacity_wh=capacity_wh, charged_wh=none.copy(),
            used_wh=none.copy(), charge_a=none.copy(), charge_sum_a=none.copy(),
            soc=np.full(size, BEGINS_FULL), cold=one.copy(), worn=np.full(size, worn),
            derate=derate, shade=one.copy(), dirt=one.copy(), panel=one.copy(),
            shorted=np.zeros(size, dtype=np.bool_),
        )  # fmt: skip
        self._pace = Step(
            step_h=step_h, base_wh=battery.base_w * step_h + battery.report_wh * reports,
            leak=battery.discharge_month / (30.0 * 24.0) * step_h,
        )  # fmt: skip

    def feel(self, outdoor_c: Columns) -> None:
        """The cold leaves less of the capacity; asked once an hour."""
        feel(self.cells, self.battery, outdoor_c)

    def step(self, spent_wh: Columns, sun: Sun) -> None:
        """Charge and discharge for a step; what the ram spent is set to 0."""
        run(self.cells, self.battery, self._pace, spent_wh, sun)

    def tell(self, volts: Columns, charge_ma: Columns, steps: int) -> None:
        """Write voltage and mean charge current of an interval of so many steps."""
        tell(self.cells, self.battery, volts, charge_ma, steps)

    def fade(self, at: NDArray[np.int64], *, lost: Columns) -> None:
        """Batteries lost this share of their capacity, or what they had lost before if more."""
        cells = self.cells
        cells.capacity_wh[at] = self.battery.full_wh * (1.0 - np.maximum(lost, cells.worn[at]))
        spilled_wh = np.maximum(cells.energy_wh[at] - cells.capacity_wh[at], 0.0)
        cells.energy_wh[at] -= spilled_wh
        cells.used_wh[at] += spilled_wh

    def renew(self, device: int) -> None:
        """A new battery is in place; it comes charged."""
        cells = self.cells
        cells.worn[device] = 0.0
        cells.capacity_wh[device] = self.battery.full_wh
        cells.charged_wh[device] += self.battery.full_wh - cells.energy_wh[device]
        cells.energy_wh[device] = self.battery.full_wh
        cells.soc[device] = 1.0

    def dump(self) -> dict[str, Any]:
        """Everything that changes."""
        return self.cells._asdict()

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name, column in self.cells._asdict().items():
            column[...] = state[name]
