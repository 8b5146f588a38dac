"""What surrounds the rules of a pack in service: telemetry and the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from reference_impl.kernel.ports import (
    Floats,
    Readings,
    Reduced,
    Take,
    TelemetryView,
    ThingRef,
    Times,
    Windows,
)
from reference_impl.rules.variables import HOUR_MS


def newest(signal: str) -> Reduced:
    """A kind of window that tells when a signal was last read; how long it is does not matter."""
    return Reduced(signal, Take.COUNT, HOUR_MS)


class Around:
    """Implements :class:`reference_impl.rules.columns.Surroundings` for the things of a model."""

    def __init__(
        self,
        refs: Sequence[ThingRef],
        telemetry: TelemetryView,
        *,
        windows: Windows,
        constants: Mapping[str, float],
    ) -> None:
        """``windows``: at the ends of the look, :func:`newest` of what is asked for among them."""
        self._refs, self._telemetry, self._windows = refs, telemetry, windows
        self._things = [ref.thing for ref in refs]
        self._constants = constants
        self.zones = [ref.time_zone for ref in refs]

    def groups(self, among: str) -> Sequence[str]:
        """The site, customer or model of each thing."""
        return [getattr(ref, among) for ref in self._refs]

    def readings(self, signals: Sequence[str], *, after_ms: int, to_ms: int) -> Readings:
        """Reports with ``after_ms < at_ms <= to_ms``."""
        return self._telemetry.readings(self._things, signals, after_ms=after_ms, to_ms=to_ms)

    def newest_ms(self, signal: str | None) -> Times:
        """When a signal (None: any) was last read at or before each end; -1: never."""
        if signal is None:
            return self._windows.reported_ms()
        return self._windows.window(newest(signal)).newest_ms

    def constant(self, name: str) -> Floats:
        """A number of the model for each thing, NaN where it is not known."""
        return np.full(len(self._refs), self._constants.get(name, np.nan))
