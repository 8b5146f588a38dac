"""What things of a model obey, and the check of a command against it (DS3).

The range of a value is enforced here, before anything goes out; a device checks again. A model that
names no commands is sent any: then only its devices know.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from reference_impl.kernel.bodies import unknown_name
from reference_impl.kernel.errors import Problem

SET_SETTINGS = "set_settings"
IF_VERSION = "if_version"
"""An argument of it: the change is made only if nobody else made one since that version."""
EVERY_DEVICE = ("get_settings", "reboot", "unlock_feature", "update_firmware")
"""Commands that a device has whatever its model; their arguments are checked by the device."""

SAFE_TWICE = ("get_settings", SET_SETTINGS)
"""Commands that do no more when they are done twice; a model may say so of others."""


def idempotent(obeys: Mapping[str, Any], name: str, args: Mapping[str, Any]) -> bool:
    """Whether a command may be sent again without knowing what became of it (R3).

    A change that is bound to a version (``if_version``) is not: done once, it is refused.
    """
    if name in SAFE_TWICE:
        return IF_VERSION not in args
    return bool(obeys.get("commands", {}).get(name, {}).get("idempotent", False))


def problems_of(obeys: Mapping[str, Any], name: str, args: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with a command; empty if nothing is.

    Args:
        obeys: ``commands`` and ``settings`` of the model, as in the contract document.
        name: The command.
        args: What it is given.
    """
    commands, settings = obeys.get("commands", {}), obeys.get("settings", {})
    if name == SET_SETTINGS and settings:
        return _of_settings(settings, args)
    if not commands or name in EVERY_DEVICE:
        return []
    if name not in commands:
        known = sorted({*commands, *EVERY_DEVICE, SET_SETTINGS})
        return [Problem(where="name", what=unknown_name(name, known), allowed=", ".join(known))]
    return _of_arguments(commands[name].get("args", {}), args)


def _of_settings(settings: Mapping[str, Any], args: Mapping[str, Any]) -> list[Problem]:
    found = []
    if not set(args) - {IF_VERSION}:
        found.append(Problem(where="args", what="names no setting", allowed=", ".join(settings)))
    if IF_VERSION in args:
        version = {"kind": "whole", "min": 0}
        found += _of_number(f"args.{IF_VERSION}", args[IF_VERSION], version)
    for name, value in sorted(args.items()):
        if name == IF_VERSION:
            continue
        setting = settings.get(name)
        where = f"args.{name}"
        if setting is None:
            what = unknown_name(name, settings)
            found.append(Problem(where=where, what=what, allowed=", ".join(sorted(settings))))
        else:
            found += _of_number(where, value, setting)
    return found


def _of_arguments(specs: Mapping[str, Any], args: Mapping[str, Any]) -> list[Problem]:
    found = [
        Problem(where=f"args.{name}", what=unknown_name(name, specs), allowed=", ".join(specs))
        for name in sorted(set(args) - set(specs))
    ]
    for name, spec in sorted(specs.items()):
        where = f"args.{name}"
        if name in args:
            found += _of_value(where, args[name], spec)
        elif spec["required"]:
            found.append(Problem(where=where, what="is missing", allowed=_allowed(spec)))
    return found


def _of_value(where: str, value: object, spec: Mapping[str, Any]) -> list[Problem]:
    if spec["kind"] in {"number", "whole"}:
        return _of_number(where, value, spec)
    if spec["kind"] == "flag":
        fits = isinstance(value, bool)
    else:
        fits = isinstance(value, str) and (not spec["one_of"] or value in spec["one_of"])
    return [] if fits else [Problem(where=where, what=f"is {value!r}", allowed=_allowed(spec))]


def _of_number(where: str, value: object, spec: Mapping[str, Any]) -> list[Problem]:
    fits = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and isfinite(value)
        and (spec.get("min") is None or value >= spec["min"])
        and (spec.get("max") is None or value <= spec["max"])
        and (spec.get("kind") != "whole" or float(value).is_integer())
    )
    return [] if fits else [Problem(where=where, what=f"is {value!r}", allowed=_allowed(spec))]


def _allowed(spec: Mapping[str, Any]) -> str:
    kind = spec.get("kind", "number")
    if kind == "flag":
        return "true or false"
    if kind == "text":
        return f"one of {', '.join(spec['one_of'])}" if spec["one_of"] else "a text"
    what = "a whole number" if kind == "whole" else "a number"
    low, high = spec.get("min"), spec.get("max")
    unit = "" if spec.get("unit", "1") == "1" else f" {spec['unit']}"
    since = "" if low is None else f" from {low:g}"
    upto = "" if high is None else f" to {high:g}"
    return f"{what}{since}{upto}{unit}"
