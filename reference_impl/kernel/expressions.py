"""Conditions in CEL over named floats: checked once, evaluated often.

Source of the language: the Common Expression Language specification (google/cel-spec); it does
not mix floats and integers in arithmetic, so literals there need a decimal point.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from reference_impl.kernel.cel_library import compile_cel
from reference_impl.kernel.columnar import Ranges, Truth, columnar, columnar_number
from reference_impl.kernel.errors import Problem
from reference_impl.kernel.ports import Bools, Floats, Range
from reference_impl.kernel.ranges import ANYTHING

if TYPE_CHECKING:
    from cel import Program

PROBES = (0.0, 1.0e9, -1.0e9)
PROBED_TOGETHER_MAX = 5
"""Up to so many variables every combination of the probes is tried (3^5 = 243)."""
REMEMBERED_MAX = 20_000
"""Verdicts remembered of one expression (some MB), before it starts anew."""
_SYNTAX = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


def _anything(_name: str) -> Range:
    return ANYTHING


class Expression:
    """A compiled CEL condition over float variables."""

    __slots__ = ("_columnar", "_names", "_program", "_verdicts", "source", "variables")

    def __init__(self, source: str, program: Program, variables: frozenset[str]) -> None:
        self.source = source
        self._program = program
        self.variables = variables
        self._names = sorted(variables)
        self._columnar = columnar(source, variables)
        self._verdicts: dict[tuple[float, ...], bool | None] = {}

    @property
    def by_columns(self) -> bool:
        """Whether it is evaluated on whole columns, not row by row."""
        return self._columnar is not None

    def may_hold(self, ranges: Ranges) -> bool:
        """Whether it may hold where each variable lies within its range."""
        return self._columnar is None or self._columnar.may_hold(ranges)

    def holds(self, values: Mapping[str, float]) -> bool | None:
        """Whether it is true of ``values``; None where these values make it undecidable."""
        try:
            answer = self._program.execute(values)
        except (TypeError, ValueError, RuntimeError):
            return None
        return answer if isinstance(answer, bool) else None

    def truth(self, columns: Mapping[str, Floats], known: Bools) -> Truth:
        """:meth:`holds` for arrays of values, all of the shape of ``known``.

        Returns:
            Where it holds and where it fails; where neither, it is undecidable or not known.
        """
        holds, fails = (self.where(said, columns, known=lambda: known) for said in (True, False))
        nowhere: Bools = np.zeros(known.shape, dtype=np.bool_)
        return Truth(nowhere if holds is None else holds, nowhere if fails is None else fails)

    def where(
        self,
        said: bool,
        columns: Mapping[str, Floats],
        *,
        known: Callable[[], Bools],
        ranges: Ranges = _anything,
    ) -> Bools | None:
        """Where :meth:`holds` of arrays says yes, or where it says no (``said``); None: nowhere.

        Arithmetic and logic are evaluated on the whole arrays, and no column is read that cannot
        change the answer. Anything else is evaluated row by row, and remembered: readings stand on
        a quantum, so rows come again.

        Args:
            said: Which of the two.
            columns: Arrays of values of one shape, read when they are needed.
            known: Gives where all of them are known, if that is needed.
            ranges: Between what a column lies where it is known, told without reading it.
        """
        if self._columnar is None:
            return self._row_by_row(said, columns, known())
        holds, fails, may_hold, may_fail = self._columnar
        if not (may_hold if said else may_fail)(ranges):
            return None
        with np.errstate(all="ignore"):
            found = (holds if said else fails)(columns)
        return found & known() if np.count_nonzero(found) else None

    def _row_by_row(self, said: bool, columns: Mapping[str, Floats], known: Bools) -> Bools:
        if len(self._verdicts) > REMEMBERED_MAX:
            self._verdicts.clear()
        # + 0.0 makes -0.0 the same value as 0.0, which by its quotients it would not be
        read = [(columns[name][known] + 0.0).tolist() for name in self._names]
        rows = zip(*read, strict=True) if read else [()] * int(known.sum())
        found: Bools = np.zeros(known.shape, dtype=np.bool_)
        found[known] = [self._remembered(row) is said for row in rows]
        return found

    def _remembered(self, row: tuple[float, ...]) -> bool | None:
        if row not in self._verdicts:
            self._verdicts[row] = self.holds(dict(zip(self._names, row, strict=True)))
        return self._verdicts[row]


class Formula:
    """A compiled CEL expression over float variables that gives a number."""

    __slots__ = ("_columnar", "_names", "_program", "source")

    def __init__(self, source: str, program: Program, names: Sequence[str]) -> None:
        self.source = source
        self._program = program
        self._names = names
        self._columnar = columnar_number(source, frozenset(names))

    def values(self, columns: Mapping[str, Floats]) -> Floats:
        """The number for each row of the columns, of their shape; NaN where there is none."""
        if self._columnar is not None:
            with np.errstate(all="ignore"):
                found = self._columnar(columns)
            shape = np.broadcast_shapes(*(column.shape for column in columns.values()))
            return np.broadcast_to(np.asarray(found, dtype=np.float64), shape)
        read = [columns[name] for name in self._names]
        rows = np.broadcast_arrays(*read)
        flat = zip(*(row.ravel().tolist() for row in rows), strict=True)
        numbers = [self._one(dict(zip(self._names, row, strict=True))) for row in flat]
        return np.array(numbers, dtype=np.float64).reshape(rows[0].shape)

    def _one(self, values: Mapping[str, float]) -> float:
        try:
            answer = self._program.execute(values)
        except (TypeError, ValueError, RuntimeError):
            return float("nan")
        return answer if isinstance(answer, float) else float("nan")


def formula(
    source: object, names: Collection[str], *, where: str
) -> tuple[Formula | None, list[Problem]]:
    """Compile and try an expression over the variables ``names`` that gives a float.

    Returns:
        The formula (None if it cannot be used), and everything that is wrong with it.
    """
    if not isinstance(source, str) or not source.strip():
        return None, [Problem(where=where, what="is missing", allowed="a CEL expression, as text")]
    try:
        program = compile_cel(source)
    except ValueError as error:
        return None, [_syntax(source, str(error), where)]
    used = frozenset(program.variables())
    allowed = ", ".join(sorted(names)) or "no variable is declared"
    problems = [
        Problem(where=where, what=f"{name!r} is not a variable here", allowed=allowed)
        for name in sorted(used - set(names))
    ]
    if not used:
        problems.append(Problem(where=where, what="reads nothing", allowed=allowed))
    if problems:
        return None, problems
    values = dict.fromkeys(sorted(used), 1.5)
    try:
        answer = program.execute(values)
    except (TypeError, ValueError, RuntimeError) as error:
        return None, [Problem(where=where, what=f"fails for {values}: {error}", allowed="CEL")]
    if not isinstance(answer, float):
        what = f"gives {answer!r} ({type(answer).__name__}) for {values}"
        return None, [Problem(where=where, what=what, allowed="an expression that gives a float")]
    return Formula(source, program, sorted(used)), []


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
        program = compile_cel(source)
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


def _probed(program: Program, names: Sequence[str]) -> str:
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
