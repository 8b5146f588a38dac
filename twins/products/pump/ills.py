"""What is wrong with pumps and stations: states that the faults set and that physics reads."""

from __future__ import annotations

from twins.products.pump.columns import Table


class Ills:
    """Columns of shape ``(stations, pumps)`` and ``(stations,)``; nothing in a new station.

    They are views of the stations' tables.
    """

    def __init__(self, wells: Table, pumps: Table) -> None:
        self.clog, self.clog_mode = pumps["clog"], pumps["clog_mode"]
        self.impeller, self.ring = pumps["impeller"], pumps["ring"]
        self.imbalance = pumps["imbalance"]
        """Amplitude over the healthy vibration, at full speed; it grows with speed squared."""
        self.misaligned, self.misaligned_k = pumps["misaligned"], pumps["misaligned_k"]
        self.valve = pumps["valve"]
        """Loss of a half-shut discharge valve, over that of curve and main together."""
        self.suction_m = pumps["suction_m"]
        self.backflow = pumps["backflow"]
        """Through a check valve that does not shut, as a share of the duty flow."""
        self.cooling = pumps["cooling"]
        """How much more than new a motor warms under load, as a share."""
        self.bearing_mm_s, self.bearing = pumps["bearing_mm_s"], pumps["bearing"]
        self.seal, self.winding = pumps["seal"], pumps["winding"]
        self.hours_limit, self.starts_limit = pumps["hours_limit"], pumps["starts_limit"]
        self.offset_m = wells["offset_m"]
        """What the level sensor shows too much; the control believes it."""
        self.drift_m_s, self.drift_from_s = wells["drift_m_s"], wells["drift_from_s"]
        self.grease_m, self.grease_until_s = wells["grease_m"], wells["grease_until_s"]
        self.mains_until_s = wells["mains_until_s"]

    def maintain(self, station: int, pump: int, component: str, action: str) -> None:
        """What a visit resets. Rags come out whenever a pump is lifted and worked on."""
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
