"""What the registry checks: pure functions over what is to be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import available_timezones

from reference_impl.kernel.errors import Problem

Finding = tuple[tuple[str | int, ...], str, str]


def findings_of_model(data: Mapping[str, Any]) -> list[Finding]:
    """Problems between the fields of a model; fields that are missing or odd are passed over."""
    found: list[Finding] = []
    signals = data.get("signals")
    for name, signal in signals.items() if isinstance(signals, Mapping) else ():
        if not isinstance(signal, Mapping):
            continue
        low, high = signal.get("min"), signal.get("max")
        if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
            found.append((("signals", name, "min"), f"{low:g}", f"less than max, {high:g}"))
    found += _doubled(data.get("conditions"), "conditions", "id")
    found += _doubled(data.get("parts"), "parts", "position")
    found += _doubled(data.get("metrics"), "metrics", "id")
    return found


def _doubled(entries: object, field: str, key: str) -> list[Finding]:
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return []
    seen: set[object] = set()
    found: list[Finding] = []
    for index, entry in enumerate(entries):
        value = entry.get(key) if isinstance(entry, Mapping) else None
        if isinstance(value, str):
            if value in seen:
                found.append(((field, index, key), f"{value!r} stands twice", "each once"))
            seen.add(value)
    return found


def problems_of_references(wanted: Mapping[str, tuple[str, bool]]) -> list[Problem]:
    """One problem per reference to something that is not installed.

    Args:
        wanted: Field name to (id named there, whether it exists).
    """
    return [
        Problem(where=field, what=f"{name!r} is not installed", allowed=f"an installed {field}")
        for field, (name, exists) in wanted.items()
        if not exists
    ]


def is_time_zone(name: str) -> bool:
    """Whether ``name`` is an IANA time zone this machine knows."""
    return name == "UTC" or name in available_timezones()
