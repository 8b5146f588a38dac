"""Scenarios in Python: short words for the models of :mod:`harness.scenario.schema`.

Durations and instants are written as in YAML (``"10m"``, ``"2026-01-05T00:00:00Z"``).
"""

from __future__ import annotations

from typing import Any, Literal

from harness.scenario.base import At
from harness.scenario.entries import DpsFault
from harness.scenario.fleets import Fleet
from harness.scenario.links import DURATIONS, Kind
from harness.scenario.schema import (
    CheckRef,
    Contract,
    Fault,
    LinkFault,
    People,
    Policy,
    Run,
    Scenario,
    Service,
)
from harness.scenario.units import parse_duration, parse_instant

__all__ = [
    "Contract",
    "People",
    "Policy",
    "Scenario",
    "Service",
    "check",
    "fault",
    "fleet",
    "kill_dps",
    "link",
    "loss",
    "outage",
    "run",
]

Point = Literal["before_commit", "after_commit", "in_clock", "before_publish", "now"]


def run(start: str, until: str, *, sync: str = "1h") -> Run:
    """From ``start`` for ``until``; world and DPS meet every ``sync``."""
    return Run(start=parse_instant(start), until=parse_duration(until), sync=parse_duration(sync))


def fleet(
    product: str,
    *,
    sites: int = 1,
    devices_per_site: int = 2,
    report_every: str = "10m",
    link: Literal["wired", "cellular", "lora", "mesh"] = "wired",
    **params: float | str,
) -> Fleet:
    """Devices of one product; further keywords are parameters of it."""
    return Fleet(
        product=product,
        sites=sites,
        devices_per_site=devices_per_site,
        report_every=parse_duration(report_every),
        link=link,
        params=params,
    )


def fault(name: str, device: str, *, at: str, **params: float | str) -> Fault:
    """Something breaks in a device; further keywords are parameters of the fault."""
    return Fault(at=At(first=parse_duration(at)), fault=name, device=device, params=params)


def outage(*, at: str, lasts: str, site: str | None = None, device: str | None = None) -> LinkFault:
    """A site or a device is cut off from the broker."""
    return link("outage", at=at, lasts=lasts, site=site, device=device)


def loss(*, at: str, lasts: str, ratio: float, site: str | None = None) -> LinkFault:
    """A share of the messages gets lost on the way."""
    return link("loss", at=at, lasts=lasts, site=site, ratio=ratio)


def link(
    kind: Kind,
    *,
    at: str,
    lasts: str,
    site: str | None = None,
    device: str | None = None,
    **keys: Any,  # noqa: ANN401 - each kind has its own
) -> LinkFault:
    """Any fault of the path to the broker, its keys as in YAML (``by="30s"``)."""
    timed = {key: parse_duration(keys[key]) for key in DURATIONS if key in keys}
    window = {"at": parse_duration(at), "for": parse_duration(lasts)}
    place = {"link": kind, "site": site, "device": device}
    return LinkFault.model_validate({**window, **place, **keys, **timed})


def kill_dps(*, at: str, point: Point = "now") -> DpsFault:
    """The DPS dies as by kill -9, now or when it next comes by ``point``, and is started again."""
    return DpsFault(at=At(first=parse_duration(at)), dps="kill", point=point)


def check(name: str, **arguments: Any) -> CheckRef:  # noqa: ANN401 - each check has its own
    """A check with its arguments."""
    return CheckRef(check=name, args=arguments)
