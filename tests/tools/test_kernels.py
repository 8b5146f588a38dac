"""What a kernel is made of is seen to change: its own file, and those of kernels that it calls."""

import ast
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"broker", "harness", "loadtests", "reference_impl", "twins"}
DECORATORS = {"twins.core.compiled", "reference_impl.kernel.compiled"}
KERNELS = sorted(
    path
    for package in ("reference_impl", "twins")
    for path in (ROOT / package).rglob("*.py")
    if any(f"from {one} import" in path.read_text(encoding="utf-8") for one in DECORATORS)
)


def kernels_of(module: str) -> set[str]:
    """Functions of a module of ours that are compiled, by ``module.name``."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    if path not in KERNELS:
        return set()
    return {
        f"{module}.{node.name}"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and {ast.unparse(one) for one in node.decorator_list} & {"compiled", "lent"}
    }


def foreign(source: str) -> set[str]:
    """What a source imports of ours besides the decorators, and kernels by their names."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module not in DECORATORS:
                names |= {f"{module}.{one.name}" for one in node.names} - kernels_of(module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name for name in names if name.split(".")[0] in OURS}


def test_there_are_kernels() -> None:
    assert KERNELS


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_kernel_module_imports_nothing_of_ours_but_the_decorator_and_kernels(path: Path) -> None:
    assert not foreign(path.read_text(encoding="utf-8"))


def test_an_import_of_ours_would_be_seen() -> None:
    source = """
from twins.core.noise import mix32
import math
import broker.wire
from twins.core.compiled import compiled
from twins.products.pump.switching import go_on, TRIP_C
"""
    assert foreign(source) == {
        "twins.core.noise.mix32",
        "broker.wire",
        "twins.products.pump.switching.TRIP_C",
    }


def test_a_kernel_is_compiled_anew_when_one_in_another_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, user = tmp_path / "used_kernel.py", tmp_path / "user_kernel.py"
    head = "from twins.core.compiled import compiled\n"
    call = "from used_kernel import much\n\n\n@compiled\ndef twice():\n    return 2 * much()\n"
    user.write_text(head + call, encoding="utf-8")

    def load(path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)
        spec.loader.exec_module(module)
        return module

    seen = []
    for changed_s, value in ((1, 1), (2, 5)):
        used.write_text(f"{head}\n\n@compiled\ndef much():\n    return {value}\n", encoding="utf-8")
        os.utime(used, (changed_s, changed_s))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        load(used)
        seen.append(load(user).twice())
    assert seen == [2, 10]
