"""Commands by name: what every device knows, and the check of what was given."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any, Final

from twins.core.declared import ArgSpec, CommandSpec
from twins.core.errors import named

CORE: Final[Mapping[str, CommandSpec]] = {
    "get_settings": CommandSpec(
        title="Report settings",
        args={
            "name": ArgSpec(title="One setting; all if left out", kind="text", default=""),
        },
    ),
    "set_settings": CommandSpec(title="Change settings by name, all or none of them"),
    "unlock_feature": CommandSpec(
        title="Present a licence", args={"token": ArgSpec(title="The token", kind="text")}
    ),
    "update_firmware": CommandSpec(
        title="Fetch an image, verify it, start it, keep it if it works",
        args={
            "version": ArgSpec(title="Three numbers, as 1.2.0", kind="text"),
            "sha256": ArgSpec(title="Digest; that of the server if left out", kind="text",
                              default=""),
            "downgrade": ArgSpec(title="Allow an older version", kind="flag", default=False),
        },
    ),
    "reboot": CommandSpec(title="Start the electronics anew"),
}  # fmt: skip
"""Commands that every device has, whatever its product."""


def find(name: str, commands: Mapping[str, CommandSpec]) -> CommandSpec | str:
    """A command by name, or what is wrong with the name."""
    known = {**CORE, **commands}
    spec = known.get(name)
    if spec is not None:
        return spec
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"unknown command {name!r}{hint}; there are: {named(known)}"


def complete(
    where: str, args: Mapping[str, Any], specs: Mapping[str, ArgSpec]
) -> tuple[dict[str, Any], list[str]]:
    """Check arguments and fill in defaults.

    Args:
        where: What the arguments are of; begins each problem.
        args: What was given.
        specs: What there is.

    Returns:
        All arguments by name, and a problem per mistake.
    """
    if args and not specs:
        return {}, [f"{where} takes no arguments, got {named(args)}"]
    found = [
        f"{where}: unknown argument {name!r}; there are: {named(specs)}"
        for name in sorted(set(args) - set(specs))
    ]
    values: dict[str, Any] = {}
    for name, spec in specs.items():
        if name in args:
            problem = wrong(name, args[name], spec)
            if problem is not None:
                found.append(f"{where}: {problem}")
            values[name] = args[name]
        elif spec.default is None:
            found.append(f"{where}: {name} is missing; it must be {allowed(spec)}")
        else:
            values[name] = spec.default
    return values, found


def wrong(name: str, value: object, spec: ArgSpec) -> str | None:
    """What is wrong with a value, with what is allowed; ``None`` if nothing is."""
    if spec.kind == "flag":
        fits = isinstance(value, bool)
    elif spec.kind == "text":
        fits = isinstance(value, str) and (not spec.one_of or value in spec.one_of)
    else:
        fits = (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and (spec.min is None or value >= spec.min)
            and (spec.max is None or value <= spec.max)
            and (spec.kind == "number" or float(value).is_integer())
        )
    return None if fits else f"{name} must be {allowed(spec)}, not {value!r}"


def allowed(spec: ArgSpec) -> str:
    """What an argument may be, in words."""
    if spec.kind == "flag":
        return "true or false"
    if spec.kind == "text":
        return f"one of {', '.join(spec.one_of)}" if spec.one_of else "a text"
    what = "a whole number" if spec.kind == "whole" else "a number"
    unit = "" if spec.unit == "1" else f" {spec.unit}"
    if spec.min is not None and spec.max is not None:
        return f"{what} from {spec.min:g} to {spec.max:g}{unit}"
    if spec.min is not None:
        return f"{what} of at least {spec.min:g}{unit}"
    if spec.max is not None:
        return f"{what} of at most {spec.max:g}{unit}"
    return f"{what}{f' in{unit}' if unit else ''}"
