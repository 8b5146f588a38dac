"""Conditions of a model: what is declared, and what one evaluation makes of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from reference_impl.insight.algorithms import Of, WearParams, chosen, read_params
from reference_impl.kernel.bodies import Fields

_CLOCK = re.compile(r"([01]\d|2[0-3]):(00|15|30|45)")
QUARTER_MS = 900_000
"""Where local times of the day can lie: every zone is off by whole quarters of an hour."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a model, in one revision.

    ``daily_at``: evaluated once per day of the location's calendar at this time; else at each
    multiple of ``every_ms``.
    """

    id: str
    model: str
    position: str
    algorithm: str
    version: str
    every_ms: int
    params: WearParams
    daily_at: time | None = None
    daily_max_pct: float = 0.0
    """The most that wear can grow in a day; 0: nobody knows. Ten times that is a fault (O14)."""
    revision: str = "1"
    shadow: bool = False
    """Computed to be compared only."""

    @property
    def key(self) -> str:
        """Under which its evaluations are kept."""
        return f"{self.id}@{self.revision}" if self.shadow else self.id

    @property
    def algorithm_name(self) -> str:
        """Algorithm and version, as the feed shows them."""
        return f"{self.algorithm}/{self.version}"

    @property
    def grid_ms(self) -> int:
        """At which multiples it is looked whether an evaluation is due."""
        return self.every_ms if self.daily_at is None else QUARTER_MS


def read_condition(fields: Fields, *, model: str, signals: Sequence[str]) -> Condition | None:
    """Check a condition of a model; problems go to ``fields``."""
    before = len(fields.problems)
    condition_id, position = fields.text("id"), fields.text("position")
    revision = fields.text("revision", default="1") if fields.raw("revision") else "1"
    daily_max_pct = fields.number("daily_max_pct", low=0, default=0.0)
    every_s = fields.number("every_s", low=1, default=86_400.0)
    algorithm = chosen(fields, Of.CONDITION)
    daily_at = None
    if fields.raw("daily_at") is not None:
        told = _CLOCK.fullmatch(str(fields.raw("daily_at")))
        if told is None:
            fields.problem("daily_at", f"is {fields.raw('daily_at')!r}", "a quarter hour: '02:15'")
        else:
            daily_at = time(int(told[1]), int(told[2]))
    inner = Fields(fields.raw("params"), where=fields.at("params"), problems=fields.problems)
    params = None if algorithm is None else read_params(inner, algorithm, signals)
    fields.done()
    if algorithm is None or params is None or len(fields.problems) > before:
        return None
    return Condition(
        id=condition_id,
        model=model,
        position=position,
        algorithm=algorithm.name,
        version=algorithm.version,
        every_ms=round(every_s * 1000) if daily_at is None else DAY_MS,
        params=params,
        daily_at=daily_at,
        daily_max_pct=daily_max_pct,
        revision=revision,
    )
