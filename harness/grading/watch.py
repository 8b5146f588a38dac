"""What each rule of a pack watches: positions of a device, read from the pack and its product.

A rule watches the positions that it recommends a part for, those whose condition it reads, and
those whose condition is computed from a signal that it reads. A rule that this tells nothing of
watches every position that no other rule watches, unless it is day's work (``operation``,
``maintenance``): then it is no alarm at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WORK = frozenset({"operation", "maintenance"})
"""Severities of what is no alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A rule and what it is for."""

    rule: str
    model: str
    positions: frozenset[str]
    alarm: bool
    """Whether a firing claims that something is wrong."""
    severity: str = ""

    def covers(self, model: str, position: str) -> bool:
        """Whether a failure at ``position`` of a device of ``model`` is its business."""
        return self.alarm and self.model == model and position in self.positions


def watches(
    packs: Sequence[Mapping[str, Any]],
    conditions: Mapping[str, Sequence[Mapping[str, Any]]],
    positions: Mapping[str, Iterable[str]],
) -> dict[str, Watch]:
    """What every rule watches, by ``model/rule``.

    Args:
        packs: Rule packs as data.
        conditions: What products let a DPS compute, by model.
        positions: Where a device of a model has components, by model.
    """
    named: dict[str, tuple[Mapping[str, Any], str, frozenset[str]]] = {}
    for pack in packs:
        model = str(pack.get("model", ""))
        for rule in pack.get("rules") or ():
            key = f"{model}/{rule.get('id', '?')}"
            named[key] = (rule, model, _positions(rule, conditions.get(model, ())))
    found = {}
    for key, (rule, model, told) in named.items():
        severity = str(rule.get("severity", ""))
        alarm, mine = bool(told) or severity not in WORK, told
        if alarm and not told:
            taken = {
                place for _, other, places in named.values() if other == model for place in places
            }
            mine = frozenset(positions.get(model, ())) - taken
        found[key] = Watch(
            rule=str(rule.get("id", "?")), model=model, positions=mine, alarm=alarm,
            severity=severity,
        )  # fmt: skip
    return found


def _positions(rule: Mapping[str, Any], conditions: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    found = set()
    inputs = [entry for entry in (rule.get("let") or {}).values() if isinstance(entry, Mapping)]
    for condition in conditions:
        signal = (condition.get("params") or {}).get("signal")
        for entry in inputs:
            if entry.get("condition") == condition.get("id") or (
                signal is not None and entry.get("signal") == signal
            ):
                found.add(str(condition.get("position")))
    for reaction in rule.get("then") or ():
        advice = reaction.get("recommend") if isinstance(reaction, Mapping) else None
        if isinstance(advice, Mapping) and advice.get("position"):
            found.add(str(advice["position"]))
    return frozenset(found)
