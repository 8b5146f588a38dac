"""Whoever waits for the compiler is told so, once, and nobody else."""

from __future__ import annotations

import numba

from twins.core.compiled import telling_of_compiling


def test_compiling_is_told_once_and_what_is_there_is_not() -> None:
    @numba.njit
    def one(x):
        return x + 1

    @numba.njit
    def two(x):
        return x + 2

    said: list[str] = []
    with telling_of_compiling(lambda: said.append("wait")):
        one(1)
        two(1)
    assert said == ["wait"]
    with telling_of_compiling(lambda: said.append("again")):
        one(1)
        two(1)
    two(1.5)
    assert said == ["wait"]
