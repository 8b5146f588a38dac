"""The wear kit: rules that come by themselves with a condition that asks for them (SP10).

At 100 % the part is due, beyond its tolerance it is overdue: one event that the other replaces, and
one action over both. Buying is another matter: at 100 % it is too late for anything with a lead
time (domain 6.4), so what is bought follows from a forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference_impl.kernel.ids import canonical, digest
from reference_impl.rules.domain import ConditionInput, Rule

EVERY, FRESH = "1h", "2d"


def kit_pack(
    model: str, kits: Sequence[Mapping[str, Any]], conditions: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The pack of a model's kits; its version is a function of what stands in it."""
    positions = {str(one["id"]): str(one["position"]) for one in conditions}
    rules = [_rule(kit, positions.get(str(kit["condition"]), "")) for kit in kits]
    version = digest(canonical({"rules": rules}))[:12]
    return {
        "pack": f"kit-{model}",
        "version": version,
        "model": model,
        "owner": "wear kit",
        "every": EVERY,
        "stale_after": FRESH,
        "rules": rules,
    }


def _rule(kit: Mapping[str, Any], position: str) -> dict[str, Any]:
    overdue = 100.0 + float(kit["tolerance_pct"])
    task = {
        "title": f"Replace {position or kit['condition']}",
        "topic": "consumables",
        "due": f"{kit['due_days']:g}d",
        "instructions": "The designed life is used up.",
    }
    return {
        "id": f"wear-{kit['condition']}",
        "let": {"wear_pct": {"condition": kit["condition"], "field": "wear_pct"}},
        "when": "wear_pct >= 100.0",
        "subject": position,
        "topic": "maintenance",
        "purpose": "Tell when a part has reached its designed life",
        "expected_per_year": 1.0,
        "steps": [
            {
                "severity": "operation",
                "why": "The part has reached its designed life",
                "then": [{"alert": {}}, {"action": task}],
            },
            {
                "severity": "minor",
                "when": f"wear_pct >= {overdue!r}",
                "why": "The part is beyond the tolerance of its designed life",
                "then": [{"alert": {}}, {"action": {**task, "priority": "high", "due": "1d"}}],
            },
        ],
    }


def reads_position(rule: Rule, positions: Mapping[str, str], position: str) -> bool:
    """Whether a rule reads a condition of a position."""
    read = (one.condition for one in rule.inputs.values() if isinstance(one, ConditionInput))
    return any(positions.get(condition) == position for condition in read)
