"""Reading a body key by key, so that every mistake in it is found in one go."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from math import isfinite

from reference_impl.kernel.errors import Problem

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
DURATION = "a duration such as 90s, 10m, 6h, 2d"


def duration_ms(text: str) -> int | None:
    """Milliseconds of ``10m``, ``1.5h``, ``0s``; None if it is no duration."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    return round(float(found[1]) * _UNITS_MS[found[2]])


def unknown_name(name: str, known: Collection[str]) -> str:
    """``'vibraton' is unknown; did you mean 'vibration'?``."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name!r} is unknown" + (f"; did you mean {near[0]!r}?" if near else "")


class Fields:
    """A mapping under inspection. Problems go to a list that all parts of one body share.

    Every getter returns a usable value also where there is a problem, so that reading goes on.
    """

    def __init__(self, body: object, *, where: str, problems: list[Problem]) -> None:
        self.where, self.problems = where, problems
        self._body: Mapping[str, object] = {}
        self._asked: list[str] = []
        if isinstance(body, Mapping):
            self._body = body
        else:
            self.problem("", f"is {_kind(body)}", "a mapping")

    def at(self, key: str) -> str:
        """The path of a key."""
        return f"{self.where}.{key}" if self.where and key else self.where or key

    def problem(self, key: str, what: str, allowed: str = "") -> None:
        """Note what is wrong with a key (or, for an empty key, with the whole)."""
        self.problems.append(Problem(where=self.at(key), what=what, allowed=allowed))

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._body

    def names(self) -> list[str]:
        """All keys, as texts."""
        return [str(key) for key in self._body]

    def raw(self, key: str, default: object = None) -> object:
        """The value as it is."""
        self._asked.append(key)
        return self._body.get(key, default)

    def text(self, key: str, *, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self.raw(key, default)
        if isinstance(value, str) and (value or default == ""):
            return value
        self.problem(key, _wrong(key in self._body, value), "a text that is not empty")
        return ""

    def choice(self, key: str, allowed: Collection[str], *, default: str | None = None) -> str:
        """One of several words."""
        value = self.raw(key, default)
        if isinstance(value, str) and value in allowed:
            return value
        words = ", ".join(allowed) or "there is none"
        if isinstance(value, str) and key in self._body:
            self.problem(key, unknown_name(value, allowed), words)
        else:
            self.problem(key, _wrong(key in self._body, value), words)
        return ""

    def number(self, key: str, *, low: float | None = None, default: float | None = None) -> float:
        """A finite number, not below ``low``."""
        value = self.raw(key, default)
        allowed = "a number" if low is None else f"a number, at least {low:g}"
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            self.problem(key, _wrong(key in self._body, value), allowed)
            return 1.0 if low is None else max(low, 1.0)
        if low is not None and value < low:
            self.problem(key, f"is {value:g}", allowed)
        return float(value)

    def duration(self, key: str, *, default: str | None = None, low_ms: int = 0) -> int:
        """A duration, in ms."""
        value = self.raw(key, default)
        ms = duration_ms(value) if isinstance(value, str) else None
        if ms is None:
            self.problem(key, _wrong(key in self._body, value), DURATION)
            return max(low_ms, 1)
        if ms < low_ms:
            self.problem(key, f"is {value}", f"at least {low_ms} ms")
        return max(ms, low_ms)

    def sequence(self, key: str) -> list[object]:
        """A list."""
        value = self.raw(key)
        if isinstance(value, list):
            return value
        self.problem(key, _wrong(key in self._body, value), "a list")
        return []

    def mapping(
        self, key: str, *, default: Mapping[str, object] | None = None
    ) -> dict[str, object]:
        """A mapping."""
        value = self.raw(key, default)
        if isinstance(value, Mapping):
            return {str(name): entry for name, entry in value.items()}
        self.problem(key, _wrong(key in self._body, value), "a mapping")
        return {}

    def done(self) -> None:
        """Note every key that nobody asked for."""
        for key in self._body:
            if key not in self._asked:
                self.problem(str(key), _extra(str(key), self._asked), ", ".join(self._asked))


def _extra(key: str, known: Collection[str]) -> str:
    return "is not a key here: " + unknown_name(key, known)


def _wrong(there: bool, value: object) -> str:
    return f"is {_kind(value)}" if there else "is missing"


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    return f"{value!r} ({type(value).__name__})"
