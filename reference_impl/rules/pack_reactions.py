"""Reading what follows from a rule (``then``): strict, and all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.expressions import Expression, compiled
from reference_impl.rules.domain import (
    ActionReaction,
    AlertReaction,
    CallbackReaction,
    CommandReaction,
    NotifyReaction,
    Reaction,
    RecommendReaction,
)
from reference_impl.rules.pack_variables import Known, named

CHANNELS = ("web", "email", "sms")
ACTION_TOPICS = ("consumables", "performance", "maintenance", "operations")
PRIORITIES = ("low", "normal", "high")
VISITS = ("when_delivered", "at_once")
"""When a crew is sent: planned, once the part is there; or for a breakdown, whatever is there."""


def read(fields: Fields, names: Known | None, variables: Mapping[str, object]) -> Reaction | None:
    """One reaction; None if it has no kind."""
    kinds = [kind for kind in KINDS if fields.has(kind)]
    if len(kinds) != 1:
        what = "names " + (" and ".join(kinds) or "no reaction")
        fields.problem("", what, "one of " + ", ".join(KINDS))
        return None
    kind = kinds[0]
    inner = Fields(fields.raw(kind), where=fields.at(kind), problems=fields.problems)
    fields.done()
    found = KINDS[kind](inner, names, variables)
    inner.done()
    return found


def _channels(fields: Fields, key: str) -> tuple[str, ...]:
    channels = []
    for index, channel in enumerate(fields.sequence(key) if fields.has(key) else ["web"]):
        if channel in CHANNELS:
            channels.append(str(channel))
        else:
            fields.problem(f"{key}[{index}]", f"is {channel!r}", ", ".join(CHANNELS))
    return tuple(channels)


def _notify(fields: Fields, _: Known | None, __: Mapping[str, object]) -> NotifyReaction:
    return NotifyReaction(text=fields.text("text"), channels=_channels(fields, "channels"))


def _alert(fields: Fields, _: Known | None, __: Mapping[str, object]) -> AlertReaction:
    channels = _channels(fields, "notify")
    at_night = fields.raw("at_night")
    if at_night is not None and not isinstance(at_night, bool):
        fields.problem("at_night", f"is {at_night!r}", "true or false")
    return AlertReaction(
        delay_ms=fields.duration("delay", default="0s"),
        remind_ms=fields.duration("remind", low_ms=1) if fields.has("remind") else 0,
        channels=channels,
        at_night=at_night if isinstance(at_night, bool) else None,
    )


def _recommend(fields: Fields, names: Known | None, _: Mapping[str, object]) -> RecommendReaction:
    part = named(fields, "part", names.parts if names else None)
    position = fields.text("position")
    quantity = fields.number("quantity", low=1, default=1)
    if quantity != int(quantity):
        fields.problem("quantity", f"is {quantity:g}", "a whole number")
    if names is not None and part and position and (part, position) not in names.places:
        places = ", ".join(f"{sku} at {place}" for sku, place in sorted(names.places))
        fields.problem("position", f"the model has no {part!r} at {position!r}", places)
    visit = fields.choice("visit", VISITS, default=VISITS[0])
    return RecommendReaction(
        part=part, position=position, quantity=int(quantity), at_once=visit == "at_once"
    )


def _plain(fields: Fields, key: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields.mapping(key, default={}).items():
        if isinstance(value, str | bool | int | float):
            found[name] = value
        else:
            fields.problem(f"{key}.{name}", f"is {value!r}", "a text, number or boolean")
    return found


def _command(fields: Fields, _: Known | None, __: Mapping[str, object]) -> CommandReaction:
    name = fields.text("name")
    args = _plain(fields, "args")
    expires_ms = fields.duration("expires", default="1h", low_ms=1)
    return CommandReaction(name=name, args=args, expires_ms=expires_ms)


def _action(fields: Fields, _: Known | None, variables: Mapping[str, object]) -> ActionReaction:
    done_when: Expression | None = None
    if fields.has("done_when"):
        done_when, wrong = compiled(
            fields.raw("done_when"), variables, where=fields.at("done_when")
        )
        fields.problems.extend(wrong)
    reason = fields.choice("discard_reason", ("required", "optional"), default="optional")
    return ActionReaction(
        title=fields.text("title"),
        topic=fields.choice("topic", ACTION_TOPICS),
        priority=fields.choice("priority", PRIORITIES, default="normal"),
        due_ms=fields.duration("due", low_ms=1),
        work_h=fields.number("work_h", low=0, default=0.0),
        instructions=fields.text("instructions", default=""),
        reason_forced=reason == "required",
        done_when=done_when,
    )


def _callback(fields: Fields, _: Known | None, __: Mapping[str, object]) -> CallbackReaction:
    return CallbackReaction(name=fields.text("name"), data=_plain(fields, "data"))


KINDS: Mapping[str, Callable[[Fields, Known | None, Mapping[str, object]], Reaction]] = {
    "alert": _alert,
    "recommend": _recommend,
    "command": _command,
    "action": _action,
    "callback": _callback,
    "notify": _notify,
}
