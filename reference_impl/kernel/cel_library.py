"""The CEL library without the command line that its package imports: 0.1 s of a start."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cel import Program

_COMPILED = "cel.cel"
"""The compiled module of the package ``cel``; whoever imports the package meets the same one."""


def _library() -> Any:  # noqa: ANN401 - a module that is written in Rust
    if _COMPILED in sys.modules:
        return sys.modules[_COMPILED]
    package = find_spec("cel")
    places = None if package is None else package.submodule_search_locations
    spec = None if places is None else PathFinder.find_spec(_COMPILED, places)
    if spec is None or spec.loader is None:
        import cel  # noqa: PLC0415 - built in another way, so as a whole

        return cel
    library = sys.modules[_COMPILED] = module_from_spec(spec)
    spec.loader.exec_module(library)
    return library


def compile_cel(source: str) -> Program:
    """Compile an expression.

    Raises:
        ValueError: If it is not CEL.
    """
    program: Program = _library().compile(source)
    return program
