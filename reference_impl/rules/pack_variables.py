"""Reading the variables of a rule (``let``): strict, and all problems at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal, get_args

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.ports import Take
from reference_impl.rules.domain import (
    CONDITION_FIELDS,
    PART_FIELDS,
    ConditionInput,
    Input,
    PartInput,
    SignalInput,
)
from reference_impl.rules.readings import TAKES
from reference_impl.rules.variables import (
    AMONG,
    BACK_MS_MAX,
    CLOCK_FIELDS,
    DAYS,
    LAST_WITHIN_MS,
    PEER_TAKES,
    STATE_FIELDS,
    AgeInput,
    ClockInput,
    ConstantInput,
    Cycles,
    Daily,
    Grouped,
    Peers,
    ReadingsInput,
    ReportInput,
    StateInput,
    Where,
)

LAST_MAX = 10_000
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
HOURS = "hours such as 22:00-06:00"
_DAY_MIN = 24 * 60
AGE = "age_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the rules of one model may name."""

    signals: Collection[str]
    conditions: Collection[str]
    parts: Collection[str]
    places: Collection[tuple[str, str]]
    constants: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds one ``let``."""

    names: Known | None
    stale_ms: int
    rules: Collection[str] = field(default=())
    """Ids of the pack's rules (steps of a rule each by their own)."""


def read(fields: Fields, context: Context) -> Input | None:
    """One variable; None if there is any problem that leaves nothing to go on with."""
    kinds = [kind for kind in KINDS if fields.has(kind)]
    if len(kinds) != 1:
        what = "names " + (" and ".join(kinds) or "nothing to read")
        fields.problem("", what, "one of " + ", ".join(KINDS))
        return None
    found = KINDS[kinds[0]](fields, context)
    fields.done()
    return found


def named(fields: Fields, key: str, known: Collection[str] | None) -> str:
    """A name of something installed; with no model to look it up in, any text will do."""
    return fields.text(key) if known is None else fields.choice(key, sorted(known))


def _signal(fields: Fields, context: Context) -> Input | None:
    names = context.names
    signal = named(fields, "signal", names.signals if names else None)
    take = fields.choice("take", [*TAKES, AGE])
    if take == AGE:
        return AgeInput(signal=signal)
    last = _last(fields) if fields.has("last") else None
    ago_ms = _optional_ms(fields, "ago", 0)
    if last is not None:
        over_ms = _optional_ms(fields, "within", LAST_WITHIN_MS)
    elif take == Take.LAST and not fields.has("over"):
        over_ms = context.stale_ms
        fields.raw("over")
    else:
        over_ms = fields.duration("over", low_ms=1)
    if over_ms + ago_ms > BACK_MS_MAX:
        days = BACK_MS_MAX // 86_400_000
        fields.problem("over", "reaches back too far", f"at most {days} days, with `ago`")
    where = _where(fields, names) if fields.has("where") else None
    grouped = _grouped(fields, names) if fields.has("of") else None
    peers = _peers(fields) if fields.has("peers") else None
    plain = last is None and not ago_ms and where is None and grouped is None and peers is None
    if not take:
        return None
    if plain and take in list(Take):
        return SignalInput(signal=signal, take=Take(take), over_ms=over_ms)
    return ReadingsInput(
        signal=signal,
        take=take,
        over_ms=over_ms,
        last=last,
        ago_ms=ago_ms,
        where=where,
        grouped=grouped,
        peers=peers,
    )


def _optional_ms(fields: Fields, key: str, default_ms: int) -> int:
    return fields.duration(key, low_ms=1) if fields.has(key) else default_ms


def _last(fields: Fields) -> int:
    last = fields.number("last", low=1)
    if last != int(last) or last > LAST_MAX:
        fields.problem("last", f"is {last:g}", f"a whole number, at most {LAST_MAX}")
    return int(last)


def _inner(fields: Fields, key: str) -> Fields:
    return Fields(fields.raw(key), where=fields.at(key), problems=fields.problems)


def _where(fields: Fields, names: Known | None) -> Where:
    inner = _inner(fields, "where")
    signal = named(inner, "signal", names.signals if names else None)
    above = inner.number("above") if inner.has("above") else None
    below = inner.number("below") if inner.has("below") else None
    if above is None and below is None:
        inner.problem("", "has no bound", "above: or below: (or both)")
    inner.done()
    return Where(signal=signal, above=above, below=below)


def _grouped(fields: Fields, names: Known | None) -> Grouped | None:
    inner = _inner(fields, "of")
    each = inner.choice("each", list(TAKES))
    kinds = [kind for kind in ("cycles", "daily") if inner.has(kind)]
    by: Cycles | Daily | None = None
    if len(kinds) != 1:
        inner.problem("", "names " + (" and ".join(kinds) or "no groups"), "one of cycles, daily")
    elif kinds == ["cycles"]:
        cycles = _inner(inner, "cycles")
        signal = named(cycles, "signal", names.signals if names else None)
        by = Cycles(signal=signal, above=cycles.number("above"))
        cycles.done()
    else:
        start_min, length_min = hours(inner, "daily")
        by = Daily(start_min=start_min, length_min=length_min)
    inner.done()
    return Grouped(by=by, each=each) if by is not None and each else None


def hours(fields: Fields, key: str) -> tuple[int, int]:
    """When a stretch of the day begins (minutes after midnight) and how long it is (minutes)."""
    text = fields.text(key)
    found = _HOURS.fullmatch(text)
    if found is None:
        if text:
            fields.problem(key, f"is {text!r}", HOURS)
        return 0, _DAY_MIN
    begin = int(found[1]) * 60 + int(found[2])
    end = int(found[3]) * 60 + int(found[4])
    return begin, (end - begin) % _DAY_MIN or _DAY_MIN


def _peers(fields: Fields) -> Peers:
    inner = _inner(fields, "peers")
    take = inner.choice("take", PEER_TAKES, default="median")
    among = inner.choice("among", AMONG, default="site")
    at_least = inner.number("at_least", low=1, default=1)
    inner.done()
    return Peers(take=take, among=among, at_least=int(at_least))


def _condition(fields: Fields, context: Context) -> Input:
    names = context.names
    condition = named(fields, "condition", names.conditions if names else None)
    return ConditionInput(condition=condition, field=fields.choice("field", CONDITION_FIELDS))


def _part(fields: Fields, context: Context) -> Input:
    names = context.names
    part = named(fields, "part", names.parts if names else None)
    return PartInput(part=part, field=fields.choice("field", PART_FIELDS))


def _report(fields: Fields, context: Context) -> Input:
    fields.choice("report", [AGE])
    return ReportInput(over_ms=context.stale_ms)


def _constant(fields: Fields, context: Context) -> Input:
    default = fields.number("default") if fields.has("default") else None
    known = None if context.names is None or default is not None else context.names.constants
    return ConstantInput(name=named(fields, "model", known), default=default)


def _clock(fields: Fields, _: Context) -> Input | None:
    what = fields.choice("clock", CLOCK_FIELDS)
    if what != "within":
        return ClockInput(field=what) if what else None
    start_min, length_min = hours(fields, "hours")
    days = set()
    listed = fields.sequence("days") if fields.has("days") else list(DAYS)
    for index, day in enumerate(listed):
        if day in DAYS:
            days.add(DAYS.index(str(day)) + 1)
        else:
            fields.problem(f"days[{index}]", f"is {day!r}", ", ".join(DAYS))
    return ClockInput(field=what, start_min=start_min, length_min=length_min, days=frozenset(days))


_StateField = Literal["active", "active_h", "fired"]
assert get_args(_StateField) == STATE_FIELDS, "the words and the type are the same"


def _state(fields: Fields, context: Context) -> Input | None:
    rule = fields.choice("state_of", sorted(context.rules))
    what = fields.choice("field", STATE_FIELDS, default="active")
    over_ms = fields.duration("over", low_ms=1) if what == "fired" else 0
    for known in get_args(_StateField):
        if known == what:
            return StateInput(rule=rule, field=known, over_ms=over_ms)
    return None


KINDS: dict[str, Callable[[Fields, Context], Input | None]] = {
    "signal": _signal,
    "condition": _condition,
    "part": _part,
    "report": _report,
    "model": _constant,
    "clock": _clock,
    "state_of": _state,
}
"""The word that says what a variable reads, and who reads the rest of it."""
