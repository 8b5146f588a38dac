"""The devices of a world as people find them when they stand before one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twins.core.fleet import Fleet
from twins.core.manifest import Part
from twins.core.twin import Action, Stands


class Yard:
    """All devices of all fleets by name; ``where`` may be filled after the yard is made."""

    def __init__(self, where: Mapping[str, Fleet]) -> None:
        self._where = where

    def knows(self, device: str) -> bool:
        """Whether there is such a device."""
        return device in self._where

    def fits(self, device: str, position: str) -> bool:
        """Whether there is such a device with a component or a place for parts there."""
        fleet = self._where.get(device)
        return fleet is not None and (
            position in fleet.manifest.places
            or any(spec.position == position for spec in fleet.manifest.components.values())
        )

    def fit(
        self, at_ms: int, device: str, position: str, part: str
    ) -> tuple[str, dict[str, float]]:
        """Put a new part into a device; returns its serial number and readings after it."""
        serial = self._where[device].fit(at_ms, device, position=position, part=part)
        return serial, self.readings(device)

    def readings(self, device: str) -> dict[str, float]:
        """What a technician measures at a device now."""
        fleet = self._where[device]
        index, truth = fleet.index[device], fleet.twin.truth()
        return {name: round(float(column[index]), 3) for name, column in truth.items()}

    def site(self, device: str) -> str:
        """The site of a device."""
        fleet = self._where[device]
        return fleet.site_of(fleet.index[device])

    def containers(self, at_ms: int) -> dict[str, float]:
        """True filling in % of everything that trucks may empty, by device."""
        found = {}
        for fleet in self._fleets():
            found.update(fleet.fill_pct(at_ms))
        return found

    def devices(self) -> list[str]:
        """All devices by name."""
        return sorted(self._where)

    def ages_ms(self) -> dict[str, float]:
        """How old each device was at the start, by name."""
        found = {}
        for device in sorted(self._where):
            fleet = self._where[device]
            ages_ms = fleet.build.ages_ms
            found[device] = ages_ms[fleet.index[device]] if ages_ms else 0.0
        return found

    def parts(self, device: str) -> Sequence[Part]:
        """The spare parts of a device's model as it was first built."""
        every = self._where[device].manifest.parts.values()
        return tuple(part for part in every if not part.revises)

    def maintain(
        self,
        at_ms: int,
        device: str,
        actions: Sequence[Action],
        components: Sequence[str] | None = None,
    ) -> None:
        """One visit: do all of this to every component of a device, or to these.

        Raises:
            InvalidFault: If the device has no such component.
        """
        fleet = self._where[device]
        names = fleet.manifest.components if components is None else components
        jobs = [(action, name) for action in actions for name in names]
        for number, (action, component) in enumerate(jobs, 1):
            last = number == len(jobs)
            fleet.maintain(at_ms, device, action=action, component=component, last=last)

    def totals(self, columns: Mapping[str, bool]) -> dict[str, dict[str, float]]:
        """Sums of true values over each fleet that tells them, by product and number.

        Args:
            columns: Names, and whether a value is that of the site, told by each device of it.
        """
        found = {}
        for number, fleet in enumerate(self._fleets(), 1):
            truth = fleet.twin.truth()
            name = f"{fleet.manifest.id}-{number}"
            found[name] = {
                key: float(truth[key].sum()) / (fleet.build.devices_per_site if of_site else 1)
                for key, of_site in columns.items()
                if key in truth
            }
        return found

    def empty(self, at_ms: int, device: str) -> float:
        """Empty a container; returns the litres taken out, as they were thrown in."""
        return self._where[device].empty(at_ms, device)

    def has(self, device: str) -> bool:
        """Whether there is such a device."""
        return device in self._where

    def place_km(self, device: str) -> tuple[float, float] | None:
        """Where a device stands, km east and north of the depot; None: at its site."""
        fleet = self._where[device]
        twin = fleet.twin
        return twin.place_km(fleet.index[device]) if isinstance(twin, Stands) else None

    def divert(self, at_ms: int, device: str, other: str, share: float) -> None:
        """People take so much of what is meant for a device to another one; 0: no more."""
        fleet = self._where.get(device)
        if fleet is not None and other in fleet.index:
            fleet.divert(at_ms, device, other, share)

    def _fleets(self) -> list[Fleet]:
        return list({id(fleet): fleet for fleet in self._where.values()}.values())
