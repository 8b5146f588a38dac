"""What a scenario may say about products: names, parameters and faults, as their folders tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFacts:
    """One product, as far as scenarios are concerned. Units by name of parameter."""

    id: str
    model: str
    site_prefix: str
    device_prefix: str
    params: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    signals: frozenset[str] = frozenset()
    positions: Sequence[str] = ()
    folder: Path = Path()


Products = Mapping[str, ProductFacts]
