"""CEL conditions that are arithmetic and logic only, evaluated on whole columns at once.

What is more than that (functions, lists, texts, integer arithmetic) is not translated: the caller
evaluates it row by row, by the library. The grammar and the meaning are those of the Common
Expression Language (google/cel-spec, ``doc/langdef.md``): ``&&`` and ``||`` take either side first,
so one that decides makes an error on the other side vanish; numbers are IEEE 754, and to order
NaN is an error while ``==`` and ``!=`` have an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from reference_impl.kernel.ports import Bools, Floats, Range
from reference_impl.kernel.ranges import CALCULATED, COMPARED

EXACT_MAX = 2**53
"""Integers up to here are floats; greater ones are left to the library."""
_TOKEN = re.compile(
    r"\s*(?:(?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<int>0|[1-9]\d*)(?![\w.])|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<op>\|\||&&|<=|>=|==|!=|[<>!?:()+\-*/]))"
)


class Truth(NamedTuple):
    """Where a condition holds and where it fails; where neither, it is an error."""

    holds: Bools
    fails: Bools


Columns = Mapping[str, Floats]
Number = Callable[[Columns], Floats]
Mask = Callable[[Columns], Bools]


Ranges = Callable[[str], Range]
"""Between which values a column lies, where it has any."""


class Condition(NamedTuple):
    """Where it holds and where it fails, and before that whether it may at all.

    Most conditions can hold nowhere by what their columns range over: these are then never read.
    """

    holds: Mask
    fails: Mask
    may_hold: Callable[[Ranges], bool]
    may_fail: Callable[[Ranges], bool]


class _Node(NamedTuple):
    kind: Literal["float", "int", "bool"]
    number: Number
    within: Callable[[Ranges], Range]
    condition: Condition


class _TooMuchError(Exception):
    """It is not (only) arithmetic and logic."""


def columnar(source: str, names: Collection[str]) -> Condition | None:
    """Translate a condition that the library has compiled, over variables ``names``.

    Returns:
        What tells of columns (broadcastable to each other) where it holds and fails; None if the
        condition is more than this module knows.
    """
    try:
        # a condition takes -0.0 for 0.0; only a quotient tells them apart
        reader = _Reader(source, names, unsigned="/" in source)
        node = reader.ternary()
        if reader.left():
            return None
    except (_TooMuchError, RecursionError):
        return None
    return node.condition if node.kind == "bool" else None


def columnar_number(source: str, names: Collection[str]) -> Number | None:
    """As :func:`columnar`, for an expression that gives a number."""
    try:
        reader = _Reader(source, names)
        node = reader.ternary()
        if reader.left():
            return None
    except (_TooMuchError, RecursionError):
        return None
    return node.number if node.kind == "float" else None


def _none(_: object) -> Any:  # noqa: ANN401 - it gives nothing
    raise TypeError("a condition is no number, and a number no condition")


_NO_CONDITION = Condition(_none, _none, _none, _none)


def _number(
    number: Number, within: Callable[[Ranges], Range], kind: Literal["float", "int"] = "float"
) -> _Node:
    return _Node(kind, number, within, _NO_CONDITION)


def _condition(condition: Condition) -> _Node:
    return _Node("bool", _none, _none, condition)


class _Reader:
    """Reads by descent: one method for each level of the grammar."""

    def __init__(self, source: str, names: Collection[str], *, unsigned: bool = False) -> None:
        self._names = names
        self._unsigned = unsigned
        self._tokens: list[tuple[str, str]] = []
        place, end = 0, len(source.rstrip())
        while place < end:
            found = _TOKEN.match(source, place)
            if found is None:
                raise _TooMuchError
            self._tokens.append((str(found.lastgroup), str(found[str(found.lastgroup)])))
            place = found.end()
        self._place = 0

    def left(self) -> bool:
        """Whether something is left to read."""
        return self._place < len(self._tokens)

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._place] if self.left() else ("end", "")

    def _take(self, *ops: str) -> str:
        kind, text = self._next()
        if kind != "op" or text not in ops:
            return ""
        self._place += 1
        return text

    def _must(self, op: str) -> None:
        if not self._take(op):
            raise _TooMuchError

    def ternary(self) -> _Node:
        """``a ? b : c`` over conditions."""
        node = self._or()
        if not self._take("?"):
            return node
        then = _as_condition(self._or())
        self._must(":")
        other = _as_condition(self.ternary())
        return _condition(_chosen(_as_condition(node), then, other))

    def _or(self) -> _Node:
        node = self._and()
        sides = [node]
        while self._take("||"):
            sides.append(self._and())
        return _condition(_either(_as_conditions(sides))) if len(sides) > 1 else node

    def _and(self) -> _Node:
        node = self._relation()
        sides = [node]
        while self._take("&&"):
            sides.append(self._relation())
        return _condition(_both(_as_conditions(sides))) if len(sides) > 1 else node

    def _relation(self) -> _Node:
        node = self._sum()
        while op := self._take(*_COMPARED):
            other = self._sum()
            node = _condition(_compared(op, _as_number(node), _as_number(other)))
        return node

    def _sum(self) -> _Node:
        node = self._product()
        while op := self._take("+", "-"):
            node = _calculated(op, _as_float(node), _as_float(self._product()))
        return node

    def _product(self) -> _Node:
        node = self._unary()
        while op := self._take("*", "/"):
            node = _calculated(op, _as_float(node), _as_float(self._unary()))
        return node

    def _unary(self) -> _Node:
        op = self._take("!", "-")
        if not op:
            return self._primary()
        count = 1
        while self._take(op):
            count += 1
        node = self._primary()
        if op == "!":
            condition = _as_condition(node)
            return _condition(_opposite(condition)) if count % 2 else node
        return _opposite_number(_as_number(node)) if count % 2 else node

    def _primary(self) -> _Node:
        if self._take("("):
            node = self.ternary()
            self._must(")")
            return node
        kind, text = self._next()
        self._place += 1
        if kind in ("float", "int"):
            if kind == "int" and int(text) > EXACT_MAX:
                raise _TooMuchError
            value: Floats = np.array(float(text))
            within = (float(text), float(text))
            return _number(lambda _: value, lambda _: within, "int" if kind == "int" else "float")
        if kind == "name" and text in ("true", "false"):
            holds, fails = np.array(text == "true"), np.array(text == "false")
            yes, no = bool(holds), bool(fails)
            return _condition(
                Condition(lambda _: holds, lambda _: fails, lambda _: yes, lambda _: no)
            )
        if kind == "name" and text in self._names:
            if self._unsigned:
                return _number(lambda columns: columns[text] + 0.0, lambda ranges: ranges(text))
            return _number(lambda columns: columns[text], lambda ranges: ranges(text))
        raise _TooMuchError


def _as_number(node: _Node) -> _Node:
    if node.kind == "bool":
        raise _TooMuchError
    return node


def _as_float(node: _Node) -> _Node:
    """For arithmetic, which CEL does not do between floats and integers."""
    if node.kind != "float":
        raise _TooMuchError
    return node


def _as_condition(node: _Node) -> Condition:
    if node.kind != "bool":
        raise _TooMuchError
    return node.condition


def _as_conditions(nodes: Sequence[_Node]) -> list[Condition]:
    return [_as_condition(node) for node in nodes]


_CALCULATED: Mapping[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}
_COMPARED: Mapping[str, tuple[np.ufunc, np.ufunc]] = {
    "<": (np.less, np.greater_equal),
    "<=": (np.less_equal, np.greater),
    ">": (np.greater, np.less_equal),
    ">=": (np.greater_equal, np.less),
    "==": (np.equal, np.not_equal),
    "!=": (np.not_equal, np.equal),
}
"""When each comparison holds and when it fails; to order NaN does neither."""


def _calculated(op: str, left: _Node, right: _Node) -> _Node:
    act, between = _CALCULATED[op], CALCULATED[op]
    a, b = left.number, right.number
    low, high = left.within, right.within
    return _number(
        lambda columns: act(a(columns), b(columns)),
        lambda ranges: between(low(ranges), high(ranges)),
    )


def _opposite_number(node: _Node) -> _Node:
    number, within = node.number, node.within

    def opposite(ranges: Ranges) -> Range:
        low, high = within(ranges)
        return -high, -low

    kind: Literal["float", "int"] = "int" if node.kind == "int" else "float"
    return _number(lambda columns: -number(columns), opposite, kind)


def _compared(op: str, left: _Node, right: _Node) -> Condition:
    holds, fails = _COMPARED[op]
    may_hold, may_fail = COMPARED[op]
    a, b = left.number, right.number
    low, high = left.within, right.within
    return Condition(
        lambda columns: holds(a(columns), b(columns)),
        lambda columns: fails(a(columns), b(columns)),
        lambda ranges: may_hold(low(ranges), high(ranges)),
        lambda ranges: may_fail(low(ranges), high(ranges)),
    )


def _either(sides: Sequence[Condition]) -> Condition:
    return Condition(
        _some([one.holds for one in sides]),
        _every([one.fails for one in sides]),
        lambda ranges: any(one.may_hold(ranges) for one in sides),
        lambda ranges: all(one.may_fail(ranges) for one in sides),
    )


def _both(sides: Sequence[Condition]) -> Condition:
    return _opposite(_either([_opposite(one) for one in sides]))


def _opposite(one: Condition) -> Condition:
    return Condition(one.fails, one.holds, one.may_fail, one.may_hold)


def _chosen(which: Condition, then: Condition, other: Condition) -> Condition:
    unless = _opposite(which)
    holds = _either([_both([which, then]), _both([unless, other])])
    fails = _either([_both([which, _opposite(then)]), _both([unless, _opposite(other)])])
    return Condition(holds.holds, fails.holds, holds.may_hold, fails.may_hold)


def _some(masks: Sequence[Mask]) -> Mask:
    def mask(columns: Columns) -> Bools:
        found = masks[0](columns)
        for one in masks[1:]:
            found = found | one(columns)
        return found

    return mask


def _every(masks: Sequence[Mask]) -> Mask:
    """Where all of them say yes; one that says it nowhere saves the columns of the others.

    It is asked first the next time, for it is likely to say so again.
    """
    asked = list(masks)

    def mask(columns: Columns) -> Bools:
        found = asked[0](columns)
        for place, one in enumerate(asked[1:], start=1):
            if not np.count_nonzero(found):
                break
            here = one(columns)
            if not np.count_nonzero(here):
                asked.insert(0, asked.pop(place))
                return here
            found = found & here
        return found

    return mask
