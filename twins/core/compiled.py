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

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of numbers, columns and named tuples of them.

    Division by zero gives infinity or NaN, as numpy has it. Errors raised inside a kernel reach the
    caller.
    """
    return cast("Callable[P, R]", numba.njit(cache=True, error_model="numpy")(function))


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
