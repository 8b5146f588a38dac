"""What the harness knows of a run because it set it up: oracles and checks start from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.scenario.schema import Contract, Policy


class Amendment(NamedTuple):
    """Other terms of a contract, from the begin of a month on."""

    from_ms: int
    terms: Mapping[str, Any]
    """Those that change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What the harness knows by itself: it set all of this up."""

    start_ms: int
    until_ms: int
    devices: Mapping[str, str]
    """Site by device."""
    contract: Contract | None = None
    policy: Policy = field(default_factory=Policy)
    fits: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """By device: the parts of its model, each with the position where it belongs."""
    conditions: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """By device: the conditions that were installed for its model."""
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Rules that were installed, by id, as their packs say them."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """The customer whose device it is, of the devices that the run begins with."""
    plans: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Plans that the scenario's calls offer, by id."""
    planned_updates: frozenset[str] = frozenset()
    """Contracts of the scenario's calls by which an update's downtime is planned."""
    contracts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Terms that contracts begin with which are agreed on once, as calls and tiers say them."""
    amendments: Mapping[str, Sequence[Amendment]] = field(default_factory=dict)
    """By contract: what the scenario's calls amend."""
    packages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Packages of firmware that the scenario's calls offer, by id."""
    rollouts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Rollouts of firmware that the scenario's calls begin, by id."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Model by device."""
    hardware: Mapping[str, str] = field(default_factory=dict)
    """Hardware revision by device, as far as the scenario's calls say it."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Time zone by site, where the scenario's calls say another one than UTC."""
    technicians: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each technician knows whom the scenario's calls entered."""
