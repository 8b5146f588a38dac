"""Conditions in CEL over named floats: checked once, evaluated often.

Source of the language: the Common Expression Language specification (google/cel-spec); it does
not mix floats and integers in arithmetic, so literals there need a decimal point.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import cel

from reference_impl.kernel.errors import Problem

PROBES = (0.0, 1.0e9, -1.0e9)
PROBED_TOGETHER_MAX = 5
"""Up to so many variables every combination of the probes is tried (3^5 = 243)."""
REMEMBERED_MAX = 20_000
"""Verdicts remembered of one expression (some MB), before it starts anew."""
_NEW: Any = object()
"""Stands where no verdict is remembered."""
_SYNTAX = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


class Expression:
    """A compiled CEL condition over float variables."""

    __slots__ = ("_last", "_program", "_verdicts", "source", "variables")

    def __init__(self, source: str, program: cel.Program, variables: frozenset[str]) -> None:
        self.source = source
        self._program = program
        self.variables = variables
        self._verdicts: dict[tuple[str, ...], dict[tuple[float, ...], bool | None]] = {}
        self._last: tuple[object, list[bool | None]] | None = None

    def holds(self, values: Mapping[str, float]) -> bool | None:
        """Whether it is true of ``values``; None where these values make it undecidable."""
        try:
            answer = self._program.execute(values)
        except (TypeError, ValueError, RuntimeError):
            return None
        return answer if isinstance(answer, bool) else None

    def _holds_row(self, names: Sequence[str], row: Sequence[float]) -> bool | None:
        # + 0.0 because 0.0 and -0.0 are one key and so must be one value
        return self.holds({name: value + 0.0 for name, value in zip(names, row, strict=True)})

    def holds_for(
        self, names: Sequence[str], rows: Sequence[tuple[float, ...]], known: Sequence[bool]
    ) -> list[bool | None]:
        """:meth:`holds` for many rows of values; None where a row is not known.

        Verdicts are remembered: readings stand on a quantum, so rows come again and again, from
        thing to thing and from time to time (nine of ten in a fleet of twenty); often a whole
        column is what it was the last time.
        """
        asked = (names, rows, known)
        if self._last is not None and self._last[0] == asked:
            return self._last[1]
        verdicts = self._verdicts.setdefault(tuple(names), {})
        if len(verdicts) > REMEMBERED_MAX:
            verdicts.clear()
        found = [verdicts.get(row, _NEW) for row in rows]
        if _NEW in found:
            for place, verdict in enumerate(found):
                if verdict is _NEW:
                    found[place] = verdicts[rows[place]] = self._holds_row(names, rows[place])
        if not all(known):
            found = [
                verdict if is_known else None
                for verdict, is_known in zip(found, known, strict=True)
            ]
        self._last = asked, found
        return found


def compiled(
    source: object, names: Collection[str], *, where: str
) -> tuple[Expression | None, list[Problem]]:
    """Compile and try a condition over the variables ``names``.

    Returns:
        The expression (None if it cannot be used) and everything that is wrong with it: syntax
        with line and column, unknown variables, operations that fail, results that are no boolean.
    """
    if not isinstance(source, str) or not source.strip():
        return None, [Problem(where=where, what="is missing", allowed="a CEL condition, as text")]
    try:
        program = cel.compile(source)
    except ValueError as error:
        return None, [_syntax(source, str(error), where)]
    used = frozenset(program.variables())
    unknown = sorted(used - set(names))
    if unknown:
        allowed = ", ".join(sorted(names)) or "no variable is declared"
        problems = [
            Problem(where=where, what=f"{name!r} is not a variable here", allowed=allowed)
            for name in unknown
        ]
        return None, problems
    wrong = _probed(program, sorted(used))
    if wrong:
        return None, [Problem(where=where, what=wrong, allowed="a CEL condition that is a boolean")]
    return Expression(source, program, used), []


def _syntax(source: str, text: str, where: str) -> Problem:
    found = _SYNTAX.search(text)
    if found is None:
        return Problem(where=where, what=f"{source!r} is not CEL: {text}")
    line, column, reason = found.groups()
    return Problem(
        where=where, what=f"{source!r} is not CEL, line {line} column {column}: {reason}"
    )


def _probed(program: cel.Program, names: Sequence[str]) -> str:
    for values in _probes(names):
        try:
            answer = program.execute(values)
        except (TypeError, ValueError, RuntimeError) as error:
            return f"fails for {values}: {error}"
        if not isinstance(answer, bool):
            return f"gives {answer!r} ({type(answer).__name__}) for {values}, not a boolean"
    return ""


def _probes(names: Sequence[str]) -> list[dict[str, float]]:
    if len(names) <= PROBED_TOGETHER_MAX:
        return [
            dict(zip(names, combination, strict=True))
            for combination in itertools.product(PROBES, repeat=len(names))
        ]
    together = [dict.fromkeys(names, probe) for probe in PROBES]
    apart = [{**together[0], name: probe} for name in names for probe in PROBES[1:]]
    return together + apart
