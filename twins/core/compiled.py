"""Kernels: what is worked out number by number, compiled to machine code when first called.

Numba compiles a kernel once (seconds) and keeps it beside the source in ``__pycache__``. Its cache
sees changes of the kernel's own file, and ours those of files whose kernels it calls; anything else
of ours, such as a constant, it takes from no other file: ``tests/tools/test_kernels.py`` watches
that. Fused or reordered arithmetic (``fastmath``) stays off: a kernel gives the same bits as its
Python source run by the interpreter (``kernel.py_func``, or everything with
``NUMBA_DISABLE_JIT=1``). Why: docs/adr/0018.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import cgutils, event, types
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys
from numba.extending import lower_builtin, type_callable
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")


OPTIONS = {"error_model": "numpy", "forceinline": True, "nogil": True}
"""Division by zero gives infinity or NaN, as numpy has it.

A function that another one calls is made part of it: to hand over tables and count who holds them
took a third of the time of one product's kernels. Meanwhile other threads run, such as one that
writes files.
"""

LINE = 64
"""Bytes of a line of the cache."""


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of numbers, columns and named tuples of them.

    Errors raised inside a kernel reach the caller.
    """
    return _kernel(function, OPTIONS)


def lent(function: Callable[P, R]) -> Callable[P, R]:
    """The same for a kernel that only works on columns that it is given, and makes none.

    Nobody counts who holds them meanwhile, which takes a twentieth of some kernels' time; one that
    makes columns does not compile this way.
    """
    return _kernel(function, {**OPTIONS, "_nrt": False})


def _kernel(function: Callable[P, R], options: Mapping[str, object]) -> Callable[P, R]:
    kernel = numba.njit(**options)(function)
    if not numba.config.DISABLE_JIT:
        kernel._cache = _Kept(function, options)  # noqa: SLF001 - as ``cache=True``
    return cast("Callable[P, R]", kernel)


class _Kept(FunctionCache):  # type: ignore[misc]  # numba has no types
    """Machine code on disk, taken up without the compiler.

    Before it looks for a kernel on disk, numba imports and registers all that it can compile: some
    0.15 s of each command's CPU. A kernel that is there needs only numba's account of memory; one
    that is not is compiled, and the compiler registers what it needs by itself.
    """

    def __init__(self, function: Callable[..., Any], options: Mapping[str, object]) -> None:
        super().__init__(function)
        self._options = tuple(options.items())
        files = (sources(function) | {__file__}) - {function.__code__.co_filename}
        changed = ((Path(file).name, Path(file).stat()) for file in sorted(files))
        self._others = tuple((name, stat.st_mtime, stat.st_size) for name, stat in changed)
        """Other files whose kernels it may call, and which version of them: as numba tells those of
        its own file apart."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401 - numba's
        """The kernel for these types, or None if it has to be compiled."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def _index_key(self, sig: Any, codegen: Any) -> Any:  # noqa: ANN401 - numba's
        """What tells kernels on disk apart: also how they were compiled, and from what else."""
        return *super()._index_key(sig, codegen), *self._options, *self._others


def fetch(table: NDArray[Any], row: int) -> None:
    """Let the processor get a row of a table, while a kernel does something else.

    It says nothing of what the kernel does, and nothing of a row that there is not; interpreted it
    does nothing. A table that a kernel walks through has each row in the cache when it comes to it.
    """


@type_callable(fetch)  # type: ignore[untyped-decorator]  # numba has no types
def _type_fetch(context: Any) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - numba's
    """What numba has to know of it: it returns nothing."""
    del context

    def returns(table: Any, row: Any) -> Any:  # noqa: ANN401 - numba's
        del table, row
        return types.none

    return returns


@lower_builtin(fetch, types.Array, types.Integer)  # type: ignore[untyped-decorator]
def _make_fetch(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ANN401
    """One prefetch of every line of the row that LLVM knows as ``llvm.prefetch``."""
    ir = cgutils.ir
    whole, byte = ir.IntType(64), ir.IntType(8).as_pointer()
    table = context.make_array(signature.args[0])(context, builder, given[0])
    length = cgutils.unpack_tuple(builder, table.strides)[0]
    row = context.cast(builder, given[1], signature.args[1], types.int64)
    begin = builder.gep(builder.bitcast(table.data, byte), [builder.mul(row, length)])
    flags = [ir.Constant(ir.IntType(32), flag) for flag in (1, 3, 1)]  # to write, close, data
    prefetch = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [byte, *(flag.type for flag in flags)]),
        "llvm.prefetch.p0",
    )
    lines = builder.udiv(builder.add(length, whole(LINE - 1)), whole(LINE))
    with cgutils.for_range(builder, lines) as loop:
        at = builder.gep(begin, [builder.mul(loop.index, whole(LINE))])
        builder.call(prefetch, [at, *flags])
    return context.get_dummy_value()


def sources(function: Callable[..., Any]) -> set[str]:
    """Files that a kernel is made of: its own, and those of kernels that its file imports."""
    files, todo = set[str](), [function]
    while todo:
        one = todo.pop()
        if one.__code__.co_filename not in files:
            files.add(one.__code__.co_filename)
            known = (getattr(value, "py_func", None) for value in one.__globals__.values())
            todo += [kernel for kernel in known if kernel is not None]
    return files


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
