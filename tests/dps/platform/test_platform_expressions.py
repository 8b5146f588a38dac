"""Conditions over many rows: remembered verdicts are those that an evaluation would give."""

from __future__ import annotations

import pytest

from reference_impl.kernel import expressions


def test_remembered_verdicts_are_those_of_the_values_and_of_the_order_of_names(monkeypatch):
    """Verdicts are kept by row: other names in front, or a memory that is full, change nothing."""
    monkeypatch.setattr(expressions, "REMEMBERED_MAX", 2)
    condition, problems = expressions.compiled("a < b", ["a", "b"], where="when")
    assert condition is not None
    assert problems == []
    rows = [(1.0, 2.0), (2.0, 1.0), (1.0, 2.0), (3.0, 4.0), (5.0, 5.0)]
    known = [True, True, False, True, True]
    for _ in range(3):
        assert condition.holds_for(["a", "b"], rows, known) == [True, False, None, True, False]
        assert condition.holds_for(["b", "a"], rows, known) == [False, True, None, False, False]


@pytest.mark.parametrize("first", [0.0, -0.0])
def test_a_zero_gives_one_verdict_whichever_sign_came_first(first):
    """0.0 and -0.0 are one key of the memory, so they must be one value of the condition."""
    condition, _ = expressions.compiled("1.0 / x > 0.0 || x > 1.0", ["x"], where="when")
    assert condition is not None
    rows = [(first,), (-first,)]
    assert condition.holds_for(["x"], rows, [True, True]) == [True, True]
