"""Hourly flows of stations beside the local clock: what checks 10 and 11 look at."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from twins.core.realism import History


class Hours:
    """Hourly flow of all sites over each one's mean, with what the clock said."""

    def __init__(self, history: History) -> None:
        seen, zone = history.telemetry, ZoneInfo("Europe/Berlin")
        middle_s = history.at_ms / 1000.0 - 1800.0
        shift_s = np.array([_shift_s(zone, at) for at in middle_s.tolist()])
        local_h = (middle_s + shift_s) / 3600.0
        flow, rain = seen["station_flow_m3_h"][:, ::2], seen["rain_mm_h"][:, ::2]
        month = (np.arange(len(flow)) // 720)[:, None]
        means = np.array([flow[month[:, 0] == m].mean(axis=0) for m in range(int(month.max()) + 1)])
        recent = np.cumsum(np.vstack([np.zeros((1, rain.shape[1])), rain]), axis=0)
        past = recent[1:] - recent[np.maximum(np.arange(1, len(recent)) - 72, 0)]
        self.dry = past < 0.3
        self.flow = flow / means[month[:, 0]]
        self.hour = np.repeat((local_h.astype(int) % 24)[:, None], flow.shape[1], axis=1)
        free = (local_h // 24).astype(int) % 7
        self.weekend = np.repeat(np.isin(free, (2, 3))[:, None], flow.shape[1], axis=1)


def _shift_s(zone: ZoneInfo, at_s: float) -> float:
    offset = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()
