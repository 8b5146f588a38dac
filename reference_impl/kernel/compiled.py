"""Kernels: what is worked out number by number, compiled to machine code when first called.

The DPS and the twins share no code, so each has this decorator; the rules for kernels are one set
(docs/adr/0018) and ``tests/tools/test_kernels.py`` watches both. To load the compiler takes some
tenths of a second: who needs a kernel imports it when the kernel is first needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of numbers and columns; division by zero gives infinity or NaN."""
    kernel = numba.njit(error_model="numpy")(function)
    if not numba.config.DISABLE_JIT:
        kernel._cache = _Kept(function)  # noqa: SLF001 - what its ``cache=True`` sets, but lighter
    return cast("Callable[P, R]", kernel)


class _Kept(FunctionCache):  # type: ignore[misc]  # numba has no types
    """Machine code on disk, taken up without the compiler; twins/core/compiled.py says why."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401 - numba's
        """The kernel for these types, or None if it has to be compiled."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
