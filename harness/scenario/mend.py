"""A look behind mistakes of shape, so that one reading tells all that is wrong with a file.

A scenario whose shape is wrong cannot be asked whether its devices, faults and checks exist. So
each wrong place gets something harmless instead, and the rest is asked; what is said about a
replaced place is not passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from pydantic import ValidationError

from harness.scenario.checkrefs import PHASES
from harness.scenario.schema import Scenario
from harness.scenario.units import FROM_FILE
from harness.scenario.yamlspots import Path, value_at

ROUNDS = 4
"""Taking away one wrong place can show the next one; deeper than this nothing nests."""
_NAMES_DEVICES = frozenset({"product", "sites", "devices_per_site"})
_RUN = {"start": "2026-01-05T00:00:00Z", "until": "3650d", "sync": "1d"}
_NO_ENTRY = {"at": "0s", "dps": "kill"}
_HARMLESS: Mapping[str, Any] = {
    **_RUN, "schema": 1, "title": "untitled", "run": _RUN, "fleets": [{"product": "?"}],
    "product": "?", "at": "0s", "for": "1h", "ratio": 0.5, "dps": "kill",
    "fault": "?", "device": "?", "check": "?", "fee_eur": 0.0, "target": 1.0,
}  # fmt: skip


class Mended(NamedTuple):
    """A scenario that can be asked, and the places about which its answers mean nothing."""

    scenario: Scenario
    replaced: tuple[Path, ...]

    def means(self, path: Path) -> bool:
        """Whether something said about ``path`` is about what stands in the file."""
        return not any(path[: len(place)] == place for place in self.replaced)

    @property
    def knows_devices(self) -> bool:
        """Whether the fleets are as the file says, so that devices can be looked up."""
        return not any(
            place[:1] == ("fleets",) and (len(place) < 3 or place[2] in _NAMES_DEVICES)
            for place in self.replaced
        )


def mended(data: object, error: ValidationError, tags: frozenset[object]) -> Mended | None:
    """``data`` with something harmless in every place that ``error`` names; None if that fails.

    Args:
        data: What the file says, plain mappings, lists and values.
        error: Why it is no scenario.
        tags: Parts of an error's location that are no keys of the file.
    """
    if not isinstance(data, dict):
        return None
    data, replaced = deepcopy(data), []
    for _ in range(ROUNDS):
        for item in error.errors(include_url=False):
            if item["type"] == "too_short" and item["input"]:
                continue  # its items are wrong, and have errors of their own
            extra = item["type"] == "extra_forbidden"
            place = _replace(data, without_tags(item["loc"], tags, extra=extra), extra=extra)
            replaced.append(place)
        try:
            return Mended(Scenario.model_validate(data, context={FROM_FILE: True}), tuple(replaced))
        except ValidationError as again:
            error = again
    return None


def without_tags(location: Path, tags: frozenset[object], *, extra: bool) -> Path:
    """A location of pydantic's as keys of the file: ``tags`` are none, but an ``extra`` key is."""
    kept = [part for part in location[:-1] if part not in tags]
    if location and (extra or location[-1] not in tags):
        kept.append(location[-1])
    return tuple(kept)


def _replace(data: dict[str, Any], path: Path, *, extra: bool) -> Path:
    """Put something harmless at ``path``, or at the entry of the timeline that it belongs to."""
    if not path:  # the timeline reaches beyond the end
        data["run"] = dict(_RUN)
        return ("run",)
    parent = value_at(data, path[:-1])
    key = path[-1]
    if isinstance(parent, list) and isinstance(key, int) and key < len(parent):
        parent[key] = deepcopy(_NO_ENTRY if path[0] == "timeline" else _HARMLESS["fleets"][0])
        if path[0] in PHASES:
            parent[key] = {"check": "?", "args": {}, "where": ""}
    elif not isinstance(parent, dict) or (path[0], key) == ("timeline", "link"):
        return _replace(data, path[:-1], extra=False)
    elif extra or key not in _HARMLESS or (path[0] == "fleets" and key != "product"):
        if key not in parent:  # named by a rule over several keys
            return _replace(data, path[:-1], extra=False)
        del parent[key]
    else:
        parent[key] = deepcopy(_HARMLESS[str(key)])
    return path
