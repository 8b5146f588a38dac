"""The compiled part of the package ``cel``, without the command line that the package imports.

That takes 0.1 s. The reference DPS does the same, and shares no code with the harness.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any

COMPILED = "cel.cel"
"""Whoever imports the package later meets the same module."""


@cache
def library() -> Any:  # noqa: ANN401 - a module that is written in Rust
    """The module, or the whole package where it is built in another way."""
    package = None if COMPILED in sys.modules else find_spec("cel")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec(COMPILED, places) if places else None
    if spec is not None and spec.loader is not None:
        sys.modules[COMPILED] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[COMPILED])
    return sys.modules.get(COMPILED) or importlib.import_module("cel")
