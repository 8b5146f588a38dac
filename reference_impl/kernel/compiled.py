"""Kernels: what is worked out number by number, compiled to machine code when first called.

The DPS and the twins share no code, so each has this decorator; the rules for kernels are one set
(docs/adr/0018) and ``tests/tools/test_kernels.py`` watches both. To load the compiler takes some
tenths of a second: who needs a kernel imports it when the kernel is first needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of numbers and columns; division by zero gives infinity or NaN."""
    return cast("Callable[P, R]", numba.njit(cache=True, error_model="numpy")(function))
