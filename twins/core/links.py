"""Laws of links: how often a connection is away, how long, and what gets lost or doubled.

Figures are those of the twins reference, section 3; their sources stand behind them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Keys, Streams, keys

Columns = NDArray[np.float64]
Yes = NDArray[np.bool_]

MINUTE_MS, HOUR_MS, YEAR_MS = 60_000, 3_600_000, 31_557_600_000
OUTAGE_MEDIAN_MIN, OUTAGE_SIGMA = 15.0, np.log(24.0 * 60.0 / 15.0) / 2.326
"""Outages of a modem are lognormal: median 15 min, 1 % last longer than a day (E)."""
AWAY_SHARE = (0.001, 0.01)
"""99 to 99.9 % of a modem's messages arrive within a minute (E): so much of its time it is away."""
RADIO_LOSS_MEDIAN, RADIO_LOSS_SIGMA = 0.014, np.log(10.0) / (2.0 * 1.645)
"""Loss of one node on the air: 1 to 5 % in all with a spread of x10 between nodes (E, S32)."""
SEASON = 0.3
"""Leaves and wet air: so much more of it in July, less in January (E; S32 says seasonal)."""
BACKBONE_PER_YEAR, BACKBONE_MEDIAN_H, BACKBONE_SIGMA = 14.0, 12.5, 0.93
"""Gateways and what is behind them fail for a site at a time; part of the loss is there (S32).
Gaps have a median of 12.5 h, the longest of 52 was 105 h (M:dhi); how many is ours (E)."""
DOWNLINK_HEARD = 0.9
"""Share of downlinks that a battery node on a long-range radio hears (E: no guarantee)."""
DUPLICATES = (0.0005, 0.005)
"""Share of messages that arrive twice, log-uniform over devices (S33, E)."""
RECONNECT_DUPLICATES, RECONNECT_MS = 0.05, MINUTE_MS
"""In the minute after a reconnect it is 5 % (E)."""
BLOCK = 64
"""Reports whose draws are made at once."""
OUT_OF_ORDER = (0.001, 0.01)
"""Share of messages that a later one overtakes, log-uniform over devices (E)."""


@runtime_checkable
class Reaches(Protocol):
    """What a twin offers besides if its physics knows who can reach the network (a mesh)."""

    def reachable(self) -> Yes:
        """Whether each device has a path now, shape ``(n,)``."""
        ...


class Traffic:
    """What befalls single messages of a fleet: doubled, overtaken, lost. Shape ``(n,)``."""

    def __init__(self, link: str, devices: Keys, streams: Streams) -> None:
        self._keys, self._streams = devices, streams
        self._blocks: dict[str, tuple[int, NDArray[np.float32]]] = {}
        self.duplicates = _log_uniform(streams, "link/duplicates", devices, DUPLICATES)
        self.overtaken = _log_uniform(streams, "link/overtaken", devices, OUT_OF_ORDER)
        self._loss = np.zeros(len(devices))
        if link == "lora":
            spread = streams.normals("link/loss", devices, 1)
            self._loss = np.minimum(RADIO_LOSS_MEDIAN * np.exp(RADIO_LOSS_SIGMA * spread), 1.0)

    def draws(self, purpose: str, report: int) -> NDArray[np.float32]:
        """A uniform number per device for one purpose in one report; made for a block of them."""
        number, row = divmod(report, BLOCK)
        block = self._blocks.get(purpose)
        if block is None or block[0] != number:
            reports = np.arange(number * BLOCK, (number + 1) * BLOCK)[:, None]
            drawn = self._streams.uniforms(f"link/{purpose}", self._keys, reports)
            block = self._blocks[purpose] = (number, drawn.astype(np.float32))
        uniform: NDArray[np.float32] = block[1][row]
        return uniform

    def lost(self, report: int, at_ms: int) -> Yes | None:
        """Whose report the air swallows; ``None`` where that does not happen."""
        if not self._loss.any():
            return None
        season = 1.0 + SEASON * np.cos(2.0 * np.pi * ((at_ms % YEAR_MS) / YEAR_MS - 0.54))
        return np.asarray(self.draws("lost", report) < self._loss * season)


class Outages:
    """When things are away, one after another: modems, or the gateways of sites.

    The k-th outage of a thing is draw k of its stream: a gap that is exponential, then a duration
    that is lognormal.
    """

    def __init__(
        self,
        purpose: str,
        things: Keys,
        streams: Streams,
        *,
        start_ms: int,
        gap_ms: Columns,
        median_ms: float,
        sigma: float,
    ) -> None:
        self._purpose, self._keys, self._streams = purpose, things, streams
        self._gap_ms, self._median_ms, self._sigma = gap_ms, median_ms, sigma
        self.number = np.ones(len(things), dtype=np.int64)
        self.from_ms = start_ms + self._gaps(np.arange(len(things)))

    def until_ms(self, thing: int) -> int:
        """When the outage that begins at ``from_ms`` is over."""
        normal = self._streams.normals(
            f"{self._purpose}/duration", self._keys[thing : thing + 1], self.number[thing]
        )[0]
        lasting_ms = self._median_ms * float(np.exp(self._sigma * normal))
        return int(self.from_ms[thing]) + max(round(lasting_ms), 1)

    def next(self, thing: int, after_ms: int) -> None:
        """Draw the outage that follows one that ended at ``after_ms``."""
        self.number[thing] += 1
        self.from_ms[thing] = after_ms + self._gaps(np.array([thing]))[0]

    def _gaps(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        uniform = self._streams.uniforms(f"{self._purpose}/gap", self._keys[at], self.number[at])
        gaps_ms = -np.log(uniform) * self._gap_ms[at]
        return np.maximum(gaps_ms, 1.0).astype(np.int64)

    def dump(self) -> dict[str, Any]:
        """What changes."""
        return {"number": self.number, "from_ms": self.from_ms}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.number, self.from_ms = state["number"], state["from_ms"]


def modem_outages(devices: Keys, streams: Streams, start_ms: int) -> Outages:
    """The outages of cellular modems, each device with its own share of the time."""
    median_ms = OUTAGE_MEDIAN_MIN * MINUTE_MS
    mean_ms = median_ms * np.exp(0.5 * OUTAGE_SIGMA**2)
    share = _log_uniform(streams, "link/away", devices, AWAY_SHARE)
    return Outages(
        "link/outage", devices, streams, start_ms=start_ms,
        gap_ms=mean_ms * (1.0 - share) / share, median_ms=median_ms, sigma=float(OUTAGE_SIGMA),
    )  # fmt: skip


class Gateways:
    """Whether the gateway of each site, and what is behind it, works."""

    def __init__(self, sites: Sequence[str], streams: Streams, start_ms: int) -> None:
        self._outages = Outages(
            "link/gateway", keys(sites), streams, start_ms=start_ms,
            gap_ms=np.full(len(sites), YEAR_MS / BACKBONE_PER_YEAR),
            median_ms=BACKBONE_MEDIAN_H * HOUR_MS, sigma=BACKBONE_SIGMA,
        )  # fmt: skip
        self._until_ms = np.zeros(len(sites), dtype=np.int64)

    def work(self, now_ms: int) -> Yes:
        """Which do, shape ``(sites,)``; time only goes forward."""
        for site in np.flatnonzero(self._outages.from_ms <= now_ms).tolist():
            while self._outages.from_ms[site] <= now_ms:
                self._until_ms[site] = self._outages.until_ms(site)
                self._outages.next(site, int(self._until_ms[site]))
        return self._until_ms <= now_ms

    def dump(self) -> dict[str, Any]:
        """What changes."""
        return {"outages": self._outages.dump(), "until_ms": self._until_ms}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._outages.load(state["outages"])
        self._until_ms = state["until_ms"]


def _log_uniform(
    streams: Streams, purpose: str, things: Keys, ends: tuple[float, float]
) -> Columns:
    low, high = np.log(ends)
    return np.asarray(np.exp(low + (high - low) * streams.uniforms(purpose, things, 1)))
