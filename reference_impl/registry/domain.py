"""What the registry checks: pure functions over what is to be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from zoneinfo import available_timezones

from reference_impl.kernel.errors import Problem


class Status(StrEnum):
    """Cloud status of a thing (DS5, DS6); only of an ACTIVE one data flow."""

    UNASSIGNED = "UNASSIGNED"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class Step(StrEnum):
    """What changes the status."""

    ACTIVATE = "activate"
    RESET = "reset"


STATUS: Mapping[Status, Mapping[Step, Status]] = {
    Status.UNASSIGNED: {Step.ACTIVATE: Status.ACTIVE},
    Status.ACTIVE: {Step.RESET: Status.INACTIVE},
    Status.INACTIVE: {Step.ACTIVATE: Status.ACTIVE},
}
"""A reset leaves a thing INACTIVE and without an owner; the next owner activates it again."""

Finding = tuple[tuple[str | int, ...], str, str]


def findings_of_model(data: Mapping[str, Any]) -> list[Finding]:
    """Problems between the fields of a model; fields that are missing or odd are passed over."""
    found: list[Finding] = []
    signals = data.get("signals")
    if not signals and not data.get("parent"):
        found.append((("signals",), "there is none", "at least one, or a parent that has some"))
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


def inherited(parent: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is with what its parent has; the model's own replace the parent's.

    Signals and what is obeyed go by name, parts by position, other entries by id, if they have one.
    """
    merged: dict[str, Any] = {"signals": {**parent["signals"], **own["signals"]}}
    merged["constants"] = {**parent["constants"], **own["constants"]}
    merged["obeys"] = {
        name: {**parent["obeys"].get(name, {}), **own["obeys"].get(name, {})}
        for name in ("commands", "settings", "features")
    }
    for field in ("parts", "conditions", "metrics", "sessions", "diagnosis", "quality"):
        key = "position" if field == "parts" else "id"
        entries: dict[object, Any] = {}
        for number, entry in enumerate((*parent[field], *own[field])):
            entries[entry.get(key, number)] = entry
        merged[field] = list(entries.values())
    return {**own, **merged}
