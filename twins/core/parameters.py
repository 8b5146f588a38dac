"""Settings: numbers that a device keeps over a reboot, changed all together or not at all."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any

from twins.core.commands import wrong
from twins.core.declared import ArgSpec, SettingSpec
from twins.core.errors import named

IF_VERSION = "if_version"
"""Argument of a change that is to be made only if nobody else made one in between."""
_VERSION = ArgSpec(kind="whole", min=0)
Configure = Callable[[int, Mapping[str, float]], str | None]


def as_json(**data: object) -> str:
    """Data in an acknowledgement's detail: a JSON object with sorted keys."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


class Settings:
    """Settings of a fleet. Only what differs from the defaults is kept, by device.

    The version of a device's settings is 0 as delivered and grows by one with each change.
    """

    def __init__(
        self,
        specs: Mapping[str, SettingSpec],
        params: Mapping[str, float],
        configure: Configure | None,
        *,
        per_site: int,
    ) -> None:
        self._specs, self._configure, self._per_site = specs, configure, per_site
        self._defaults = {
            name: params[spec.param] if spec.param else spec.default for name, spec in specs.items()
        }
        self._changed: dict[int, dict[str, float]] = {}
        self._versions: dict[int, int] = {}

    def values(self, device: int) -> dict[str, float]:
        """All settings of a device."""
        return self._defaults | self._changed.get(device, {})

    def report(self, device: int, name: str = "") -> tuple[bool, str]:
        """One setting or all of them, as JSON with the version; else what is wrong."""
        if name and name not in self._specs:
            return False, self._unknown(name)
        values = self.values(device)
        return True, as_json(
            settings={name: values[name]} if name else values,
            version=self._versions.get(device, 0),
        )

    def change(
        self, device: int, given: Mapping[str, Any], locked: Callable[[str], str | None]
    ) -> tuple[bool, str]:
        """Take over all values that were given, or none.

        Args:
            device: Which device of the fleet.
            given: New values by name; :data:`IF_VERSION` besides, if wanted.
            locked: Says why a feature may not be used, ``None`` if it may.

        Returns:
            Whether it was done, and what is set now as JSON, or every reason why not.
        """
        values = {name: value for name, value in given.items() if name != IF_VERSION}
        problems = [problem for name in values for problem in self._problems(name, values[name])]
        problems += self._stale(device, given)
        features = {self._specs[name].feature for name in values if name in self._specs}
        problems += [why for feature in sorted(features - {""}) if (why := locked(feature))]
        if not values:
            problems.append(f"no setting is given; there are: {named(self._specs)}")
        if problems:
            return False, "; ".join(problems)
        taken = {name: float(value) for name, value in values.items()}
        assert self._configure is not None
        refusal = self._configure(device, self.values(device) | taken)
        if refusal is not None:
            return False, refusal
        self._note(device, taken)
        return True, as_json(settings=taken, version=self._versions[device])

    def lapse(self, device: int, feature: str, *, shared: bool) -> None:
        """A licence ended: what can be changed only with it is again as delivered.

        Args:
            device: Which device of the fleet.
            feature: What it was for.
            shared: Also what is the same for all devices of the site.
        """
        values = self.values(device)
        taken = {
            name: self._defaults[name]
            for name, spec in self._specs.items()
            if spec.feature == feature
            and values[name] != self._defaults[name]
            and (shared or not spec.shared)
        }
        if taken:
            assert self._configure is not None
            if self._configure(device, values | taken) is None:
                self._note(device, taken)

    def site_of(self, device: int) -> range:
        """The devices of a device's site."""
        first = device - device % self._per_site
        return range(first, first + self._per_site)

    def dump(self) -> dict[str, Any]:
        """What was changed, as plain data."""
        return {
            "changed": [[device, values] for device, values in self._changed.items()],
            "versions": [list(item) for item in self._versions.items()],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._changed = {device: dict(values) for device, values in state["changed"]}
        self._versions = dict(state["versions"])

    def _note(self, device: int, taken: Mapping[str, float]) -> None:
        shared = {name: value for name, value in taken.items() if self._specs[name].shared}
        for other in self.site_of(device) if shared else (device,):
            self._changed.setdefault(other, {}).update(taken if other == device else shared)
            self._versions[other] = self._versions.get(other, 0) + 1

    def _problems(self, name: str, value: object) -> list[str]:
        spec = self._specs.get(name)
        if spec is None:
            return [self._unknown(name)]
        if spec.read_only:
            return [f"{name} can only be read"]
        problem = wrong(name, value, spec.arg())
        return [] if problem is None else [problem]

    def _stale(self, device: int, given: Mapping[str, Any]) -> list[str]:
        if IF_VERSION not in given:
            return []
        expected, version = given[IF_VERSION], self._versions.get(device, 0)
        problem = wrong(IF_VERSION, expected, _VERSION)
        if problem is not None:
            return [problem]
        if expected != version:
            return [f"the settings are at version {version}, not {expected}; read them again"]
        return []

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._specs, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"there is no setting {name!r}{hint}; there are: {named(self._specs)}"
