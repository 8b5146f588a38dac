"""Reading a rule pack: strict, and all its problems at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.expressions import compiled
from reference_impl.kernel.ports import Take
from reference_impl.rules.domain import (
    CONDITION_FIELDS,
    PART_FIELDS,
    AlertReaction,
    CommandReaction,
    ConditionInput,
    Input,
    Pack,
    PartInput,
    Reaction,
    RecommendReaction,
    Rule,
    Severity,
    SignalInput,
)

_INPUT_KINDS = ("signal", "condition", "part")
_REACTIONS = ("alert", "recommend", "command")
RULES_MAX = 500
EVERY_MS_MIN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the rules of one model may name."""

    signals: Collection[str]
    conditions: Collection[str]
    parts: Collection[str]
    places: Collection[tuple[str, str]]


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
    names = known.get(model)
    owner = fields.text("owner")
    every_ms = fields.duration("every", low_ms=EVERY_MS_MIN)
    stale_ms = fields.duration("stale_after", low_ms=1)
    entries = fields.sequence("rules")
    fields.done()
    if len(entries) > RULES_MAX:
        fields.problem("rules", f"has {len(entries)} rules", f"at most {RULES_MAX}")
    rules: list[Rule] = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries[:RULES_MAX]):
        inner = Fields(entry, where=f"rules[{index}]", problems=problems)
        rule = _rule(inner, names, stale_ms)
        rule_id = entry.get("id") if isinstance(entry, Mapping) else None
        if isinstance(rule_id, str) and seen.setdefault(rule_id, index) != index:
            what = f"{rule_id!r} is the id of rules[{seen[rule_id]}], too"
            inner.problem("id", what, "one rule per id")
        if rule is not None:
            rules.append(rule)
    if problems:
        return None, problems
    return Pack(
        pack=name,
        version=version,
        model=model,
        owner=owner,
        every_ms=every_ms,
        rules=tuple(rules),
    ), []


def _rule(fields: Fields, names: Known | None, stale_ms: int) -> Rule | None:
    rule_id = fields.text("id")
    declared = fields.mapping("let")
    own_stale_ms = (
        fields.duration("stale_after", low_ms=1) if fields.has("stale_after") else stale_ms
    )
    fields.raw("stale_after")
    inputs = {}
    for name, entry in declared.items():
        where = fields.at(f"let.{name}")
        inner = Fields(entry, where=where, problems=fields.problems)
        inputs[name] = _input(inner, names, own_stale_ms)
    when, wrong = compiled(fields.raw("when"), declared, where=fields.at("when"))
    fields.problems.extend(wrong)
    if when is not None:
        for name in sorted(set(declared) - when.variables):
            fields.problem(
                f"let.{name}", "is declared but not used in `when`", "use it, or remove it"
            )
    for_ms = fields.duration("for", default="0s")
    keep_ms = fields.duration("keep_for", default="0s")
    severity = fields.choice("severity", [s.value for s in Severity])
    reactions = [
        _reaction(Fields(entry, where=fields.at(f"then[{i}]"), problems=fields.problems), names)
        for i, entry in enumerate(fields.sequence("then"))
    ]
    why = fields.text("why")
    fields.done()
    if when is None or not severity or not rule_id:
        return None
    return Rule(
        id=rule_id,
        inputs={name: wanted for name, wanted in inputs.items() if wanted is not None},
        when=when,
        for_ms=for_ms,
        keep_for_ms=keep_ms,
        stale_after_ms=own_stale_ms,
        severity=Severity(severity),
        reactions=tuple(r for r in reactions if r is not None),
        why=why,
    )


def _input(fields: Fields, names: Known | None, stale_ms: int) -> Input | None:
    kinds = [kind for kind in _INPUT_KINDS if fields.has(kind)]
    if len(kinds) != 1:
        what = "names " + (" and ".join(kinds) or "nothing to read")
        fields.problem("", what, "one of " + ", ".join(_INPUT_KINDS))
        return None
    if kinds == ["signal"]:
        return _signal(fields, names, stale_ms)
    if kinds == ["condition"]:
        condition = _named(fields, "condition", names.conditions if names else None)
        field = fields.choice("field", CONDITION_FIELDS)
        fields.done()
        return ConditionInput(condition=condition, field=field)
    part = _named(fields, "part", names.parts if names else None)
    field = fields.choice("field", PART_FIELDS)
    fields.done()
    return PartInput(part=part, field=field)


def _signal(fields: Fields, names: Known | None, stale_ms: int) -> SignalInput | None:
    signal = _named(fields, "signal", names.signals if names else None)
    take = fields.choice("take", [t.value for t in Take])
    if take == Take.LAST and not fields.has("over"):
        over_ms = stale_ms
        fields.raw("over")
    else:
        over_ms = fields.duration("over", low_ms=1)
    fields.done()
    return SignalInput(signal=signal, take=Take(take), over_ms=over_ms) if take else None


def _named(fields: Fields, key: str, known: Collection[str] | None) -> str:
    """A name of something installed; with no model to look it up in, any text will do."""
    return fields.text(key) if known is None else fields.choice(key, sorted(known))


def _reaction(fields: Fields, names: Known | None) -> Reaction | None:
    kinds = [kind for kind in _REACTIONS if fields.has(kind)]
    if len(kinds) != 1:
        what = "names " + (" and ".join(kinds) or "no reaction")
        fields.problem("", what, "one of " + ", ".join(_REACTIONS))
        return None
    kind = kinds[0]
    inner = Fields(fields.raw(kind), where=fields.at(kind), problems=fields.problems)
    fields.done()
    if kind == "alert":
        inner.done()
        return AlertReaction()
    if kind == "command":
        return _command(inner)
    return _recommend(inner, names)


def _recommend(fields: Fields, names: Known | None) -> RecommendReaction:
    part = _named(fields, "part", names.parts if names else None)
    position = fields.text("position")
    quantity = fields.number("quantity", low=1, default=1)
    if quantity != int(quantity):
        fields.problem("quantity", f"is {quantity:g}", "a whole number")
    if names is not None and part and position and (part, position) not in names.places:
        places = ", ".join(f"{sku} at {place}" for sku, place in sorted(names.places))
        fields.problem("position", f"the model has no {part!r} at {position!r}", places)
    fields.done()
    return RecommendReaction(part=part, position=position, quantity=int(quantity))


def _command(fields: Fields) -> CommandReaction:
    name = fields.text("name")
    args: dict[str, Any] = {}
    for key, value in fields.mapping("args", default={}).items():
        if isinstance(value, str | bool | int | float):
            args[key] = value
        else:
            fields.problem(f"args.{key}", f"is {value!r}", "a text, number or boolean")
    expires_ms = fields.duration("expires", default="1h", low_ms=1)
    fields.done()
    return CommandReaction(name=name, args=args, expires_ms=expires_ms)
