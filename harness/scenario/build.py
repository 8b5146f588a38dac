"""Scenarios in Python: short words for the models of :mod:`harness.scenario.schema`.

Durations and instants are written as in YAML (``"10m"``, ``"2026-01-05T00:00:00Z"``). When a step
takes effect is told by ``at`` (a duration, or :func:`at`) or ``when`` (a condition, or
:func:`when`); ``called`` is the name by which other steps know it. Python's own words do what
parameters and includes do in YAML: a function with arguments, and another one that calls it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from harness.scenario.base import At, When
from harness.scenario.entries import (
    Away,
    Change,
    Changed,
    ContractChange,
    DpsFault,
    Installed,
    Point,
    PolicyChange,
    Setup,
    Weather,
    WeatherChange,
    Who,
    Work,
    WorkKind,
)
from harness.scenario.fleets import Device, Drawn, Fleet, Site
from harness.scenario.links import DURATIONS, Kind, LinkFault
from harness.scenario.schema import (
    CheckRef,
    Contract,
    Fault,
    People,
    Policy,
    Run,
    Scenario,
    Service,
)
from harness.scenario.units import parse_duration, parse_instant
from harness.scenario.variants import variant_name

__all__ = [
    "Contract",
    "People",
    "Policy",
    "Scenario",
    "Service",
    "at",
    "away",
    "change",
    "check",
    "choice",
    "device",
    "dps",
    "fault",
    "fleet",
    "install",
    "kill_dps",
    "link",
    "lognormal",
    "loss",
    "normal",
    "outage",
    "run",
    "site",
    "uniform",
    "variants",
    "weather",
    "when",
    "work",
]

Quantity = float | str
Moment = str | At | None
Condition = str | When | None


def run(start: str, until: str, *, sync: str = "1h", look: str | None = None) -> Run:
    """From ``start`` for ``until``; world and DPS meet every ``sync``.

    Conditions are looked at every ``look`` (every ``sync`` if not given).
    """
    return Run(
        start=parse_instant(start),
        until=parse_duration(until),
        sync=parse_duration(sync),
        look=None if look is None else parse_duration(look),
    )


# Fleets.


def fleet(
    product: str,
    *,
    sites: int | Sequence[str | Site] = 1,
    devices_per_site: int = 2,
    report_every: str = "10m",
    link: Literal["wired", "cellular", "lora", "mesh"] = "wired",
    age: str | Drawn | None = None,
    random_faults: float = 0.0,
    **params: Quantity | Drawn,
) -> Fleet:
    """Devices of one product; further keywords are parameters of it, given or drawn."""
    return Fleet(
        product=product,
        sites=sites if isinstance(sites, int) else tuple(map(_site, sites)),
        devices_per_site=devices_per_site,
        report_every=parse_duration(report_every),
        link=link,
        age=_age(age),
        random_faults=random_faults,
        params=params,
    )


def site(
    name: str,
    *devices: str | Device,
    at_km: tuple[float, float] | None = None,
    age: str | Drawn | None = None,
    **params: Quantity | Drawn,
) -> Site:
    """A site with a name; devices by name, or as many as the fleet says."""
    named = tuple(one if isinstance(one, Device) else Device(name=one) for one in devices)
    return Site(name=name, devices=named, at_km=at_km, age=_age(age), params=params)


def device(name: str, *, age: str | Drawn | None = None) -> Device:
    """A device with a name."""
    return Device(name=name, age=_age(age))


def uniform(lowest: Quantity, highest: Quantity) -> Drawn:
    """Anything in between, each as likely."""
    return Drawn(uniform=(lowest, highest))


def normal(
    mean: Quantity, sd: Quantity, *, low: Quantity | None = None, high: Quantity | None = None
) -> Drawn:
    """Normally distributed; what lies outside ``low`` to ``high`` is drawn again."""
    return Drawn(normal=(mean, sd), min=low, max=high)


def lognormal(
    median: Quantity, sd_log: float, *, low: Quantity | None = None, high: Quantity | None = None
) -> Drawn:
    """The logarithm is normally distributed; bounds as in :func:`normal`."""
    return Drawn(lognormal=(median, sd_log), min=low, max=high)


def choice(*values: Quantity) -> Drawn:
    """One of these, each as likely."""
    return Drawn(choice=values)


def _site(value: str | Site) -> Site:
    return value if isinstance(value, Site) else Site(name=value)


def _age(value: str | Drawn | None) -> int | Drawn | None:
    return parse_duration(value) if isinstance(value, str) else value


# Times and conditions.


def at(
    first: str = "0s",
    *,
    after: str | None = None,
    every: str | None = None,
    times: int | None = None,
) -> At:
    """A time after the start, or after another step; again ``every`` so far apart."""
    again = None if every is None else parse_duration(every)
    return At(first=parse_duration(first), after=after, every=again, times=times)


def when(
    holds: str,
    *,
    lasts: str = "0s",
    after: str | None = None,
    repeat: Literal["once", "every"] = "once",
    times: int | None = None,
) -> When:
    """Once a condition holds (and has held for ``lasts``), or every time that it begins to."""
    told = {"holds": holds, "for": parse_duration(lasts)}
    return When.model_validate({**told, "after": after, "repeat": repeat, "times": times})


def _timing(at: Moment, when: Condition, called: str | None) -> dict[str, Any]:
    """The keys that say when a step takes effect."""
    moment = At(first=parse_duration(at)) if isinstance(at, str) else at
    condition = When(holds=when) if isinstance(when, str) else when
    return {"at": moment, "when": condition, "name": called}


def _lasts(lasts: str | None) -> dict[str, int]:
    return {} if lasts is None else {"for": parse_duration(lasts)}


# Steps.


def fault(
    name: str, device: str, *, at: Moment = None, when: Condition = None,
    called: str | None = None, **params: Quantity,
) -> Fault:  # fmt: skip
    """Something breaks in a device; further keywords are parameters of the fault."""
    return Fault(fault=name, device=device, params=params, **_timing(at, when, called))


def outage(
    *, at: Moment = None, when: Condition = None, lasts: str, site: str | None = None,
    device: str | None = None, called: str | None = None,
) -> LinkFault:  # fmt: skip
    """A site or a device is cut off from the broker."""
    return link(
        "outage", at=at, when=when, lasts=lasts, site=site, device=device, called=called
    )  # fmt: skip


def loss(
    *, at: Moment = None, when: Condition = None, lasts: str, ratio: float,
    site: str | None = None, called: str | None = None,
) -> LinkFault:  # fmt: skip
    """A share of the messages gets lost on the way."""
    return link("loss", at=at, when=when, lasts=lasts, site=site, called=called, ratio=ratio)


def link(
    kind: Kind, *, at: Moment = None, when: Condition = None, lasts: str,
    site: str | None = None, device: str | None = None, called: str | None = None,
    **keys: Any,  # noqa: ANN401 - each kind has its own
) -> LinkFault:  # fmt: skip
    """Any fault of the path to the broker, its keys as in YAML (``by="30s"``)."""
    timed = {key: parse_duration(keys[key]) for key in DURATIONS if key in keys}
    place = {"link": kind, "site": site, "device": device}
    told = {**_timing(at, when, called), **_lasts(lasts), **place, **keys, **timed}
    return LinkFault.model_validate(told)


def kill_dps(*, at: Moment = None, when: Condition = None, point: Point = "now") -> DpsFault:
    """The DPS dies as by kill -9, now or when it next comes by ``point``, and is started again."""
    return DpsFault(dps="kill", point=point, **_timing(at, when, None))


def dps(
    how: Literal["kill", "restart", "pause"], *, at: Moment = None, when: Condition = None,
    lasts: str | None = None, called: str | None = None,
) -> DpsFault:  # fmt: skip
    """The DPS is away for ``lasts``: killed, restarted in good order, or held."""
    return DpsFault.model_validate({"dps": how, **_timing(at, when, called), **_lasts(lasts)})


def change(
    whom: Mapping[Changed, Mapping[str, Quantity]], *, at: Moment = None, when: Condition = None,
    lasts: str | None = None, called: str | None = None,
) -> Change:  # fmt: skip
    """People or prices are other, for a while or for good."""
    return Change.model_validate({"set": whom, **_timing(at, when, called), **_lasts(lasts)})


def away(
    who: Who, *, lasts: str, at: Moment = None, when: Condition = None, called: str | None = None
) -> Away:
    """Nobody of them begins anything for a while."""
    return Away.model_validate({"away": who, **_timing(at, when, called), **_lasts(lasts)})


def weather(
    *, lasts: str | None = None, at: Moment = None, when: Condition = None,
    called: str | None = None, **values: float,
) -> Weather:  # fmt: skip
    """Weather to order, by the names of :class:`harness.scenario.entries.WeatherChange`."""
    told = {"weather": WeatherChange(**values), **_timing(at, when, called), **_lasts(lasts)}
    return Weather.model_validate(told)


def work(
    kind: WorkKind, device: str, *, component: str | None = None, at: Moment = None,
    when: Condition = None, called: str | None = None,
) -> Work:  # fmt: skip
    """Somebody works on a device, unasked."""
    return Work(work=kind, device=device, component=component, **_timing(at, when, called))


def install(
    *, rules: Sequence[str] = (), policy: PolicyChange | Mapping[str, Any] | None = None,
    contract: ContractChange | Mapping[str, Any] | None = None,
    at: Moment = None, when: Condition = None, called: str | None = None,
) -> Setup:  # fmt: skip
    """New rule packs, another policy or an amended contract in the DPS, in mid-run."""
    told = None if policy is None else PolicyChange.model_validate(policy)
    amended = None if contract is None else ContractChange.model_validate(contract)
    service = Installed(rules=tuple(rules), policy=told, contract=amended)
    return Setup(service=service, **_timing(at, when, called))


def check(name: str, **arguments: Any) -> CheckRef:  # noqa: ANN401 - each check has its own
    """A check with its arguments."""
    return CheckRef(check=name, args=arguments)


def variants(**axes: Sequence[bool | float | str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every combination with the name that a matrix gives it: what a loop over runs needs."""
    for values in itertools.product(*axes.values()):
        row = dict(zip(axes, values, strict=True))
        yield variant_name(row), row
