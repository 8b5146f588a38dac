"""Which rule of a pack stands above which, and in what order they are therefore evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reference_impl.kernel.bodies import Fields, unknown_name
from reference_impl.kernel.errors import Problem
from reference_impl.rules.domain import Cause, Rule

SCOPES = ("thing", "site")


def ids(entries: Sequence[object]) -> list[str]:
    """The ids that rules will have: those of the entries, of steps each its own."""
    found: list[str] = []
    for entry in entries:
        found += _ids_of(entry)
    return found


def _ids_of(entry: object) -> list[str]:
    rule_id = entry.get("id") if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or not isinstance(rule_id, str):
        return []
    steps = entry.get("steps")
    if not isinstance(steps, list):
        return [rule_id]
    own = entry.get("severity")
    of_steps = [step.get("severity", own) for step in steps if isinstance(step, Mapping)]
    return [f"{rule_id}.{severity}" for severity in of_steps]


def ordered(
    rules: Sequence[Rule], entries: Sequence[object], pack: str, problems: list[Problem]
) -> list[Rule]:
    """The rules with the causes that they yield to, those first that others yield to.

    A rule that is superseded yields to the one that supersedes it, a step to the steps after it.
    """
    causes: dict[str, list[Cause]] = {rule.id: [] for rule in rules}
    known: dict[str, list[str]] = {rule_id: [rule_id] for rule_id in ids(entries)}
    for entry in entries:
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
            known.setdefault(entry["id"], _ids_of(entry))  # all the steps of a rule
    for index, entry in enumerate(entries):
        mine = _ids_of(entry)
        for number, lower in enumerate(mine):
            for higher in mine[number + 1 :]:
                causes.setdefault(lower, []).append(Cause(pack=pack, rule=higher))
        if isinstance(entry, Mapping):
            fields = Fields(entry, where=f"rules[{index}]", problems=problems)
            for lower in _superseded(fields, known):
                causes.setdefault(lower, []).extend(Cause(pack=pack, rule=one) for one in mine)
            for cause in _suppressing(fields, known, pack):
                for lower in mine:
                    causes.setdefault(lower, []).append(cause)
    found = [replace(rule, yields_to=tuple(dict.fromkeys(causes[rule.id]))) for rule in rules]
    return _sorted(found, pack, problems)


def _superseded(fields: Fields, known: Mapping[str, Sequence[str]]) -> list[str]:
    found: list[str] = []
    listed = fields.sequence("supersedes") if fields.has("supersedes") else []
    for number, name in enumerate(listed):
        if isinstance(name, str) and name in known:
            found += known[name]
        else:
            what = unknown_name(str(name), known)
            fields.problem(f"supersedes[{number}]", what, ", ".join(sorted(known)))
    return found


def _suppressing(fields: Fields, known: Mapping[str, Sequence[str]], pack: str) -> list[Cause]:
    found: list[Cause] = []
    listed = fields.sequence("suppressed_by") if fields.has("suppressed_by") else []
    for number, entry in enumerate(listed):
        where = fields.at(f"suppressed_by[{number}]")
        body = {"rule": entry} if isinstance(entry, str) else entry
        inner = Fields(body, where=where, problems=fields.problems)
        rule, of_pack = inner.text("rule"), inner.text("pack", default=pack or "-")
        scope = inner.choice("scope", SCOPES, default="thing")
        inner.done()
        if of_pack != pack:
            found.append(Cause(pack=of_pack, rule=rule, scope=scope))
        elif rule in known:
            found += [Cause(pack=pack, rule=one, scope=scope) for one in known[rule]]
        elif rule:
            inner.problem("rule", unknown_name(rule, known), ", ".join(sorted(known)))
    return found


def _sorted(rules: Sequence[Rule], pack: str, problems: list[Problem]) -> list[Rule]:
    """Causes first, otherwise as they stood."""
    by_id = {rule.id: rule for rule in rules}
    found: dict[str, Rule] = {}
    open_ids: list[str] = []

    def visit(rule: Rule) -> None:
        if rule.id in found:
            return
        if rule.id in open_ids:
            circle = " < ".join([*open_ids[open_ids.index(rule.id) :], rule.id])
            what = f"rules stand above each other in a circle: {circle}"
            problems.append(Problem(where="rules", what=what, allowed="causes without a circle"))
            return
        open_ids.append(rule.id)
        for cause in rule.yields_to:
            if cause.pack == pack and cause.scope == "thing" and cause.rule in by_id:
                visit(by_id[cause.rule])
        open_ids.pop()
        found[rule.id] = rule

    for rule in rules:
        visit(rule)
    return list(found.values())
