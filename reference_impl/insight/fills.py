"""How full containers are, and how likely to be full soon, for who plans by it (rule B2).

The law is the one that the forecast ``full_in`` of a model has: what people read and what routes
are planned by is one truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import sqlalchemy as sa

from reference_impl.insight.declared import Declared
from reference_impl.insight.estimates import Past, Readings
from reference_impl.insight.filling import FillForecast
from reference_impl.kernel.ports import Directory, Floats, TelemetryView, ThingRef, Times

DAY_MS = 86_400_000
EMPTIED_SHARE = 0.3
"""A fall by this share of full is an emptying, where a model does not say it."""
HISTORY_MS = 42 * DAY_MS


class Fills:
    """Asks the law of each model."""

    def __init__(
        self,
        *,
        telemetry: TelemetryView,
        directory: Directory,
        declared: Callable[[str], Declared | None],
    ) -> None:
        self._telemetry, self._directory, self._declared = telemetry, directory, declared

    def __call__(
        self,
        conn: sa.Connection,
        things: Sequence[str],
        signal: str,
        *,
        full: float,
        at_ms: int,
        heard_ms: int,
        within_h: float,
    ) -> tuple[Floats, Floats]:
        """Shares of full now, and chances to be full in ``within_h`` hours, ``(things,)`` each.

        Args:
            conn: Of the store.
            things: Containers.
            signal: Their level.
            full: The level that is full.
            at_ms: Now.
            heard_ms: Who said nothing for longer is not believed: both are NaN.
            within_h: Hours.
        """
        refs = {ref.thing: ref for ref in self._directory.things(conn)}
        laws: dict[str, FillForecast] = {}
        levels, chances = np.full((2, len(things)), np.nan)
        for number, thing in enumerate(things):
            ref = refs[thing]
            law = laws.get(ref.model)
            if law is None:
                law = laws[ref.model] = self._law(ref, signal, full)
            past = Past(at_ms, DAY_MS, 0, (), None, ref.time_zone)
            seen = law.look(self._reader(thing), past)
            if seen is not None and seen.heard_ms > at_ms - heard_ms:
                levels[number] = seen.level / full
                chances[number] = law.full_within(seen, past, within_h)
        return levels, chances

    def _reader(self, thing: str) -> Readings:
        def read(signal: str, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
            return self._telemetry.series(thing, signal, after_ms=after_ms, to_ms=to_ms)

        return read

    def _law(self, ref: ThingRef, signal: str, full: float) -> FillForecast:
        for law in self._laws(ref.model):
            if law.signal == signal:
                return replace(law, full=full)
        return FillForecast(
            signal=signal, full=full, emptied_drop=EMPTIED_SHARE * full, history_ms=HISTORY_MS
        )

    def _laws(self, model: str) -> Iterator[FillForecast]:
        declared = self._declared(model)
        for forecast in () if declared is None else declared.forecasts:
            if isinstance(forecast.params, FillForecast):
                yield forecast.params
