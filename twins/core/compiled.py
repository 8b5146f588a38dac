"""Kernels: what is worked out number by number, compiled to machine code when first called.

Numba compiles a kernel once (seconds) and keeps it beside the source in ``__pycache__``. Its cache
sees changes of the kernel's own file only, so a kernel calls nothing and reads no constant from
another file of ours; ``tests/tools/test_kernels.py`` watches that. Fused or reordered arithmetic
(``fastmath``) stays off: a kernel gives the same bits as its Python source run by the interpreter
(``kernel.py_func``, or everything with ``NUMBA_DISABLE_JIT=1``). Why: docs/adr/0018.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import event
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

P = ParamSpec("P")
R = TypeVar("R")


OPTIONS = {"error_model": "numpy", "forceinline": True, "nogil": True}
"""Division by zero gives infinity or NaN, as numpy has it.

A function that another one calls is made part of it: to hand over tables and count who holds them
took a third of the time of one product's kernels. Meanwhile other threads run, such as one that
writes files.
"""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of numbers, columns and named tuples of them.

    Errors raised inside a kernel reach the caller.
    """
    kernel = numba.njit(**OPTIONS)(function)
    if not numba.config.DISABLE_JIT:
        kernel._cache = _Kept(function)  # noqa: SLF001 - what its ``cache=True`` sets, but lighter
    return cast("Callable[P, R]", kernel)


class _Kept(FunctionCache):  # type: ignore[misc]  # numba has no types
    """Machine code on disk, taken up without the compiler.

    Before it looks for a kernel on disk, numba imports and registers all that it can compile: some
    0.15 s of each command's CPU. A kernel that is there needs only numba's account of memory; one
    that is not is compiled, and the compiler registers what it needs by itself.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401 - numba's
        """The kernel for these types, or None if it has to be compiled."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def _index_key(self, sig: Any, codegen: Any) -> Any:  # noqa: ANN401 - numba's
        """What tells kernels on disk apart: also how they were compiled."""
        return *super()._index_key(sig, codegen), *OPTIONS.items()


class _Once(event.Listener):  # type: ignore[misc]  # numba has no types
    """Speaks when something is compiled for the first time."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say, self._said = say, False

    def on_start(self, event: Any) -> None:  # noqa: ANN401 - numba's
        """A function is being compiled; one that is kept on disk is not."""
        del event
        if not self._said:
            self._said = True
            self._say()

    def on_end(self, event: Any) -> None:  # noqa: ANN401 - numba's
        """Nothing to say."""


@contextmanager
def telling_of_compiling(say: Callable[[], None]) -> Iterator[None]:
    """Let ``say`` be called once if a kernel has to be compiled while this is open."""
    with event.install_listener("numba:compile", _Once(say)):
        yield
