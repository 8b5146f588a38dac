"""What a world is made of. The harness fills this in from a scenario; the world checks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LINKS: Final = ("wired", "cellular", "lora", "mesh")
"""How devices reach the network. Wired is perfect; whatever else happens is the broker's path."""
REPORTING: Final = ("every", "change")
LICENCE_KEY: Final = "twinrig"
"""What the vendor of a simulated world signs licences with, unless the world says another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSpec:
    """Devices of one product: ``sites`` sites with ``devices_per_site`` devices each.

    Sites are ``<site_prefix>-01 ...``, devices ``<device_prefix>-01-1 ...`` with the prefixes of
    the product's manifest. ``params`` overrides parameters that the manifest names.
    ``random_faults`` scales the natural rates of all faults: 0 for only what is injected, 1 for
    faults as often as they come (then 3-5 % of visits leave one behind, too).
    ``link`` is how devices reach the network (:data:`LINKS`); ``reporting`` whether a report holds
    every signal or only what has changed (:data:`REPORTING`).

    ``site_names`` and ``device_names`` (site by site) go before the numbers. ``ages_ms`` is how
    long the components of each device have been in service at the start, those that wear by time;
    ``at_km`` where each site stands, east and north of the depot (``None``: drawn).
    """

    product: str
    sites: int = 1
    devices_per_site: int = 2
    report_every_ms: int = 600_000
    params: Mapping[str, float] = field(default_factory=dict)
    random_faults: float = 0.0
    link: str = "wired"
    reporting: str = "every"
    site_names: tuple[str, ...] = ()
    device_names: tuple[str, ...] = ()
    ages_ms: tuple[float, ...] = ()
    at_km: tuple[tuple[float, float] | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """The people around the fleet: parameters by name, defaults in ``twins.field``.

    With ``service`` false nobody hears of a DPS: failures are noticed and repaired the old way
    (the customer finds out, phones, waits for the part), the arm "without the service".
    ``country`` (ISO 3166, two letters) gives clocks, holidays, names and the mean climate;
    ``time_zone`` (IANA) overrides its clocks. ``habits`` names a set of parameters per actor
    (``supplier: difficult``); what is given besides goes first.
    """

    country: str = "DE"
    time_zone: str = ""
    weather: Mapping[str, float] = field(default_factory=dict)
    calendar: Mapping[str, float] = field(default_factory=dict)
    habits: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, float] = field(default_factory=dict)
    supplier: Mapping[str, float] = field(default_factory=dict)
    carrier: Mapping[str, float] = field(default_factory=dict)
    crew: Mapping[str, float] = field(default_factory=dict)
    stock: Mapping[str, float] = field(default_factory=dict)
    trucks: Mapping[str, float] = field(default_factory=dict)
    upkeep: Mapping[str, float] = field(default_factory=dict)
    money: Mapping[str, float] = field(default_factory=dict)
    service: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSpec:
    """One world. ``start_ms`` is where its clock begins; ``licence_key`` signs licences."""

    start_ms: int
    fleets: tuple[FleetSpec, ...]
    field: FieldSpec = FieldSpec()
    licence_key: str = LICENCE_KEY
