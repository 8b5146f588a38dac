"""Words for mistakes that only one who knows products and checks can see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

Path = tuple[str | int, ...]


class Said(NamedTuple):
    """A problem by its path in the data; ``key`` points at the key instead of the value."""

    path: Path
    key: bool
    text: str


class Place(NamedTuple):
    """A device: the site it is at and the product it is of."""

    site: str
    product: str


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """``unknown device 'a'; did you mean 'b'? allowed: ...``."""
    names = list(allowed)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    return f"unknown {what} {name!r}; {hint}allowed: {shown or 'nothing'}"
