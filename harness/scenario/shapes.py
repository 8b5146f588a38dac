"""What is wrong with the shape of a file, in words: from pydantic's errors to problems."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from harness.errors import Problem
from harness.scenario import base, entries, fleets, schema
from harness.scenario.checkrefs import KINDS
from harness.scenario.include import KEY as INCLUDE
from harness.scenario.mend import without_tags
from harness.scenario.said import unknown
from harness.scenario.schema import Scenario
from harness.scenario.variants import MATRIX, PARAMETERS
from harness.scenario.yamlspots import Path, Read

MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Scenario,
    ("run",): schema.Run,
    ("fleets", "*"): fleets.Fleet,
    ("fleets", "*", "sites", "list", "*"): fleets.Site,
    ("fleets", "*", "sites", "list", "*", "devices", "*"): fleets.Device,
    ("field",): schema.People,
    ("service",): schema.Service,
    ("service", "policy"): schema.Policy,
    ("service", "contract"): schema.Contract,
    **{("timeline", "*", tag): model for tag, model in schema.KINDS.values()},
    **{("timeline", "*", tag, "at"): base.At for tag, _ in schema.KINDS.values()},
    **{("timeline", "*", tag, "when"): base.When for tag, _ in schema.KINDS.values()},
    ("timeline", "*", "a change of weather", "weather"): entries.WeatherChange,
    ("timeline", "*", "a set-up", "service"): entries.Installed,
    ("timeline", "*", "a set-up", "service", "policy"): entries.PolicyChange,
}
TAGS = frozenset(tag for tag, _ in schema.KINDS.values()) | fleets.TAGS
"""Parts of an error's location that are no keys of the file."""
_PLAIN: Mapping[str, str] = {
    "dict_type": "this must be a mapping, such as {key: value}",
    "tuple_type": "this must be a list, such as [a, b]",
    "bool_type": "this must be true or false",
    "bool_parsing": "this must be true or false",
    "string_type": "this must be text",
    "finite_number": "this must be a finite number",
}


def problem(found: Read, error: Mapping[str, Any]) -> Problem:
    """One error of pydantic's, with its place and what is allowed there."""
    location = tuple(error["loc"])
    model = MODELS.get(tuple("*" if isinstance(part, int) else part for part in location[:-1]))
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    path = without_tags(location, TAGS, extra=kind == "extra_forbidden")
    if kind == "extra_forbidden":
        allowed_keys = _names(model) or [
            f"check with the arguments of that check, or a kind: {', '.join(KINDS)}"
        ]
        text = unknown("key", str(path[-1]), allowed_keys)
        return Problem(found.spot(path, key=True), text)
    if kind == "missing":
        allowed = f"; this place takes: {', '.join(_names(model))}" if model else ""
        return Problem(found.spot(path[:-1]), f"{str(path[-1])!r} is missing{allowed}")
    if kind == "value_error":
        text = str(context["error"])
        return Problem(found.spot(_narrow(found, path, text)), text)
    return Problem(found.spot(path), _words(kind, context, given, error["msg"], location))


def _words(kind: str, context: Mapping[str, Any], given: object, said: str, location: Path) -> str:
    if kind == "literal_error":
        text = f"{given!r} is not one of {context['expected']}"
        names = [name.strip("' ") for name in context["expected"].replace(" or ", ",").split(",")]
        close = difflib.get_close_matches(str(given), names, n=1)
        return f"{text}; did you mean {close[0]!r}?" if close else text
    if kind in ("model_type", "model_attributes_type", "dataclass_type"):
        model = MODELS.get(tuple("*" if isinstance(part, int) else part for part in location))
        keys = f" with the keys {', '.join(_names(model))}" if model else ""
        return f"this must be a mapping{keys}"
    if kind == "too_short":
        return f"at least {context['min_length']} is needed here"
    if kind == "string_pattern_mismatch" and context["pattern"] in _NAMES:
        return f"{given!r} is no name; {_NAMES[context['pattern']]}"
    text = _PLAIN.get(kind, said)
    if kind != "entry_kind" and not isinstance(given, dict | list):
        text = f"{text}, not {given!r}"
    return text[0].lower() + text[1:]


_NAMES = {
    base.NAME_PATTERN: "write a letter, then letters, digits, - and _",
    fleets.ID_PATTERN: "write small letters, digits and -",
}


def _narrow(found: Read, path: Path, text: str) -> Path:
    """Point at the value that a message begins with (``until must ...``), or at the entry."""
    words = text.split()
    if text.startswith("timeline entry "):
        return ("timeline", int(words[2]) - 1, "at")
    inner = (*path, words[0])
    return inner if inner in found.values else path


def _names(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    names = [field.alias or name for name, field in model.model_fields.items()]
    return [*names, INCLUDE, PARAMETERS, MATRIX] if model is Scenario else names
