"""Contracts whose terms the harness knows, as the calls of a scenario agree on and amend them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from harness.oracles.brief import Amendment
from harness.scenario.entries import Setup
from harness.scenario.schema import Scenario
from harness.sut.port import Call
from harness.sut.setup import CONTRACT

_CONTRACT = re.compile(r"PUT /v1/contracts/([^/]+)")
_TIER = re.compile(r"PUT /v1/contract-tiers/([^/]+)")
_AMENDMENT = re.compile(r"POST /v1/contracts/([^/]+)/amendments")
Said = Mapping[str, Any]


class _Made(NamedTuple):
    """A call that the DPS takes: method and path, and its body."""

    what: str
    body: Said


def contracts(scenario: Scenario, calls: Sequence[Call]) -> dict[str, Said]:
    """The terms that contracts begin with, with those of their tiers, by name.

    Left out are contracts that are agreed on twice, those of a tier that is not offered just once,
    and those over devices that the call does not name.

    Args:
        scenario: Its timeline makes calls, and may change ``service.contract``.
        calls: What was installed in the DPS before.
    """
    made = [_Made(f"{call.method} {call.path}", call.body) for call in calls]
    made += _timeline(scenario)
    tiers = {name: body["terms"] for name, body in _once(_TIER, made).items()}
    changed = any(isinstance(e, Setup) and e.service.contract for e in scenario.timeline)
    found: dict[str, Said] = {}
    for name, body in _once(_CONTRACT, made).items():
        tier = str(body.get("tier") or "")
        if (name == CONTRACT and changed) or (tier and tier not in tiers):
            continue
        terms = {**tiers.get(tier, {}), **body}
        if all(isinstance(thing, str) for thing in terms["things"]):
            found[name] = terms
    return found


def amendments(scenario: Scenario) -> dict[str, tuple[Amendment, ...]]:
    """What calls of the timeline amend, by contract, in the order of the file."""
    found: dict[str, tuple[Amendment, ...]] = {}
    for what, body in _timeline(scenario):
        if match := _AMENDMENT.fullmatch(what):
            begins = datetime.strptime(body["from_period"], "%Y-%m").replace(tzinfo=UTC)
            one = Amendment(round(begins.timestamp() * 1000), body["terms"])
            found[match[1]] = (*found.get(match[1], ()), one)
    return found


def _timeline(scenario: Scenario) -> Iterator[_Made]:
    for entry in scenario.timeline:
        for call in entry.service.calls if isinstance(entry, Setup) else ():
            if not call.refused:
                yield _Made(f"{call.method} {call.path}", call.body)


def _once(pattern: re.Pattern[str], made: Sequence[_Made]) -> dict[str, Said]:
    """Bodies of the calls of one kind by what they name, unless it is said again."""
    bodies: dict[str, list[Said]] = {}
    for what, body in made:
        if match := pattern.fullmatch(what):
            bodies.setdefault(match[1], []).append(body)
    return {name: said[0] for name, said in bodies.items() if len(said) == 1}
