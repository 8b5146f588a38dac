"""The scenario's timeline as moments: device faults, DPS kills, and the edges of link faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.scenario.products import Products
from harness.scenario.resolve import fault_params, places
from harness.scenario.schema import DpsFault, Fault, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that takes effect (or ends) at a time."""

    at_ms: int
    kind: str
    """``fault``, ``dps`` or ``link``."""
    name: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False


def moments(scenario: Scenario, products: Products) -> list[Moment]:
    """Every moment of the timeline, oldest first; equal times in the order of the file."""
    start = scenario.run.start
    devices = places(scenario, products)
    found = []
    for entry in scenario.timeline:
        at_ms = start + entry.at
        if isinstance(entry, Fault):
            params = fault_params(entry, products[devices[entry.device].product])
            found.append(
                Moment(
                    at_ms=at_ms, kind="fault", name=entry.fault, target=entry.device, params=params
                )
            )
        elif isinstance(entry, DpsFault):
            found.append(Moment(at_ms=at_ms, kind="dps", name=entry.dps, target=entry.point))
        else:
            target = entry.device or entry.site or ", ".join(entry.sites or "*")
            params = {key: value for key, value in entry.arguments().items() if key != "sites"}
            base: dict[str, Any] = {
                "kind": "link",
                "name": entry.link,
                "target": target,
                "params": params,
            }
            found.append(Moment(at_ms=at_ms, **base))
            end_ms = at_ms + entry.for_
            if end_ms < scenario.run.until_ms:
                found.append(Moment(at_ms=end_ms, ended=True, **base))
    return sorted(found, key=lambda moment: moment.at_ms)
