"""Reading a rule pack: strict, and all its problems at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.expressions import Expression, compiled
from reference_impl.rules import pack_order, pack_reactions, pack_variables
from reference_impl.rules.domain import (
    ActionReaction,
    AlertReaction,
    Pack,
    Reaction,
    Rule,
    Severity,
)
from reference_impl.rules.pack_variables import Context, Known

RULES_MAX = 500
EVERY_MS_MIN = 1000
TOPICS = (
    "connection",
    "consumption",
    "downtime",
    "health",
    "maintenance",
    "productivity",
    "quality",
    "uptime",
)
"""What an event may be about (glossary of the domain, Event)."""
_OF_ONE_STEP = (
    "when",
    "clear_when",
    "for",
    "keep_for",
    "clear_for",
    "severity",
    "then",
    "why",
    "purpose",
    "expected_per_year",
    "remedies",
)
"""Keys that a step of a rule has for itself; one that it lacks is that of the rule."""


def read(body: object, known: Mapping[str, Known]) -> tuple[Pack | None, list[Problem]]:
    """Check a pack and make it ready to run.

    Args:
        body: The pack as data (see the contract document).
        known: For the model that the pack names (at least), what its rules may refer to.

    Returns:
        The pack, or None if there is any problem; and all the problems, with JSON paths.
    """
    problems: list[Problem] = []
    fields = Fields(body, where="", problems=problems)
    name, version = fields.text("pack"), fields.text("version")
    model = fields.text("model")
    if model and model not in known:
        fields.problem("model", f"there is no model {model!r}", ", ".join(sorted(known)))
    owner = fields.text("owner")
    every_ms = fields.duration("every", low_ms=EVERY_MS_MIN)
    stale_ms = fields.duration("stale_after", low_ms=1)
    entries = fields.sequence("rules")
    fields.done()
    if len(entries) > RULES_MAX:
        fields.problem("rules", f"has {len(entries)} rules", f"at most {RULES_MAX}")
    entries = entries[:RULES_MAX]
    context = Context(known.get(model), stale_ms, pack_order.ids(entries))
    rules: list[Rule] = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        where = f"rules[{index}]"
        inner = Fields(entry, where=where, problems=problems)
        rule_id = entry.get("id") if isinstance(entry, Mapping) else None
        if isinstance(rule_id, str) and seen.setdefault(rule_id, index) != index:
            what = f"{rule_id!r} is the id of rules[{seen[rule_id]}], too"
            inner.problem("id", what, "one rule per id")
        rules += _entry(entry, where, context, owner=owner, problems=problems)
    rules = pack_order.ordered(rules, entries, name, problems)
    problems = list(dict.fromkeys(problems))  # what the steps of a rule share is read with each
    if problems:
        return None, problems
    return Pack(
        pack=name,
        version=version,
        model=model,
        owner=owner,
        every_ms=every_ms,
        rules=tuple(rules),
        warnings=tuple(_warnings(rules)),
    ), []


class _StepFields(Fields):
    """A step of a rule, with the rule's keys below its own; each keeps its place in messages."""

    def __init__(
        self,
        rule: Mapping[str, Any],
        step: Mapping[str, Any],
        *,
        where: str,
        number: int,
        problems: list[Problem],
    ) -> None:
        shared = {key: value for key, value in rule.items() if key != "steps"}
        super().__init__({**shared, **step}, where=where, problems=problems)
        self._own, self._number = frozenset(step), number

    def at(self, key: str) -> str:
        """The path of a key, in the step if it is the step's own."""
        own = not key or key.partition(".")[0].partition("[")[0] in self._own
        return (
            super().at(f"steps[{self._number}]" + (f".{key}" if key else ""))
            if own
            else (super().at(key))
        )


def _entry(
    entry: object, where: str, context: Context, *, owner: str, problems: list[Problem]
) -> list[Rule]:
    """One entry of ``rules``: a rule, or one rule for each of its steps."""
    if not isinstance(entry, Mapping) or "steps" not in entry:
        fields = Fields(entry, where=where, problems=problems)
        rule, used = _rule(fields, context, owner)
        _unused(fields, used)
        return [] if rule is None else [rule]
    whole = Fields(entry, where=where, problems=problems)
    found: list[Rule] = []
    used_by_any: set[str] | None = set()
    severities = list(Severity)
    for number, step in enumerate(whole.sequence("steps")):
        own = Fields(step, where=f"{where}.steps[{number}]", problems=problems)
        if not isinstance(step, Mapping):
            continue
        for key in step:
            if key not in _OF_ONE_STEP:
                own.problem(str(key), "is not a key of a step", ", ".join(_OF_ONE_STEP))
        fields = _StepFields(entry, step, where=where, number=number, problems=problems)
        rule, used = _rule(fields, context, owner, step=True)
        used_by_any = None if used is None or used_by_any is None else used_by_any | used
        if rule is None:
            continue
        if found and severities.index(rule.severity) >= severities.index(found[-1].severity):
            own.problem("severity", f"is {rule.severity.value}", "worse than the step before it")
        found.append(rule)
    _unused(whole, used_by_any)
    return found


def _unused(fields: Fields, used: set[str] | None) -> None:
    """Variables that no condition reads; ``used`` is None where one could not be read."""
    if used is None:
        return
    for name in sorted(set(fields.mapping("let")) - used):
        fields.problem(f"let.{name}", "is declared but not used in `when`", "use it, or remove it")


def _rule(
    fields: Fields, context: Context, owner: str, *, step: bool = False
) -> tuple[Rule | None, set[str] | None]:
    """One rule, and the variables that its conditions read (None if they cannot be read)."""
    rule_id = fields.text("id")
    own_stale_ms = (
        fields.duration("stale_after", low_ms=1) if fields.has("stale_after") else context.stale_ms
    )
    fields.raw("stale_after")
    declared = fields.mapping("let")
    inputs = {
        name: pack_variables.read(
            Fields(entry, where=fields.at(f"let.{name}"), problems=fields.problems),
            Context(context.names, own_stale_ms, context.rules),
        )
        for name, entry in declared.items()
    }
    when = _condition(fields, "when", declared)
    clear_when = _condition(fields, "clear_when", declared) if fields.has("clear_when") else None
    reactions = _reactions(fields, context.names, declared)
    severity = fields.choice("severity", [s.value for s in Severity])
    details = _details(fields, owner)
    keep_ms = _keep_ms(fields)
    for_ms = fields.duration("for", default="0s")
    for key in ("supersedes", "suppressed_by"):  # read by pack_order, of the whole pack
        fields.raw(key)
    fields.done()
    broken = when is None or (fields.has("clear_when") and clear_when is None)
    used = None if when is None or broken else _used(when, clear_when, reactions)
    if when is None or used is None or not severity or not rule_id:
        return None, used
    rule = Rule(
        id=f"{rule_id}.{severity}" if step else rule_id,
        inputs={n: i for n, i in inputs.items() if i is not None and n in used},
        when=when,
        clear_when=clear_when,
        for_ms=for_ms,
        keep_for_ms=keep_ms,
        stale_after_ms=own_stale_ms,
        severity=Severity(severity),
        reactions=reactions,
        family=rule_id,
        **details,
    )
    return rule, used


def _condition(fields: Fields, key: str, declared: Mapping[str, object]) -> Expression | None:
    found, wrong = compiled(fields.raw(key), declared, where=fields.at(key))
    fields.problems.extend(wrong)
    return found


def _used(
    when: Expression, clear_when: Expression | None, reactions: Sequence[Reaction]
) -> set[str]:
    used = set(when.variables)
    if clear_when is not None:
        used |= clear_when.variables
    for reaction in reactions:
        if isinstance(reaction, ActionReaction) and reaction.done_when is not None:
            used |= reaction.done_when.variables
    return used


def _keep_ms(fields: Fields) -> int:
    """How long it must be over before it is cleared: ``keep_for``, or ``clear_for``."""
    if not fields.has("clear_for"):
        return fields.duration("keep_for", default="0s")
    if fields.has("keep_for"):
        fields.problem("keep_for", "stands beside clear_for, which is the same", "one of both")
    fields.raw("keep_for")
    return fields.duration("clear_for")


def _reactions(
    fields: Fields, names: Known | None, declared: Mapping[str, object]
) -> tuple[Reaction, ...]:
    found = [
        pack_reactions.read(
            Fields(entry, where=fields.at(f"then[{i}]"), problems=fields.problems), names, declared
        )
        for i, entry in enumerate(fields.sequence("then"))
    ]
    return tuple(reaction for reaction in found if reaction is not None)


def _details(fields: Fields, owner: str) -> dict[str, Any]:
    """What people want to know of a rule."""
    why = fields.text("why")
    remedies = []
    for index, remedy in enumerate(fields.sequence("remedies") if fields.has("remedies") else []):
        if isinstance(remedy, str) and remedy:
            remedies.append(remedy)
        else:
            fields.problem(f"remedies[{index}]", f"is {remedy!r}", "a text that is not empty")
    often = fields.has("expected_per_year")
    return {
        "why": why,
        "owner": fields.text("owner", default=owner or "-"),
        "purpose": fields.text("purpose", default=""),
        "expected_per_year": fields.number("expected_per_year", low=0) if often else None,
        "subject": fields.text("subject", default=""),
        "topic": fields.choice("topic", TOPICS, default="health"),
        "remedies": tuple(remedies),
    }


def _warnings(rules: Sequence[Rule]) -> list[Problem]:
    """What a service manager would miss, though the pack runs (FS4, domain 6.4)."""
    found = []
    for rule in rules:
        alerts = any(isinstance(r, AlertReaction) for r in rule.reactions)
        if alerts and rule.severity is Severity.FAILURE and not rule.remedies:
            found.append(_warning(rule, "remedies", "a failure without a remedy", "at least one"))
        if not rule.purpose:
            found.append(_warning(rule, "purpose", "is missing", "what the rule is for"))
        if rule.expected_per_year is None:
            allowed = "firings per thing and year that are normal"
            found.append(_warning(rule, "expected_per_year", "is missing", allowed))
    return found


def _warning(rule: Rule, key: str, what: str, allowed: str) -> Problem:
    return Problem(where=f"{rule.id}.{key}", what=what, allowed=allowed)


__all__ = ["EVERY_MS_MIN", "RULES_MAX", "Known", "read"]
