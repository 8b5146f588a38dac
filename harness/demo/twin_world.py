"""The world without the service: same seed, same wear, nobody who notices in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.scenario.products import Products
from harness.scenario.resolve import places, world_spec
from harness.scenario.schema import Scenario
from twins.core.ports import Truth
from twins.world import World

DOWNTIME = "downtime_eur_h"
"""The parameter that every product has: what an hour of standstill costs."""


class WithoutService:
    """Steps a world of its own; nothing of it goes through a broker.

    Raises:
        TwinError: If the description of the world is wrong (the scenario was checked before).
    """

    def __init__(self, scenario: Scenario, products: Products, seed: int) -> None:
        spec = world_spec(scenario, products, seed=seed)
        alone = replace(spec, field=replace(spec.field, service=False))
        self._world = World(alone, seed=seed)
        self._truths: list[Truth] = list(self._world.start().truths)

    def advance(self, to_ms: int) -> Sequence[Truth]:
        """Live on to ``to_ms``; a moment that is past already changes nothing."""
        truths, self._truths = self._truths, []
        if to_ms > self._world.now_ms:
            truths += self._world.run_until(to_ms).truths
        return truths

    def inject(self, fault: str, device: str, params: Mapping[str, float | str]) -> None:
        """Break the same thing as in the other arm."""
        self._world.inject(fault, device, params)

    def damage(self) -> Mapping[str, float]:
        """The worst true damage of each device, 0 as new, 1 broken."""
        worst: dict[str, float] = {}
        for sample in self._world.sample_truth():
            worst[sample.device] = max(worst.get(sample.device, 0.0), sample.damage)
        return worst


def downtime_rates(scenario: Scenario, products: Products, *, seed: int) -> dict[str, float]:
    """Euros that an hour of standstill costs, by device."""
    spec = world_spec(scenario, products, seed=seed)
    rates = {
        fleet.product: fleet.params.get(DOWNTIME, products[fleet.product].params[DOWNTIME].default)
        for fleet in spec.fleets
    }
    found = places(scenario, products)
    for name in {place.product for place in found.values()} - set(rates):  # companions
        own = products[name].params.get(DOWNTIME)
        rates[name] = own.default if own else 0.0
    own_rates = {
        device: fleet.params.get(DOWNTIME, rates[fleet.product])
        for fleet in spec.fleets
        for device in fleet.device_names
    }
    return {device: rates[place.product] for device, place in found.items()} | own_rates
