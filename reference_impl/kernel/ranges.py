"""What can be said of arithmetic and comparisons when only the ranges of their sides are known.

Interval arithmetic: the bounds of a result come from the bounds of its sides. They are calculated
by the operations that calculate the values, and rounding to nearest never changes an order, so no
value lies outside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from reference_impl.kernel.ports import Range

ANYTHING: Range = (-inf, inf)


def _spanned(corners: list[float]) -> Range:
    if any(corner != corner for corner in corners):  # noqa: PLR0124 - NaN: inf - inf, 0 * inf
        return ANYTHING
    return min(corners), max(corners)


def _sum(a: Range, b: Range) -> Range:
    return _spanned([a[0] + b[0], a[1] + b[1]])


def _difference(a: Range, b: Range) -> Range:
    return _spanned([a[0] - b[1], a[1] - b[0]])


def _product(a: Range, b: Range) -> Range:
    return _spanned([a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]])


def _quotient(a: Range, b: Range) -> Range:
    if b[0] <= 0.0 <= b[1]:
        return ANYTHING
    return _spanned([a[0] / b[0], a[0] / b[1], a[1] / b[0], a[1] / b[1]])


def _less(a: Range, b: Range) -> bool:
    return a[0] < b[1]


def _at_most(a: Range, b: Range) -> bool:
    return a[0] <= b[1]


def _more(a: Range, b: Range) -> bool:
    return a[1] > b[0]


def _at_least(a: Range, b: Range) -> bool:
    return a[1] >= b[0]


def _meet(a: Range, b: Range) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]


def _always(_a: Range, _b: Range) -> bool:
    return True


May = Callable[[Range, Range], bool]
CALCULATED: Mapping[str, Callable[[Range, Range], Range]] = {
    "+": _sum,
    "-": _difference,
    "*": _product,
    "/": _quotient,
}
COMPARED: Mapping[str, tuple[May, May]] = {
    "<": (_less, _at_least),
    "<=": (_at_most, _more),
    ">": (_more, _at_most),
    ">=": (_at_least, _less),
    "==": (_meet, _always),
    "!=": (_always, _meet),
}
"""Whether a comparison may hold, and whether it may fail, of sides within these ranges."""
