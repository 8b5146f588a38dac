"""What one batch brings, until it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_impl.ingestion.domain import DeviceLog, Key, Reading


@dataclass(slots=True)
class Batch:
    """Gathered while the messages of a batch are looked at."""

    open: dict[tuple[str, str, int], list[Reading]] = field(default_factory=dict)
    """Reports that are not looked at yet, by site, device and boot: they are taken together."""
    readings: dict[Key, list[Reading]] = field(default_factory=dict)
    logs: dict[Key, DeviceLog] = field(default_factory=dict)
    sites: set[str] = field(default_factory=set)
    latest: dict[str, Reading] = field(default_factory=dict)
    undated: list[tuple[Key, Reading]] = field(default_factory=list)
    """Reports whose time cannot be true: kept apart, nobody decides anything by them."""
