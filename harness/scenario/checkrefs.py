"""The forms in which a scenario writes a check, brought into one.

``name``; ``{check: name, argument: value}``; an expression; or an object that begins with a kind:
``{never: EXPRESSION}``, ``{within: 2h, after: EXPRESSION, comes: EXPRESSION}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KINDS = (
    "always", "eventually", "never", "within", "until", "exactly", "sometimes", "equals_oracle",
    "budget", "score",
)  # fmt: skip
"""Kinds of checks: the key that an entry begins with. Each is a check of that name, too."""
PHASES = ("always", "eventually", "checks")
"""Lists of a scenario that hold checks."""
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def normal(item: Any, phase: str = "", where: str = "") -> Any:  # noqa: ANN401 - what a file says
    """One form for all: ``check``, ``args``, ``phase``, ``where``; other things as they are.

    Args:
        item: What stands in the list.
        phase: Which list; ``checks`` gives way to the kind.
        where: Its place in the file.
    """
    if isinstance(item, str):
        return _of_text(item, phase, where)
    if not isinstance(item, Mapping) or {"args", "where"} & set(item):
        return item
    if "check" in item:
        args = {name: value for name, value in item.items() if name != "check"}
        return _form(item["check"], args, phase, where)
    kind = next((key for key in item if key in KINDS), "")
    if kind in ("always", "eventually") and len(item) == 1 and _is_named(item[kind]):
        return normal(item[kind], kind, where)
    listed = phase if phase in ("always", "eventually") else kind
    return _form(kind, dict(item), listed, where) if kind else item


def _of_text(item: str, phase: str, where: str) -> dict[str, Any]:
    if _NAME.match(item):
        return _form(item, {}, phase, where)
    kind = phase if phase in ("always", "eventually") else "always"
    return _form(kind, {kind: item}, kind, where)


def _is_named(inner: object) -> bool:
    """A check by its name below ``always`` or ``eventually``."""
    if isinstance(inner, str):
        return _NAME.match(inner) is not None
    return isinstance(inner, Mapping) and "check" in inner


def _form(check: object, args: Mapping[str, Any], phase: str, where: str) -> dict[str, Any]:
    phase = "always" if phase in ("checks", "") and check not in KINDS else phase
    return {"check": check, "args": dict(args), "phase": phase, "where": where}
