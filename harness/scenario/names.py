"""Mistakes in fleets that shape alone does not show: names, drawn values, ages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from harness.scenario.fleets import Age, Drawn, Value
from harness.scenario.homes import AGE, homes, number
from harness.scenario.products import Products, in_unit
from harness.scenario.said import Path, Said, unknown
from harness.scenario.schema import Scenario
from harness.scenario.units import show_duration
from twins.core.manifest import Param


def name_problems(scenario: Scenario, products: Products) -> Iterator[Said]:
    """Sites and devices that are called the same."""
    sites: set[str] = set()
    devices: set[str] = set()
    place: dict[int, int] = {}
    for home in homes(scenario, products):
        index = place[home.fleet] = place.get(home.fleet, -1) + 1
        path: Path = ("fleets", home.fleet, "sites", index)
        if home.name in sites:
            text = f"site {home.name!r} is there already; each needs a name of its own"
            yield Said((*path, "name"), False, text)
        sites.add(home.name)
        for k, device in enumerate(home.devices):
            if device in devices:
                text = f"device {device!r} is there already; each needs a name of its own"
                yield Said((*path, "devices", k, "name"), False, text)
            devices.add(device)


def owner_problems(scenario: Scenario, products: Products) -> Iterator[Said]:
    """Sites that are given to a customer and are not there."""
    sites = sorted({home.name for home in homes(scenario, products)})
    for site in scenario.service.owners:
        if site not in sites:
            yield Said(("service", "owners", site), True, unknown("site", site, sites))


def fleet_params(
    path: Path,
    given: Mapping[str, Value],
    params: Mapping[str, Param],
    owner: str,
    counts: Collection[str],
) -> Iterator[Said]:
    """Parameters of a fleet or a site; ``counts`` say how many devices there are."""
    for name, value in given.items():
        here = (*path, name)
        if name not in params:
            yield Said(here, True, unknown(f"parameter of {owner}", name, sorted(params)))
        elif not isinstance(value, Drawn):
            try:
                in_unit(value, params[name])
            except ValueError as error:
                yield Said(here, False, str(error))
        elif name in counts:
            text = f"{name} says how many devices there are; it cannot be drawn"
            yield Said(here, False, text)
        else:
            yield from _drawn(here, value, params[name], _range(params[name]))


def age_problems(path: Path, age: Age | None) -> Iterator[Said]:
    """An age that is no duration, or of more years than anything lasts."""
    allowed = f"0s to {show_duration(int(AGE.max))} (60 years)"
    if isinstance(age, Drawn):
        yield from _drawn(path, age, AGE, allowed)
    elif age is not None and age > AGE.max:
        yield Said(path, False, f"an age is out of range; allowed: {allowed}")


def _range(param: Param) -> str:
    return f"{param.min:g} to {param.max:g} {param.unit}"


def _drawn(path: Path, law: Drawn, param: Param, allowed: str) -> Iterator[Said]:
    """Values that are none, lie out of range, or leave nothing to be drawn."""
    at: dict[str, float] = {}
    for key, value in law.numbers().items():
        name, _, place = key.partition(".")
        where = (*path, name, int(place)) if place else (*path, name)
        try:
            at[key] = number(value, param)
        except ValueError as error:
            yield Said(where, False, str(error))
            continue
        if key != "normal.1" and not param.min <= at[key] <= param.max:
            yield Said(where, False, f"{value} is out of range; allowed: {allowed}")
    if at.get("uniform.0", 0.0) > at.get("uniform.1", float("inf")):
        yield Said((*path, "uniform"), False, "uniform takes the lowest first, then the highest")
    if at.get("normal.1", 0.0) < 0.0 or (law.lognormal is not None and law.lognormal[1] < 0.0):
        yield Said((*path, law.law), False, "a standard deviation must be 0 or more")
    if at.get("min", param.min) > at.get("max", param.max):
        yield Said((*path, "min"), False, "min lies above max: nothing could be drawn")
