"""Conditions over columns: the verdicts are those that the library gives row by row."""

from __future__ import annotations

import math

import cel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.kernel import expressions
from reference_impl.kernel.columnar import columnar

NAMES = ("a", "b", "c")
values = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 0.5, 3.25, 1e300, -1e300, 5e-324, math.inf, -math.inf]
) | st.floats(allow_nan=False, allow_subnormal=True)
literals = st.sampled_from(["0.0", "1.5", ".5", "1e3", "2.5E-3", "1.0e+300"])
integers = st.sampled_from(["0", "1", "7", "9007199254740992", "9007199254740993"])


def _of(*parts):
    """An expression: parts and texts between them, with as much white space as one likes."""
    blanks = st.sampled_from(["", " ", "\n"])
    texts = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.tuples(*(st.tuples(blanks, text) for text in texts)).map(
        lambda found: "".join(blank + text for blank, text in found)
    )


def _numbers(inner):
    sums = _of(inner, st.sampled_from("+-*/"), inner)
    return st.one_of(_of("-", inner), sums, _of("(", sums, ")"))


numbers = st.recursive(st.sampled_from(NAMES) | literals, _numbers, max_leaves=4)
ordered = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
comparisons = _of(numbers, ordered, numbers | integers) | _of(integers, ordered, numbers)


def _logic(inner):
    both = _of(inner, st.sampled_from(["&&", "||"]), inner)
    return st.one_of(
        both, _of("(", both, ")"), _of("!(", inner, ")"), _of(inner, "?", inner, ":", inner)
    )


conditions = st.recursive(comparisons | st.sampled_from(["true", "false"]), _logic, max_leaves=5)
other = st.sampled_from(
    ["a", "a > b > c", "a + 1 > b", "a % b > c", "a in [1.0]", "[a][0] > b", "a == 'x'", "!a",
     "1u < a", "(a > b) == (b > c)", "a > b ? a : b", "(a > b ? a : b) > c", "a && b > c"]
)  # fmt: skip
rows = st.lists(st.tuples(values, values, values), min_size=1, max_size=4)


def verdicts(condition, columns, known):
    """True, False or None of each row."""
    holds, fails = condition.truth(columns, known)
    assert not (holds & fails).any()
    pairs = zip(holds.ravel().tolist(), fails.ravel().tolist(), strict=True)
    return [True if held else False if failed else None for held, failed in pairs]


@given(conditions | other, rows)
def test_columns_give_the_verdicts_that_the_library_gives_row_by_row(source, taken):
    """Also where an error hides behind the other side of && or ||, and where a sum is NaN."""
    try:
        program = cel.compile(source)
    except ValueError:
        return  # e.g. "a - -b" without the blank is none of its sentences
    condition = expressions.Expression(source, program, frozenset(program.variables()))
    columns = dict(zip(NAMES, np.array(taken).T, strict=True))
    known = np.ones(len(taken), dtype=np.bool_)
    expected = [
        condition.holds({n: v + 0.0 for n, v in zip(NAMES, row, strict=True)}) for row in taken
    ]
    assert verdicts(condition, columns, known) == expected
    assert verdicts(condition, columns, ~known) == [None] * len(taken)


@pytest.mark.parametrize(
    ("source", "translated"),
    [
        ("a - b > 15.0", True),
        ("a > 0.5 || b >= 140", True),
        ("a<b?b>1.0:!(c==a)", True),
        ("-a * 2.0 < b && true", True),
        ("a % 2.0 > b", False),
        ("math.abs(a) > b", False),
        ("a + 1 > b", False),
        ("a > 9007199254740993", False),
        ("a > b > c", False),
        ("a > unknown", False),
        ("a > b // so", False),
    ],
)
def test_arithmetic_and_logic_are_translated_and_nothing_else(source, translated):
    assert (columnar(source, NAMES) is not None) == translated


def test_remembered_verdicts_are_those_of_the_values(monkeypatch):
    """What is evaluated row by row is kept by row: a memory that is full changes nothing."""
    monkeypatch.setattr(expressions, "REMEMBERED_MAX", 2)
    condition, problems = expressions.compiled("[a][0] < b", ["a", "b"], where="when")
    assert condition is not None
    assert (problems, condition.by_columns) == ([], False)
    columns = {
        "a": np.array([[1.0, 2.0, 1.0], [3.0, 5.0, 1.0]]),
        "b": np.array([[2.0, 1.0, 2.0], [4.0, 5.0, math.nan]]),
    }
    known = np.array([[True, True, False], [True, True, False]])
    for _ in range(3):
        assert verdicts(condition, columns, known) == [True, False, None] * 2


@pytest.mark.parametrize("first", [0.0, -0.0])
@pytest.mark.parametrize("source", ["1.0 / x > 0.0", "[1.0 / x][0] > 0.0"])
def test_a_zero_gives_one_verdict_whichever_sign_came_first(first, source):
    """0.0 and -0.0 are one key of the memory, so they must be one value of the condition."""
    condition, _ = expressions.compiled(source, ["x"], where="when")
    assert condition is not None
    column = {"x": np.array([first, -first])}
    assert verdicts(condition, column, np.array([True, True])) == [True, True]


@given(conditions, rows)
def test_a_condition_holds_or_fails_only_where_the_ranges_of_its_columns_say_that_it_may(
    source, taken
):
    try:
        condition = columnar(source, NAMES)
    except ValueError:
        return
    if condition is None:
        return
    columns = dict(zip(NAMES, np.array(taken).T, strict=True))

    def ranges(name):
        return float(columns[name].min()), float(columns[name].max())

    with np.errstate(all="ignore"):
        held, failed = condition.holds(columns).any(), condition.fails(columns).any()
    assert condition.may_hold(ranges) or not held
    assert condition.may_fail(ranges) or not failed


def test_the_range_of_a_threshold_decides_without_a_look_at_the_column():
    condition = columnar("a > 3.0 && b * a < 1.0", NAMES)
    assert not condition.may_hold(lambda _: (0.0, 3.0))
    assert condition.may_hold({"a": (0.0, 4.0), "b": (-1.0, 1.0)}.__getitem__)
    assert not condition.may_hold({"a": (4.0, 5.0), "b": (0.5, 1.0)}.__getitem__)
