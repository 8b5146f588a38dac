"""What arrived from each site: how much, of which times, and when it was last heard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NEVER_MS = 2**62
Row = tuple[int, int, int]
"""Messages counted, earliest and newest time named."""


@dataclass(slots=True)
class _Site:
    count: int = 0
    first_ms: int = NEVER_MS
    newest_ms: int = -1
    heard_s: float = 0.0


class Sites:
    """Counts by site. ``heard_s`` is wall time, for live clocks only."""

    def __init__(self) -> None:
        self._sites: dict[str, _Site] = {}
        self.newest_ms = -1
        """The newest time that any message named."""

    def load(self, rows: Mapping[str, Row], heard_s: float) -> None:
        """Start from what is stored."""
        self._sites = {site: _Site(*row, heard_s) for site, row in rows.items()}
        self.newest_ms = max((site.newest_ms for site in self._sites.values()), default=-1)

    def forget_after(self, at_ms: int) -> None:
        """Nothing later was named: it was not true."""
        for state in self._sites.values():
            state.newest_ms = min(state.newest_ms, at_ms)
        self.newest_ms = min(self.newest_ms, at_ms)

    def count(self, site: str, n: int, first_ms: int | None, last_ms: int | None) -> None:
        """Count messages of a site, and the first and last time that they name, if any."""
        state = self._sites.get(site)
        if state is None:
            state = self._sites[site] = _Site()
        state.count += n
        if first_ms is not None:
            state.newest_ms = max(state.newest_ms, first_ms if last_ms is None else last_ms)
            self.newest_ms = max(self.newest_ms, state.newest_ms)
            state.first_ms = min(state.first_ms, first_ms)

    def heard(self, sites: Iterable[str], heard_s: float) -> dict[str, Row]:
        """Note that sites were heard; gives what is to be stored of them."""
        rows: dict[str, Row] = {}
        for site in sites:
            state = self._sites[site]
            state.heard_s = heard_s
            rows[site] = (state.count, state.first_ms, state.newest_ms)
        return rows

    @property
    def total(self) -> int:
        """Distinct messages stored or put aside."""
        return sum(site.count for site in self._sites.values())

    @property
    def first_ms(self) -> int | None:
        """The earliest time any message named."""
        first_ms = min((site.first_ms for site in self._sites.values()), default=NEVER_MS)
        return None if first_ms == NEVER_MS else first_ms

    def short_of(self, delivered: Mapping[str, int]) -> dict[str, int]:
        """Per site, how many messages are still missing."""
        none = _Site()
        short = {s: n - self._sites.get(s, none).count for s, n in delivered.items()}
        return {site: missing for site, missing in short.items() if missing > 0}

    def watermark_ms(self, sites: Iterable[str], now_s: float, idle_s: float | None) -> int | None:
        """The oldest of the newest times, over these sites as far as they are not idle."""
        newest: list[int] = []
        for site in sites:
            state = self._sites.setdefault(site, _Site(heard_s=now_s))
            if idle_s is None or now_s - state.heard_s <= idle_s:
                newest.append(state.newest_ms)
        watermark_ms = min(newest, default=-1)
        return None if watermark_ms < 0 else watermark_ms
