"""What is wrong with pumps and stations: states that the faults set and that physics reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.products.pump.model import Columns

BY_PUMP = (
    "clog", "clog_mode", "impeller", "ring", "imbalance", "misaligned", "misaligned_k", "valve",
    "suction_m", "backflow", "cooling", "bearing_mm_s", "bearing", "seal", "winding",
    "hours_limit", "starts_limit",
)  # fmt: skip
BY_STATION = (
    "offset_m",
    "drift_m_s",
    "drift_from_s",
    "grease_m",
    "grease_until_s",
    "mains_until_s",
)

FLOW_LOSS_CLOGGED = 2.0
"""Mode i of S7: rags narrow the passages; the pump's curve falls as ``b (1 + 2 c)``, which takes
40 % of the flow at c = 1, and efficiency with it (estimate; "to half of clean-water value", S8)."""
EFFICIENCY_LOSS_I, EFFICIENCY_LOSS_II = 0.15, 0.35
"""Of efficiency at c = 1. In mode ii rags rub in the gap: flow holds, power rises (S7)."""
HEAD_LOSS_WORN = 0.06
"""Of the head of a worn impeller: a tenth of the flow at full wear (domain 6.1: capacity -10 %)."""
LEAK_WORN = 0.04
"""Of the flow goes back through a ring of double clearance: 4 % of efficiency (S9)."""
CLOG_MM_S = 1.2
"""Vibration of a fully clogged impeller (estimate)."""
CAVITATION_MM_S = 0.3
"""Broadband noise; the overall RMS hardly rises (+4 % at 41 % of the flow, M:skab other_12)."""


class Ills:
    """Columns of shape ``(stations, pumps)`` and ``(stations,)``; all zero in a new station."""

    def __init__(self, stations: int, pumps: int) -> None:
        shape = (stations, pumps)
        self.clog, self.clog_mode = np.zeros(shape), np.ones(shape)
        self.impeller, self.ring = np.zeros(shape), np.zeros(shape)
        self.imbalance = np.zeros(shape)
        """Amplitude over the healthy vibration, at full speed; it grows with speed squared."""
        self.misaligned, self.misaligned_k = np.zeros(shape), np.zeros(shape)
        self.valve = np.zeros(shape)
        """Loss of a half-shut discharge valve, over that of curve and main together."""
        self.suction_m = np.zeros(shape)
        self.backflow = np.zeros(shape)
        """Through a check valve that does not shut, as a share of the duty flow."""
        self.cooling = np.zeros(shape)
        """How much more than new a motor warms under load, as a share."""
        self.bearing_mm_s, self.bearing = np.zeros(shape), np.zeros(shape)
        self.seal, self.winding = np.zeros(shape), np.zeros(shape)
        self.hours_limit, self.starts_limit = np.full(shape, np.inf), np.full(shape, np.inf)
        self.offset_m = np.zeros(stations)
        """What the level sensor shows too much; the control believes it."""
        self.drift_m_s, self.drift_from_s = np.zeros(stations), np.zeros(stations)
        self.grease_m, self.grease_until_s = np.zeros(stations), np.zeros(stations)
        self.mains_until_s = np.full(stations, -np.inf)
        self.changed = True
        """Whether curves must be made anew."""

    def sense(self, now_s: float, of: NDArray[np.bool_] | slice) -> bool:
        """Bring the error of level sensors up to now; returns whether any has one."""
        if not (self.drift_m_s.any() or self.grease_m.any() or self.offset_m.any()):
            return False
        grease = np.where(now_s < self.grease_until_s, self.grease_m, 0.0)
        drift = self.drift_m_s * np.maximum(now_s - self.drift_from_s, 0.0)
        self.offset_m[of] = (np.clip(drift, -1.0, 1.0) + grease)[of]
        return True

    def head_factor(self) -> Columns:
        """Shut-off head over that of a new pump."""
        return 1.0 - HEAD_LOSS_WORN * self.impeller

    def curve_factor(self) -> Columns:
        """B over that of a clean pump."""
        return 1.0 + FLOW_LOSS_CLOGGED * np.where(self.clog_mode == 1.0, self.clog, 0.0)

    def efficiency_factor(self) -> Columns:
        """Efficiency at the same x over that of a clean pump."""
        loss = np.where(self.clog_mode == 1.0, EFFICIENCY_LOSS_I, EFFICIENCY_LOSS_II)
        return 1.0 - loss * self.clog

    def maintain(self, station: int, pump: int, component: str, action: str) -> None:
        """What a visit resets. Rags come out whenever a pump is lifted and worked on."""
        self.changed = True
        at = station, pump
        if action == "minimal":
            return
        if component in ("impeller", "ring", "bearing", "seal", "winding"):
            self.clog[at] = 0.0
        if action in ("adjust", "overhaul", "replace") and component in ("impeller", "bearing"):
            self.imbalance[at] = self.misaligned[at] = self.misaligned_k[at] = 0.0
        if action in ("clean", "adjust", "overhaul") and component == "impeller":
            self.suction_m[at] = self.valve[at] = self.backflow[at] = 0.0
        if component == "winding" or (component == "impeller" and action != "adjust"):
            self.cooling[at] = 0.0
        if component == "level_sensor":
            self.drift_m_s[station] = self.grease_m[station] = self.offset_m[station] = 0.0

    def dump(self) -> dict[str, Any]:
        """Every column by name."""
        return {name: getattr(self, name) for name in (*BY_PUMP, *BY_STATION)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name in (*BY_PUMP, *BY_STATION):
            getattr(self, name)[:] = state[name]
        self.changed = True
