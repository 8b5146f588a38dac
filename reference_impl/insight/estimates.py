"""What an algorithm of conditions gets, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from reference_impl.insight.domain import Point, Runout
from reference_impl.kernel.ports import Floats, Times


class Readings(Protocol):
    """Reads a signal of the thing that is evaluated."""

    def __call__(self, signal: str, after_ms: int, to_ms: int) -> tuple[Times, Floats]:
        """All readings with ``after_ms < at_ms <= to_ms``, oldest first."""
        ...


class Past(NamedTuple):
    """What is known before an evaluation at ``at_ms``."""

    at_ms: int
    every_ms: int
    reset_ms: int
    """When the part was fitted; before that, the time of the first reading."""
    points: tuple[Point, ...]
    memory: Mapping[str, Any] | None
    time_zone: str


class Estimate(NamedTuple):
    """What an evaluation found.

    ``jump``: something is in the readings that cannot be (O14); it counted for nothing.
    """

    level: float
    point: Point
    points: tuple[Point, ...]
    runout: Runout | None
    memory: Mapping[str, Any] | None
    jump: bool
