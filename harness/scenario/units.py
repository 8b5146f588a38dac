"""Durations and instants as people write them: ``10m``, ``60d``, ``2026-01-05T00:00:00Z``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, cast

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "y": 31_557_600_000}
"""Milliseconds of each unit of time that a scenario may use."""
DURATION_PATTERN = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d|y)$"
INSTANT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z$"
_QUANTITY = re.compile(r"^\s*(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%/_]*)\s*$")
_UNITS = ", ".join(UNIT_MS)


def parse_duration(value: object) -> int:
    """Milliseconds of ``"10m"``.

    Raises:
        ValueError: If it is no number with a unit of ``ms s m h d``, or no whole milliseconds.
    """
    match = _QUANTITY.match(str(value)) if isinstance(value, str | int | float) else None
    if match is None:
        raise ValueError(f"not a duration: {value!r}; write a number and a unit, such as 10m")
    number, unit = match.groups()
    if unit not in UNIT_MS:
        seen = f"unknown unit {unit!r} in {value!r}" if unit else f"{value!r} lacks a unit"
        raise ValueError(f"{seen}; units are {_UNITS}")
    span_ms = float(number) * UNIT_MS[unit]
    if span_ms < 0 or span_ms != int(span_ms):
        raise ValueError(f"{value!r} is not a whole, positive number of milliseconds")
    return int(span_ms)


def parse_instant(value: object) -> int:
    """Milliseconds since the Unix epoch of ``"2026-01-05T00:00:00Z"``.

    Raises:
        ValueError: If it is not such a text. Only UTC (``Z``) is taken, so that no reader guesses.
    """
    if isinstance(value, str) and re.match(INSTANT_PATTERN, value):
        try:
            moment = datetime.fromisoformat(value.removesuffix("Z"))
        except ValueError as error:
            raise ValueError(f"no such date: {value!r} ({error})") from error
        return int(moment.replace(tzinfo=UTC).timestamp()) * 1000
    raise ValueError(f"not a time: {value!r}; write it in UTC, such as 2026-01-05T00:00:00Z")


def show_instant(at_ms: int) -> str:
    """``2026-01-05T00:00:00Z`` of milliseconds since the Unix epoch."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def show_duration(span_ms: int) -> str:
    """The shortest exact text: ``90m``, ``2d``."""
    for unit in ("d", "h", "m", "s"):
        if span_ms and span_ms % UNIT_MS[unit] == 0:
            return f"{span_ms // UNIT_MS[unit]}{unit}"
    return f"{span_ms}ms"


def quantity(value: float | str, unit: str) -> float:
    """A parameter's value in ``unit``: a bare number is in it already; ``28d`` becomes hours.

    Raises:
        ValueError: If a unit is written that is neither ``unit`` nor convertible to it.
    """
    if not isinstance(value, str):
        return float(value)
    match = _QUANTITY.match(value)
    if match is None:
        raise ValueError(f"not a number: {value!r}; it is in {unit}")
    number, written = match.groups()
    if written in ("", unit):
        return float(number)
    if written in UNIT_MS and unit in UNIT_MS:
        return float(number) * UNIT_MS[written] / UNIT_MS[unit]
    allowed = _UNITS if unit in UNIT_MS else unit
    raise ValueError(f"wrong unit {written!r} in {value!r}; it is in {unit}, allowed: {allowed}")


FROM_FILE = "from_file"
"""Key of the validation context in which bare numbers are refused."""


def _read(parse: Callable[[object], int]) -> Callable[[object, ValidationInfo], int]:
    def read(value: object, info: ValidationInfo) -> int:
        bare = type(value) is int and not (info.context or {}).get(FROM_FILE)
        return cast("int", value) if bare else parse(value)

    return read


Duration = Annotated[
    int,
    BeforeValidator(_read(parse_duration)),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["10m", "60d"]}),
]
"""Milliseconds; text with a unit in files, and a bare ``int`` of milliseconds in Python code."""
Instant = Annotated[
    int,
    BeforeValidator(_read(parse_instant)),
    WithJsonSchema({"type": "string", "pattern": INSTANT_PATTERN}),
]
"""Milliseconds since the Unix epoch; text in UTC in files."""
